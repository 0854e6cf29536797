"""One graded statement about a use, and the set of all that a decision may read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from caveat.facts.value import Value
from caveat.signing.canonical import Json


class Grade(StrEnum):
    """How a fact is known. Only the registry says which grade and which source make it count."""

    ATTESTED = "attested"
    OBSERVED = "observed"
    ESTIMATED = "estimated"
    CLAIMED = "claimed"


class Finding(StrEnum):
    """What the evidence check reports beside facts: each denies by itself (DESIGN section 3, step 1)."""

    FORGED = "forged_evidence"
    REPLAYED = "replayed_evidence"
    OUT_OF_RANGE = "value_out_of_range"


@dataclass(frozen=True, slots=True)
class Fact:
    """`name = value`, known by `grade` from `role` (an issuer role or an observer), traceable to `source`.

    `source` identifies the key, the observer's instance or the screen: an id or digest, never content.
    """

    name: str
    value: Value
    grade: Grade
    role: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is said about one use: graded facts, claims, approvals given, findings of the evidence check.

    `claims` are what the caller said, as JSON: `decide` types them against the registry. Two uses with
    equal `Facts` get equal decisions.
    """

    facts: tuple[Fact, ...] = ()
    claims: Mapping[str, Json] | None = None
    approvals: frozenset[str] = frozenset()
    findings: frozenset[Finding] = frozenset()
