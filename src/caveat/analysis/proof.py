"""Everything that is known about a bundle, as one document: the JSON of `caveat prove`.

Version 1. What the solver left open stands as "unknown" and never as held; what it opened stands with a use
that the live engine let through. Source: `docs/reference/prove.md`, ADR-0017.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from caveat.analysis.adversary import Adversary, insiders
from caveat.analysis.amended import Acts
from caveat.analysis.board import Found
from caveat.analysis.closing import Closing, smallest_sets
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
from caveat.analysis.solve import Answer, Session, disj, neg, solver_version
from caveat.analysis.statements import Sentence, answer_sentences
from caveat.analysis.theatre import omission_opens, theatre
from caveat.analysis.value import Case, Worths, value_of
from caveat.analysis.witness import Witness, is_permitted, live_decision, order_key
from caveat.decision.verdict import Decision
from caveat.evidence.trust import Trust
from caveat.facts.fact import Grade
from caveat.facts.value import Interval
from caveat.policy.amend import is_satisfied
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause
from caveat.signing.canonical import Json, JsonObject
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
            "red_lines": _json(rows),
            "closing_cut_sets": _json({name: _names(sets) for name, sets in closing.items()}),
            "can_be_switched_off": list(theatre(self.session, self.bundle)),
            "never_fires": list(never_firing(questions)),
            "redundant": list(redundant(questions)),
            "can_error": list(erring(questions)),
            "omission_opens": list(omission_opens(questions)),
            "useful": _json(useful),
            "uses": _json(uses),
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
            document["statements"] = _json(answers)
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
            "holds": {each.adversary.value: _answer(each.holds) for each in held},
            "witnesses": _json(_witnesses(held)),
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
            "quorums": _json(
                {
                    cut.members[0]: _listed(quorum(power, line, cut.members[0]))
                    for cut in issuers.sets
                    if len(cut.members) == 1
                }
            ),
            "consents": cuts.consents if cuts.complete else "unknown",
            "limbs": _json(limbs(self.bundle, line)),
            "redefining_cut_sets": _json(_names(_together(self.bundle, line.specification))),
            "proofs": _json(self._proofs[line.id]),
            "given": self._given(line),
        }

    def _given(self, line: RedLine) -> JsonObject | None:
        if not self.given:
            return None
        found, questions = open_by_law(self.session, self.bundle, self.given, line)
        witness = None if found.witness is None else questions.board.reduced(found, line.specification)
        return {
            "authorities": _json(sorted(self.given)),
            "implied": _implied(found.answer),
            "witness": None if witness is None else witness.render(),
        }

    def _opening(self, power: Power, line: RedLine, cut: Cut) -> JsonObject:
        witness = power.board.reduced(cut.found, line.specification)
        return {"by": list(cut.members), "acts": _acts(cut.acts), "witness": witness.render()}

    def _useful(self, questions: Questions) -> tuple[dict[str, bool | str], dict[str, JsonObject]]:
        useful: dict[str, bool | str] = {}
        uses: dict[str, JsonObject] = {}
        last: Witness | None = None
        for purpose in purposes(self.bundle):
            witness = None if last is None else _for_purpose(self.bundle, last, purpose)
            if witness is None:
                found = permitted_use(questions, purpose)
                useful[purpose.name] = _open(found.answer)
                witness = _smaller(self.bundle, found, purpose)
            else:
                useful[purpose.name] = True
            if witness is not None:
                last = witness
                uses[purpose.name] = _with_verdict(self.bundle, witness)
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


def _json(value: object) -> Json:
    """JSON by construction: lists are invariant, so the checker cannot see it."""
    return cast("Json", value)


def _answer(holds: bool | None) -> bool | str:
    return "unknown" if holds is None else holds


def _open(answer: Answer) -> bool | str:
    return "unknown" if answer is Answer.UNKNOWN else answer is Answer.SATISFIABLE


def _implied(answer: Answer) -> bool | str:
    return "unknown" if answer is Answer.UNKNOWN else answer is Answer.UNSATISFIABLE


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def _names(sets: Iterable[frozenset[str]]) -> list[list[str]]:
    return sorted((sorted(each) for each in sets), key=lambda names: (len(names), names))


def _witnesses(held: list[Held]) -> list[JsonObject]:
    """The use of each adversary that opens it, smallest first, each use once."""
    opened = sorted(
        ((each, each.witness) for each in held if each.witness is not None),
        key=lambda pair: order_key(pair[1]),
    )
    rows: list[JsonObject] = []
    seen: set[int] = set()
    for each, witness in opened:
        if id(witness) not in seen:
            seen.add(id(witness))
            rows.append({"adversary": each.adversary.value, "by": list(each.by), **witness.render()})
    return rows


def _acts(acts: Acts) -> JsonObject:
    return {
        "removed": _json(sorted(acts.removed)),
        "widened": _json(sorted(acts.widened)),
        "limits": dict(sorted(acts.limits.items())),
        "claimed": _json(sorted(acts.claimed)),
    }


def limbs(bundle: Bundle, line: RedLine) -> list[JsonObject]:
    """Each clause that carries the red line's name, and who could remove all its parts."""
    rows: list[JsonObject] = []
    named = [clause for clause in bundle.clauses if clause.red_line == line.name]
    for name in dict.fromkeys(name for clause in named for name in clause.clauses):
        parts = tuple(clause for clause in bundle.clauses if name in clause.clauses)
        sets = _names(_together(bundle, parts))
        rows.append({"id": name, "consents": min(map(len, sets), default=None), "cut_sets": _json(sets)})
    return rows


def _together(bundle: Bundle, clauses: tuple[Clause, ...]) -> tuple[frozenset[str], ...]:
    """The minimal sets of actors who may amend all of these."""
    return smallest_sets(
        bundle.manifest.actors, lambda chosen: all(is_satisfied(each.amend, chosen) for each in clauses)
    )


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


def _with_verdict(bundle: Bundle, witness: Witness) -> JsonObject:
    """The use with the verdict that it gets before anybody approved anything."""
    decision = live_decision(bundle, witness.point, witness.said, witness.truth, frozenset())
    rendered = witness.render()
    return {**rendered, "verdict": decision.verdict.value, "approvals": list(decision.approvals)}


def worth(value: Worths) -> JsonObject:
    """What each clause is worth over a scenario file."""
    return {
        "uses": value.uses,
        "held_back": value.held_back,
        "unshared": list(value.unshared),
        "clauses": [
            {"id": each.clause, "only": list(each.only), "share": round(float(each.share), 4)}
            for each in value.clauses
        ],
    }


def assumptions(bundle: Bundle) -> tuple[str, ...]:
    """What every "holds" rests on, in sentences."""
    role = bundle.policy.interval_role
    found = [
        "every fact has a value that the registry declares, and no set is empty that cannot be",
        "every approval that a role could give is given",
        "what an issuer attests is true, but for the insiders of `issuer` and `operator`",
        "what the gateway observes is true, but for the operator of `operator`",
        "an issuer attests for all its role may attest, unless the trust policy grants it less",
        "the verdict rule runs unchanged: the build of the gateway is none of the actors",
        "adding a clause takes the consent that amending one of its effect takes, so it opens no more",
    ]
    if role is not None:
        found.append(
            f"`{role}` settles counted intervals, and may settle them at their lower end as an insider"
        )
    return tuple(found)
