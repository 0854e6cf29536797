"""SHA-256 digests as 64 lower-case hexadecimal digits: the only digest that anything here accepts."""

import hashlib
import re
from typing import NewType

Digest = NewType("Digest", str)

_HEX64 = re.compile(r"[0-9a-f]{64}\Z")


def sha256(data: bytes) -> Digest:
    """The SHA-256 of exactly these bytes."""
    return Digest(hashlib.sha256(data).hexdigest())


def parse_digest(text: str) -> Digest:
    """A digest only if `text` is 64 lower-case hexadecimal digits; raises `ValueError` otherwise."""
    if _HEX64.match(text) is None:
        raise ValueError("a digest is 64 lower-case hexadecimal digits of SHA-256")
    return Digest(text)
