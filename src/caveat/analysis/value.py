"""What only this clause blocks: leave-one-out and Shapley share of each clause over a file of uses.

A use is held back where some clause that is in force denies a world that its facts leave open. So each way
to hold it back is a set of clause ids that must all stand, and the shares follow exactly. The rule's own
clauses count like others: without *a claim is not evidence* the caller's word fills what is unknown, without
*contradiction* forged evidence and lies about attested facts are ignored. Source: POLICY section 4, ADR-0017.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import factorial

from caveat.analysis.questions import clause_ids
from caveat.call.call import Point
from caveat.decision.decide import decide, program_for
from caveat.decision.resolve import resolve
from caveat.decision.search import Budget
from caveat.decision.verdict import Reason, Verdict
from caveat.facts.fact import Facts
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle, Policy
from caveat.policy.expression import APPROVALS

_FAULTS = frozenset(
    {Reason.FORGED_EVIDENCE, Reason.REPLAYED_EVIDENCE, Reason.CONTRADICTORY_EVIDENCE, Reason.CONFLICT}
)
MOST_SHARING = 14
"""More clauses that hold back one use are not shared out: there are too many orders of them."""


@dataclass(frozen=True, slots=True)
class Case:
    """One use of a scenario file, as the gateway sees it at the prompt."""

    id: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Worth:
    """`only`: the uses that nothing else holds back. `share`: its part of all uses that are held back."""

    clause: str
    only: tuple[str, ...]
    share: Fraction


@dataclass(frozen=True, slots=True)
class Worths:
    """The worth of each clause; `unshared`: uses with too many clauses to share them out."""

    clauses: tuple[Worth, ...]
    held_back: int
    uses: int
    unshared: tuple[str, ...]


def value_of(bundle: Bundle, cases: Sequence[Case]) -> Worths:
    """What each clause is worth over these uses; the shares add up to the uses that are held back."""
    process = [row.id for row in bundle.manifest.process]
    players = list(dict.fromkeys((*clause_ids(bundle.clauses), *process)))
    only: dict[str, list[str]] = {name: [] for name in players}
    shares: dict[str, Fraction] = dict.fromkeys(players, Fraction(0))
    held_back = 0
    unshared: list[str] = []
    for case in cases:
        ways = ways_held_back(bundle, case.facts)
        if not ways:
            continue
        held_back += 1
        for name in sorted(name for name in sharing(ways) if all(name in way for way in ways)):
            only.setdefault(name, []).append(case.id)
        if len(sharing(ways)) > MOST_SHARING:
            unshared.append(case.id)
            continue
        for name, share in shapley(ways).items():
            shares[name] = shares.get(name, Fraction(0)) + share
    worth = tuple(Worth(name, tuple(only[name]), shares[name]) for name in only)
    return Worths(worth, held_back, len(cases), tuple(unshared))


def ways_held_back(bundle: Bundle, facts: Facts) -> tuple[frozenset[str], ...]:
    """The minimal sets of clause ids that hold the use back, each by itself; empty where it is allowed."""
    policy = bundle.policy
    contradiction = policy.mechanisms.get("contradiction", "contradiction")
    unverified = policy.mechanisms.get("unverified_context", "unverified_context")
    resolved = resolve(policy.registry, facts)
    ways: list[frozenset[str]] = []
    decision = decide(policy, Point.PROMPT, facts)
    if decision.verdict is Verdict.ALLOW:
        return ()
    if decision.reason in _FAULTS:
        ways.append(frozenset({contradiction}))
    believed = {**resolved.claims, **resolved.known}
    ways += _denying(policy, believed, facts.approvals)
    ways += (way | {unverified} for way in _denying(policy, resolved.known, facts.approvals))
    return minimal(ways)


def _denying(
    policy: Policy, known: Mapping[str, Value], approvals: frozenset[str]
) -> Iterable[frozenset[str]]:
    """The ids of each clause that denies some world of these facts; of the default where nothing permits."""
    program = program_for(policy, Point.PROMPT)
    box = program.widest.copy()
    for name, value in known.items():
        program.layout.write(box, name, value)
    program.layout.write(box, APPROVALS, approvals)
    for each in program.compiled:
        if each.clause.is_permit:
            continue
        if program.can_stop(each, box, Budget(policy.step_budget)):
            yield frozenset(each.clause.clauses)
    permits = [each for each in program.compiled if each.clause.is_permit]
    if all(bool(each.false(box)) for each in permits):
        yield frozenset({policy.mechanisms.get("default_deny", "default_deny")})


def minimal(ways: Iterable[frozenset[str]]) -> tuple[frozenset[str], ...]:
    """The sets that hold no other, in a fixed order."""
    found = set(ways)
    kept = [way for way in found if not any(other < way for other in found)]
    return tuple(sorted(kept, key=lambda way: (len(way), sorted(way))))


def sharing(ways: Sequence[frozenset[str]]) -> list[str]:
    """The clauses that some way holds."""
    return sorted({name for way in ways for name in way})


def shapley(ways: Sequence[frozenset[str]]) -> dict[str, Fraction]:
    """The Shapley value of each clause in the game that a set wins where it holds one of these ways."""
    players = sharing(ways)
    shares: dict[str, Fraction] = {}
    for name in players:
        others = [other for other in players if other != name]
        share = Fraction(0)
        for size in range(len(others) + 1):
            weight = Fraction(factorial(size) * factorial(len(others) - size), factorial(len(players)))
            for chosen in map(frozenset, combinations(others, size)):
                if not _wins(ways, chosen) and _wins(ways, chosen | {name}):
                    share += weight
        shares[name] = share
    return shares


def _wins(ways: Sequence[frozenset[str]], chosen: frozenset[str]) -> bool:
    return any(way <= chosen for way in ways)
