"""Which screens a measurement asks: Caveat's own, or the panel of a bundle with its lists of phrases."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from caveat.assay.screened import Limit, Span
from caveat.cli.bundle import load_bundle
from caveat.cli.exit import CannotRunError
from caveat.gateway.guards import NOBODY, Guards, GuardsError, panel_of, registered_guards
from caveat.gateway.model_screen import ModelScreen
from caveat.gateway.screening import PHRASES
from caveat.policy.bundle import Bundle
from caveat.policy.screens import GivenScore, Screens, ScreenSpec, limits_of
from caveat.screens import sensitive
from caveat.screens.credentials import score_credentials
from caveat.screens.errors import ScreenError
from caveat.screens.panel import Gives, Panel, Seat
from caveat.screens.phrases import PhraseScreen
from caveat.screens.protocol import Calibration, RawScores
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256

CLASSIFIER, CREDENTIALS, SENSITIVE = "classifier", "credentials", "sensitive"
OWN_LIMITS = (500, 800)
"""Where nothing says from which score on something binds."""
_THOUSANDTHS: Span = (0, 1000)
_MAX_CHARS = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Measurable:
    """Screens and what binds on their scores. `bundle`: the digest of the policy, if there is one."""

    panel: Panel
    spans: Mapping[str, Span]
    limits: Mapping[str, tuple[Limit, ...]]
    guards: Guards
    bundle: str = ""

    def only(self, screens: Sequence[str]) -> "Measurable":
        """These screens alone, all where none is named. Raises `CannotRunError` for a name that none has."""
        known = {seat.name: seat for seat in self.panel.seats}
        for name in screens:
            if name not in known:
                raise CannotRunError(f"no screen is called `{name}`", f"there are {', '.join(sorted(known))}")
        seats = tuple(seat for seat in self.panel.seats if not screens or seat.name in screens)
        return replace(self, panel=replace(self.panel, seats=seats))

    def giving(self, heads: Sequence[str]) -> "Measurable":
        """The screens that give some of these heads."""
        wanted = frozenset(heads)
        seats = tuple(
            seat for seat in self.panel.seats if not wanted.isdisjoint(one.fact for one in seat.gives)
        )
        return replace(self, panel=replace(self.panel, seats=seats))

    def check_names(self, heads: Sequence[str], thresholds: Sequence[int]) -> None:
        """Raises `CannotRunError` for a head that no screen gives, or a threshold that no score reaches."""
        known = self.panel.facts
        for head in heads:
            if head not in known:
                raise CannotRunError(
                    f"no screen here gives a head `{head}`", f"there are {', '.join(sorted(known))}"
                )
        highest = max(self.spans[head][1] for head in heads or known)
        for score in thresholds:
            if not 0 < score <= highest:
                raise CannotRunError(
                    f"no score reaches the threshold {score}, or every one does",
                    f"a threshold lies between 1 and {highest}",
                )

    async def close(self) -> None:
        """The connections to guards are gone."""
        for one in self.guards.values():
            await one.connection.close()


class _Rules:
    """Rules that need no model, as a screen of a panel."""

    max_chars = _MAX_CHARS

    def __init__(
        self, name: str, heads: Mapping[str, Span], digest: str, read: Callable[[str], RawScores]
    ) -> None:
        """`digest`: of what it decides by; empty where that comes with the release and has no file."""
        self.name, self.digest, self._read = name, digest, read
        self.heads: Mapping[str, tuple[float, float]] = MappingProxyType(
            {head: (float(low), float(high)) for head, (low, high) in heads.items()}
        )

    def score(self, text: str) -> RawScores:
        """The scores of one text."""
        return self._read(text)

    def seat(self) -> Seat:
        """It, with its scores as they are."""
        return Seat(
            self.name, tuple(_as_it_is(head, *span) for head, span in self.heads.items()), 1, local=self
        )


def _as_it_is(head: str, low: float, high: float) -> Gives:
    straight = Calibration(((low, int(low)), (high, int(high))), "none")
    return Gives(head, head, low, high, straight, int(high))


def own_screens() -> Measurable:
    """What comes with Caveat, without any bundle. Raises `CannotRunError` without the classifier."""
    try:
        heads = ModelScreen.load(None).heads
    except ScreenError as error:
        raise CannotRunError(str(error), "or name a bundle that has no screen of this kind") from error
    panel = panel_of(
        Screens(
            panel=(
                _spec(CLASSIFIER, "model", tuple(heads)),
                _spec(SENSITIVE, "sensitive", (sensitive.HEAD,)),
            )
        )
    )
    credentials = _Rules(
        CREDENTIALS, {CREDENTIALS: _THOUSANDTHS}, "", lambda text: {CREDENTIALS: score_credentials(text)}
    )
    names = (*heads, sensitive.HEAD, CREDENTIALS)
    return Measurable(
        replace(panel, seats=(*panel.seats, credentials.seat())),
        dict.fromkeys(names, _THOUSANDTHS),
        {name: tuple(Limit(score) for score in OWN_LIMITS) for name in names},
        NOBODY,
    )


def _spec(name: str, kind: str, heads: Sequence[str]) -> ScreenSpec:
    points = ((0.0, 0), (1000.0, 1000))
    gives = tuple(GivenScore(head, head, 0.0, 1000.0, points, "its model card", 1000) for head in heads)
    return ScreenSpec(name, kind, Screens().deadline_ms, gives)


def screens_of(folder: Path) -> Measurable:
    """The panel of a bundle, with what the environment registers. Raises `CannotRunError`."""
    bundle = load_bundle(folder)
    try:
        guards = registered_guards(os.environ)
    except GuardsError as error:
        raise CannotRunError(
            str(error), "docs/reference/screens.md says how a guard is registered"
        ) from error
    facts = sorted(bundle.phrases.facts | bundle.screens.measured)
    if not facts:
        raise CannotRunError(
            f"`{folder}` has no screen", "leave `--bundle` out to measure the screens that come with Caveat"
        )
    panel = panel_of(bundle.screens, guards)
    if bundle.phrases.lists:
        panel = replace(panel, seats=(*panel.seats, _phrases(bundle)))
    specs = bundle.registry.facts
    return Measurable(
        panel,
        {fact: (specs[fact].lo, specs[fact].hi) for fact in facts},
        {fact: tuple(_limits(bundle, fact)) for fact in facts},
        guards,
        bundle.digest,
    )


def _phrases(bundle: Bundle) -> Seat:
    lists = bundle.phrases.lists
    facts = {fact: bundle.registry.facts[fact] for fact in sorted(bundle.phrases.facts)}
    screen = PhraseScreen(
        ((one.fact, one.score, phrase) for one in lists for phrase in one.phrases),
        {fact: spec.lo for fact, spec in facts.items()},
    )
    spans = {fact: (spec.lo, spec.hi) for fact, spec in facts.items()}
    digest = sha256(canonical([[one.fact, one.score, list(one.phrases)] for one in lists]))
    return _Rules(PHRASES, spans, digest, lambda text: {**screen.nothing_found, **screen.scan(text)}).seat()


def _limits(bundle: Bundle, fact: str) -> Iterator[Limit]:
    """What clauses read of a fact, by the points where they apply, lower limits first."""
    found: dict[tuple[int, frozenset[str]], list[str]] = {}
    for clause in bundle.clauses:
        for bound in set(limits_of(clause, fact)):
            found.setdefault((bound, clause.points), []).append(clause.id)
    for (bound, points), clauses in sorted(found.items(), key=lambda one: (one[0][0], sorted(one[0][1]))):
        yield Limit(bound, tuple(clauses), points)
