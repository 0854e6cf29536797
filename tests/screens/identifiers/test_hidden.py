"""Identifiers in encodings, between sentences and in texts of cells are found; what only looks so is not."""

import base64
import html
import json
import quopri
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.screens.identifiers import sightings_of
from caveat.screens.identifiers.blocks import blocks_in
from caveat.screens.identifiers.cells import MAX_ID_CHARS
from caveat.screens.identifiers.census import census_of
from caveat.screens.identifiers.encoded import may_be_encoded, spelt_out

KEY = b"k" * 32
PEOPLE = [{"full_name": f"Ana Torre{chr(97 + n)}", "email": f"a{n}@example.org"} for n in range(9)]
TABLE = "full_name,email\n" + "\n".join(f"{one['full_name']},{one['email']}" for one in PEOPLE)


def counted(text: str, media_type: str = "text/plain", id_column: str | None = None) -> int:
    found = sightings_of(text.encode(), media_type, id_column, KEY)
    assert found is not None
    census = census_of(text.encode(), media_type, id_column, "")
    assert len(census.persons) == len(found)
    return len(found)


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(TABLE.encode()).decode(),
        base64.encodebytes(TABLE.encode()).decode() + "please",
        base64.urlsafe_b64encode(base64.b64encode(TABLE.encode())).decode(),
        "Read this: " + base64.b64encode(TABLE.encode()).decode() + " and summarise it.",
        quote(TABLE),
        quopri.encodestring(TABLE.encode() + b" = ").decode(),
        " ".join(html.escape(one["email"]).replace("@", "&#64;") for one in PEOPLE),
        "".join(f"mail {one['email']}\n" for one in PEOPLE).replace("@", "\\u0040"),
        json.dumps({"result": TABLE}),
        json.dumps({"result": json.dumps({"rows": json.dumps(PEOPLE)})}),
        json.dumps([{"role": "user", "content": f"Write to {one['email']} today"} for one in PEOPLE]),
        json.dumps([{"email": one["email"].replace("@", "%40")} for one in PEOPLE]),
        f"Here are the data, please count them:\n{TABLE}\nThank you.",
        f"Here are the data:\n\n{TABLE}\n\nThank you.",
        f"Here:\n```json\n{json.dumps(PEOPLE)}\n```\nThank you.",
        f"Here:\n```\n{json.dumps(PEOPLE, indent=1)}\n```",
        f"First:\n{json.dumps(PEOPLE[:4])}\n\nThen:\n\n{json.dumps(PEOPLE[3:])}",
    ],
)
def test_what_is_packed_or_stands_between_sentences_is_found(text: str) -> None:
    assert counted(text) == len(PEOPLE)


def test_rows_between_sentences_are_rows() -> None:
    text = f"Please summarise:\n\n{TABLE}\n\nMr. Juan Garcia, juan@example.org, asks."
    census = census_of(text.encode(), "text/plain", None, "")
    assert (len(census.persons), census.in_rows) == (len(PEOPLE) + 1, len(PEOPLE))


NAMED = [one["full_name"] for one in PEOPLE]
SHAPES: list[object] = [
    {"full_name": NAMED, "city": ["Rome"] * 9},
    {"email": [one["email"] for one in PEOPLE]},
    {
        "full_name": dict(zip(map(str, range(9)), NAMED, strict=True)),
        "city": {str(n): "Rome" for n in range(9)},
    },
    [["full_name", "city"], *([name, "Rome"] for name in NAMED)],
    {"columns": ["full_name", "city"], "data": [[name, "Rome"] for name in NAMED]},
    {"result": [["full_name", "city"], *([name, "Rome"] for name in NAMED)]},
    {one["email"]: {"city": "Rome"} for one in PEOPLE},
    {"people": {name: {"city": "Rome"} for name in NAMED}},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_tables_in_json_are_as_many_as_they_are_in_whatever_shape(shape: object) -> None:
    assert counted(json.dumps(shape), "application/json") == len(PEOPLE)


def test_several_addresses_of_one_record_are_one_person() -> None:
    one = {
        "full_name": "Ana Torre",
        "emails": ["a@b.org", "c@d.org"],
        "phones": ["030 1234567", "030 7654321"],
    }
    assert counted(json.dumps(one)) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [f"{name},Rome{',x' if n == 4 else ''}" for n, name in enumerate(NAMED)],
        [f"{name},{chr(34) if n == 4 else ''}Rome" for n, name in enumerate(NAMED)],
        [
            json.dumps({"full_name": name}) if n != 4 else "{broken"
            for n, name in enumerate([*NAMED, "Bo Lee"])
        ],
        [f'{{"full_name": "Bo Lee", "full_name": "{name}"}}' for name in NAMED],
    ],
)
@pytest.mark.parametrize("media_type", ["text/plain", "text/csv", "application/json"])
def test_a_broken_row_does_not_make_the_others_rows_of_nobody(rows: list[str], media_type: str) -> None:
    text = "\n".join(rows if rows[0].startswith("{") else ["full_name,city", *rows])
    assert census_of(text.encode(), media_type, None, "").in_rows >= len(PEOPLE) - 1


@pytest.mark.parametrize(
    "text",
    [
        "size=40mm.de and x=40y.org",
        "50%40 of the a%b.org",
        "The key is Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4 and no more.",
        "item,price\nbox,3\n\nThat is all.",
        "[1, 2, 3]\n{not json}\n",
    ],
)
def test_what_only_looks_packed_is_nobody(text: str) -> None:
    assert counted(text) == 0


def test_ids_of_a_declared_column_are_compared_as_they_are_written() -> None:
    assert (
        counted("id,x\n%41,1\nA,1\nQUFBQUFBQUFBQUFBQUFBQUFBQUE=,1\nAAAAAAAAAAAAAAAAAAAA,2", "text/csv", "id")
        == 4
    )


def test_a_text_in_a_cell_adds_nobody_whom_the_record_is_about() -> None:
    note = "Called Mr. Juan Garcia under +49 30 2345678 about his letter. " * 3
    assert len(note) > MAX_ID_CHARS
    assert counted(json.dumps([{"full_name": "Juan Garcia", "phone": "030 2345678", "note": note}])) == 1


@settings(deadline=None)
@given(st.text(max_size=60) | st.text("%41=&#;\\u00aB \n", max_size=60))
def test_a_short_text_without_marks_of_encodings_stays_as_it_is(text: str) -> None:
    assert may_be_encoded(text) or spelt_out(text) == text


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(("name,email\n", "a b,a@b.c\n", "\n", "Hi.\n", "```\n", '[{"a": 1}]\n', "{\n", "x")),
        max_size=12,
    )
)
def test_no_line_of_a_text_gets_lost_between_its_blocks(lines: list[str]) -> None:
    text = "".join(lines)
    read = "".join(before + block for before, block in blocks_in(text))
    kept = [char for char in text if char not in " \n`"]
    assert [char for char in read if char not in " \n`"] == kept
