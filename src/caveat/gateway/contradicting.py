"""Content compared with what was said about it, as the estimated fact `content_contradiction` of each case.

Law: it is computed only where a clause reads it; a comparison can raise a score and lower none; what was said
of one part is compared with that part, and a number of persons with all parts together; what stands in a
record is which kinds of things contradict each other, in ranges, and nothing of the content.
Source: DESIGN section 3, ADR-0046.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from caveat.call.call import Call, Part, PartKind
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import Interval, Value
from caveat.policy.bundle import Bundle
from caveat.policy.consent import facts_read
from caveat.policy.screens import COMPARED
from caveat.screens.contradiction import Contradiction, Declared, contradictions
from caveat.screens.identifiers.census import Census, census_of, joined, numbers_in
from caveat.signing.canonical import Json
from caveat.signing.digest import Digest

CONTRADICTION = COMPARED
"""The fact, and the role of whoever says it."""
_UNREAD = ("image/", "audio/", "video/", "application/pdf")
_UNTYPED = "application/octet-stream"
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LOOKED_AT_BYTES = 4096
_CACHED = 1024
LARGE_BYTES = 16 * 1024
"""Content from this size on is read beside the event loop, before anything is gathered."""
_NOTHING = Census()
Key = tuple[Digest, str, str | None]


@dataclass(slots=True)
class Contradicting:
    """Compares under one bundle. `home`: the ISO 3166 code of its home country; empty where it names none."""

    home: str
    lowest: int
    highest: int
    _known: dict[Key, Census] = field(default_factory=dict[Key, Census])

    def of_piece(
        self, parts: Sequence[Part], facts: Iterable[Fact], claims: Mapping[str, Json], id_column: str | None
    ) -> Fact:
        """What these parts, of all of which the same is said, contradict of it."""
        declared = declared_of(facts, claims)
        if replace(declared, persons=None).is_silent:
            return self._fact(())
        census = self._census(parts, id_column)
        return self._fact(contradictions(replace(declared, persons=None), census, self.home))

    def unread(self, call: Call, id_column: str | None) -> tuple[Part, ...]:
        """The parts that would take long to read, and were not read yet."""
        return tuple(
            part
            for part in call.parts
            if len(part.content) >= LARGE_BYTES
            and _is_compared(part)
            and self._key(part, id_column) not in self._known
        )

    def read(self, parts: Sequence[Part], id_column: str | None) -> dict[Key, Census]:
        """What these parts hold, by which `keep` keeps it; changes nothing, so that a thread may do it."""
        read: dict[Key, Census] = {}
        for part in parts:
            column = part.id_column or id_column
            census = census_of(part.content, part.media_type, column, self.home)
            numbers_in(census, self.home)  # known from here on
            read[self._key(part, id_column)] = census
        return read

    def keep(self, read: Mapping[Key, Census]) -> None:
        """Keeps what was read; the oldest goes where there is too much."""
        for key, census in read.items():
            if len(self._known) >= _CACHED:
                del self._known[next(iter(self._known))]
            self._known[key] = census

    def of_call(self, cases: tuple[Facts, ...], parts: Sequence[Part]) -> tuple[Facts, ...]:
        """The cases of a call of a tool with what its arguments contradict of what was said of the use."""
        return tuple(self._of_arguments(case, parts) for case in cases)

    def _of_arguments(self, case: Facts, parts: Sequence[Part]) -> Facts:
        declared = declared_of(case.facts, case.claims or {})
        if declared.is_silent or not parts:
            return case
        found = contradictions(declared, self._census(parts, None), self.home)
        return _with_surest(case, self._fact(found))

    def of_use(self, cases: tuple[Facts, ...], call: Call, id_column: str | None) -> tuple[Facts, ...]:
        """The cases with what the whole use contradicts: its typed words, and its number of persons."""
        return tuple(self._of_case(case, call, id_column) for case in cases)

    def _of_case(self, case: Facts, call: Call, id_column: str | None) -> Facts:
        declared = declared_of(case.facts, case.claims or {})
        typed = [part for part in call.parts if part.kind is PartKind.TYPED]
        found: list[Contradiction] = []
        words = replace(declared, persons=None)
        if not words.is_silent and typed:
            found += contradictions(words, self._census(typed, None), self.home)
        if declared.persons is not None:
            census = self._census(call.parts, id_column)
            found += contradictions(Declared(persons=declared.persons), census, self.home)
        return _with_surest(case, self._fact(found))

    def _fact(self, found: Sequence[Contradiction]) -> Fact:
        score = max((one.score for one in found), default=self.lowest)
        said = "; ".join(f"{one.code.value}, said {one.declared}, found {one.found}" for one in found)
        value = min(max(score, self.lowest), self.highest)
        return Fact(CONTRADICTION, value, Grade.ESTIMATED, CONTRADICTION, said)

    def _census(self, parts: Sequence[Part], id_column: str | None) -> Census:
        read = [part for part in parts if _is_compared(part)]
        if not read:
            return _NOTHING
        return joined(self._of_part(part, id_column) for part in read)

    def _of_part(self, part: Part, id_column: str | None) -> Census:
        key = self._key(part, id_column)
        if key not in self._known:
            self.keep(self.read((part,), id_column))
        return self._known[key]

    def _key(self, part: Part, id_column: str | None) -> Key:
        return part.digest, part.media_type, part.id_column or id_column


def _is_compared(part: Part) -> bool:
    """Whether a part is text for anybody: also one that is called bytes, unless it begins as no text does."""
    if part.media_type.startswith(_UNTYPED):
        return _BINARY.search(part.content, 0, _LOOKED_AT_BYTES) is None
    return not part.media_type.startswith(_UNREAD)


def _with_surest(case: Facts, found: Fact) -> Facts:
    """The case with the surest of what contradicts it: what was found before, or this."""
    facts = [*(fact for fact in case.facts if fact.role == CONTRADICTION), found]
    surest = max(facts, key=lambda fact: fact.value if isinstance(fact.value, int) else 0)
    kept = tuple(fact for fact in case.facts if fact.name != CONTRADICTION)
    return replace(case, facts=(*kept, surest))


def contradicting_of(bundle: Bundle) -> Contradicting | None:
    """The comparison that a bundle asks for; None where no clause reads what it would find, or where
    the bundle has something else give the score, or declares openly that nothing does."""
    spec = bundle.registry.facts.get(CONTRADICTION)
    others = bundle.phrases.facts | bundle.screens.measured | bundle.screens.unmeasured.keys()
    if CONTRADICTION in others:
        return None
    if spec is None or not any(CONTRADICTION in facts_read(clause) for clause in bundle.clauses):
        return None
    home = bundle.manifest.home_jurisdiction
    return Contradicting(home if _is_country(home) else "", spec.lo, spec.hi)


def _is_country(home: str) -> bool:
    return len(home) == 2 and home.isascii() and home.isupper()


def declared_of(facts: Iterable[Fact], claims: Mapping[str, Json]) -> Declared:
    """What facts and claims say that content could contradict. Claims count as well: they too are said."""
    said: dict[str, list[Value | Json]] = {}
    for fact in facts:
        if fact.grade in (Grade.ATTESTED, Grade.CLAIMED):
            said.setdefault(fact.name, []).append(fact.value)
    for name, value in claims.items():
        said.setdefault(name, []).append(value)
    counts = [count for value in said.get("subject_count", ()) if (count := _count(value)) is not None]
    return Declared(
        synthetic="synthetic" in said.get("acquisition_channel", ()),
        persons=min(counts, default=None),
        foreign="foreign" in said.get("subjects_jurisdiction", ()),
        aggregate="aggregate_only" in said.get("selection_criteria", ()),
        impersonal=any(_is_none(value) for value in said.get("data_category", ())),
    )


def _count(value: object) -> int | None:
    if isinstance(value, Interval):
        return value.hi
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _is_none(value: object) -> bool:
    return value in (["none"], frozenset({"none"}))


def found_in(cases: Iterable[Facts]) -> tuple[str, ...]:
    """What contradicts what in these cases, in words without content, each once."""
    said = (
        fact.source for case in cases for fact in case.facts if fact.role == CONTRADICTION and fact.source
    )
    return tuple(dict.fromkeys(one for text in said for one in text.split("; ")))
