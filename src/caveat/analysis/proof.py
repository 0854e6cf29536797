"""Everything that is known about a bundle, as one document: the JSON of `caveat prove`.

Version 1. What the solver left open stands as "unknown" and never as held; what it opened stands with a use
that the live engine let through. Source: `docs/reference/prove.md`, ADR-0017.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from caveat.analysis.adversary import Adversary, insiders
from caveat.analysis.board import Found
from caveat.analysis.closing import Closing
from caveat.analysis.cuts import (
    GATEWAY_BUILD,
    Cut,
    goal_exists,
    issuer_cuts,
    opening_cuts,
    quorum,
)
from caveat.analysis.holds import Held, Problem, RedLine, ask_line, make_problem, red_lines_of
from caveat.analysis.power import Power, make_power
from caveat.analysis.proof_rows import (
    acts_row,
    as_json,
    assumptions,
    held_as,
    implied_as,
    limbs,
    listed,
    name_sets,
    open_as,
    together,
    with_verdict,
    witness_rows,
    worth,
)
from caveat.analysis.questions import (
    Purpose,
    Questions,
    erring,
    make_questions,
    never_firing,
    open_by_law,
    permitted_use,
    purposes,
    redundant,
    sole_guards,
)
from caveat.analysis.shrink import fewer_facts
from caveat.analysis.solve import Session, disj, neg, solver_version
from caveat.analysis.statements import Sentence, answer_sentences
from caveat.analysis.theatre import omission_opens, theatre
from caveat.analysis.value import Case, value_of
from caveat.analysis.witness import Witness, is_permitted, live_decision
from caveat.decision.verdict import Decision
from caveat.evidence.trust import Trust
from caveat.facts.fact import Grade
from caveat.facts.value import Interval
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest, sha256

Advance = Callable[[int, int], None]
_NEEDED = (Adversary.HONEST, Adversary.SILENT, Adversary.LIAR, Adversary.EVADER)


@dataclass(slots=True)
class Proof:
    """The document and the formulas behind it, by digest."""

    document: JsonObject
    formulas: Mapping[Digest, str]
    holds: bool


@dataclass(slots=True)
class Prover:
    """One analysis under way: what its parts share."""

    session: Session
    bundle: Bundle
    trust: Trust
    given: frozenset[str] = frozenset()
    sentences: tuple[Sentence, ...] = ()
    cases: tuple[Case, ...] = ()
    formulas: dict[Digest, str] = field(default_factory=dict[Digest, str])
    _proofs: dict[str, dict[str, Digest]] = field(default_factory=dict[str, dict[str, Digest]])

    def prove(self, advance: Advance) -> Proof:
        """Answers every question; `advance` is told how far it is. Raises an `AnalysisError`."""
        lines = red_lines_of(self.bundle)
        steps = len(lines) + 4
        advance(0, steps)
        held = self._held(lines)
        advance(1, steps)
        questions = make_questions(self.session, self.bundle)
        power = make_power(self.session, self.bundle, self.trust)
        rows: list[JsonObject] = []
        for place, line in enumerate(lines, 2):
            rows.append(self._line(line, held[line.id], questions, power))
            advance(place, steps)
        useful, uses = self._useful(questions)
        advance(steps - 2, steps)
        permitted = tuple(each for each in purposes(self.bundle) if useful[each.name] is True)
        closing = Closing(self.session, self.bundle, permitted).cuts()
        advance(steps - 1, steps)
        holds = all(
            each.holds is True for line in lines for each in held[line.id] if each.adversary in _NEEDED
        )
        document: JsonObject = {
            "version": 1,
            "bundle": self.bundle.digest,
            "name": self.bundle.manifest.name,
            "release": self.bundle.manifest.release,
            "draft": {"unsigned": list(self.bundle.unsigned), "unsafe": list(self.bundle.unsafe)},
            "red_lines": as_json(rows),
            "closing_cut_sets": as_json({name: name_sets(sets) for name, sets in closing.items()}),
            "can_be_switched_off": list(theatre(self.session, self.bundle)),
            "never_fires": list(never_firing(questions)),
            "redundant": list(redundant(questions)),
            "can_error": list(erring(questions)),
            "omission_opens": list(omission_opens(questions)),
            "useful": as_json(useful),
            "uses": as_json(uses),
            "assumptions": list(assumptions(self.bundle)),
            "solver": {
                "name": solver_version(),
                "timeout_seconds": int(self.session.timeout_seconds),
                "queries": self.session.queries,
                "unanswered": self.session.unknown,
            },
        }
        sound = True
        if self.sentences:
            answers = answer_sentences(self.sentences, questions, power, document)
            document["statements"] = as_json(answers)
            sound = all(row["result"] in ("proved", "not_expressible") for row in answers)
        if self.cases:
            document["value"] = worth(value_of(self.bundle, self.cases))
        advance(steps, steps)
        is_useful = bool(useful) and all(value is True for value in useful.values())
        document["holds"] = holds and is_useful and sound
        return Proof(document, self.formulas, holds and is_useful and sound)

    def _held(self, lines: tuple[RedLine, ...]) -> dict[str, list[Held]]:
        answers: dict[str, list[Held]] = {line.id: [] for line in lines}
        people = insiders(self.bundle, self.trust)
        problem: Problem | None = None
        self._proofs = {line.id: {} for line in lines}
        for adversary in Adversary:
            repeats = problem is not None and not _adds(self.bundle, adversary)
            if problem is None or not repeats:
                problem = make_problem(self.session, self.bundle, adversary, people)
            for line in lines:
                before = answers[line.id]
                held = (
                    replace(before[-1], adversary=adversary) if repeats else ask_line(problem, line, before)
                )
                before.append(held)
                if held.holds is True:
                    self._keep(line, adversary, problem, repeats=repeats)
        return answers

    def _keep(self, line: RedLine, adversary: Adversary, problem: Problem, *, repeats: bool) -> None:
        proofs = self._proofs[line.id]
        if repeats:
            proofs[adversary.value] = next(reversed(proofs.values()))
            return
        corrupt = list(problem.seen.corrupt.values())
        single = [disj([neg(one), neg(other)]) for i, one in enumerate(corrupt) for other in corrupt[i + 1 :]]
        text = problem.solver.text(problem.permitted, problem.goals[line.id], *single)
        digest = sha256(text.encode())
        self.formulas[digest] = text
        proofs[adversary.value] = digest

    def _line(self, line: RedLine, held: list[Held], questions: Questions, power: Power) -> JsonObject:
        guards = [(each.clause, each.found) for each in sole_guards(questions, line)]
        guards.sort(key=lambda each: questions.groups.index(each[0]))
        cuts = opening_cuts(power, line)
        operated = opening_cuts(power, line, operator=True)
        issuers = issuer_cuts(power, line)
        builds = [(GATEWAY_BUILD,)] if goal_exists(power, line) else []
        return {
            "id": line.id,
            "name": line.name,
            "holds": {each.adversary.value: held_as(each.holds) for each in held},
            "witnesses": as_json(witness_rows(held)),
            "sole_guards": [name for name, _ in guards],
            "guard_witnesses": {
                name: questions.board.reduced(found, line.specification).render() for name, found in guards
            },
            "cut_sets": [list(cut.members) for cut in cuts.sets],
            "cut_sets_with_operator": [
                list(names)
                for names in sorted(
                    [*(cut.members for cut in operated.sets), *builds], key=lambda names: (len(names), names)
                )
            ],
            "issuer_cut_sets": [list(cut.members) for cut in issuers.sets],
            "cut_sets_complete": cuts.complete and operated.complete and issuers.complete,
            "openings": [self._opening(power, line, cut) for cut in (*cuts.sets, *issuers.sets)],
            "quorums": as_json(
                {
                    cut.members[0]: listed(quorum(power, line, cut.members[0]))
                    for cut in issuers.sets
                    if len(cut.members) == 1
                }
            ),
            "consents": cuts.consents if cuts.complete else "unknown",
            "limbs": as_json(limbs(self.bundle, line)),
            "redefining_cut_sets": as_json(name_sets(together(self.bundle, line.specification))),
            "proofs": as_json(self._proofs[line.id]),
            "given": self._given(line),
        }

    def _given(self, line: RedLine) -> JsonObject | None:
        if not self.given:
            return None
        found, questions = open_by_law(self.session, self.bundle, self.given, line)
        witness = None if found.witness is None else questions.board.reduced(found, line.specification)
        return {
            "authorities": as_json(sorted(self.given)),
            "implied": implied_as(found.answer),
            "witness": None if witness is None else witness.render(),
        }

    def _opening(self, power: Power, line: RedLine, cut: Cut) -> JsonObject:
        witness = power.board.reduced(cut.found, line.specification)
        return {"by": list(cut.members), "acts": acts_row(cut.acts), "witness": witness.render()}

    def _useful(self, questions: Questions) -> tuple[dict[str, bool | str], dict[str, JsonObject]]:
        useful: dict[str, bool | str] = {}
        uses: dict[str, JsonObject] = {}
        last: Witness | None = None
        for purpose in purposes(self.bundle):
            witness = None if last is None else _for_purpose(self.bundle, last, purpose)
            if witness is None:
                found = permitted_use(questions, purpose)
                useful[purpose.name] = open_as(found.answer)
                witness = _smaller(self.bundle, found, purpose)
            else:
                useful[purpose.name] = True
            if witness is not None:
                last = witness
                uses[purpose.name] = with_verdict(self.bundle, witness)
        return useful, uses


def _adds(bundle: Bundle, adversary: Adversary) -> bool:
    """Whether this adversary can do anything here that the one before cannot."""
    specs = bundle.registry.facts.values()
    match adversary:
        case Adversary.SILENT:
            return any(spec.neutral_unobserved for spec in specs)
        case Adversary.LIAR:
            return any(spec.grade is Grade.CLAIMED for spec in specs)
        case Adversary.EVADER:
            return any(spec.grade is Grade.ESTIMATED for spec in specs)
        case _:
            return True


def _for_purpose(bundle: Bundle, witness: Witness, purpose: Purpose) -> Witness | None:
    """The same use for another purpose, where the live engine permits that too."""
    said, truth = dict(witness.said), dict(witness.truth)
    for name, value in purpose.facts.items():
        plain = value.hi if isinstance(value, Interval) else value
        if name not in said:
            return None
        truth[name], said[name] = plain, replace(said[name], value=plain)
    decision = live_decision(bundle, witness.point, said, truth)
    return Witness(witness.point, truth, said, decision) if is_permitted(decision) else None


def _smaller(bundle: Bundle, found: Found, purpose: Purpose) -> Witness | None:
    """The use without the facts that do not matter; what makes it this purpose stays."""
    if found.witness is None:
        return None
    names = tuple(name for name in bundle.registry.facts if name not in purpose.facts)

    def still(smaller: Witness) -> Decision | None:
        decision = live_decision(bundle, smaller.point, smaller.said, smaller.truth)
        return decision if is_permitted(decision) else None

    return fewer_facts(found.witness, names, still)
