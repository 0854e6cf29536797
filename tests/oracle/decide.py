"""The verdict rule, written naively by reading DESIGN section 3: every world is listed and looked at.

Independent of `caveat.decision`: Cedar's semantics come from `tests.oracle.cedar`. Where the specification
leaves a choice, this is how it is read here:

- a claim of a value that no world holds (an empty set where empty is unknown) is no claim; a claimed word
  such as `unknown` is a value, and is believed like any other in step 3;
- a counted interval is settled by people at its lower end, what was surely counted; an attested value inside
  an observed interval agrees with it;
- an attested count that the registry joins by total or greatest may lie above what was observed, never below.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

from caveat.facts.fact import Facts, Finding, Grade
from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import Interval, Value
from caveat.labels.join import Join
from caveat.policy.bundle import Bundle
from tests.oracle.cedar import CedarError, NaivePolicy, is_allowed, read_policies
from tests.oracle.generate import values_of

STRICTNESS = {"allow": 0, "needs_approval": 1, "needs_evidence": 2, "deny": 3}


@dataclass(frozen=True)
class Answer:
    """What the rule says of one use."""

    verdict: str
    reason: str
    needs: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    incident: bool = False


@dataclass
class _Knowledge:
    known: dict[str, Value]
    claims: dict[str, Value]
    attested: set[str]


@dataclass
class NaiveRule:
    """The rule for one bundle at one point of control."""

    bundle: Bundle
    point: str
    policies: tuple[NaivePolicy, ...] = ()
    specs: Mapping[str, FactSpec] = field(default_factory=dict)
    _answers: dict[tuple[Any, ...], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Reads the clauses from the bundle's own files."""
        texts = [
            data.decode() for path, data in sorted(self.bundle.files.items()) if path.startswith("clauses/")
        ]
        self.policies = read_policies(texts)
        self.specs = self.bundle.registry.facts
        self.limits = {name: limit.value for name, limit in self.bundle.manifest.limits.items()}
        self.roles = self.bundle.policy.roles
        self.interval_role = self.bundle.policy.interval_role

    # Worlds.

    def worlds(self, known: Mapping[str, Value]) -> Iterator[tuple[Value, ...]]:
        """Every completion of what is known, counted intervals running over all that they hold."""
        ranges: list[tuple[Value, ...]] = []
        for name, spec in self.specs.items():
            value = known.get(name)
            if value is None:
                ranges.append(values_of(spec))
            elif isinstance(value, Interval):
                ranges.append(tuple(range(value.lo, value.hi + 1)))
            else:
                ranges.append((value,))
        return product(*ranges)

    def context(self, world: tuple[Value, ...], approvals: frozenset[str]) -> dict[str, Any]:
        """The world as clauses see it."""
        return {**dict(zip(self.specs, world, strict=True)), "approvals": approvals, "limits": self.limits}

    def allowed(self, world: tuple[Value, ...], approvals: frozenset[str]) -> bool:
        """Whether the policy allows this complete world under exactly these approvals."""
        key = (world, approvals)
        if key not in self._answers:
            self._answers[key] = is_allowed(self.policies, self.point, self.context(world, approvals))
        return self._answers[key]

    def denied(self, world: tuple[Value, ...]) -> bool:
        """Denied under every set of approvals that the roles could give."""
        return not any(self.allowed(world, frozenset(given)) for given in _subsets(self.roles))

    # The rule.

    def decide(self, facts: Facts) -> Answer:
        """Steps 1 to 6."""
        fault, said = self._resolve(facts)
        if fault is not None:
            return Answer("deny", fault, incident=True)
        given = facts.approvals & frozenset(self.roles)
        if self.interval_role is not None and self.interval_role in facts.approvals:
            said.known = _at_lower_ends(said.known)
        verdict = self.verdict(said.known, said.claims, given)
        conflict = self._conflict(said, given, verdict)
        if conflict is not None:
            return conflict
        match verdict:
            case "deny":
                return Answer("deny", self._why_denied(said))
            case "needs_evidence":
                needs = self._smallest_needs(said)
                return Answer(verdict, "unattestable" if needs is None else "unverified", needs or ())
            case "needs_approval":
                return self._ask_for_approval(said, given)
            case _:
                return Answer("allow", "permitted")

    def verdict(self, known: Mapping[str, Value], claims: Mapping[str, Value], given: frozenset[str]) -> str:
        """Steps 3 to 6."""
        admitted = {**claims, **known}
        if all(self.denied(world) for world in self.worlds(admitted)):
            return "deny"
        if any(self.denied(world) for world in self.worlds(known)):
            return "needs_approval" if self._only_interval(known) else "needs_evidence"
        if all(self.allowed(world, given) for world in self.worlds(known)):
            return "allow"
        return "needs_approval"

    def _only_interval(self, known: Mapping[str, Value]) -> bool:
        if not any(isinstance(value, Interval) for value in known.values()):
            return False
        denied = any(self.denied(world) for world in self.worlds(known))
        return denied and not any(self.denied(world) for world in self.worlds(_at_lower_ends(known)))

    def _conflict(self, said: _Knowledge, given: frozenset[str], verdict: str) -> Answer | None:
        contradicted = [
            name
            for name in said.attested
            if name in said.claims
            and said.claims[name] != said.known[name]
            and not _says_nothing(self.specs[name], said.claims[name])
        ]
        others = set()
        for chosen in _subsets(tuple(contradicted)):
            claimed = {name: said.claims[name] for name in chosen}
            others.add(self.verdict({**said.known, **claimed}, said.claims, given))
        if others <= {verdict}:
            return None
        loosened = any(STRICTNESS[other] < STRICTNESS[verdict] for other in others)
        return Answer("deny", "conflict", incident=loosened)

    def _why_denied(self, said: _Knowledge) -> str:
        everyone = frozenset(self.roles)
        for world in self.worlds({**said.claims, **said.known}):
            context = self.context(world, everyone)
            for policy in self.policies:
                if self.point not in policy.points:
                    continue
                try:
                    if policy.holds(context) and policy.effect == "forbid":
                        return "clause"
                except CedarError:
                    return "clause"
        return "no_permit"

    def _smallest_needs(self, said: _Knowledge) -> tuple[str, ...] | None:
        names = list(self.specs)
        known = _at_lower_ends(said.known)
        denied = [world for world in self.worlds(known) if self.denied(world)]
        askable = [
            name
            for name, spec in self.specs.items()
            if name not in said.known and (spec.attested_by or spec.observed_by)
        ]
        for size in range(1, len(askable) + 1):
            for chosen in combinations(askable, size):
                places = [names.index(name) for name in chosen]
                bad = {tuple(world[place] for place in places) for world in denied}
                if any(values not in bad for values in product(*(self._provable(n, said) for n in chosen))):
                    return chosen
        return None

    def _provable(self, name: str, said: _Knowledge) -> list[Value]:
        """What could be attested of a fact: what is claimed, or else any value that is knowledge."""
        spec = self.specs[name]
        if name in said.claims and not _says_nothing(spec, said.claims[name]):
            return [said.claims[name]]
        return [value for value in values_of(spec) if not _says_nothing(spec, value)]

    def _ask_for_approval(self, said: _Knowledge, given: frozenset[str]) -> Answer:
        straddles = self._only_interval(said.known)
        first: tuple[str, ...] = ()
        known = said.known
        if straddles:
            known = _at_lower_ends(known)
            first = (self.interval_role,) if self.interval_role is not None else ()
        worlds = list(self.worlds(known))
        further = [role for role in self.roles if role not in given and role not in first]
        for chosen in _subsets(tuple(further)):
            if all(self.allowed(world, given | {*first, *chosen}) for world in worlds):
                reason = "counted_interval" if straddles else "approval"
                return Answer("needs_approval", reason, approvals=(*first, *chosen))
        raise AssertionError("no set of approvals suffices, and yet no world is denied")

    # Step 1, and the sets K and C.

    def _resolve(self, facts: Facts) -> tuple[str | None, _Knowledge]:
        said = _Knowledge({}, {}, set())
        misfit = False
        for name, raw in (facts.claims or {}).items():
            value = _typed(self.specs[name], raw) if name in self.specs else None
            if value is None or isinstance(value, Interval):
                misfit = True
            elif not (isinstance(value, frozenset) and _says_nothing(self.specs[name], value)):
                said.claims[name] = value
        attested, observed, unfit = self._stated(facts)
        misfit |= unfit
        contradiction = any(len(values) > 1 for values in (*attested.values(), *observed.values()))
        for name in attested.keys() | observed.keys():
            agreed = _agreed(self.specs[name], attested.get(name, set()), observed.get(name, set()))
            contradiction |= agreed is None
            said.known[name] = agreed if agreed is not None else False
        said.attested = set(attested)
        for name, spec in self.specs.items():
            if (
                spec.grade is Grade.CLAIMED
                and name in said.claims
                and not _says_nothing(spec, said.claims[name])
            ):
                said.known.setdefault(name, said.claims[name])
            if spec.grade is Grade.ESTIMATED:
                said.known.setdefault(name, spec.severest if spec.neutral is None else spec.neutral)
        for finding in (Finding.FORGED, Finding.REPLAYED, Finding.OUT_OF_RANGE):
            if finding in facts.findings:
                return finding.value, said
        if misfit:
            return "value_out_of_range", said
        return ("contradictory_evidence" if contradiction else None), said

    def _stated(self, facts: Facts) -> tuple[dict[str, set[Value]], dict[str, set[Value]], bool]:
        """What entitled issuers and observers say of each fact, and whether any lies outside its type."""
        misfit = False
        attested: dict[str, set[Value]] = {}
        observed: dict[str, set[Value]] = {}
        for fact in facts.facts:
            spec = self.specs.get(fact.name)
            if spec is None:
                misfit = True
                continue
            entitled = {
                Grade.ATTESTED: fact.role in spec.attested_by,
                Grade.OBSERVED: fact.role in spec.observed_by,
                Grade.ESTIMATED: spec.grade is Grade.ESTIMATED,
                Grade.CLAIMED: spec.grade is Grade.CLAIMED,
            }[fact.grade]
            if not entitled:
                continue
            value = _typed(spec, fact.value)
            if value is None or (isinstance(value, Interval) and fact.grade is not Grade.OBSERVED):
                misfit = True
            elif not _says_nothing(spec, value):
                (attested if fact.grade is Grade.ATTESTED else observed).setdefault(fact.name, set()).add(
                    value
                )
        return attested, observed, misfit


