"""Cut sets: who together could open a red line. All minimal sets, each replayed on the law they leave.

"Who alone" is a set of one. Sets of amending actors come without the operator and once more with the
operator and the build of the gateway; insiders who could lie are listed apart, each with the facts for which
a second, independent issuer would close the opening. Source: POLICY section 4, ADR-0017.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from caveat.analysis.amended import Acts
from caveat.analysis.board import Found
from caveat.analysis.holds import RedLine
from caveat.analysis.power import Power
from caveat.analysis.solve import Answer, Term, conj, disj, flag, neg

OPERATOR = "operator"
GATEWAY_BUILD = "gateway_build"


@dataclass(frozen=True, slots=True)
class Cut:
    """Who opens it, and a use that then gets through, with the acts that it takes."""

    members: tuple[str, ...]
    found: Found
    acts: Acts


@dataclass(frozen=True, slots=True)
class Cuts:
    """`complete` is False where the solver did not answer: there may be more sets, and smaller ones."""

    sets: tuple[Cut, ...]
    complete: bool

    @property
    def consents(self) -> int | None:
        """How many the smallest set has; None where no set opens it."""
        return min((len(cut.members) for cut in self.sets), default=None)


def opening_cuts(power: Power, line: RedLine, *, operator: bool = False) -> Cuts:
    """The minimal sets of actors, with `operator` also of whoever runs the gateway, that open the line."""
    members = dict(power.actors)
    fixed = power.nobody(power.corrupt, power.second)
    if operator:
        members[operator_name(power)] = power.operator
    else:
        fixed.append(neg(power.operator))
    return _minimal(power, line, members, fixed, acting=True)


def operator_name(power: Power) -> str:
    """What cut sets call whoever runs the gateway: never by the name of a declared actor."""
    return OPERATOR if OPERATOR not in power.actors else f"{OPERATOR} of the gateway"


def issuer_cuts(power: Power, line: RedLine) -> Cuts:
    """The minimal sets of insiders who open the line by lying, nothing being amended."""
    fixed = [*power.nobody(power.actors, power.second), neg(power.operator)]
    return _minimal(power, line, dict(power.corrupt), fixed, acting=False)


def _minimal(
    power: Power, line: RedLine, members: Mapping[str, Term], fixed: list[Term], *, acting: bool
) -> Cuts:
    """All minimal sets by shrinking what a model has and blocking what was found."""
    board = power.board
    listing = flag(f"listing!{line.id}!{len(members)}!{acting}!{OPERATOR in members}")
    goal = board.goals[line.id]
    found: list[Cut] = []
    while True:
        first = board.model(goal, listing, *fixed)
        if first.model is None:
            return Cuts(_ordered(found), complete=first.answer is Answer.UNSATISFIABLE)
        model = first.model
        kept = [name for name, term in members.items() if model.holds(term)]
        complete = True
        for name in tuple(kept):
            if name not in kept:
                continue
            rest = [other for other in kept if other != name]
            smaller = board.model(goal, *fixed, *_only(members, rest))
            complete &= smaller.answer is not Answer.UNKNOWN
            if smaller.model is not None:
                kept = [other for other in rest if smaller.model.holds(members[other])]
        if not complete:
            return Cuts(_ordered(found), complete=False)
        found.append(_simplest(power, goal, fixed, members, kept))
        if not kept:
            return Cuts(_ordered(found), complete=True)
        board.solver.require(disj([neg(listing), *(neg(members[name]) for name in kept)]))


def _only(members: Mapping[str, Term], chosen: list[str]) -> Iterator[Term]:
    for name, term in members.items():
        yield term if name in chosen else neg(term)


def _simplest(
    power: Power, goal: Term, fixed: list[Term], members: Mapping[str, Term], kept: list[str]
) -> Cut:
    """A use that this set opens: by clauses alone where that will do, else by limits, else by facts."""
    exactly = tuple(_only(members, kept))
    limits, facts = power.amend_limits, power.amend_facts
    for kinds in ((neg(limits), neg(facts)), (limits, neg(facts)), (neg(limits), facts), (limits, facts)):
        found = power.board.find(goal, *fixed, *exactly, *kinds)
        if found.model is not None:
            return Cut(tuple(sorted(kept)), found, power.board.acts(found.model))
    raise AssertionError("a set that opens a red line opens it by some act")


def _ordered(found: list[Cut]) -> tuple[Cut, ...]:
    return tuple(sorted(found, key=lambda cut: (len(cut.members), cut.members)))


def quorum(power: Power, line: RedLine, insider: str) -> tuple[str, ...] | None:
    """A minimal set of facts for which a second issuer closes what this insider alone opens.

    None where the solver does not answer, or no such set would do. Verified: with these facts tied to the
    truth the question was asked again, and the line held.
    """
    board = power.board
    alone = [
        board.goals[line.id],
        *power.nobody(power.actors),
        neg(power.operator),
        *(term if name == insider else neg(term) for name, term in power.corrupt.items()),
    ]
    person = power.people[insider]
    kept = [name for name in power.second if name in person.grants or name in person.settles]

    def closes(facts: list[str]) -> bool:
        tied = [term if name in facts else neg(term) for name, term in power.second.items()]
        return board.solver.ask(board.permitted, *alone, *tied) is Answer.UNSATISFIABLE

    if not closes(kept):
        return None
    for name in tuple(kept):
        rest = [other for other in kept if other != name]
        if closes(rest):
            kept = rest
    return tuple(kept)


def goal_exists(power: Power, line: RedLine) -> bool:
    """Whether any use at all is inside the red line: the build of the gateway could let it through."""
    return power.board.solver.ask(conj([power.board.goals[line.id]])) is Answer.SATISFIABLE
