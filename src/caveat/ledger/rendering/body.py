"""What the renderings of all kinds have in common."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from caveat.ledger.record import DissentRecord, FindingRecord, HaltRecord
from caveat.signing.canonical import JsonObject

VERSION = 1

# Any: each takes records of the very type that it stands under, which no mapping can say.
Bodies: TypeAlias = Mapping[type, tuple[str, Callable[[Any], JsonObject]]]
"""By the type of a record: its kind, and what it says beside kind and time."""


def mark(*, development: bool) -> JsonObject:
    """The member that marks a record of a development bundle; it is absent from every other."""
    return {"development": True} if development else {}


def signed(record: HaltRecord | DissentRecord | FindingRecord) -> JsonObject:
    """Who signed what, under which policy."""
    return {
        "person": record.person,
        "key": record.key,
        "said": record.said,
        "statement": record.statement,
        "bundle": record.bundle,
    }
