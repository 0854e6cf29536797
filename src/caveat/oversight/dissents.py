"""Objections of overseers, in one chain: each follows from all before it, so that none can be left out. Pure.

Source: ADR-0041.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from caveat.ledger.record import DissentRecord, Record
from caveat.ledger.shapes import MAX_DISSENT_BYTES
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import EnvelopeParseError, parse_envelope
from caveat.signing.passkey import is_passkey_envelope, parse_passkey_envelope

FIRST = Digest("0" * 64)
"""What the first dissent follows."""


def link_of(number: int, previous: Digest, said: Digest) -> Digest:
    """The link of the dissent with this number and this signed payload, after the link before it."""
    return sha256(canonical({"number": number, "previous": previous, "said": said}))


@dataclass(frozen=True, slots=True)
class Dissent:
    """One objection, with the id of its record."""

    id: str
    record: DissentRecord


class Dissents:
    """All dissents of one gateway, in the order of their numbers."""

    def __init__(self) -> None:
        """None yet."""
        self._all: list[Dissent] = []
        self._known: set[Digest] = set()

    def fold(self, record: Record, record_id: str) -> None:
        """Takes in what this record, which has this id, objects to."""
        if isinstance(record, DissentRecord):
            self._all.append(Dissent(record_id, record))
            self._known.add(record.said)

    def all(self) -> Sequence[Dissent]:
        """Every one."""
        return self._all

    def is_known(self, said: Digest) -> bool:
        """Whether this very statement was recorded already."""
        return said in self._known

    def next(self, said: Digest) -> tuple[int, Digest, Digest]:
        """Number, previous link and link of the dissent that comes now."""
        last = self._all[-1].record if self._all else None
        number, previous = (1, FIRST) if last is None else (last.number + 1, last.link)
        return number, previous, link_of(number, previous, said)


def text_of(statement: str) -> str:
    """The words in a signed statement; empty where it is none. Nothing is verified here."""
    try:
        raw = statement.encode()
        parse = parse_passkey_envelope if is_passkey_envelope(raw) else parse_envelope
        return str(json.loads(parse(raw, max_bytes=MAX_DISSENT_BYTES).payload)["predicate"]["text"])
    except (EnvelopeParseError, ValueError, KeyError, TypeError):
        return ""
