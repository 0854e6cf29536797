"""httpx2, which the official SDKs bring along and deciding directly does not need."""

import importlib.util

from caveat.library.errors import GateError


def require_httpx2() -> None:
    """Returns where httpx2 is installed; raises `GateError` otherwise."""
    if importlib.util.find_spec("httpx2") is None:
        raise GateError(
            "httpx2_missing",
            "a client for the SDKs needs httpx2, which is not installed",
            "pip install openai, or anthropic: they bring it",
        )
