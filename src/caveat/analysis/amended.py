"""A bundle as certain acts leave it: the very engine that would decide, so that every opened cut is replayed.

Only a change of the law in force is made here, never a judgement on who may make it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from caveat.facts.fact import Grade
from caveat.facts.registry import Registry
from caveat.policy.bundle import Bundle
from caveat.policy.cedar import build_engine, parse_policies, put_in_limits
from caveat.policy.clause import POINTS, Clause, parse_clauses
from caveat.policy.expression import Literal
from caveat.policy.schema import cedar_schema
from caveat.policy.translate import Translator
from caveat.signing.canonical import Json, JsonObject

_EVERYTHING: JsonObject = {"op": "All"}


@dataclass(frozen=True, slots=True)
class Acts:
    """Changes of a bundle. `removed`, `widened`, `shut`: ids of policies that go, that come to permit or to
    forbid everything. `limits`: new numbers. `claimed`, `unknowable`: facts that come to count when merely
    claimed, and facts that nobody may attest or observe any more.
    """

    removed: frozenset[str] = frozenset()
    widened: frozenset[str] = frozenset()
    shut: frozenset[str] = frozenset()
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    claimed: frozenset[str] = frozenset()
    unknowable: frozenset[str] = frozenset()

    @property
    def is_nothing(self) -> bool:
        """Whether they leave the bundle as it is."""
        named = (self.removed, self.widened, self.shut, self.limits, self.claimed, self.unknowable)
        return not any(named)


def amended(bundle: Bundle, acts: Acts) -> Bundle:
    """The bundle after these acts, with both engines built anew."""
    if acts.is_nothing:
        return bundle
    registry = _registry(bundle, acts)
    policies = policies_of(bundle)
    agreed = {name: limit.value for name, limit in bundle.manifest.limits.items()}
    limits = agreed | dict(acts.limits)
    clauses = bundle.clauses
    if limits != agreed:
        written = parse_clauses(list(_written(bundle)), Translator(registry, limits))[0]
        clauses = tuple(clause for clause in written if not clause.redacts)
    kept: list[Clause] = []
    texts: list[JsonObject] = []
    for clause, policy in zip(clauses, policies, strict=True):
        if clause.id in acts.removed:
            continue
        whole = clause.id in acts.widened | acts.shut
        kept.append(_whole(clause) if whole else clause)
        settled = put_in_limits(policy, limits)
        if isinstance(settled, dict):
            texts.append({**settled, "action": _EVERYTHING, "conditions": []} if whole else settled)
    after = replace(
        bundle.policy,
        registry=registry,
        clauses=tuple(kept),
        engine=build_engine(texts, cedar_schema(registry)),
    )
    return replace(bundle, registry=registry, clauses=tuple(kept), policy=after)


@lru_cache(maxsize=8)
def policies_of(bundle: Bundle) -> tuple[JsonObject, ...]:
    """The policies of a bundle that decide, in Cedar's JSON form and in the order of its clauses."""
    replacing = {clause.id for clause in bundle.redactions}
    return tuple(policy for policy in _written(bundle) if _id_of(policy) not in replacing)


def _written(bundle: Bundle) -> tuple[JsonObject, ...]:
    paths = sorted(path for path in bundle.files if path.startswith("clauses/"))
    return tuple(policy for path in paths for policy in parse_policies(bundle.files[path].decode()))


def _id_of(policy: JsonObject) -> Json:
    annotations = policy.get("annotations")
    return annotations.get("id") if isinstance(annotations, dict) else None


def _whole(clause: Clause) -> Clause:
    return replace(clause, condition=Literal(value=True), points=frozenset(POINTS))


def _registry(bundle: Bundle, acts: Acts) -> Registry:
    if not acts.claimed and not acts.unknowable:
        return bundle.registry
    facts = dict(bundle.registry.facts)
    for name in acts.claimed:
        facts[name] = replace(facts[name], grade=Grade.CLAIMED)
    for name in acts.unknowable:
        nobody: frozenset[str] = frozenset()
        facts[name] = replace(
            facts[name], grade=Grade.ATTESTED, attested_by=nobody, observed_by=nobody, neutral=None
        )
    return Registry(MappingProxyType(facts))
