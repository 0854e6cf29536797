"""Plain archives of plain files: one header form, no links, no extensions, nothing that leads elsewhere.

Law: a reader accepts exactly the headers that `render_header` writes, so every tool of the format reads the
same names and sizes out of an archive as we do. Nothing is ever unpacked by this module.
Source: POSIX.1-1988 ustar; EVIDENCE attack 70 in `THREAT_MODEL.md`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from caveat.ledger.errors import ExportParseError

BLOCK = 512
MAX_MEMBERS = 1_000_000
MAX_MEMBER_BYTES = 64 * 1024 * 1024
END = bytes(2 * BLOCK)
_NAME = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*\Z")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive: its name, and where its bytes lie."""

    name: str
    offset: int
    size: int


def render_header(name: str, size: int) -> bytes:
    """The one header of a plain file with this name and size.

    Raises `ExportParseError` for a name or size.
    """
    if _NAME.match(name) is None or any(part in (".", "..") for part in name.split("/")):
        raise ExportParseError("a file of an export has a name that leads elsewhere")
    if not 0 <= size <= MAX_MEMBER_BYTES:
        raise ExportParseError("a file of an export is too large")
    prefix, short = _split(name)
    head = (
        short.encode().ljust(100, b"\0")
        + b"0000644\0"
        + b"0000000\0"
        + b"0000000\0"
        + b"%011o\0" % size
        + b"00000000000\0"
        + b" " * 8
        + b"0"
        + bytes(100)
        + b"ustar\0"
        + b"00"
        + bytes(64)
        + b"0000000\0"
        + b"0000000\0"
        + prefix.encode().ljust(155, b"\0")
    ).ljust(BLOCK, b"\0")  # fmt: skip - fields in their order, as the format lists them
    return head[:148] + b"%06o\0 " % sum(head) + head[156:]


def padding(size: int) -> bytes:
    """The zeros behind a file's bytes."""
    return bytes(-size % BLOCK)


def read_members(file: BinaryIO) -> Iterator[Member]:
    """Every file of the archive in order, its bytes left where they are.

    Raises `ExportParseError` and no other error of its own for whatever stands in the file: a header in
    another form, a name that stands twice, a cut, or bytes behind the end.
    """
    seen: set[str] = set()
    length = file.seek(0, 2)
    at = 0
    while True:
        file.seek(at)
        header = file.read(BLOCK)
        if header == bytes(BLOCK):
            break
        member = _member(header, at + BLOCK)
        if member.name in seen or len(seen) == MAX_MEMBERS:
            raise ExportParseError("a file stands twice in the export, or there are too many")
        seen.add(member.name)
        at = member.offset + member.size
        file.seek(at)
        if file.read(-at % BLOCK) != padding(at):
            raise ExportParseError("the export is cut, or holds bytes between its files")
        at += -at % BLOCK
        yield member
    file.seek(at)
    if length - at != len(END) or file.read(len(END)) != END:
        raise ExportParseError("the export is cut, or goes on behind its end")


def _member(header: bytes, offset: int) -> Member:
    if len(header) != BLOCK:
        raise ExportParseError("the export is cut")
    try:
        short, prefix = (field.rstrip(b"\0").decode("ascii") for field in (header[:100], header[345:500]))
        size = int(header[124:135], 8)
    except ValueError as error:
        raise ExportParseError("a header of the export is malformed") from error
    name = f"{prefix}/{short}" if prefix else short
    if render_header(name, size) != header:
        raise ExportParseError("a header of the export is not that of a plain file in its one form")
    return Member(name, offset, size)


def _split(name: str) -> tuple[str, str]:
    """Prefix and name of a header: the longest tail that fits goes into the name."""
    if len(name) <= 100:
        return "", name
    at = name.find("/", len(name) - 101)
    if at < 1 or at > 155 or at == len(name) - 1:
        raise ExportParseError("a file of an export has too long a name")
    return name[:at], name[at + 1 :]
