"""A small fact registry and lines over it: enough for every type of fact and every kind of observer."""

import json
from typing import Any

from caveat.facts.registry import FactSpec, parse_registry

_TABLE: dict[str, object] = {
    "task": {
        "type": "enum",
        "values": ["chat", "rank", "unknown"],
        "attested_by": ["registrar", "registration"],
        "unknown": ["unknown"],
        "severest": "rank",
    },
    "categories": {
        "type": "set",
        "values": ["none", "health"],
        "attested_by": ["owner"],
        "empty_is_unknown": True,
        "severest": ["health"],
        "join": "union",
    },
    "persons": {
        "type": "long",
        "attested_by": ["owner"],
        "observed_by": ["counter"],
        "severest": 1000,
        "hi": 100000,
        "join": "total",
    },
    "seconds": {
        "type": "long",
        "attested_by": ["oversight"],
        "observed_by": ["review"],
        "neutral": -1,
        "lo": -1,
        "severest": -1,
    },
    "mode": {
        "type": "enum",
        "values": ["single", "batch", "unmeasured"],
        "attested_by": ["oversight"],
        "observed_by": ["review"],
        "neutral": "unmeasured",
        "severest": "batch",
    },
    "verified": {"type": "bool", "attested_by": ["registrar"], "severest": False},
}

REGISTRY: dict[str, FactSpec] = dict(
    parse_registry({name: {"amend": "x", "text": "x", **row} for name, row in _TABLE.items()}).facts  # type: ignore[dict-item]
)


def line(**changes: Any) -> dict[str, Any]:
    """A complete line; `changes` replace fields, None removes one."""
    whole: dict[str, Any] = {
        "id": "one",
        "request_text": "Rank these.",
        "claimed_facts": {"task": "chat", "categories": ["none"], "persons": 3},
        "true_facts": {"task": "rank", "categories": ["health"], "persons": 3},
        "evidence_available": ["categories", "persons"],
        "evidence_defects": [],
        "expected": "deny",
        "variant": "lie_unattested",
        "lie": True,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def lines(*rows: dict[str, Any]) -> bytes:
    """A scenario file."""
    return b"\n".join(json.dumps(row).encode() for row in rows)
