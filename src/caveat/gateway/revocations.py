"""Lists of revocations that were uploaded: in the log before they count, and after a restart as before.

Fails closed: where the file is not the list that the log names, no list is known, and whoever needs one
counts for nothing until it is uploaded again. Source: attacks 10 and 164 in `THREAT_MODEL.md`, ADR-0021.
"""

from collections.abc import Mapping
from typing import Protocol

from caveat.evidence.revocation import RevocationBook, VerifiedRevocations
from caveat.ledger.record import Record, RevocationsRecord
from caveat.signing.digest import sha256


class Lists(Protocol):
    """Where lists are kept, one for each authority. Raises `OSError`."""

    def read(self, authority: str) -> bytes | None:
        """The list that was kept last."""
        ...

    def write(self, authority: str, raw: bytes) -> None:
        """Keeps a list durably in the place of the one before."""
        ...


class RevocationLists:
    """The newest list of each authority, in memory and on disk, held to what the log says."""

    def __init__(self, files: Lists) -> None:
        """Nothing is known until `fold` and `open` have been called."""
        self.book = RevocationBook()
        self._files = files
        self._newest: dict[str, RevocationsRecord] = {}

    def fold(self, record: Record) -> None:
        """Takes in a record, in the order of the log: from then on no older list is taken."""
        if isinstance(record, RevocationsRecord):
            self._newest[record.authority] = record
            self.book.not_before(record.authority, record.number, record.envelope)

    def open(self) -> Mapping[str, bool]:
        """Reads the lists that the log names; says of each authority whether its list is there."""
        there: dict[str, bool] = {}
        for authority, record in self._newest.items():
            raw = self._files.read(authority)
            there[authority] = raw is not None and sha256(raw) == record.envelope
            if raw is not None and there[authority]:
                self.book.load(authority, raw)
        return there

    def keep(self, found: VerifiedRevocations) -> None:
        """Keeps a list that is in the log, and lets it count."""
        self._files.write(found.authority.id, found.raw)
        self.book.keep(found)
