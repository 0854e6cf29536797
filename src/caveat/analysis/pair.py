"""Two bundles over one use: what the first permits, and what the second sees of the same use and denies.

A use is what is said, by whom, and which approvals are given. Where both bundles know a fact by the same
word they see one value. Where a fact counts for the first alone – a lower grade, another issuer, a neutral
value without observer, a screen – the second does not know it, so it denies as soon as *some* value is
denied. Where the first does not know a fact, it permits only if *every* value is permitted; that is asked
of the live engine and learnt from it. Source: ADR-0018.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from caveat.analysis.adversary import Adversary, can_set
from caveat.analysis.encode import EncodedPolicy, Encoder, encode_policy
from caveat.analysis.errors import EmptyWorldError
from caveat.analysis.frame import (
    Frame,
    Integer,
    Members,
    Symbol,
    Word,
    equal_symbols,
    fixed_symbol,
    has_value,
    make_symbol,
)
from caveat.analysis.saying import declares_more, is_comparable, unknown_words, ways
from caveat.analysis.solve import (
    INTEGER_BITS,
    Answer,
    Bits,
    Session,
    Solver,
    Term,
    below,
    conj,
    constant,
    disj,
    flag,
    less_equal,
    neg,
    vector,
)
from caveat.facts.fact import Grade
from caveat.facts.observers import ABSENT
from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle
from caveat.policy.clause import POINTS

_POINT_BITS = 2


@dataclass(frozen=True, slots=True)
class Tie:
    """One fact in both bundles. `plain`: known alike, truthfully, and no word that nobody knows.

    `unsaid`: nobody says it to the first bundle, which then permits for every value of it.
    """

    gain: Symbol
    lose: Symbol
    truth: Symbol
    possible: Term
    plain: Term
    fault: Term
    unsaid: Term = False


@dataclass(slots=True)
class Pair:
    """`first` permits, `second` does not. The frames: `gain` as seen by the first, `lose` a completion of
    what the second sees, `truth` as it is. `plain` assumes that no fact is known otherwise than truthfully.
    """

    first: Bundle
    second: Bundle
    gain: Frame
    lose: Frame
    truth: Mapping[str, Frame]
    unsaid: Mapping[str, Term]
    plain: Term
    policy: EncodedPolicy
    denying: EncodedPolicy
    gained: Term
    solver: Solver


def make_pair(session: Session, first: Bundle, second: Bundle, tag: str) -> Pair:
    """The question encoded once; raises `EmptyWorldError` where a registry leaves no world."""
    roles = tuple(dict.fromkeys((*first.policy.roles, *second.policy.roles)))
    given = {role: flag(f"{tag}!approval:{role}") for role in roles}
    point = vector(f"{tag}!point", _POINT_BITS)
    ties = _ties(first, second, tag)
    gain = _frame(first, {name: tie.gain for name, tie in ties.items()}, given, point)
    lose = _frame(second, {name: tie.lose for name, tie in ties.items()}, given, point)
    true = {name: tie.truth for name, tie in ties.items()}
    policy, denying = _encoded(gain, lose, first, second)
    solver = session.solver(below(point, len(POINTS)), *(tie.possible for tie in ties.values()))
    if solver.ask() is Answer.UNSATISFIABLE:
        raise EmptyWorldError("no world satisfies both registries of facts")
    fault = disj(tie.fault for tie in ties.values())
    return Pair(
        first=first,
        second=second,
        gain=gain,
        lose=lose,
        truth={
            "first": _frame(first, true, given, point),
            "second": _frame(
                second, {**true, **{n: t.lose for n, t in _apart(first, second, ties)}}, given, point
            ),
        },
        unsaid={name: tie.unsaid for name, tie in ties.items() if tie.unsaid is not False},
        plain=solver.name(conj(tie.plain for tie in ties.values())),
        policy=policy,
        denying=denying,
        gained=solver.name(conj([policy.permitted, disj([fault, neg(denying.permitted)])])),
        solver=solver,
    )


def _encoded(gain: Frame, lose: Frame, first: Bundle, second: Bundle) -> tuple[EncodedPolicy, EncodedPolicy]:
    """The clauses of both; where both see the same of a use, what they share is encoded once."""
    one = Encoder(gain)
    same = (
        gain.facts.keys() == lose.facts.keys()
        and all(lose.facts[name] is symbol for name, symbol in gain.facts.items())
        and first.policy.roles == second.policy.roles
    )
    other = one if same else Encoder(lose)
    return (
        EncodedPolicy(gain, tuple(one.clause(clause) for clause in first.clauses)),
        EncodedPolicy(lose, tuple(other.clause(clause) for clause in second.clauses)),
    )


def _apart(first: Bundle, second: Bundle, ties: Mapping[str, Tie]) -> Iterable[tuple[str, Tie]]:
    """Facts of the second bundle that the first does not have under this name and type."""
    one, other = first.registry.facts, second.registry.facts
    return [(n, t) for n, t in ties.items() if n in other and not is_comparable(one.get(n), other[n])]


def _frame(bundle: Bundle, symbols: Mapping[str, Symbol], given: Mapping[str, Term], point: Bits) -> Frame:
    specs = bundle.registry.facts
    approvals = Members({role: given[role] for role in bundle.policy.roles})
    return Frame(specs, {name: symbols[name] for name in specs}, approvals, point, well_formed=True)


def _ties(first: Bundle, second: Bundle, tag: str) -> dict[str, Tie]:
    one, other = first.registry.facts, second.registry.facts
    return {
        name: _tie(f"{tag}!{name}", one.get(name), other.get(name)) for name in dict.fromkeys((*one, *other))
    }


def _tie(name: str, one: FactSpec | None, other: FactSpec | None) -> Tie:
    if one is not None and other is not None and one.type is other.type:
        return _tie_both(name, one, other)
    gain = make_symbol(name, one) if one is not None else None
    lose = make_symbol(f"{name}!second", other) if other is not None else None
    possible = [declared(symbol, spec) for symbol, spec in ((gain, one), (lose, other)) if symbol and spec]
    either = gain or lose
    if either is None:
        raise ValueError("a fact is declared by one of the two registries")
    true, tied = _truth(name, one, either) if one is not None else (either, True)
    plain = conj([_says_something(either, one), equal_symbols(true, either)]) if one is not None else True
    return Tie(either, lose or either, true, conj([*possible, tied]), plain, fault=False)


def _tie_both(name: str, one: FactSpec, other: FactSpec) -> Tie:
    """A fact of both: how the second can see what the first sees as `gain`."""
    spec = _joined(one, other)
    gain = make_symbol(name, spec)
    common, more = ways(one) & ways(other), ways(one) - ways(other)
    surplus = ways(other) - ways(one)
    unsaid: Term = flag(f"{name}!unsaid") if declares_more(other, one) else False
    lost = _words(gain, unknown_words(other) - unknown_words(one))
    scored = one.grade is Grade.ESTIMATED and (bool(surplus) or one.severest != other.severest)
    shared = bool(common) and not more and unsaid is False and lost is False and not scored
    lose = gain if shared else make_symbol(f"{name}!second", spec)
    anything = declared(lose, other)
    missed = has_value(lose, other.severest) if other.grade is Grade.ESTIMATED else anything
    same = equal_symbols(gain, lose)
    nonempty = neg(_words(gain, unknown_words(other))) if other.empty_is_unknown else True
    options: list[Term] = []
    if common:
        options.append(conj([same, nonempty]))
    if more:
        silent = more == frozenset({(Grade.OBSERVED, ABSENT)}) and one.neutral is not None
        options.append(
            conj([has_value(gain, one.neutral) if silent and one.neutral is not None else True, missed])
        )
    if scored:
        options.append(conj([has_value(gain, one.severest), anything if surplus else missed]))
    options += [conj([lost, anything]), conj([unsaid, missed])]
    true, tied = _truth(name, one, gain, spec)
    if unsaid is not False:
        true = make_symbol(f"{name}!true", spec)
        tied = disj([conj([unsaid, equal_symbols(true, lose)]), equal_symbols(true, gain)])
    fault = conj([same, neg(declared(gain, other)), nonempty])
    return Tie(
        gain=gain,
        lose=lose,
        truth=true,
        possible=conj([declared(gain, one), disj(options), tied]),
        plain=conj([same, neg(unsaid), equal_symbols(true, gain), _says_something(gain, one), bool(common)]),
        fault=fault,
        unsaid=unsaid,
    )


def _truth(name: str, one: FactSpec, gain: Symbol, spec: FactSpec | None = None) -> tuple[Symbol, Term]:
    """What may be true where the first bundle sees `gain`, before everybody up to the evader."""
    spec = spec or one
    if can_set(one, Adversary.EVADER):
        true = make_symbol(f"{name}!true", spec)
        return true, declared(true, spec)
    if one.neutral_unobserved and one.neutral is not None:
        true = make_symbol(f"{name}!true", spec)
        silent = conj([has_value(gain, one.neutral), declared(true, spec)])
        return true, disj([equal_symbols(true, gain), silent])
    return gain, True


def _joined(one: FactSpec, other: FactSpec) -> FactSpec:
    """The fact with every value of both."""
    return replace(
        one,
        values=tuple(dict.fromkeys((*one.values, *other.values))),
        lo=min(one.lo, other.lo),
        hi=max(one.hi, other.hi),
        empty_is_unknown=one.empty_is_unknown and other.empty_is_unknown,
    )


def _words(symbol: Symbol, values: Iterable[Value]) -> Term:
    return disj(has_value(symbol, value) for value in sorted(values, key=repr))


def _says_something(symbol: Symbol, spec: FactSpec | None) -> Term:
    return True if spec is None else neg(_words(symbol, unknown_words(spec)))


def declared(symbol: Symbol, spec: FactSpec) -> Term:
    """Whether the symbol, which may have values of another registry too, has one that this one declares."""
    match symbol:
        case Word(_, places, width):
            if set(places) == set(spec.values):
                return True if len(places) == 1 << width else below(symbol.bits, len(places))
            return disj(symbol.is_word(word) for word in spec.values)
        case Integer(bits):
            lo, hi = constant(spec.lo, INTEGER_BITS), constant(spec.hi, INTEGER_BITS)
            return conj([less_equal(lo, bits), less_equal(bits, hi)])
        case Members(terms):
            foreign = conj(neg(term) for word, term in terms.items() if word not in spec.values)
            return conj([foreign, disj(terms.values()) if spec.empty_is_unknown else True])
        case _:
            return True


def unknown_to_first(pair: Pair, name: str) -> Term:
    """Where the first bundle does not know the fact, so that it permits only for every value of it."""
    spec = pair.first.registry.facts[name]
    return disj([pair.unsaid.get(name, False), _words(pair.gain.facts[name], unknown_words(spec))])


def completed(pair: Pair, values: Mapping[str, Value]) -> Term:
    """Whether the first bundle permits with these facts at these values, and the rest as it is seen."""
    specs = pair.first.registry.facts
    fixed = {name: _fixed(specs[name], pair.gain.facts[name], value) for name, value in values.items()}
    frame = replace(pair.gain, facts={**pair.gain.facts, **fixed})
    return encode_policy(frame, pair.first.clauses).permitted


def _fixed(spec: FactSpec, symbol: Symbol, value: Value) -> Symbol:
    if isinstance(symbol, Word) and spec.type is FactType.ENUM:
        return Word(constant(symbol.places[str(value)], symbol.width), symbol.places, symbol.width)
    return fixed_symbol(spec, value)
