"""Caveat: a use-control gateway. No unproved claim opens it, and it says what proof it needs.

`Gate` and `AsyncGate` decide in a program's own process (`docs/reference/library.md`). They are loaded when
they are first named: importing this package alone costs nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caveat.library import AsyncGate, Gate, GateError, Refused, Ruling

__version__ = "0.1.0"
__all__ = ["AsyncGate", "Gate", "GateError", "Refused", "Ruling", "__version__"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from caveat import library

        return getattr(library, name)
    raise AttributeError(f"module `caveat` has no attribute `{name}`")
