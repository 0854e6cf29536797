"""What the screens of a bundle find in the content of a use, as estimated facts.

A score is of the content at its own point of control: the prompt's of the prompt, the answer's of the answer.
Where nothing was measured there is no score, and a decision then takes the fact at its severest value.
Source: DESIGN section 3, ADR-0027, ADR-0048.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from caveat.call.call import Call, Part, Point
from caveat.facts.fact import Fact, Facts, Grade
from caveat.gateway.contradicting import CONTRADICTION
from caveat.gateway.guards import NOBODY, Guards, panel_of
from caveat.policy.bundle import Bundle
from caveat.policy.consent import facts_read
from caveat.screens.panel import UNAVAILABLE, Panel, Score, Scored, highest, raise_to
from caveat.screens.phrases import PhraseScreen
from caveat.signing.canonical import Json

PHRASES = "phrases"
UNMEASURED = "unmeasured"
CONTEXT_CHARS = 4096
"""How much of what came before a window of a stream is read with it again."""
_UNREAD = ("image/", "audio/", "video/", "application/octet-stream", "application/pdf")
_CACHED = 4096

Scores = Scored


@dataclass(slots=True)
class Screening:
    """The screens of one bundle. `points`: where some clause reads their scores; elsewhere nothing is read.

    `window_chars`: how much of a stream the panel reads at once; of a panel without seats nothing waits.
    """

    screen: PhraseScreen
    points: frozenset[Point]
    hold_back_chars: int
    panel: Panel = field(default_factory=Panel)
    window_chars: int = 1
    _known: dict[tuple[str, ...], Scores] = field(default_factory=dict[tuple[str, ...], Scores])

    def nothing_found(self) -> dict[str, Score]:
        """The scores of a text that says nothing."""
        return self.panel.clean() | phrase_scores(self.screen.nothing_found)

    def phrases_in(self, text: str) -> Scores:
        """What the lists of phrases find in a text."""
        return phrase_scores(self.screen.scan(text))

    async def of_parts(self, parts: Sequence[Part]) -> Scores:
        """The scores of a prompt or of a call's arguments.

        Pieces of text that stand side by side in one message are also read as one, since a model reads them
        so. Files, images and audio are not read.
        """
        scores = self.nothing_found()
        for key, group in _readable(parts):
            known = self._known.get(key)
            if known is None:
                known = highest([self._phrases_of(group), await self.panel.read(_joined(group))])
                self._keep(key, known)
            raise_to(scores, known)
        return scores

    def of_parts_now(self, parts: Sequence[Part]) -> Scores:
        """As `of_parts`, for a place that cannot wait for what is asked over a network."""
        scores = self.nothing_found()
        for key, group in _readable(parts):
            known = self._known.get(key)
            raise_to(scores, known or highest([self._phrases_of(group), self.panel.read_now(_joined(group))]))
        return scores

    async def of_texts(self, texts: Iterator[str]) -> Scores:
        """The scores of a whole answer, each of its texts by itself."""
        scores = self.nothing_found()
        for text in texts:
            raise_to(scores, self.phrases_in(text))
            raise_to(scores, await self.panel.read(text))
        return scores

    def _keep(self, key: tuple[str, ...], scores: Scores) -> None:
        """By digests: a history that is sent again is not read again. No failure is kept."""
        if any(score.source.startswith(UNAVAILABLE) for score in scores.values()):
            return
        if len(self._known) >= _CACHED:
            del self._known[next(iter(self._known))]
        self._known[key] = scores

    def _phrases_of(self, parts: Sequence[Part]) -> Scores:
        if len(parts) > 1:
            return self.phrases_in(_joined(parts))
        return highest([self.phrases_in(text) for text in _texts(parts[0])])


async def scores_of(screening: Screening | None, call: Call) -> Scores:
    """What the screens find in this very content, where some clause reads it."""
    if screening is None or call.point not in screening.points:
        return {}
    return await screening.of_parts(call.parts)


def _readable(parts: Sequence[Part]) -> Iterator[tuple[tuple[str, ...], list[Part]]]:
    """What is read as one text: each part, and all parts of a message together."""
    for _, grouped in groupby(parts, key=_message_of):
        group = [part for part in grouped if not part.media_type.startswith(_UNREAD)]
        for part in group:
            yield (part.digest,), [part]
        if len(group) > 1:
            yield tuple(part.digest for part in group), group


def _joined(parts: Sequence[Part]) -> str:
    return "".join(part.content.decode(errors="replace") for part in parts)


def phrase_scores(found: Mapping[str, int]) -> dict[str, Score]:
    """What lists of phrases found, as scores."""
    return {fact: Score(value, PHRASES, "") for fact, value in found.items()}


def screening_of(bundle: Bundle, guards: Guards = NOBODY) -> Screening | None:
    """The screening that a bundle asks for; None where nothing in it reads content."""
    facts = bundle.phrases.facts | bundle.screens.measured
    if not facts:
        return None
    readers = [one for one in bundle.clauses if not facts.isdisjoint(facts_read(one))]
    points = {Point(at) for one in readers for at in one.points}
    phrases = ((one.fact, one.score, phrase) for one in bundle.phrases.lists for phrase in one.phrases)
    nothing_found = {fact: bundle.registry.facts[fact].lo for fact in sorted(bundle.phrases.facts)}
    return Screening(
        PhraseScreen(phrases, nothing_found),
        frozenset(points),
        bundle.phrases.hold_back_chars if bundle.phrases.lists else 0,
        panel_of(bundle.screens, guards),
        bundle.screens.window_chars,
    )


def unread_scores(screening: Screening | None) -> Scores:
    """What stands for content that this law's screens have not read."""
    return {} if screening is None else screening.panel.unread()


