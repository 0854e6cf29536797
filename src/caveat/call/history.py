"""What the earlier messages of a request are, compared with what the gateway let through before."""

from dataclasses import dataclass
from enum import StrEnum


class HistoryState(StrEnum):
    """How a request's history compares, from the best to the worst.

    `none`: it has no turn of a model. `known`: every message is known, in its order. `trimmed`: messages of a
    known order, with others between or before them left out. `unrecognised`: something is not known, and the
    gateway's memory may have lost it. `changed`: every turn of the model is known, and what stands around
    them is other than it was. `invented`: a turn of the model that the gateway never released to this caller.
    """

    NONE = "none"
    KNOWN = "known"
    TRIMMED = "trimmed"
    UNRECOGNISED = "unrecognised"
    CHANGED = "changed"
    INVENTED = "invented"

    @property
    def rank(self) -> int:
        """Greater is worse."""
        return _RANKS[self]


_RANKS = {state: place for place, state in enumerate(HistoryState)}


def worse(one: HistoryState, other: HistoryState) -> HistoryState:
    """The worse of the two."""
    return one if one.rank >= other.rank else other


@dataclass(frozen=True, slots=True)
class Node:
    """A message where it stood. `chain`: names it with all before it; `parent`: those; `message`: it alone.

    All are keyed digests. `state`: of the history up to it; None where nobody compared just that.
    """

    chain: bytes
    parent: bytes
    message: bytes
    state: HistoryState | None
