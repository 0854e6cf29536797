"""What was said of content against what it holds: an estimate, which only ever tightens. Pure.

Each finding compares one thing that was said with counts of what was found, and says both as classes and
ranges, so that nothing of the content stands in a refusal or a record. Finding nothing proves nothing.
Source: DESIGN section 3, ADR-0046.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from caveat.screens.identifiers.census import Census, numbers_in

CERTAIN, LIKELY, UNREAD = 950, 700, 600
_FEW, _MANY = 5, 20
_NUMBERS_FEW, _NUMBERS_MANY = 8, 20


class Code(StrEnum):
    """What contradicts what."""

    SYNTHETIC = "synthetic_holds_live_numbers"
    PERSONS = "more_persons_than_declared"
    FOREIGN = "foreign_holds_domestic"
    AGGREGATE = "aggregate_holds_persons"
    IMPERSONAL = "impersonal_holds_identifiers"
    UNREADABLE = "said_of_what_cannot_be_read"


@dataclass(frozen=True, slots=True)
class Declared:
    """What was said of the content, by anybody: an issuer, a registration, or the caller.

    `persons`: the greatest number that anybody said; None where nobody did.
    """

    synthetic: bool = False
    persons: int | None = None
    foreign: bool = False
    aggregate: bool = False
    impersonal: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether nothing was said that content could contradict."""
        return self == Declared()


@dataclass(frozen=True, slots=True)
class Contradiction:
    """`score` per mille. `declared` and `found` are classes and ranges of counts."""

    code: Code
    declared: str
    found: str
    score: int


def contradictions(declared: Declared, census: Census, home: str) -> tuple[Contradiction, ...]:
    """Everything in which the content contradicts what was said of it, the surest first.

    `home`: the ISO 3166 code of the home country; with none, nothing is known of domestic forms.
    """
    if declared.is_silent:
        return ()
    found = [*_of_counts(declared, census), *_of_numbers(declared, census, home)]
    if census.unread:
        # Nobody could compare it: a person looks at it, and it is not called right.
        found.append(Contradiction(Code.UNREADABLE, "something", "no_text", UNREAD))
    return tuple(sorted(found, key=lambda one: (-one.score, one.code.value)))


def _of_counts(declared: Declared, census: Census) -> Iterator[Contradiction]:
    persons = len(census.persons)
    said = declared.persons
    if said is not None and persons > said + max(_FEW, said // 4):
        surely = persons >= 3 * said + _MANY
        yield Contradiction(Code.PERSONS, span(said), span(persons), CERTAIN if surely else LIKELY)
    if declared.aggregate and census.in_rows >= _FEW:
        score = CERTAIN if census.in_rows >= _MANY else LIKELY
        yield Contradiction(Code.AGGREGATE, "aggregate", f"rows:{span(census.in_rows)}", score)
    if declared.impersonal and persons >= _FEW:
        score = CERTAIN if persons >= _MANY else LIKELY
        yield Contradiction(Code.IMPERSONAL, "no_personal_data", f"persons:{span(persons)}", score)


def _of_numbers(declared: Declared, census: Census, home: str) -> Iterator[Contradiction]:
    if not (declared.synthetic or (declared.foreign and home)):
        return
    numbers = numbers_in(census, home)
    if declared.synthetic and numbers.clustered >= _NUMBERS_FEW:
        # Made-up numbers are reserved ones, or lie scattered over plans and outside of them.
        share = numbers.clustered / numbers.looked_at
        if share >= 0.2:
            score = CERTAIN if share >= 0.5 and numbers.clustered >= _NUMBERS_MANY else LIKELY
            yield Contradiction(Code.SYNTHETIC, "synthetic", f"live_numbers:{span(numbers.distinct)}", score)
    if declared.foreign and home:
        yield from _of_home(census, numbers.at_home, numbers.looked_at)


def _of_home(census: Census, at_home: int, looked_at: int) -> Iterator[Contradiction]:
    persons = max(len(census.persons), 1)
    shares = (
        ("numbers", at_home, looked_at),
        ("addresses", len(census.addresses), persons),
        ("social_security", len(census.social), persons),
    )
    for what, count, of in shares:
        if count >= _NUMBERS_FEW and count / of >= 0.2:
            score = CERTAIN if count / of >= 0.5 and count >= _NUMBERS_MANY else LIKELY
            yield Contradiction(Code.FOREIGN, "foreign", f"domestic_{what}:{span(count)}", score)


def span(count: int) -> str:
    """A count as the decade that it lies in: `40` is `10-99`."""
    if count < 10:
        return "0-9"
    low = 10 ** (len(str(count)) - 1)
    return f"{low}-{10 * low - 1}"