def _agreed(spec: FactSpec, attested: set[Value], observed: set[Value]) -> Value | None:
    """The one value that every statement about a fact agrees on, or None."""
    if len(attested) > 1 or len(observed) > 1:
        return None
    if not attested or not observed or attested == observed:
        return next(iter(attested or observed))
    (signed,), (seen,) = attested, observed
    if not isinstance(signed, int) or isinstance(signed, bool):
        return None
    lo, hi = (seen.lo, seen.hi) if isinstance(seen, Interval) else (seen, seen)
    if not isinstance(lo, int) or not isinstance(hi, int):
        return None
    above = spec.join in (Join.TOTAL, Join.GREATEST)
    return signed if lo <= signed and (above or signed <= hi) else None


def _typed(spec: FactSpec, value: Any) -> Value | None:
    match spec.type:
        case FactType.BOOL:
            return value if isinstance(value, bool) else None
        case FactType.ENUM:
            return value if isinstance(value, str) and value in spec.values else None
        case FactType.SET:
            if not isinstance(value, (list, frozenset)) or any(word not in spec.values for word in value):
                return None
            return frozenset(value) if len(set(value)) == len(value) else None
        case FactType.LONG:
            if isinstance(value, Interval):
                return value if spec.lo <= value.lo and value.hi <= spec.hi else None
            whole = isinstance(value, int) and not isinstance(value, bool)
            return value if whole and spec.lo <= value <= spec.hi else None


def _says_nothing(spec: FactSpec, value: Value) -> bool:
    if isinstance(value, frozenset):
        return spec.empty_is_unknown and not value
    return isinstance(value, str) and value in spec.unknown


def _at_lower_ends(known: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value.lo if isinstance(value, Interval) else value for name, value in known.items()}


def _subsets(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for size in range(len(names) + 1):
        yield from combinations(names, size)
