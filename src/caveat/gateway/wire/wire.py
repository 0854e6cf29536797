"""Which protocol speaks at which path."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from caveat.gateway.wire import anthropic, completions, count_tokens, embeddings, openai, responses
from caveat.gateway.wire.azure import AzureWire
from caveat.gateway.wire.protocol import Wire

_PROTOCOLS: tuple[Wire, Wire, Wire, Wire, Wire, Wire] = (
    openai,
    anthropic,
    responses,
    completions,
    embeddings,
    count_tokens,
)
OPENAI, ANTHROPIC, RESPONSES, COMPLETIONS, EMBEDDINGS, COUNT_TOKENS = _PROTOCOLS
WIRES: Mapping[str, Wire] = MappingProxyType({wire.PATH: wire for wire in _PROTOCOLS})
AZURE_PATHS = (
    "/openai/deployments/{name}/chat/completions",
    "/openai/deployments/{name}/completions",
    "/openai/deployments/{name}/embeddings",
    "/openai/responses",
    "/openai/v1/chat/completions",
    "/openai/v1/completions",
    "/openai/v1/embeddings",
    "/openai/v1/responses",
)
_AZURE = re.compile(
    r"/openai/deployments/([A-Za-z0-9][A-Za-z0-9._:@+-]{0,127})/(chat/completions|completions|embeddings)\Z"
)
_AZURE_BASES: Mapping[str, Wire] = MappingProxyType(
    {"chat/completions": OPENAI, "completions": COMPLETIONS, "embeddings": EMBEDDINGS}
)


_AZURE_IN_BODY: Mapping[str, Wire] = MappingProxyType(
    {
        "/openai/responses": AzureWire(RESPONSES, None),
        "/openai/v1/responses": AzureWire(RESPONSES, None),
        **{f"/openai/v1/{path}": AzureWire(base, None) for path, base in _AZURE_BASES.items()},
    }
)
"""Azure's paths without a model's name: it stands in the body."""


def find_wire(path: str) -> Wire | None:
    """The protocol that a use at `path` speaks; None where no use is decided."""
    known = WIRES.get(path) or _AZURE_IN_BODY.get(path)
    if known is not None:
        return known
    found = _AZURE.match(path)
    return None if found is None else AzureWire(_AZURE_BASES[found[2]], found[1])


def wire_for(path: str, headers: Mapping[str, str]) -> Wire:
    """The protocol whose error form a caller will understand, at any path."""
    known = find_wire(path)
    if known is not None:
        return known
    return ANTHROPIC if "anthropic-version" in headers else OPENAI
