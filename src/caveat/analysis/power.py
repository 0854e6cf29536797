"""What people could make of a policy: amend what their signatures reach, lie as issuers, run the gateway.

One board with a variable for each of them. The caller has the powers of the evader throughout, since they
cost no signature. An amended forbid vanishes, an amended permit permits everything, an amended limit is any
number. Who amends a fact enrols a false issuer for it, so what is seen of it is free; a fact that nobody
may attest takes its readers' consent too. Amending is monotone, so this is exact for what stands in the
bundle, and adding a clause takes the consent of amending one with its effect (ADR-0019), which does as much.
Source: POLICY section 4, ADR-0017.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from caveat.analysis.adversary import Adversary, Insider, can_set, in_range, insiders
from caveat.analysis.amended import Acts
from caveat.analysis.board import Board, Switched, nothing_unknown, permitted_with
from caveat.analysis.encode import EncodedPolicy, encode_policy, inside
from caveat.analysis.frame import (
    Frame,
    Integer,
    Symbol,
    equal_symbols,
    has_value,
    make_frame,
    make_symbol,
    well_formed,
)
from caveat.analysis.holds import RedLine, red_lines_of
from caveat.analysis.solve import (
    INTEGER_BITS,
    Model,
    Session,
    Solver,
    Term,
    conj,
    constant,
    disj,
    flag,
    less_equal,
    neg,
    same,
    vector,
)
from caveat.analysis.witness import Said, said_of
from caveat.evidence.trust import Trust
from caveat.facts.fact import Grade
from caveat.facts.registry import FactSpec
from caveat.facts.value import Value
from caveat.policy.amend import Actor, Both, Either, Formula, parse_amend
from caveat.policy.bundle import Bundle, clauses_over_limits
from caveat.policy.clause import Clause
from caveat.policy.expression import atoms, facts_of


@dataclass(slots=True)
class Power:
    """The board, and who is on it: a variable for each actor, insider and the operator.

    `amend_limits`, `amend_facts`: whether such acts are among those that are looked at. `second`: by fact,
    a second, independent issuer is asked of it, so one insider alone changes nothing of it.
    """

    board: Board
    lines: tuple[RedLine, ...]
    actors: Mapping[str, Term]
    people: Mapping[str, Insider]
    corrupt: Mapping[str, Term]
    operator: Term
    amend_limits: Term
    amend_facts: Term
    second: Mapping[str, Term]

    def nobody(self, *groups: Mapping[str, Term]) -> list[Term]:
        """None of these does anything."""
        return [neg(term) for group in groups for term in group.values()]


def make_power(session: Session, bundle: Bundle, trust: Trust | None) -> Power:
    """The board of a bundle and the trust policy that goes with it; without one nobody lies as an issuer."""
    facts = bundle.registry.facts
    truth = make_frame(facts, bundle.policy.roles, "t")
    liars = () if trust is None else insiders(bundle, trust)
    people = {insider.name: insider for insider in liars}
    power = Power(
        board=_unplayed(bundle, truth),
        lines=red_lines_of(bundle),
        actors={name: flag(f"actor!{name}") for name in bundle.manifest.actors},
        people=people,
        corrupt={name: flag(f"corrupt!{name}") for name in people},
        operator=flag("operator!"),
        amend_limits=flag("limits!"),
        amend_facts=flag("facts!"),
        second={name: flag(f"second!{name}") for name in facts},
    )
    symbols: dict[str, Symbol] = {}
    ties: list[Term] = []
    for name, spec in facts.items():
        symbols[name] = make_symbol(f"s!{name}", spec)
        ties.append(_tie(power, name, spec, truth.facts[name], symbols[name]))
    for name, limit in bundle.manifest.limits.items():
        number = vector(f"limit!{name}", INTEGER_BITS)
        symbols[f"limits.{name}"] = Integer(number)
        kept = same(number, constant(limit.value, INTEGER_BITS))
        may = conj([power.amend_limits, granted(limit.amend, power.actors)])
        ties.append(disj([kept, may]))
    seen = replace(truth, facts=symbols)
    solver = session.solver(truth.well_formed, *ties)
    _play(power, solver, seen, encode_policy(seen, clauses_over_limits(bundle)))
    return power


def granted(formula: Formula, actors: Mapping[str, Term]) -> Term:
    """Whether the actors who act satisfy the formula together."""
    match formula:
        case Actor(name):
            return actors[name]
        case Both(parts):
            return conj(granted(part, actors) for part in parts)
        case Either(parts):
            return disj(granted(part, actors) for part in parts)


def fact_consent(bundle: Bundle, name: str) -> Formula:
    """Whose signatures free the value of a fact: by a false issuer, or by its registry where none may be."""
    spec = bundle.registry.facts[name]
    own = parse_amend(spec.amend)
    if spec.attested_by:
        return own
    return Both((own, *(clause.amend for clause in readers(bundle.clauses, name))))


def readers(clauses: Iterable[Clause], fact: str) -> list[Clause]:
    """The clauses that read a fact."""
    return [
        clause for clause in clauses if any(fact in facts_of(atom) for atom, _ in atoms(clause.condition))
    ]


def _tie(power: Power, name: str, spec: FactSpec, true: Symbol, own: Symbol) -> Term:
    """What is seen of a fact: the truth, or what somebody makes of it."""
    bundle = power.board.bundle
    ways: list[Term] = [True] if can_set(spec, Adversary.EVADER) else [equal_symbols(own, true)]
    if spec.neutral_unobserved and spec.neutral is not None:
        ways.append(has_value(own, spec.neutral))
    if spec.observed_by:
        ways.append(power.operator)
    ways.append(conj([power.amend_facts, granted(fact_consent(bundle, name), power.actors)]))
    alone = neg(power.second[name])
    for insider in power.people.values():
        corrupt = power.corrupt[insider.name]
        if name in insider.grants:
            ways.append(conj([corrupt, alone, in_range(own, spec, insider.grants[name])]))
        elif name in insider.settles and isinstance(own, Integer) and isinstance(true, Integer):
            ways.append(conj([corrupt, alone, less_equal(own.bits, true.bits)]))
    return conj([well_formed(own, spec), disj(ways)])


def _unplayed(bundle: Bundle, truth: Frame) -> Board:
    """The board before anything stands on it."""
    return Board(
        bundle=bundle,
        truth=truth,
        seen=truth,
        rule=False,
        permitted=False,
        known=True,
        goals={},
        solver=Session().solver(),
        say=lambda _model, _truth, _seen: {},
        acts=lambda _model: Acts(),
    )


def _play(power: Power, solver: Solver, seen: Frame, policy: EncodedPolicy) -> None:
    board = power.board
    clauses: list[Switched] = []
    for each in policy.clauses:
        amendable = granted(each.clause.amend, power.actors)
        is_permit = each.clause.is_permit
        clauses.append(
            Switched(each, gone=False if is_permit else amendable, whole=amendable if is_permit else False)
        )
    board.solver = solver
    board.seen = seen
    board.rule = permitted_with(clauses)
    board.permitted = solver.name(board.rule)
    board.known = solver.name(nothing_unknown(seen))
    board.goals = {
        line.id: solver.name(inside(board.truth, line.specification)) for line in red_lines_of(board.bundle)
    }
    board.acts = lambda model: acts_in(power, policy, model)
    board.say = lambda model, true, facts: _say(power, model, true, facts)


def acts_in(power: Power, policy: EncodedPolicy, model: Model) -> Acts:
    """The acts that the model's use takes: what would else deny it, and no more."""
    bundle = power.board.bundle
    reach = [each for each in policy.clauses if model.holds(granted(each.clause.amend, power.actors))]
    forbids = [each for each in reach if not each.clause.is_permit]
    idle = not any(model.holds(each.fires) for each in policy.clauses if each.clause.is_permit)
    widened = [each for each in reach if each.clause.is_permit and (idle or model.holds(each.errs))]
    limits: dict[str, int] = {}
    for name, limit in bundle.manifest.limits.items():
        symbol = policy.frame.facts[f"limits.{name}"]
        number = model.integer(symbol.bits) if isinstance(symbol, Integer) else limit.value
        if number != limit.value:
            limits[name] = number
    truth, seen = power.board.truth.read(model), policy.frame.read(model)
    return Acts(
        removed=frozenset(each.clause.id for each in forbids if model.holds(disj([each.fires, each.errs]))),
        widened=frozenset(each.clause.id for each in widened),
        limits=limits,
        claimed=frozenset(
            name
            for name, spec in bundle.registry.facts.items()
            if seen[name] != truth[name]
            and not spec.attested_by
            and model.holds(power.amend_facts)
            and model.holds(granted(fact_consent(bundle, name), power.actors))
        ),
    )


