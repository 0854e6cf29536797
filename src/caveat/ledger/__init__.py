"""The log of every decision: what one record says, the tree over all, and checks that need no trust in us.

Laws of the room: a record is durable and under a signed checkpoint before anyone acts on it; an append
never changes what was signed; a disk error stops the ledger and loses nothing that was acknowledged; a
folder is verified from its files and one public key. Source: ADR-0002, `docs/reference/ledger-format.md`.
"""

from caveat.ledger.errors import (
    FolderError,
    ForkError,
    LedgerError,
    LockedError,
    RefusedRecordError,
    RolledBackError,
    StoppedError,
)
from caveat.ledger.ledger import Entry, Ledger
from caveat.ledger.sequencer import Receipt

__all__ = [
    "Entry",
    "FolderError",
    "ForkError",
    "Ledger",
    "LedgerError",
    "LockedError",
    "Receipt",
    "RefusedRecordError",
    "RolledBackError",
    "StoppedError",
]
