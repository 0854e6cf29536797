"""The list of models that a gateway with routes has, in the form of either protocol. Pure."""

from collections.abc import Sequence

import orjson

_EPOCH = "1970-01-01T00:00:00Z"
_OWNER = "caveat"


def render_models(protocol: str, names: Sequence[str]) -> bytes:
    """The body that lists these names. Nothing is said of when they were made or by whom."""
    if protocol == "anthropic":
        models = [{"type": "model", "id": name, "display_name": name, "created_at": _EPOCH} for name in names]
        ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        return orjson.dumps({"data": models, "has_more": False, **ends})
    owned = [{"id": name, "object": "model", "created": 0, "owned_by": _OWNER} for name in names]
    return orjson.dumps({"object": "list", "data": owned})
