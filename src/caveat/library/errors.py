"""What a program gets in place of a ruling.

GateError   the gate cannot be opened or used, or the gateway failed: nothing was released
Refused     `Ruling.raise_for_verdict` of a ruling that is not released
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caveat.library.ruling import Ruling


class GateError(Exception):
    """The gate cannot be opened or used, or the gateway failed. Nothing was released.

    `code`: one of those in `docs/reference/library.md`, or the gateway's own of `docs/reference/errors.md`.
    `message`: one line, without content. `hint`: the next step; empty where there is none.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        """As above."""
        super().__init__(f"{message}; {hint}" if hint else message)
        self.code = code
        self.message = message
        self.hint = hint


class Refused(Exception):  # noqa: N818 - a refusal is a decision and no error: it is named for what it is
    """A use that does not go through. `ruling` has all of it; what a caller acts on stands here too."""

    def __init__(self, ruling: "Ruling") -> None:
        """Of a ruling that is not released."""
        super().__init__(ruling.message)
        self.ruling = ruling
        self.verdict = ruling.verdict
        self.clauses = ruling.clauses
        self.needs = ruling.needs
        self.approvals = ruling.approvals
        self.hold = ruling.hold
        self.record = ruling.record
