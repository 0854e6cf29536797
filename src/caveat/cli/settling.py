"""The shortest list of proofs that would settle what was refused for want of evidence.

Smallest over all situations of a deployment that are looked at, not for each use by itself: two uses that
could each be settled in two ways are settled by the one fact that they share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from caveat.cli.observed import Situation, Watched
from caveat.decision.explain import proof_settles, provable_facts
from caveat.decision.needs import smallest_sufficient
from caveat.decision.verdict import Verdict
from caveat.facts.registry import FactSpec
from caveat.policy.bundle import Bundle
from caveat.policy.deployments import REGISTRATION
from caveat.signing.canonical import Json, parse_strict
from caveat.signing.digest import Digest

EXACT_SITUATIONS = 100
How = Literal["register", "attest", "observe"]


@dataclass(frozen=True, slots=True)
class Step:
    """One fact to prove: how, by whom, at which value where the traffic shows one.

    `uses`: how many the list settles that it would not settle without this step. `parts`: different pieces
    of data in them.
    """

    fact: str
    how: How
    by: tuple[str, ...]
    value: Json
    uses: int
    parts: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """`settled`: uses that the steps settle. `exact`: no shorter list does, in all that was looked at."""

    steps: tuple[Step, ...]
    settled: int
    exact: bool


class _Asked:
    """One situation that lacks evidence, and what would settle it; each question is asked once."""

    def __init__(self, situation: Situation, bundle: Bundle) -> None:
        self.situation = situation
        self._policy = bundle.policy
        self.provable = frozenset(
            name for case in situation.cases for name in provable_facts(bundle.policy, situation.point, case)
        )
        self._known: dict[frozenset[str], bool] = {}

    def settles(self, names: frozenset[str]) -> bool:
        """Whether proof of these facts leaves nothing denied in any of its cases."""
        names &= self.provable
        if names not in self._known:
            point = self.situation.point
            self._known[names] = all(
                proof_settles(self._policy, point, case, names) for case in self.situation.cases
            )
        return self._known[names]


def settle(watched: Watched, bundle_of: Callable[[Digest], Bundle | None]) -> Settlement:
    """The list for one deployment; empty where no proof would change anything."""
    asked = _asked(watched, bundle_of)
    newest = None if watched.bundle is None else bundle_of(watched.bundle)
    if not asked or newest is None:
        return Settlement((), 0, exact=True)
    candidates = [name for name in newest.registry.facts if any(name in each.provable for each in asked)]
    looked_at = asked[:EXACT_SITUATIONS]
    found = smallest_sufficient(candidates, lambda names: all(each.settles(names) for each in looked_at))
    names = frozenset(found or ())
    exact = len(asked) == len(looked_at) and watched.uncounted == 0
    for each in asked[EXACT_SITUATIONS:]:
        if not each.settles(names):
            names |= frozenset(each.situation.decision.needs) or each.provable
    steps = tuple(_step(name, names, asked, watched, newest) for name in candidates if name in names)
    return Settlement(steps, sum(each.situation.uses for each in asked if each.settles(names)), exact)


def _asked(watched: Watched, bundle_of: Callable[[Digest], Bundle | None]) -> list[_Asked]:
    """The situations that some proof would settle, the most frequent first."""
    found: list[_Asked] = []
    for situation in sorted(watched.situations.values(), key=lambda each: -each.uses):
        bundle = bundle_of(situation.bundle)
        if bundle is not None and situation.decision.verdict is Verdict.NEEDS_EVIDENCE:
            asked = _Asked(situation, bundle)
            if asked.settles(asked.provable):
                found.append(asked)
    return found


def _step(
    name: str, names: frozenset[str], asked: Sequence[_Asked], watched: Watched, bundle: Bundle
) -> Step:
    waiting = [each.situation for each in asked if each.settles(names) and not each.settles(names - {name})]
    parts = {part for situation in waiting for part in situation.parts}
    spec = bundle.registry.facts[name]
    value = _only_value(name, watched, spec)
    how, by = _way(spec, value, all_with_data=all(situation.parts for situation in waiting))
    return Step(name, how, by, value, sum(situation.uses for situation in waiting), len(parts))


def _way(spec: FactSpec, value: Json, *, all_with_data: bool) -> tuple[How, tuple[str, ...]]:
    """Data are attested, since they differ; what holds for every use, or has no data, is registered."""
    issuers = tuple(sorted(spec.attested_by - {REGISTRATION}))
    attest = issuers and all_with_data and (spec.about == "data" or value is None)
    if REGISTRATION in spec.attested_by and not attest:
        return "register", (REGISTRATION,)
    if issuers:
        return "attest", issuers
    return "observe", tuple(sorted(spec.observed_by))


def _only_value(name: str, watched: Watched, spec: FactSpec) -> Json:
    """The value that everything in the traffic states alike; None where nothing does, or not alike."""
    stated = watched.stated.get(name)
    if stated is None or len(stated) != 1:
        return None
    value = parse_strict(next(iter(stated)), max_bytes=1 << 20)
    typed = spec.parse(value)
    return None if typed is None or spec.is_unknown(typed) else value
