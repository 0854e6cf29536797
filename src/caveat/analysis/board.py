"""One bundle in one incremental solver, with a switch for every act: what all questions but one share.

Who may do what is a variable, so a question is a set of assumptions and not a solver of its own. A use that
the solver finds is decided by the live engine, on the bundle as the acts leave it, before it is an answer.
Source: POLICY section 4, ADR-0017.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from caveat.analysis.amended import Acts, amended
from caveat.analysis.encode import EncodedClause
from caveat.analysis.errors import ReplayError
from caveat.analysis.frame import Flag, Frame, Integer, Members, Symbol, Word
from caveat.analysis.shrink import shrunk
from caveat.analysis.solve import (
    INTEGER_BITS,
    Answer,
    Model,
    Solver,
    Term,
    Variable,
    conj,
    constant,
    disj,
    neg,
    replaced,
)
from caveat.analysis.witness import (
    Said,
    Witness,
    all_inside,
    denied_completion,
    is_permitted,
    live_decision,
)
from caveat.call.call import Point
from caveat.decision.decide import program_for
from caveat.decision.verdict import Decision
from caveat.decision.world import TRUE, Layout
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause


@dataclass(frozen=True, slots=True)
class Switched:
    """A clause with its switches. `gone`: it is away. `whole`: a permit that permits everything."""

    encoded: EncodedClause
    gone: Term = False
    whole: Term = False

    @property
    def fires(self) -> Term:
        """Whether what is left of the clause applies and holds."""
        return disj([self.whole, conj([self.encoded.fires, neg(self.gone)])])

    @property
    def errs(self) -> Term:
        """Whether what is left of the clause is an error."""
        return conj([self.encoded.errs, neg(self.gone), neg(self.whole)])


def permitted_with(clauses: Iterable[Switched]) -> Term:
    """Some permit holds, no forbid holds, no clause is an error, as the switches stand."""
    chosen = tuple(clauses)
    return conj(
        [
            disj(each.fires for each in chosen if each.encoded.clause.is_permit),
            *(neg(each.fires) for each in chosen if not each.encoded.clause.is_permit),
            *(neg(each.errs) for each in chosen),
        ]
    )


@dataclass(frozen=True, slots=True)
class Found:
    """An answer; where it is `SATISFIABLE`, the model behind it and the use, decided on `bundle`."""

    answer: Answer
    model: Model | None = None
    witness: Witness | None = None
    bundle: Bundle | None = None


@dataclass(slots=True)
class Board:
    """`rule`: the permitted use as a term, `permitted`: its name in the solver. `goals`: the red lines.

    `known`: no fact says of itself that nobody knows it.
    `say`: how each fact of a model comes to be seen so; a fact that it leaves out is unknown to the engine.
    `acts`: what the model has people do to the bundle.
    """

    bundle: Bundle
    truth: Frame
    seen: Frame
    rule: Term
    permitted: Term
    known: Term
    goals: Mapping[str, Term]
    solver: Solver
    say: Callable[[Model, Mapping[str, Value], Mapping[str, Value]], dict[str, Said]]
    acts: Callable[[Model], Acts]

    def find(self, *assumptions: Term) -> Found:
        """A use that is permitted, by the live engine too, under these assumptions.

        What is not said is unknown to the engine: where a use only seems to get through, the denied
        completion that the engine finds becomes a fact about the rule, and the question is asked again.
        """
        answer = self.solver.ask(self.permitted, self.known, *assumptions)
        while True:
            if answer is not Answer.SATISFIABLE:
                # What is known to everybody needs no lesson, so that is looked at first.
                answer = self.solver.ask(self.permitted, *assumptions)
            if answer is not Answer.SATISFIABLE:
                return Found(answer)
            model = self.solver.model()
            found = self.replay(model)
            if found.witness is not None and is_permitted(found.witness.decision):
                return found
            self._learn(found)
            answer = self.solver.ask(self.permitted, *assumptions)

    def model(self, *assumptions: Term) -> Found:
        """Like `find`, without a replay where nothing is unknown: for steps on the way to an answer."""
        if self.solver.ask(self.permitted, self.known, *assumptions) is Answer.SATISFIABLE:
            return Found(Answer.SATISFIABLE, self.solver.model())
        return self.find(*assumptions)

    def replay(self, model: Model) -> Found:
        """The use of a model on the bundle as the model's acts leave it."""
        left = amended(self.bundle, self.acts(model))
        truth, seen = self.truth.read(model), self.seen.read(model)
        said = self.say(model, truth, seen)
        point = self.truth.read_point(model)
        decision = live_decision(left, point, said, truth)
        return Found(Answer.SATISFIABLE, model, Witness(point, truth, said, decision), left)

    def _learn(self, found: Found) -> None:
        witness, bundle, model = found.witness, found.bundle, found.model
        if witness is None or bundle is None or model is None:
            raise ReplayError("there is nothing to learn from")
        specs = bundle.registry.facts
        open_facts = [
            name
            for name in self.bundle.registry.facts
            if name not in witness.said or specs[name].is_unknown(witness.said[name].value)
        ]
        box = denied_completion(bundle, witness)
        if box is None or not open_facts:
            raise ReplayError(
                f"the solver found a use that the live engine answers with `{witness.decision.verdict.value}`"
            )
        layout = program_for(bundle.policy, Point(witness.point)).layout
        worlds = {name: pinned(self.seen.facts[name], one_world(layout, name, box)) for name in open_facts}
        for name in open_facts:
            # The rule ranges over each fact apart as well: the fewer are pinned, the more is learnt.
            fewer = [pair for other, pairs in worlds.items() if other != name for pair in pairs]
            if len(worlds) > 1 and not model.holds(replaced(self.rule, fewer)):
                del worlds[name]
        guards: list[Term] = []
        for name in worlds:
            symbol = self.seen.facts[name]
            if name in witness.said and isinstance(symbol, Word):
                guards.append(disj(symbol.is_word(word) for word in sorted(specs[name].unknown)))
        completed = replaced(self.rule, [pair for pairs in worlds.values() for pair in pairs])
        self.solver.require(disj([neg(conj([*guards, self.rule])), completed]))

    def reduced(self, found: Found, specification: tuple[Clause, ...] = ()) -> Witness:
        """The use of an answer without what does not matter, inside the red line for all that is left out."""
        witness, bundle = found.witness, found.bundle
        if witness is None or bundle is None:
            raise ReplayError("there is no use to make smaller")

        def still(smaller: Witness) -> Decision | None:
            decision = live_decision(bundle, smaller.point, smaller.said, smaller.truth)
            inside = not specification or all_inside(self.bundle, specification, smaller)
            return decision if is_permitted(decision) and inside else None

        return shrunk(bundle, witness, still)


