"""What an edit opens and what it closes: uses that one bundle allows and the other does not, either way.

The verdict rule is compared, not Cedar: who must say a fact for it to count, what is unknown, and what is
out of range are part of the question, and approvals are free. "No difference" is a proof in both directions;
a query without an answer is "unknown" and never "equivalent". Source: POLICY section 4, ADR-0018.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from caveat.analysis.adversary import Adversary
from caveat.analysis.changed_clauses import clause_changes
from caveat.analysis.changed_use import ChangedUse, Replay, confirmed, cube, is_inside, read_use, reduced
from caveat.analysis.consents import Openers, openers, smallest_sets
from caveat.analysis.difference import Difference, RedLineChange, ScenarioVerdict, Side
from caveat.analysis.encode import encode_policy, inside
from caveat.analysis.errors import ReplayError
from caveat.analysis.frame import Members
from caveat.analysis.holds import RedLine, ask_open, make_problem, red_lines_of
from caveat.analysis.ordinary import feasible, preferences
from caveat.analysis.other_changes import other_changes
from caveat.analysis.pair import Pair, completed, make_pair, unknown_to_first
from caveat.analysis.solve import Answer, Session, Term, conj, disj, neg, solver_version
from caveat.analysis.witness import Witness
from caveat.call.call import Point
from caveat.decision.decide import program_for
from caveat.decision.resolve import resolve
from caveat.decision.search import Budget, Program
from caveat.decision.use import make_use
from caveat.decision.world import TRUE
from caveat.facts.registry import FactType
from caveat.facts.value import Value
from caveat.policy.amend import all_of
from caveat.policy.bundle import Bundle
from caveat.policy.changes import changes
from caveat.signing.canonical import JsonObject

DEFAULT_USES = 12
_PER_FAMILY = 2
_LESSONS = 64
_STEPS = 1_000_000


def diff_bundles(
    session: Session,
    old: Bundle,
    new: Bundle,
    *,
    uses: int = DEFAULT_USES,
    scenarios: Sequence[ScenarioVerdict] = (),
    records: Sequence[ScenarioVerdict] = (),
) -> Difference:
    """The difference of two bundles, drafts included; at most `uses` in each direction, smallest first.

    Raises `EmptyWorldError` where a registry leaves no world, `ReplayError` where solver and engine
    disagree: then there is no result.
    """
    opening = _Search.begin(session, old, new, opens=True)
    closing = _Search.begin(session, old, new, opens=False)
    lines = _red_lines(session, old, new, opening)
    opened, closed = opening.side(uses), closing.side(uses)
    changed = changes(old, new)
    return Difference(
        bundles=(_named(old), _named(new)),
        red_lines=lines,
        opened=opened,
        closed=closed,
        clauses=clause_changes(opening.pair, old, new, changed),
        others=other_changes(old, new, changed),
        made_by=smallest_sets(all_of(change.needs for change in changed)) if changed else (),
        solver=solver_version(),
        scenarios=tuple(scenarios),
        records=tuple(records),
    )


def _named(bundle: Bundle) -> JsonObject:
    return {
        "name": bundle.manifest.name,
        "release": bundle.manifest.release,
        "digest": bundle.digest,
        "draft": bool(bundle.unsigned or bundle.unsafe),
    }


@dataclass(frozen=True, slots=True)
class _Line:
    """A red line as one of the bundles has it, over the true facts that its registry names."""

    bundle: Bundle
    line: RedLine
    goal: Term


@dataclass(slots=True)
class _Search:
    """One direction: the encoded pair, its engines, and what was found."""

    pair: Pair
    replay: Replay
    opens: bool
    lines: list[_Line]
    wanted: tuple[Term, ...]
    found: list[ChangedUse] = field(default_factory=list[ChangedUse])
    blocked: list[Term] = field(default_factory=list[Term])

    @classmethod
    def begin(cls, session: Session, old: Bundle, new: Bundle, *, opens: bool) -> "_Search":
        first, second = (new, old) if opens else (old, new)
        pair = make_pair(session, first, second, "o" if opens else "c")
        lines: list[_Line] = []
        for bundle, side in ((old, "second" if opens else "first"), (new, "first" if opens else "second")):
            known = {entry.line.id for entry in lines if is_same_line(entry.line, bundle)}
            for line in red_lines_of(bundle):
                if line.id not in known:
                    goal = pair.solver.name(inside(pair.truth[side], line.specification))
                    lines.append(_Line(bundle, line, goal))
        return cls(pair, Replay(first, second), opens, lines, preferences(pair))

    def ask(self, *assumptions: Term) -> tuple[Answer, Witness | None, frozenset[str]]:
        """Whether some use is told apart, with one that the live engines tell apart.

        Where a fact is unknown to the permitting bundle, it permits only if every value is permitted: the
        denied completion that the live engine finds is added, and the question asked again.
        """
        for _ in range(_LESSONS):
            answer = self.pair.solver.ask(self.pair.gained, *assumptions)
            if answer is not Answer.SATISFIABLE:
                return answer, None, frozenset()
            model = self.pair.solver.model()
            witness, given = read_use(self.pair, model)
            if self.replay.differs(witness, given):
                return answer, witness, given
            unknown = [
                name
                for name in self.pair.first.registry.facts
                if model.holds(unknown_to_first(self.pair, name))
            ]
            self.pair.solver.require(self._lesson(witness, given, unknown))
        return Answer.UNKNOWN, None, frozenset()

    def _lesson(self, witness: Witness, given: frozenset[str], unknown: list[str]) -> Term:
        """Where these facts are unknown, this completion has to be permitted too."""
        bundle, pair = self.replay.first, self.pair
        facts = self.replay.facts(bundle, witness, given)
        program = program_for(bundle.policy, Point(witness.point))
        use = make_use(bundle.policy, program, resolve(bundle.registry, facts), given)
        box = program.find_denied(use.box(use.known, use.approvals), Budget(_STEPS))
        if not unknown or box is None:
            raise ReplayError("the solver found a use that the live engines do not tell apart")
        values = {name: _completion(program, box, name) for name in unknown}
        guard = conj(unknown_to_first(pair, name) for name in unknown)
        return disj([neg(conj([guard, pair.gained])), completed(pair, values)])

    def look(self, family: Term, most: int, about: _Line | None = None) -> None:
        """Adds up to `most` uses of a family that differ from those found; `about`: of this red line."""
        for _ in range(most):
            found = self._next(family)
            if found is None:
                return
            self._add(*found, about)

    def _next(self, family: Term) -> tuple[Witness, frozenset[str]] | None:
        """A use known truthfully where there is one, else one that somebody sees otherwise."""
        blocks = [neg(block) for block in self.blocked]
        for assumed in (self.pair.plain, True):
            required = (assumed, family, *blocks)
            if self.pair.solver.ask(self.pair.gained, *required) is Answer.UNSATISFIABLE:
                continue
            kept = feasible(self.pair, self.wanted, (self.pair.gained, *required))
            for chosen in (kept, ()):
                answer, witness, given = self.ask(*required, *chosen)
                if answer is Answer.SATISFIABLE and witness is not None:
                    return witness, given
        return None

    def _add(self, witness: Witness, given: frozenset[str], about: _Line | None) -> None:
        """A use can be inside several red lines; it is shown for the one that was asked about."""
        first = () if about is None else (about,)
        line = next((e for e in (*first, *self.lines) if is_inside(e.bundle, e.line, witness)), None)
        held = None if line is None else (line.bundle, line.line)
        small, given = reduced(self.replay, witness, given, held)
        use = confirmed(self.replay, small, given, None if line is None else line.line.id, opens=self.opens)
        self.found.append(use)
        self.blocked.append(self.pair.solver.name(cube(self.pair, small)))

    def families(self) -> Iterator[Term]:
        """Each changed clause that stopped a use or now permits it, what takes an approval, then anything."""
        standing = {_content(each.clause) for each in self.pair.policy.clauses}
        for each in self.pair.denying.clauses:
            if not each.clause.is_permit and _content(each.clause) not in standing:
                yield each.fires
        before = {_content(each.clause) for each in self.pair.denying.clauses}
        for each in self.pair.policy.clauses:
            if each.clause.is_permit and _content(each.clause) not in before:
                yield each.fires
        if self.pair.first.policy.roles:
            bare = replace(
                self.pair.gain, approvals=Members(dict.fromkeys(self.pair.gain.approvals.terms, False))
            )
            yield neg(encode_policy(bare, self.pair.first.clauses).permitted)
        yield True

    def side(self, uses: int) -> Side:
        """What was found in this direction, and whether that is all."""
        if not self.found and self.ask()[0] is Answer.UNSATISFIABLE:
            return Side((), complete=True)
        for entry in self.lines:
            self.look(entry.goal, min(_PER_FAMILY, uses - len(self.found)), entry)
        for family in self.families():
            if len(self.found) < uses:
                self.look(self.pair.solver.name(family), min(_PER_FAMILY, uses - len(self.found)))
        answer = self.ask(*(neg(block) for block in self.blocked))[0]
        complete = {Answer.UNSATISFIABLE: True, Answer.SATISFIABLE: False, Answer.UNKNOWN: None}[answer]
        return Side(tuple(sorted(self.found, key=lambda use: use.order)), complete)


def _content(clause: object) -> tuple[object, ...]:
    """What a clause does, apart from its names and words."""
    return tuple(getattr(clause, name) for name in ("effect", "points", "condition"))


def _completion(program: Program, box: list[int], name: str) -> Value:
    """One value of those that a box leaves for a fact."""
    layout = program.layout
    spec, slot = layout.specs[name], layout.slots[name]
    match spec.type:
        case FactType.ENUM:
            return next(word for word, bit in layout.word_bits[name].items() if box[slot] & bit)
        case FactType.BOOL:
            return bool(box[slot] & TRUE)
        case FactType.LONG:
            return box[slot]
        case FactType.SET:
            must, may = box[slot], box[slot + 1]
            held = frozenset(word for word in spec.values if must & layout.alphabet[word])
            if held or not spec.empty_is_unknown:
                return held
            return frozenset(word for word in spec.values if may & layout.alphabet[word])


def is_same_line(line: RedLine, bundle: Bundle) -> bool:
    """Whether the bundle has this red line, word for word in what it says of the facts."""
    return any(
        other.id == line.id
        and [(each.points, each.condition) for each in other.specification]
        == [(each.points, each.condition) for each in line.specification]
        for other in red_lines_of(bundle)
    )


def _red_lines(session: Session, old: Bundle, new: Bundle, opening: _Search) -> tuple[RedLineChange, ...]:
    """Each red line of either bundle: weaker where a use inside it opens, where it held and does not hold
    any more, where less is inside it, or where fewer consents open it.
    """
    before, after = openers(session, old), openers(session, new)
    rows: list[RedLineChange] = []
    for name in dict.fromkeys((*before, *after)):
        entries = [entry for entry in opening.lines if entry.line.id == name]
        one, other = before.get(name, Openers(())), after.get(name, Openers(()))
        weaker, why = _weaker(session, opening, entries, (old, new), (one, other))
        rows.append(RedLineChange(name, weaker, one.consents, other.consents, one.sets, other.sets, why))
    return tuple(rows)


def _weaker(
    session: Session,
    opening: _Search,
    entries: list[_Line],
    bundles: tuple[Bundle, Bundle],
    found: tuple[Openers, Openers],
) -> tuple[bool | None, str]:
    """Whether the red line is weaker, and why: the first reason that there is."""
    old, new = bundles
    answers = [opening.ask(entry.goal)[0] for entry in entries]
    if Answer.SATISFIABLE in answers:
        return True, "a use inside it is newly permitted"
    name = entries[0].line.id
    lines = [next((line for line in red_lines_of(bundle) if line.id == name), None) for bundle in bundles]
    before, after = lines
    if before is not None and after is None:
        return True, "it is specified no longer"
    if before is not None and after is not None and not is_same_line(before, new):
        held = (_held(session, old, before), _held(session, new, after))
        if held[0] and held[1] is False:
            return True, "it held before and holds no longer"
        narrowed = opening.pair.solver.ask(
            opening.pair.plain,
            inside(opening.pair.truth["second"], before.specification),
            neg(inside(opening.pair.truth["first"], after.specification)),
        )
        if narrowed is Answer.SATISFIABLE:
            return True, "less is inside it than before"
        if narrowed is Answer.UNKNOWN or None in held:
            return None, "the solver did not answer in time"
    one, other = found
    if before is not None and _fewer(one, other):
        return True, "fewer consents open it"
    if Answer.UNKNOWN in answers or not (one.answered and other.answered):
        return None, "the solver did not answer in time"
    return False, ""


def _fewer(one: Openers, other: Openers) -> bool:
    if other.consents is None or not one.answered:
        return False
    return one.consents is None or other.consents < one.consents


def _held(session: Session, bundle: Bundle, line: RedLine) -> bool | None:
    return ask_open(make_problem(session, bundle, Adversary.EVADER), line).holds
