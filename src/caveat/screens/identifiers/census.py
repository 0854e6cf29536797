"""What a content holds of persons, as counts alone: what is compared with what was said of it. Pure.

Counts are lower bounds: a name in plain words, an office's address, or a device counts for nobody here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from caveat.screens.identifiers.numbering import Numbers, survey
from caveat.screens.identifiers.records import persons_in_records, persons_of
from caveat.screens.identifiers.rows import Content, UnreadableError, read_broken, read_content
from caveat.screens.identifiers.sighted import Group, together

STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND "
    "OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
)
ADDRESSES = {
    "US": re.compile(
        rf"[A-Z](?<![A-Z].)(?<=(?=(?:{STATES.replace(' ', '|')})).)[A-Z]"
        r"[ ,]{1,2}\d{5}(?:-\d{4})?(?!\d)"
    ),
    "GB": re.compile(r"[A-Z](?<!\w.)[A-Z]?\d[A-Z\d]? \d[A-Z]{2}(?!\w)"),
}
_USUAL_SHARE = 4
_ADVERTISED = "advertising_id"


@dataclass(frozen=True, slots=True)
class Census:
    """The persons of one content or of several.

    `persons`: a set of values for each, by which they are compared and nothing else. `in_rows`: how many of
    them stand in rows or objects of their own. `addresses`: distinct ones in a home country's form.
    `social`: distinct numbers in the form of the home country's social security.
    """

    persons: tuple[frozenset[tuple[str, str]], ...] = ()
    in_rows: int = 0
    phones: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    social: frozenset[str] = frozenset()
    unread: bool = False


def census_of(content: bytes, media_type: str, id_column: str | None, home: str) -> Census:
    """The census of one content; `unread` where it is no text, which says nothing of what it holds.

    What cannot be read in its form, or has no such column, is read without; at worst as plain words.
    """
    read = _read(content, ((media_type, id_column), (media_type, None), ("text/plain", None)))
    if read is None:
        return Census(unread=True)
    in_rows, in_words = persons_of(read, id_column)
    if not in_rows and (broken := read_broken(content)) is not None:
        # One broken row would make the others rows of nobody.
        in_rows = persons_in_records(broken.records, None)
        in_words = [] if in_rows else in_words
    persons = [*in_rows, *in_words]
    groups = _persons(together(persons))
    form = ADDRESSES.get(home)
    text = "" if form is None else content.decode("utf-8", "replace")
    return Census(
        tuple(frozenset(group.values) for group in groups),
        len(_persons(together(in_rows))) if in_words else len(groups) if in_rows else 0,
        frozenset(phone for person in persons for phone in person.phones),
        frozenset(form.findall(text)) if form is not None else frozenset(),
        frozenset(
            value
            for person in persons
            for kind, value in person.linking
            if kind == "national_id" and len(value) == 9 and value.isdigit()
        ),
    )


def _persons(groups: Iterable[Group]) -> list[Group]:
    """Who of these is surely a person. A device is one's where it was given an id to be advertised to.

    Regions, schools and tools have names too: of those in a column that says no more than `name` all are
    persons where a quarter of them are called as persons often are, and otherwise only that part.
    """
    found = [
        group
        for group in groups
        if group.is_identified
        and (not group.is_device or any(kind == _ADVERTISED for kind, _ in group.values))
    ]
    loose = [group for group in found if group.is_loose]
    usual = sum(group.is_usual for group in loose)
    if usual * _USUAL_SHARE >= len(loose):
        return found
    return [group for group in found if group.is_usual or not group.is_loose]


def _read(content: bytes, ways: Iterable[tuple[str, str | None]]) -> Content | None:
    for media_type, id_column in dict.fromkeys(ways):
        try:
            return read_content(content, media_type, id_column)
        except UnreadableError:
            continue
    return None


def joined(found: Iterable[Census]) -> Census:
    """One census of several contents: whoever is in two of them counts once."""
    found = tuple(found)
    if len(found) == 1:
        return found[0]
    persons: list[frozenset[tuple[str, str]]] = []
    seen: set[tuple[str, str]] = set()
    rows, unread = 0, False
    phones: set[str] = set()
    addresses: set[str] = set()
    social: set[str] = set()
    for one in found:
        new = [values for values in one.persons if seen.isdisjoint(values)]
        seen.update(value for values in new for value in values)
        persons += new
        rows += len(new) if one.in_rows else 0
        phones |= one.phones
        addresses |= one.addresses
        social |= one.social
        unread |= one.unread
    return Census(
        tuple(persons), rows, frozenset(phones), frozenset(addresses), frozenset(social), unread=unread
    )


def numbers_in(census: Census, home: str) -> Numbers:
    """What is known of its telephone numbers."""
    return _numbers(census.phones, home)


@lru_cache(maxsize=128)
def _numbers(phones: frozenset[str], home: str) -> Numbers:
    return survey(sorted(phones), home)