def one_world(layout: Layout, name: str, box: list[int]) -> Value:
    """One value of a fact in a box of worlds."""
    slot, spec = layout.slots[name], layout.specs[name]
    if layout.is_pair(name):
        if not spec.values:
            return box[slot]
        must = frozenset(word for word in spec.values if box[slot] & layout.alphabet[word])
        may = [word for word in spec.values if box[slot + 1] & layout.alphabet[word]]
        return must or (frozenset(may[:1]) if spec.empty_is_unknown else must)
    if name in layout.word_bits:
        bits = layout.word_bits[name]
        return next(word for word in spec.values if box[slot] & bits[word])
    return bool(box[slot] & TRUE)


def pinned(symbol: Symbol, value: Value) -> list[tuple[Variable, Variable]]:
    """The variables of a symbol, each with its part of the value."""
    match symbol:
        case Word(bits, places, width):
            return [(bits, constant(places[str(value)], width))]
        case Flag(term):
            return [(term, value is True)]
        case Integer(bits):
            number = value if isinstance(value, int) else 0
            return [(bits, constant(number, INTEGER_BITS))]
        case Members(terms):
            held = value if isinstance(value, frozenset) else frozenset[str]()
            return [(term, word in held) for word, term in terms.items()]


def nothing_unknown(frame: Frame) -> Term:
    """Whether no fact has a value that says that nobody knows."""
    return conj(
        neg(symbol.is_word(word))
        for name, spec in frame.specs.items()
        for word in sorted(spec.unknown)
        if isinstance(symbol := frame.facts[name], Word)
    )
