"""Counting persons: never too few by a trick of form; what can be read in two ways has no count."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.evidence.counting import CSV, JSON, JSONL, TSV, Count, count_persons, sniff_media_type


def rows_of(ids: list[str]) -> dict[str, bytes]:
    objects = [{"id": one, "note": "x"} for one in ids]
    return {
        CSV: ("id,note\n" + "".join(f"{one},x\n" for one in ids)).encode(),
        TSV: ("note\tid\r\n" + "".join(f"x\t{one}\r\n" for one in ids)).encode(),
        JSONL: "\n".join(json.dumps(one) for one in objects).encode(),
        JSON: json.dumps(objects, indent=1).encode(),
    }


@pytest.mark.parametrize("media_type", [CSV, TSV, JSONL, JSON])
@pytest.mark.parametrize("persons", [1, 2, 1_000, 1_001])
def test_every_person_is_counted_once_in_every_form(media_type: str, persons: int) -> None:
    ids = [f"d{number}" for number in range(persons)] * 2
    assert count_persons(rows_of(ids)[media_type], media_type, "id") == Count(2 * persons, persons)


@pytest.mark.parametrize("media_type", [CSV, JSONL, JSON])
def test_blank_ids_are_one_person_each(media_type: str) -> None:
    ids = ["", " ", "\t", "a", " a "]
    assert count_persons(rows_of(ids)[media_type], media_type, "id") == Count(5, 4)
    assert count_persons(b'{"id": null}\n{"id": null}', JSONL, "id") == Count(2, 2)


def test_an_integer_id_is_the_same_person_as_its_digits() -> None:
    assert count_persons(b'[{"id": 1}, {"id": "1"}, {"id": 2}]', JSON, "id") == Count(3, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"other,note\n1,x\n",
        b"id,id\n1,2\n",
        b"id,note\n1\n",
        b"id,note\n1,x,2\n",
        b'id,note\n1,"2\n3\n4"\n',
        b'id,note\n1,"2\r\n3"\n',
        b'id,note\n1,"unclosed\n2,x\n',
        b'id,note\n1,"x"y\n',
        b"id,note\n1,x\r2,x\n",
        b"id,note\n1,x\x002,x\n",
        "id,note\n1,x\u20282,x\n".encode(),
        "id,note\n1,x\x852,x\n".encode(),
        b"id,note\n1,x\x0b2,x\n",
        b'id,note\n"1,2,3",x\n',
        b"id,note\n1;2;3,x\n",
        b"id,note\n1|2,x\n",
        b"id,note\n1 2,x\n",
        b"id;note\n1;x\n",
        b"id,note\n1," + b"x" * 2_000 + b"\n",
        b"id,note\n" + b"1" * 200 + b",x\n",
        b"1,x\n2,x\n",
    ],
    ids=repr,
)
def test_a_csv_that_hides_rows_or_has_no_such_column_has_no_count(content: bytes) -> None:
    assert count_persons(content, CSV, "id") is None


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[1]",
        b'[{"id":1}] []',
        b'{"id":1,"id":2}',
        b'{"id":1}{"id":2}',
        b'{"id":[1,2,3]}',
        b'{"id":{"id":1}}',
        b'{"id":1,"more":[{"id":2}]}',
        b'{"id":1,"more":{"id":2}}',
        b'{"id":1,"note":"{\\"id\\":2}\\n{\\"id\\":3}"}',
        b'{"id":1}\n{"ID":2}',
        b'{"id":1}\nnull',
        b'{"id":1}\n2',
        b'{"id":NaN}',
        b'{"id":1.5}',
        b'{"id":true}',
        b'{"id":"1,2,3"}',
        b'{"id":99999999999999999999}',
        b'{"id":"\\ud800"}',
        b'{"id":"' + b"1" * 200 + b'"}',
        b'{"id":1,"n":"' + b"x" * 2_000 + b'"}',
        b'{"id":1,"' + b"x" * 2_000 + b'":1}',
    ],
    ids=repr,
)
@pytest.mark.parametrize("media_type", [JSONL, JSON, "text/plain", "application/x-ndjson"])
def test_json_that_hides_rows_or_has_no_such_key_has_no_count(content: bytes, media_type: str) -> None:
    assert count_persons(content, media_type, "id") is None


def test_the_declared_form_is_used_and_an_unknown_one_is_sniffed() -> None:
    for declared, content in rows_of(["a", "b"]).items():
        if declared != TSV:
            assert count_persons(content, "text/plain", "id") == Count(2, 2)
            assert count_persons(content, declared.upper() + "; charset=utf-8", "id") == Count(2, 2)
    assert count_persons(rows_of(["a"])[CSV], JSON, "id") is None
    assert [sniff_media_type(text) for text in (" [1]", "\n{", "a,b", "")] == [JSON, JSONL, CSV, CSV]


def test_a_header_alone_has_no_persons() -> None:
    assert count_persons(b"id,note\n", CSV, "id") == Count(0, 0)
    assert count_persons("\ufeffid,note\n1,x\n\n".encode(), CSV, "id") == Count(1, 1)


@pytest.mark.slow
@given(st.binary(max_size=200), st.sampled_from([CSV, TSV, JSONL, JSON, "", "text/plain"]))
def test_no_bytes_make_the_counter_raise(content: bytes, media_type: str) -> None:
    count_persons(content, media_type, "id")


CELLS = st.text(max_size=12)


@pytest.mark.slow
@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_the_count_is_never_below_that_of_any_way_of_writing(rows: list[tuple[str, str]]) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "note"])
    writer.writerows(rows)
    try:
        content = written.getvalue().encode()
    except UnicodeEncodeError:
        return
    found = count_persons(content, CSV, "id")
    if found is not None:
        assert found.rows == len(rows)
        assert found.persons >= len({one.strip() for one, _ in rows})
