"""Records as they stand in a leaf: the exact shape of every kind, and the domain value that it stands for.

A kind or member that this version does not know is refused, never dropped; a text is at most 256 characters,
so that no prompt fits in by accident (what a person or a party signed is longer).
Source: `docs/reference/ledger-format.md`.
"""

from caveat.ledger.shapes.fields import MAX_DISSENT_BYTES
from caveat.ledger.shapes.kind import RECORD
from caveat.ledger.shapes.law import MAX_ACT_BYTES
from caveat.ledger.shapes.oversight import MAX_STATEMENT_BYTES
from caveat.ledger.shapes.sampling import MAX_AFFECTED, MAX_SHARES

__all__ = [
    "MAX_ACT_BYTES",
    "MAX_AFFECTED",
    "MAX_DISSENT_BYTES",
    "MAX_SHARES",
    "MAX_STATEMENT_BYTES",
    "RECORD",
]
