"""The name of a record: its place in the log, and the leaf that stands there."""

import re

from caveat.ledger.errors import RecordParseError
from caveat.signing.merkle import leaf_hash

RECORD_ID = r"^(0|[1-9][0-9]{0,18})-[0-9a-f]{16}$"
_RECORD_ID = re.compile(r"(0|[1-9][0-9]{0,18})-[0-9a-f]{16}\Z")


def record_id(index: int, leaf_digest: str) -> str:
    """The id of the record at `index`: it names the leaf too, so that an id of another log finds nothing."""
    return f"{index}-{leaf_digest[:16]}"


def record_id_of(index: int, leaf: bytes) -> str:
    """The id of the record `leaf` at `index`."""
    return record_id(index, leaf_hash(leaf).hex())


def parse_record_id(text: str) -> tuple[int, str]:
    """Index and first 16 digits of the leaf hash; raises `RecordParseError`."""
    if _RECORD_ID.match(text) is None:
        raise RecordParseError("a record id is `index-16 hexadecimal digits`")
    index, _, prefix = text.partition("-")
    return int(index), prefix
