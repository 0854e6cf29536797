"""Which issuers could each, alone and by lying, get one given use through.

Asked of a use whose facts are all given, of everybody whose word counts, one at a time. "Could not" is a
proof; "could" comes with a use that the live engine lets through. What only an approval is missing for counts
as let through, since approvals are the adversary's. Source: ADR-0017, ADR-0035.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from caveat.analysis.adversary import Adversary, Insider, insiders
from caveat.analysis.cuts import issuer_cuts
from caveat.analysis.frame import has_value
from caveat.analysis.holds import Problem, make_problem
from caveat.analysis.power import make_power
from caveat.analysis.solve import Answer, Session, Term, conj, neg
from caveat.evidence.trust import Trust
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Openers:
    """By whom a use is opened alone. `unknown`: of whom the solver did not say."""

    alone: frozenset[str]
    unknown: frozenset[str]


@dataclass(frozen=True, slots=True)
class SingleIssuers:
    """A bundle that can be asked about one use after the other. `people`: by name, as `prove` calls them."""

    problem: Problem
    people: Mapping[str, Insider]

    def openers(self, truth: Mapping[str, Value]) -> Openers:
        """Who alone gets a use with these facts through; what is not given has its neutral value, if any."""
        given = self._given(truth)
        answers = {name: self._asked(name, given) for name in self.people}
        return Openers(
            frozenset(name for name, answer in answers.items() if answer is Answer.SATISFIABLE),
            frozenset(name for name, answer in answers.items() if answer is Answer.UNKNOWN),
        )

    def red_lines(self, truth: Mapping[str, Value]) -> frozenset[str]:
        """The red lines that such a use may be inside of."""
        given = self._given(truth)
        goals = self.problem.goals
        return frozenset(
            line
            for line, goal in goals.items()
            if self.problem.solver.ask(goal, given) is not Answer.UNSATISFIABLE
        )

    def _given(self, truth: Mapping[str, Value]) -> Term:
        facts = self.problem.board.bundle.registry.facts
        neutral = {name: spec.neutral for name, spec in facts.items() if spec.neutral is not None}
        symbols = self.problem.board.truth.facts
        return conj(has_value(symbols[name], value) for name, value in {**neutral, **truth}.items())

    def _asked(self, name: str, given: Term) -> Answer:
        corrupt = self.problem.seen.corrupt
        only = [term if other == name else neg(term) for other, term in corrupt.items()]
        at_the_prompt = self.problem.board.truth.at(["prompt"])
        return self.problem.board.model(at_the_prompt, given, *only).answer


def single_issuers(session: Session, bundle: Bundle, trust: Trust) -> SingleIssuers:
    """The question for every issuer of a bundle; raises `EmptyWorldError`."""
    people = {one.name: one for one in insiders(bundle, trust) if one.role}
    problem = make_problem(session, bundle, Adversary.ISSUER, tuple(people.values()))
    return SingleIssuers(problem, people)


def cut_sets_of_one(session: Session, bundle: Bundle, trust: Trust) -> Mapping[str, frozenset[str] | None]:
    """By red line, the issuers who are a cut set by themselves; None where not all sets could be listed."""
    power = make_power(session, bundle, trust)
    found: dict[str, frozenset[str] | None] = {}
    for line in power.lines:
        cuts = issuer_cuts(power, line)
        alone = frozenset(cut.members[0] for cut in cuts.sets if len(cut.members) == 1)
        found[line.id] = alone if cuts.complete else None
    return found
