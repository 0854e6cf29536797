"""The other direction: who alone could close a purpose that is permitted today.

An amended forbid forbids everything, an amended permit is gone, an amended fact has no issuer any more, and
an amended limit is the lowest or the highest number. What is listed as closing closes: the question whether
some use of the purpose is left was asked of the bundle so amended. Source: POLICY section 4, ADR-0017.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

from caveat.analysis.amended import Acts, amended
from caveat.analysis.questions import Purpose, make_questions, permitted_use
from caveat.analysis.solve import Answer, Session
from caveat.facts.value import LONG_MAX, LONG_MIN
from caveat.policy.amend import is_satisfied, parse_amend
from caveat.policy.bundle import Bundle

MOST_ACTORS = 12
"""Beyond so many actors only sets of one and two are looked at, and the list says that it is not whole."""

Sets: TypeAlias = tuple[frozenset[str], ...]
_Key: TypeAlias = tuple[frozenset[str], frozenset[str], frozenset[tuple[str, int]]]


def smallest_sets(actors: Iterable[str], suffices: Callable[[frozenset[str]], bool]) -> Sets:
    """The minimal sets of actors for which a monotone question is answered with yes."""
    names = sorted(actors)
    most = len(names) if len(names) <= MOST_ACTORS else 2
    found: list[frozenset[str]] = []
    for size in range(most + 1):
        for chosen in map(frozenset, combinations(names, size)):
            if not any(each <= chosen for each in found) and suffices(chosen):
                found.append(chosen)
    return tuple(found)


@dataclass(slots=True)
class Closing:
    """Who can close what, for the purposes that are permitted. Each law is asked about once."""

    session: Session
    bundle: Bundle
    permitted: tuple[Purpose, ...]
    _closed: dict[_Key, frozenset[str]] = field(default_factory=dict[_Key, frozenset[str]])

    def cuts(self) -> Mapping[str, Sets]:
        """By purpose the minimal sets of actors who could close it."""
        forbids = [clause.amend for clause in self.bundle.clauses if not clause.is_permit]
        found: dict[str, Sets] = {}
        for purpose in self.permitted:

            def suffices(chosen: frozenset[str], name: str = purpose.name) -> bool:
                if any(is_satisfied(formula, chosen) for formula in forbids):
                    return True
                return any(name in self.closed(acts) for acts in closing_acts(self.bundle, chosen))

            found[purpose.name] = smallest_sets(self.bundle.manifest.actors, suffices)
        return found

    def closed(self, acts: Acts) -> frozenset[str]:
        """The purposes of which these acts leave no permitted use: proved, or not listed."""
        key = (acts.removed, acts.unknowable, frozenset(acts.limits.items()))
        known = self._closed.get(key)
        if known is None:
            questions = make_questions(self.session, amended(self.bundle, acts), acts.unknowable)
            known = self._closed[key] = frozenset(
                purpose.name
                for purpose in self.permitted
                if permitted_use(questions, purpose).answer is Answer.UNSATISFIABLE
            )
        return known


def closing_acts(bundle: Bundle, actors: frozenset[str]) -> tuple[Acts, ...]:
    """The most that these actors can do against what is permitted, other than by forbids; none: nothing."""
    removed = frozenset(
        clause.id for clause in bundle.clauses if clause.is_permit and is_satisfied(clause.amend, actors)
    )
    unknowable = frozenset(
        name
        for name, spec in bundle.registry.facts.items()
        if spec.attested_by and not spec.observed_by and is_satisfied(parse_amend(spec.amend), actors)
    )
    limits = [name for name, limit in bundle.manifest.limits.items() if is_satisfied(limit.amend, actors)]
    if not limits:
        acts = Acts(removed=removed, unknowable=unknowable)
        return () if acts.is_nothing else (acts,)
    return tuple(
        Acts(removed=removed, unknowable=unknowable, limits=dict.fromkeys(limits, number))
        for number in (LONG_MIN, LONG_MAX)
    )
