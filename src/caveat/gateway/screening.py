"""What the screens of a bundle find in the content of a use, as estimated facts.

A score is of the content at its own point of control: the prompt's of the prompt, the answer's of the answer.
Where nothing was measured there is no score, and a decision then takes the fact at its severest value.
Source: DESIGN section 3, ADR-0027.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from caveat.call.call import Part, Point
from caveat.facts.fact import Fact, Facts, Grade
from caveat.gateway.contradicting import CONTRADICTION
from caveat.policy.bundle import Bundle
from caveat.policy.consent import facts_read
from caveat.screens.phrases import NOTHING, PhraseScreen
from caveat.signing.canonical import Json

PHRASES = "phrases"
UNMEASURED = "unmeasured"
_UNREAD = ("image/", "audio/", "video/", "application/octet-stream", "application/pdf")
_CACHED = 4096

Scores = Mapping[str, int]


@dataclass(slots=True)
class Screening:
    """The screen of one bundle. `points`: where some clause reads its scores; elsewhere nothing is read."""

    screen: PhraseScreen
    points: frozenset[Point]
    hold_back_chars: int
    _known: dict[tuple[str, ...], Scores] = field(default_factory=dict[tuple[str, ...], Scores])

    def of_parts(self, parts: Sequence[Part]) -> Scores:
        """The scores of a prompt or of a call's arguments.

        Pieces of text that stand side by side in one message are also read as one, since a model reads them
        so. Files, images and audio are not read.
        """
        scores = dict(self.screen.nothing_found)
        for _, grouped in groupby(parts, key=_message_of):
            group = [part for part in grouped if not part.media_type.startswith(_UNREAD)]
            for part in group:
                _raise(scores, self._scores((part.digest,), [part]))
            if len(group) > 1:
                _raise(scores, self._scores(tuple(part.digest for part in group), group))
        return scores

    def of_texts(self, texts: Iterator[str]) -> Scores:
        """The scores of a whole answer, each of its texts by itself."""
        scores = dict(self.screen.nothing_found)
        for text in texts:
            _raise(scores, self.screen.scan(text))
        return scores

    def _scores(self, key: tuple[str, ...], parts: Sequence[Part]) -> Scores:
        """By the digests of what is read: a history that is sent again is not read again."""
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _CACHED:
                del self._known[next(iter(self._known))]
            known = self._known[key] = self._read(parts)
        return known

    def _read(self, parts: Sequence[Part]) -> Scores:
        if len(parts) > 1:
            return self.screen.scan("".join(part.content.decode(errors="replace") for part in parts))
        found: dict[str, int] = {}
        for text in _texts(parts[0]):
            _raise(found, self.screen.scan(text))
        return found or NOTHING


def screening_of(bundle: Bundle) -> Screening | None:
    """The screening that a bundle asks for; None where it lists no phrase."""
    lists = bundle.phrases.lists
    if not lists:
        return None
    facts = bundle.phrases.facts
    readers = [one for one in bundle.clauses if not facts.isdisjoint(facts_read(one))]
    points = {Point(at) for one in readers for at in one.points}
    phrases = ((one.fact, one.score, phrase) for one in lists for phrase in one.phrases)
    nothing_found = {fact: bundle.registry.facts[fact].lo for fact in sorted(facts)}
    return Screening(PhraseScreen(phrases, nothing_found), frozenset(points), bundle.phrases.hold_back_chars)


def with_scores(cases: tuple[Facts, ...], bundle: Bundle, scores: Scores) -> tuple[Facts, ...]:
    """The cases with these scores in place of any others, facts in the order of the registry.

    What the bundle declares for facts that nothing measures stands beside them, under a role of its own.
    """
    unmeasured = bundle.screens.unmeasured
    found = [Fact(name, value, Grade.ESTIMATED, PHRASES) for name, value in scores.items()]
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


def _raise(scores: dict[str, int], found: Scores) -> None:
    for fact, score in found.items():
        scores[fact] = max(score, scores.get(fact, score))


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
