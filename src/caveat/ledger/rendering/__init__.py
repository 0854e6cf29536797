"""Records as the JSON that a leaf is the canonical bytes of. Pure.

Members that say nothing new are absent, so that older records read as they were written.
Source: `docs/reference/ledger-format.md`.
"""

from caveat.ledger.rendering.cases import CasesMemo
from caveat.ledger.rendering.kind import render_record

__all__ = ["CasesMemo", "render_record"]
