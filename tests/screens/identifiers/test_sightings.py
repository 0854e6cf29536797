"""Who is in a content, by keyed ids."""

import pytest

from caveat.labels.subjects import KEYED_ID_BYTES, Sighting, SubjectKind
from caveat.screens.identifiers import sightings_of

KEY = b"k" * 32
JSON, CSV, TEXT = "application/json", "text/csv", "text/plain"


def seen(content: str, media_type: str = JSON, id_column: str | None = None) -> tuple[Sighting, ...]:
    found = sightings_of(content.encode(), media_type, id_column, KEY)
    assert found is not None
    return found


def test_identifiers_that_records_link_are_of_one_person() -> None:
    found = seen(
        '[{"name": "Ana Torre", "email": "ana@example.org"},'
        ' {"email": "ANA@example.org", "phone": "+1 415 555 2671"},'
        ' {"phone": "(415) 555-2671", "idfa": "6D92078A-8246-4BA4-AE5B-76104861E7DC", "religion": "x"}]'
    )
    assert [one.kind for one in found] == [SubjectKind.PERSON]
    assert found[0].attributes == {"religion"}


def test_ids_are_keyed_and_of_one_length() -> None:
    content = b'{"email": "ana@example.org"}'
    first, other = (sightings_of(content, JSON, None, key) for key in (KEY, b"o" * 32))
    assert first is not None
    assert other is not None
    assert {len(value) for value in first[0].ids} == {KEYED_ID_BYTES}
    assert set(first[0].ids).isdisjoint(other[0].ids)


def test_distinct_declared_ids_are_distinct_persons_and_each_blank_one_is_one_more() -> None:
    rows = "person,name,phone\n1,Ana Torre,4155552671\n2,Ana Torre,4155552671\n1,Ana Torre,4155552671\n"
    rows += ",Bo Li,\n,Bo Li,\n"
    assert len(seen(rows, CSV, "person")) == 4


def test_an_address_that_everybody_has_tells_nobody_apart() -> None:
    rows = "name,email\nAna Torre,desk@example.org\nBo Lindt,desk@example.org\nCleo Marsh,desk@example.org\n"
    found = seen(rows, CSV)
    assert len(found) == 3
    assert not set(found[0].ids) & set(found[1].ids)


@pytest.mark.parametrize(
    ("content", "media_type", "id_column"),
    [
        (b"\xff\xfe", TEXT, None),
        (b"\x00\x01\x02", TEXT, None),
        (b"{", JSON, None),
        (b"a,b\n1\n", CSV, None),
        (b"a,b\n1,2\n", CSV, "c"),
        (b'{"a": 1, "a": 2}', JSON, "a"),
        (b"data", "image/png", None),
    ],
)
def test_what_cannot_be_read_is_unknown(content: bytes, media_type: str, id_column: str | None) -> None:
    assert sightings_of(content, media_type, id_column, KEY) is None


def test_letters_that_only_look_latin_make_no_other_person() -> None:
    plain = seen('{"full_name": "Beatrice Novak", "email": "b.novak@example.org"}')
    disguised = seen(
        '{"full_name": "B\u0435\u0430trice N\u043ev\u0430k", "email": "b.n\u043ev\u0430k@example.org"}'
    )
    assert plain[0].ids == disguised[0].ids
    alone, drawn = seen('{"full_name": "Beatrice Novak"}'), seen('{"full_name": "Be\u0430trice N\u043evak"}')
    assert alone[0].ids == drawn[0].ids
