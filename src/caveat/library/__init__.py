"""The gate in a Python program's own process: each call of its SDK is decided here, without a server.

Laws of the room: there is one way to a decision, the gateway's own, and this room only leads to it; nothing
is released on an error; one process holds one ledger. Whoever runs code in this process can read its keys, so
the gate guards what goes through it, not the process itself. Source: ADR-0028, `docs/reference/library.md`.
"""

from caveat.library.async_gate import AsyncGate
from caveat.library.errors import GateError
from caveat.library.gate import Gate
from caveat.library.ruling import Refused, Ruling

__all__ = ["AsyncGate", "Gate", "GateError", "Refused", "Ruling"]