def _say(
    power: Power, model: Model, truth: Mapping[str, Value], seen: Mapping[str, Value]
) -> dict[str, Said]:
    """How each fact comes to be seen so: by an insider, a false issuer, the operator, or the caller."""
    bundle = power.board.bundle
    liars = [power.people[name] for name, term in power.corrupt.items() if model.holds(term)]
    operates = model.holds(power.operator)
    amends = model.holds(power.amend_facts)
    said: dict[str, Said] = {}
    for name, spec in bundle.registry.facts.items():
        value = seen[name]
        lies = value != truth[name]
        amendable = amends and lies and model.holds(granted(fact_consent(bundle, name), power.actors))
        lying = next((one for one in liars if lies and name in one.grants), None)
        if can_set(spec, Adversary.EVADER):
            said[name] = said_of(spec, value, truth[name], Adversary.EVADER)
        elif lying is not None:
            attests = lying.role in spec.attested_by
            role = lying.role if attests else min(spec.observed_by, default="")
            said[name] = Said(value, Grade.ATTESTED if attests else Grade.OBSERVED, role)
        elif lies and any(name in one.settles for one in liars):
            said[name] = Said(value, Grade.OBSERVED, min(spec.observed_by), settled=True)
        elif amendable and spec.attested_by:
            said[name] = Said(value, Grade.ATTESTED, min(spec.attested_by))
        elif amendable:
            said[name] = Said(value, Grade.CLAIMED, "caller")
        else:
            seen_as = Adversary.OPERATOR if operates else Adversary.EVADER
            said[name] = said_of(spec, value, truth[name], seen_as)
    return said
