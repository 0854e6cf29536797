"""A use that two bundles answer differently: found by the solver, decided by both live engines, made small.

Nothing is printed that the live engines do not answer so. Each engine gets what its own registry knows: a
fact that it does not declare is not said to it. Source: ADR-0018.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from caveat.analysis.errors import ReplayError
from caveat.analysis.frame import Integer, Members, has_value
from caveat.analysis.holds import RedLine
from caveat.analysis.pair import Pair
from caveat.analysis.saying import best, is_comparable, ways
from caveat.analysis.shrink import shrunk
from caveat.analysis.solve import Model, Term, conj
from caveat.analysis.witness import Said, Witness, facts_said, specification_program
from caveat.call.call import Point
from caveat.decision.decide import decide, program_for
from caveat.decision.resolve import resolve
from caveat.decision.search import Budget, BudgetExhausted
from caveat.decision.use import make_use
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Facts, Grade
from caveat.facts.registry import FactSpec, Registry
from caveat.facts.value import Value, render_value
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json, JsonObject

_NONE_YET = Decision(Verdict.DENY, Reason.EVALUATION_ERROR)
_TRIAL_STEPS = 500


@dataclass(frozen=True, slots=True)
class ChangedUse:
    """One use. `truth`: the facts that matter, as they are; `said`: as they are said and by whom.

    `before` and `after`: what the live engines of the old and the new bundle decide, with `approvals` given.
    `red_line`: the red line that it lies inside, if any. `clauses`: those of the denying side that stop it.
    """

    point: str
    truth: Mapping[str, Value]
    said: Mapping[str, Said]
    approvals: frozenset[str]
    before: Decision
    after: Decision
    red_line: str | None
    clauses: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many facts and approvals it takes."""
        return len(self.truth.keys() | self.said.keys()) + len(self.approvals)

    @property
    def order(self) -> tuple[bool, int, str]:
        """Inside a red line first, then smallest first, ties in one fixed order."""
        return self.red_line is None, self.size, json.dumps(self.render(), sort_keys=True)

    def render(self) -> JsonObject:
        """JSON, as `docs/reference/diff.md` has it."""
        return {
            "facts": {name: render_value(value) for name, value in self.truth.items()},
            "seen": {
                name: {"value": render_value(said.value), "grade": said.grade.value, "by": said.role}
                for name, said in self.said.items()
                if name not in self.truth
                or said.value != self.truth[name]
                or said.grade in (Grade.CLAIMED, Grade.ESTIMATED)
            },
            "point": self.point,
            "approvals": _words(sorted(self.approvals)),
            "before": self.before.verdict.value,
            "after": self.after.verdict.value,
            "before_asks": _words(self.before.needs + self.before.approvals),
            "after_asks": _words(self.after.needs + self.after.approvals),
            "before_clauses": _words(self.before.clauses),
            "after_clauses": _words(self.after.clauses),
            "red_line": self.red_line,
            "clauses": _words(self.clauses),
            "replayed": True,
        }


def _words(words: Iterable[str]) -> Json:
    return list(words)


def read_use(pair: Pair, model: Model) -> tuple[Witness, frozenset[str]]:
    """The use of a model: what is said, with what is true, and the approvals given in it."""
    gain, lose = pair.gain.read(model), pair.lose.read(model)
    truth = pair.truth["second"].read(model) | pair.truth["first"].read(model)
    said: dict[str, Said] = {}
    for name in dict.fromkeys((*gain, *lose)):
        one = _said(pair, model, name, gain, lose)
        if one is not None:
            said[name] = one
    given = frozenset(
        role
        for frame in (pair.gain, pair.lose)
        for role, term in frame.approvals.terms.items()
        if model.holds(term)
    )
    return Witness(pair.gain.read_point(model), truth, said, _NONE_YET), given


def _said(
    pair: Pair, model: Model, name: str, gain: Mapping[str, Value], lose: Mapping[str, Value]
) -> Said | None:
    """By whose word the fact comes to be seen as the model has it; None where nobody says anything."""
    one, other = pair.first.registry.facts.get(name), pair.second.registry.facts.get(name)
    if one is None or other is None:
        spec, value = (one, gain[name]) if one is not None else (other, lose[name])
        return None if spec is None else Said(value, *best(ways(spec)))
    if one.type is not other.type:
        return Said(gain[name], *best(ways(one)))
    if name in pair.unsaid and model.holds(pair.unsaid[name]):
        return None
    common, more = ways(one) & ways(other), ways(one) - ways(other)
    if common and (gain[name] == lose[name] or other.is_unknown(gain[name])):
        return Said(gain[name], *best(common))
    if more:
        return Said(gain[name], *best(more))
    surplus = ways(other) - ways(one)
    return Said(lose[name], *best(surplus)) if surplus else None


def facts_for(
    bundle: Bundle,
    said: Mapping[str, Said],
    truth: Mapping[str, Value],
    given: frozenset[str],
    specs: Mapping[str, FactSpec],
) -> Facts:
    """What is said, as far as this bundle's registry declares it; claims are shown to it too."""
    known = {
        name: one
        for name, one in said.items()
        if is_comparable(bundle.registry.facts.get(name), specs.get(name))
    }
    return facts_said(bundle.registry.facts, known, truth, given)


