"""How a verb says that it could not be run: one line, and what to do next."""


class CannotRunError(Exception):
    """Ends the command with exit code 2. The message is one line without content; `hint` is the next step."""

    def __init__(self, message: str, hint: str) -> None:
        """`message`: lower case, no full stop. Both are one line, and neither is left away."""
        super().__init__(message)
        self.hint = hint


def because(error: OSError) -> str:
    """What the system says of an error, as the rest of the line is written."""
    return (error.strerror or "the system refused it").lower()
