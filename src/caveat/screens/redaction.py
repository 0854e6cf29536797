"""Content replaced by placeholders and restored, in whole texts and as a text arrives. Pure.

Laws: equal values get equal placeholders, and different values of one use different ones; only a placeholder
that was made for this very use is ever restored, and only where nothing of its kinds is to be replaced; what
nobody replaces or restores stays as it is, character by character; where a text is cut changes nothing; no
part of a value or of a placeholder leaves before the whole of it is settled. Source: ADR-0031.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from caveat.call.identifiers import KINDS, find_identifiers, open_from
from caveat.screens.phrases import PhraseScan, PhraseScreen
from caveat.screens.placeholders import ID_LETTERS, CollisionError, Found, Kept, Placeholders, Table, label_of

_IDENTIFIERS = frozenset(KINDS)
_ROUNDS = 8
MAX_OPEN_CHARS = 8192
"""More of a text never waits for the end of one value."""


class OpenError(Exception):
    """What may be one identifier has no end."""


class Finder:
    """Finds values of all kinds that the clauses of one bundle name. Immutable."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        """`lists`: phrases by the name of their kind, as `phrases:names`."""
        self._screen = PhraseScreen(
            ((kind, 1, phrase) for kind, phrases in lists.items() for phrase in phrases), {}
        )
        labels = sorted({*map(label_of, lists), *(kind.upper() for kind in KINDS)}, key=len, reverse=True)
        self._stems = tuple(f"[{label}_" for label in labels)
        self._placeholder = re.compile(rf"\[(?:{'|'.join(map(re.escape, labels))})_[a-p]{{{ID_LETTERS}}}\]")

    def follow(self) -> PhraseScan:
        """A scan for phrases of one text that is still to come."""
        return self._screen.follow(spans=True)

    def placeholders(self, text: str) -> list[tuple[int, int]]:
        """What looks like a placeholder, whoever made it."""
        return [match.span() for match in self._placeholder.finditer(text)] if "[" in text else []

    def open_placeholder(self, text: str) -> int:
        """Where what may become a placeholder begins at the end of a text; its length where nothing does."""
        at = text.rfind("[")
        tail = text[at:] if at >= 0 else ""
        for stem in self._stems:
            rest = tail[len(stem) :]
            if stem.startswith(tail) or (
                tail.startswith(stem) and len(rest) <= ID_LETTERS and rest.strip("abcdefghijklmnop") == ""
            ):
                return at if tail else len(text)
        return len(text)

    def find(
        self, text: str, kinds: frozenset[str], phrases: Iterable[tuple[int, int, str]] | None = None
    ) -> list[Found]:
        """All values of these kinds, in their order; none overlaps another. `phrases`: if found before."""
        found: list[Found] = []
        if kinds & _IDENTIFIERS:
            found += (
                Found(one.start, one.end, one.label, one.kinds, one.mixed) for one in find_identifiers(text)
            )
        if phrases is None and not kinds <= _IDENTIFIERS:
            scan = self.follow()
            scan.feed(text, last=True)
            phrases = scan.spans or ()
        if phrases:
            made = self.placeholders(text)
            found += (
                Found(start, end, kind, frozenset({kind}))
                for start, end, kind in phrases
                if not any(a < end and start < b for a, b in made)
            )
        return [one for one in _apart(found) if not one.kinds.isdisjoint(kinds)]


def _apart(found: list[Found]) -> list[Found]:
    """Those that overlap as one, named by the longest of them."""
    found.sort(key=lambda one: (one.start, -one.end))
    apart: list[Found] = []
    for one in found:
        last = apart[-1] if apart else None
        if last is not None and one.start < last.end:
            longer = last if last.end - last.start >= one.end - one.start else one
            apart[-1] = Found(
                last.start, max(last.end, one.end), longer.label, last.kinds | one.kinds, mixed=True
            )
        else:
            apart.append(one)
    return apart


@dataclass(slots=True)
class Counts:
    """How many were replaced and restored, by label."""

    replaced: Counter[str] = field(default_factory=Counter[str])
    restored: Counter[str] = field(default_factory=Counter[str])


class Replacing:
    """Puts placeholders in the place of values, as a prompt needs it."""

    def __init__(self, finder: Finder, names: Placeholders, kinds: frozenset[str], table: Table) -> None:
        """`kinds`: what is replaced. `table`: takes what every placeholder stands for."""
        self._finder = finder
        self._names = names
        self._kinds = kinds
        self._table = table
        self.counts = Counts()

    def __call__(self, text: str) -> str:
        """The text with every value replaced; the very same where none is found.

        A word that only touched a value stands by itself once that is gone, so what is left is read again.
        """
        for _ in range(_ROUNDS):
            said = self._replaced(text)
            if said == text:
                return text
            text = said
        raise CollisionError

    def _replaced(self, text: str) -> str:
        found = self._finder.find(text, self._kinds) if text else []
        if not found:
            return text
        pieces: list[str] = []
        at = 0
        for one in found:
            value = text[one.start : one.end]
            placeholder, form = self._names.name(one, value)
            self._table.keep(placeholder, Kept(value, form, one.label, one.kinds))
            self.counts.replaced[one.label] += 1
            pieces += (text[at : one.start], placeholder)
            at = one.end
        return "".join((*pieces, text[at:]))


@dataclass(frozen=True, slots=True)
class Change:
    """`text[start:end]` becomes `into`. `restores`: a value for its placeholder, else the reverse."""

    start: int
    end: int
    into: str
    label: str
    restores: bool


class Answering:
    """What becomes of the texts of an answer at one point of control."""

    def __init__(
        self, finder: Finder, names: Placeholders, kinds: frozenset[str], table: Table, counts: Counts
    ) -> None:
        """`kinds`: what is replaced here. Of `table` everything else is restored."""
        self.finder = finder
        self._names = names
        self.kinds = kinds
        self._counts = counts
        self.restored = {
            placeholder: kept for placeholder, kept in table.kept.items() if kept.kinds.isdisjoint(kinds)
        }

    def __call__(self, text: str) -> str:
        """A whole text as it may leave here; the very same where nothing changes."""
        changes = self.changes(text)
        self.count(changes)
        return changed(text, 0, changes) if changes else text

    def changes(self, text: str, phrases: Iterable[tuple[int, int, str]] | None = None) -> list[Change]:
        """What changes in a whole text, in its order. `phrases`: those found already."""
        changes: list[Change] = []
        if self.restored:
            for start, end in self.finder.placeholders(text):
                kept = self.restored.get(text[start:end])
                if kept is not None:
                    changes.append(Change(start, end, kept.text, kept.label, restores=True))
        if self.kinds:
            for one in self.finder.find(text, self.kinds, phrases):
                placeholder, _ = self._names.name(one, text[one.start : one.end])
                changes.append(Change(one.start, one.end, placeholder, one.label, restores=False))
            changes.sort(key=lambda change: change.start)
        return changes

    def count(self, changes: Iterable[Change]) -> None:
        """Counts changes that are made."""
        for change in changes:
            (self._counts.restored if change.restores else self._counts.replaced)[change.label] += 1

    def follow(self) -> "Following":
        """The same for a text that is still to come."""
        return Following(self)


def changed(text: str, start: int, changes: Iterable[Change]) -> str:
    """What a piece that begins at `start` of a text becomes. `changes`: of the whole text, in its order.

    What replaces something that is cut over pieces stands in the piece where that begins.
    """
    pieces: list[str] = []
    at, end = start, start + len(text)
    for change in changes:
        if change.start >= end:
            break
        if change.end > at:
            pieces.append(text[at - start : max(at, change.start) - start])
            if change.start >= start:
                pieces.append(change.into)
            at = min(change.end, end)
    return "".join((*pieces, text[at - start :]))


class Following:
    """Follows one text, piece by piece. `settled`: how many of its characters nothing can change any more."""

    def __init__(self, answering: Answering) -> None:
        """Made by `Answering.follow`."""
        self._answering = answering
        reads_phrases = not answering.kinds <= _IDENTIFIERS
        self._scan = answering.finder.follow() if reads_phrases else None
        self._reads_identifiers = bool(answering.kinds & _IDENTIFIERS)
        self._pending = ""  # from `settled` on
        self._before = ""  # the one character before that
        self.settled = 0
        self.length = 0
        self.changes: list[Change] = []

    def feed(self, text: str, *, last: bool = False) -> None:
        """Takes the next piece; raises `OpenError` where too much waits for its end."""
        self.length += len(text)
        self._pending += text
        if self._scan is not None:
            self._scan.feed(text, last=last)
        opened = len(self._pending) if last else self._open()
        if opened > 0:
            self._settle(opened)
        if len(self._pending) > MAX_OPEN_CHARS:
            raise OpenError

    def _open(self) -> int:
        """Where in what is pending the first character stands that may still change."""
        pending = self._pending
        opened = len(pending)
        if self._reads_identifiers:
            opened = open_from(self._before + pending) - len(self._before)
        if self._scan is not None:
            opened = min(opened, self._scan.waits_from - self.settled)
        if self._answering.restored or self._scan is not None:
            opened = min(opened, self._answering.finder.open_placeholder(pending))
        return opened

    def _settle(self, opened: int) -> None:
        base = self.settled - len(self._before)
        changes = [
            Change(base + one.start, base + one.end, one.into, one.label, one.restores)
            for one in self._answering.changes(self._before + self._pending, self._phrases(base))
            if base + one.start >= self.settled
        ]
        upto = self.settled + opened
        # A value that goes on into what may still change waits for it, whole.
        upto = min((one.start for one in changes if one.start < upto < one.end), default=upto)
        made = [one for one in changes if one.end <= upto]
        self._answering.count(made)
        self.changes += made
        cut = upto - self.settled
        if cut:
            self._before, self._pending = self._pending[cut - 1], self._pending[cut:]
            self.settled = upto

    def _phrases(self, base: int) -> list[tuple[int, int, str]] | None:
        if self._scan is None or self._scan.spans is None:
            return None
        self._scan.spans = [one for one in self._scan.spans if one[1] > self.settled]
        return [(start - base, end - base, kind) for start, end, kind in self._scan.spans]

    def forget(self, until: int) -> None:
        """Drops the changes that end before this character: their pieces have left."""
        while self.changes and self.changes[0].end <= until:
            del self.changes[0]