@dataclass(frozen=True, slots=True)
class Replay:
    """Both live engines over one pair: `first` must permit what `second` does not."""

    first: Bundle
    second: Bundle

    @property
    def specs(self) -> dict[str, FactSpec]:
        """Every fact of both registries; where they mean different things by a name, the first's."""
        return {**self.second.registry.facts, **self.first.registry.facts}

    def facts(self, bundle: Bundle, witness: Witness, given: frozenset[str]) -> Facts:
        """What this bundle gets to know of the use."""
        return facts_for(bundle, witness.said, witness.truth, given, self.specs)

    def decide(self, bundle: Bundle, witness: Witness, given: frozenset[str]) -> Decision:
        """What the live engine decides."""
        return decide(bundle.policy, Point(witness.point), self.facts(bundle, witness, given))

    def verdict(self, bundle: Bundle, witness: Witness, given: frozenset[str]) -> Verdict | None:
        """The verdict without citations and without the second engine, for trying smaller uses; None where
        it takes more steps than a trial is worth.
        """
        resolved = resolve(bundle.registry, self.facts(bundle, witness, given))
        if resolved.fault is not None:
            return Verdict.DENY
        policy = bundle.policy
        use = make_use(policy, program_for(policy, Point(witness.point)), resolved, given)
        try:
            return use.verdict(Budget(_TRIAL_STEPS))
        except BudgetExhausted:
            return None

    def differs(self, witness: Witness, given: frozenset[str]) -> bool:
        """Whether the first allows the use and the second does not."""
        return self.verdict(self.first, witness, given) is Verdict.ALLOW and self.verdict(
            self.second, witness, given
        ) not in (Verdict.ALLOW, None)


def reduced(
    replay: Replay, witness: Witness, given: frozenset[str], line: tuple[Bundle, RedLine] | None
) -> tuple[Witness, frozenset[str]]:
    """The use with nothing in it that does not matter: still told apart, by the same verdict, inside the
    same red line.
    """
    for role in sorted(given):
        if replay.differs(witness, given - {role}):
            given -= {role}
    denied = replay.verdict(replay.second, witness, given)

    def still(smaller: Witness) -> Decision | None:
        if replay.verdict(replay.first, smaller, given) is not Verdict.ALLOW:
            return None
        if replay.verdict(replay.second, smaller, given) is not denied:
            return None
        return _NONE_YET if line is None or is_inside(*line, smaller) else None

    one, other = replay.first, replay.second
    joint = replace(
        one,
        registry=Registry(replay.specs),
        clauses=(*one.clauses, *other.clauses),
        red_lines=(*one.red_lines, *other.red_lines),
    )
    return shrunk(joint, witness, still), given


def is_inside(bundle: Bundle, line: RedLine, witness: Witness) -> bool:
    """Whether the use is inside the red line whatever the facts that are left out may be."""
    specs = bundle.registry.facts
    program = specification_program(bundle, line.specification, witness.point)
    box = program.widest.copy()
    for name, value in witness.truth.items():
        if name in specs and specs[name].parse(value) is not None:
            program.layout.write(box, name, value)
    try:
        return program.find_allowed(box, Budget(_TRIAL_STEPS)) is None
    except BudgetExhausted:
        return False


def cube(pair: Pair, witness: Witness) -> Term:
    """Every use that differs from this one in counts, approvals and further members of sets alone, or in
    what does not matter.
    """
    terms: list[Term] = []
    for name, said in witness.said.items():
        frame = pair.gain if name in pair.gain.facts else pair.lose
        symbol = frame.facts[name]
        if isinstance(symbol, Members) and isinstance(said.value, frozenset):
            terms += [symbol.has(word) for word in sorted(said.value)]
        elif not isinstance(symbol, Integer):
            terms.append(has_value(symbol, said.value))
    return conj(terms)


def confirmed(
    replay: Replay, witness: Witness, given: frozenset[str], line: str | None, *, opens: bool
) -> ChangedUse:
    """The use with the decisions of both live engines; raises `ReplayError` where they do not differ so.

    Without any approval where that tells the two apart by verdict; else with those that do.
    """
    first, second = replay.first, replay.second
    if replay.decide(first, witness, given).verdict is not Verdict.ALLOW:
        raise ReplayError("the live engine does not allow a use that the solver finds permitted")
    if replay.decide(second, witness, given).verdict is Verdict.ALLOW:
        raise ReplayError("the live engine allows a use that the solver finds denied")
    bare = frozenset[str]()
    plain = (replay.decide(first, witness, bare), replay.decide(second, witness, bare))
    if plain[0].verdict.strictness < plain[1].verdict.strictness:
        given, pair = bare, plain
    else:
        pair = (replay.decide(first, witness, given), replay.decide(second, witness, given))
    permitting, denying = pair
    return ChangedUse(
        point=witness.point,
        truth=witness.truth,
        said=witness.said,
        approvals=given,
        before=denying if opens else permitting,
        after=permitting if opens else denying,
        red_line=line,
        clauses=_stopping(replay, witness, given, denying),
    )


def _stopping(replay: Replay, witness: Witness, given: frozenset[str], denying: Decision) -> tuple[str, ...]:
    """The clauses that stop the use: those cited, or where proof is asked for, those that would deny."""
    if denying.verdict is not Verdict.NEEDS_EVIDENCE:
        return denying.clauses
    bundle = replay.second
    truthful = Facts(
        tuple(
            fact
            for name, value in witness.truth.items()
            if (spec := bundle.registry.facts.get(name)) is not None
            for fact in facts_said(
                {name: spec}, {name: Said(value, *best(ways(spec)))}, witness.truth, given
            ).facts
        ),
        None,
        given,
    )
    honest = decide(bundle.policy, Point(witness.point), truthful)
    return honest.clauses if honest.verdict is Verdict.DENY else denying.clauses


def claimed_of(uses: Iterable[ChangedUse]) -> frozenset[str]:
    """The facts that some of these uses rest on by mere claim."""
    return frozenset(name for use in uses for name, said in use.said.items() if said.grade is Grade.CLAIMED)
