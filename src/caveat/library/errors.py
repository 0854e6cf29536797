"""What a program gets in place of a ruling.

GateError   the gate cannot be opened or used, or the gateway failed: nothing was released
Refused     `Ruling.raise_for_verdict` of a ruling that is not released (`library/ruling.py`)
"""


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
