"""When the log first shows an envelope: what was there before a key was revoked, by the order of the log.

Only an upload that was stored, and evidence that a decision accepted, count as shown. Bounded: of very many
the eldest are forgotten, and what is forgotten counts as never shown. Source: attack 9 in `THREAT_MODEL.md`.
"""

from collections.abc import Iterable
from datetime import datetime

from caveat.ledger.record import DecisionRecord, EvidenceRecord, Record, parse_time
from caveat.signing.digest import Digest

MAX_ENVELOPES = 100_000


class Logged:
    """First times by envelope. Not for several threads: the gateway's event loop owns it."""

    def __init__(self, limit: int = MAX_ENVELOPES) -> None:
        """Nothing is logged. `limit`: how many envelopes are remembered."""
        self._first: dict[bytes, str] = {}
        self._limit = limit

    def first(self, envelope: Digest) -> datetime | None:
        """The time of the record that shows it first; None where none is known."""
        time = self._first.get(bytes.fromhex(envelope))
        return None if time is None else parse_time(time)

    def fold(self, record: Record) -> None:
        """Takes in a durable record, in the order of the log."""
        if isinstance(record, EvidenceRecord) and record.outcome == "stored":
            self._add(record.envelope, record.time)
        elif isinstance(record, DecisionRecord):
            for cited in record.evidence:
                if cited.outcome == "accepted":
                    self._add(cited.envelope, record.time)

    def _add(self, envelope: Digest, time: str) -> None:
        self._first.setdefault(bytes.fromhex(envelope), time)
        if len(self._first) > self._limit:
            del self._first[next(iter(self._first))]


def fold_logged(records: Iterable[Record]) -> Logged:
    """First times after these records, in their order."""
    logged = Logged()
    for record in records:
        logged.fold(record)
    return logged
