"""The libraries of the extra `terms`, imported when a signature of their kind is to be checked."""

import importlib
from typing import Any

from caveat.negotiation.errors import NegotiationError


def optional_module(name: str) -> Any:  # noqa: ANN401 - these libraries carry no types
    """The module; raises `NegotiationError` that names the extra where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NegotiationError(
            f"`{name.partition('.')[0]}` is not installed", "pip install 'caveat[terms]'"
        ) from error