def with_scores(cases: tuple[Facts, ...], bundle: Bundle, scores: Scores) -> tuple[Facts, ...]:
    """The cases with these scores in place of any others, facts in the order of the registry.

    What the bundle declares for facts that nothing measures stands beside them, under a role of its own.
    """
    unmeasured = bundle.screens.unmeasured
    found = [Fact(name, one.value, Grade.ESTIMATED, one.screen, one.source) for name, one in scores.items()]
    found += [Fact(name, value, Grade.ESTIMATED, UNMEASURED) for name, value in unmeasured.items()]
    if not found:
        return cases
    scored = {fact.name for fact in found}
    order = {name: place for place, name in enumerate(bundle.registry.facts)}

    def arranged(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
        kept = [fact for fact in facts if not (fact.grade is Grade.ESTIMATED and fact.name in scored)]
        return tuple(sorted([*kept, *found], key=lambda fact: order.get(fact.name, len(order))))

    return tuple(replace(case, facts=arranged(case.facts)) for case in cases)


def without_scores(cases: tuple[Facts, ...]) -> tuple[Facts, ...]:
    """The cases as they hold of content that nobody has read yet.

    What the data of a use contradict stays with it: an answer comes from the same data.
    """
    if not any(_is_of_content(fact) for case in cases for fact in case.facts):
        return cases
    return tuple(
        replace(case, facts=tuple(fact for fact in case.facts if not _is_of_content(fact))) for case in cases
    )


def _is_of_content(fact: Fact) -> bool:
    return fact.grade is Grade.ESTIMATED and fact.role != CONTRADICTION


def _message_of(part: Part) -> str:
    """The message that a part stands in: `/messages/3/content/0` is of `/messages/3`."""
    return "/".join(part.pointer.split("/")[:3])


def _texts(part: Part) -> Iterator[str]:
    """What a model reads in a part: its text, and the texts within JSON, where a line break is spelt out."""
    text = part.content.decode(errors="replace")
    yield text
    if part.media_type == "application/json":
        try:
            value: Json = json.loads(text)
        except (ValueError, RecursionError):
            return
        yield from strings(value)


def strings(value: Json) -> Iterator[str]:
    """Every text in a JSON value, names of members included."""
    waiting: list[Json] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            yield from one
            waiting.extend(one.values())
