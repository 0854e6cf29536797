"""What an adversary may make of the truth: how a use that is true can be seen by the verdict rule.

Two frames, *truth* and *seen*, share every variable that the adversary cannot touch. Each adversary may do
what those before may: the *honest* has everything known truthfully; the *silent* withholds, so that a
neutral value stands where no observer looks; the *liar* sets what counts when merely claimed; the *evader*
sets every screen's score; one corrupt *issuer* signs anything that it is entitled to, or settles a count
below the truth; a corrupt *operator* reports anything that the gateway observes. Approvals are the
adversary's throughout. Withholding alone opens nothing under the verdict rule, since what is unknown
ranges over every value, the true one among them. Source: POLICY section 4, ADR-0017.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from caveat.analysis.frame import (
    Frame,
    Integer,
    Members,
    Symbol,
    equal_symbols,
    fixed_symbol,
    has_value,
    make_symbol,
    well_formed,
)
from caveat.analysis.solve import INTEGER_BITS, Term, conj, constant, disj, flag, less_equal, neg
from caveat.evidence.entitlement import COUNTER
from caveat.evidence.trust import Issuer, Purpose, Trust, ValueRange, is_entitled
from caveat.facts.fact import Grade
from caveat.facts.registry import FactSpec
from caveat.policy.bundle import Bundle
from caveat.policy.workflows import REGISTRATION

TOTALS = "totals"


class Adversary(StrEnum):
    """Each may do what those before may; of the last two, each is the evader and one thing more."""

    HONEST = "honest"
    SILENT = "silent"
    LIAR = "liar"
    EVADER = "evader"
    ISSUER = "issuer"
    OPERATOR = "operator"


_RANK = {adversary: rank for rank, adversary in enumerate(Adversary)}


@dataclass(frozen=True, slots=True)
class Insider:
    """Somebody whose word counts, and who may lie. `name` is how results speak of them, `role` their issuer
    role, if any.

    `grants`: each fact whose value they can make up, within a range where one is set. `settles`: the counts
    that they can settle at the lower end of what was counted.
    """

    name: str
    role: str
    grants: Mapping[str, ValueRange | None]
    settles: frozenset[str] = frozenset()


def insiders(bundle: Bundle, trust: Trust) -> tuple[Insider, ...]:
    """Every issuer whose word counts for some fact: as enrolled, else the role as a whole.

    Whoever attests counts of persons also moves the totals that are made of them. What a registration says
    is signed by the parties with the bundle, so it is no issuer's.
    """
    facts = bundle.registry.facts
    enrolled = [issuer for issuer in trust.issuers.values() if issuer.purpose is Purpose.EVIDENCE]
    roles = sorted({role for spec in facts.values() for role in spec.attested_by} - {REGISTRATION})
    found: list[Insider] = []
    for role in roles:
        holders = sorted((i for i in enrolled if i.role == role), key=lambda issuer: issuer.id)
        if holders:
            found += [_enrolled(bundle, issuer) for issuer in holders]
        else:
            granted = {name: None for name, spec in facts.items() if role in spec.attested_by}
            found.append(Insider(role, role, _with_totals(bundle, granted)))
    settler = bundle.policy.interval_role
    if settler is not None:
        counts = frozenset(name for name, spec in facts.items() if spec.observed_by)
        found.append(Insider(f"{settler} (settling counts)", "", {}, counts))
    return tuple(found)


def _enrolled(bundle: Bundle, issuer: Issuer) -> Insider:
    granted = {
        name: issuer.values.get(name)
        for name in bundle.registry.facts
        if is_entitled(issuer, name, bundle.registry)
    }
    return Insider(issuer.id, issuer.role, _with_totals(bundle, granted))


def _with_totals(bundle: Bundle, granted: Mapping[str, ValueRange | None]) -> dict[str, ValueRange | None]:
    facts = bundle.registry.facts
    result = dict(granted)
    if any(COUNTER in facts[name].observed_by for name in granted):
        result |= {name: None for name, spec in facts.items() if TOTALS in spec.observed_by}
    return result


@dataclass(frozen=True, slots=True)
class Seen:
    """How a use can be seen. `possible`: what ties it to the truth. `corrupt`: by insider, their variable."""

    frame: Frame
    possible: Term
    corrupt: Mapping[str, Term]


def seen_by(bundle: Bundle, truth: Frame, adversary: Adversary, corruptible: Iterable[Insider] = ()) -> Seen:
    """The seen frame of `truth` under this adversary; `corruptible` matter for `ISSUER` alone."""
    chosen = tuple(corruptible) if adversary is Adversary.ISSUER else ()
    corrupt = {insider.name: flag(f"corrupt!{insider.name}") for insider in chosen}
    facts: dict[str, Symbol] = {}
    ties: list[Term] = []
    for name, spec in bundle.registry.facts.items():
        symbol, tie = _seen_fact(name, spec, truth.facts[name], adversary, chosen, corrupt)
        facts[name] = symbol
        ties.append(tie)
    return Seen(replace(truth, facts=facts), conj(ties), corrupt)


def _seen_fact(
    name: str,
    spec: FactSpec,
    true: Symbol,
    adversary: Adversary,
    chosen: tuple[Insider, ...],
    corrupt: Mapping[str, Term],
) -> tuple[Symbol, Term]:
    """What is seen of one fact, and what ties it to the truth."""
    own = make_symbol(f"s!{name}", spec)
    if spec.grade is Grade.ESTIMATED and _RANK[adversary] < _RANK[Adversary.EVADER]:
        if spec.neutral is not None:
            # What compares content with words finds nothing where all words are true, forbidden or not.
            return own, well_formed(own, spec)
        # A screen that nobody evades sees a forbidden use for what it is.
        return fixed_symbol(spec, spec.severest), True
    if can_set(spec, adversary):
        return own, well_formed(own, spec)
    ways: list[Term] = []
    if spec.neutral_unobserved and spec.neutral is not None and adversary is not Adversary.HONEST:
        ways.append(has_value(own, spec.neutral))
    for insider in chosen:
        if name in insider.grants:
            ways.append(conj([corrupt[insider.name], in_range(own, spec, insider.grants[name])]))
        elif name in insider.settles and isinstance(own, Integer) and isinstance(true, Integer):
            ways.append(conj([corrupt[insider.name], less_equal(own.bits, true.bits)]))
    if not ways:
        return true, True
    return own, conj([well_formed(own, spec), disj([equal_symbols(own, true), *ways])])


def can_set(spec: FactSpec, adversary: Adversary) -> bool:
    """Whether the adversary, without any insider, chooses the value that counts."""
    rank = _RANK[adversary]
    return (
        (spec.grade is Grade.CLAIMED and rank >= _RANK[Adversary.LIAR])
        or (spec.grade is Grade.ESTIMATED and rank >= _RANK[Adversary.EVADER])
        or (bool(spec.observed_by) and adversary is Adversary.OPERATOR)
    )


def in_range(symbol: Symbol, spec: FactSpec, granted: ValueRange | None) -> Term:
    """Whether the value lies in what the issuer may attest."""
    if granted is None:
        return True
    if granted.values is not None:
        if isinstance(symbol, Members):
            return conj(neg(term) for word, term in symbol.terms.items() if word not in granted.values)
        return disj(has_value(symbol, value) for value in granted.values)
    if not isinstance(symbol, Integer):
        return False
    lo = spec.lo if granted.lo is None else granted.lo
    hi = spec.hi if granted.hi is None else granted.hi
    return conj(
        [
            less_equal(constant(lo, INTEGER_BITS), symbol.bits),
            less_equal(symbol.bits, constant(hi, INTEGER_BITS)),
        ]
    )
