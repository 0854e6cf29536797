"""Identifiers in plain words: each kind, what is nobody's, disguises, and hostile text."""

import base64
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from re import _parser  # type: ignore[attr-defined] # how Python itself reads a pattern
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.screens import named
from caveat.screens.identifiers import Kind, blocks, encoded, find_identifiers, prose, rows, sightings_of

KEY = b"k" * 32
FOUND = [
    (Kind.EMAIL, "ana.torre+news@example.org"),
    (Kind.PHONE, "+44 20 7946 0958"),
    (Kind.PHONE, "(415) 555-2671"),
    (Kind.PHONE, "020 7946 0958"),
    (Kind.NATIONAL_ID, "219-09-9998"),
    (Kind.IBAN, "GB82 WEST 1234 5698 7654 32"),
    (Kind.CARD, "4539 1488 0343 6467"),
    (Kind.IMEI, "490154203237518"),
    (Kind.MAC, "3c:22:fb:aa:10:9e"),
    (Kind.IP, "81.2.69.142"),
    (Kind.POSITION, "51.50722, -0.12750"),
    (Kind.POSITION, "51°30'26\"N 0°7'39\"W"),
    (Kind.POSITION, "9C3XGV4C+XV"),
]
NOBODYS = [
    "version 10.2.3.4 was built on 2026-11-22",
    "request 6d92078a-8246-4ba4-ae5b-76104861e7dc failed",
    "idfa 00000000-0000-0000-0000-000000000000",
    "order 4155552671, invoice 20261122",
    "000-12-3456 and 666-12-3456 and 078-05-1120",
    "card 4111 1111 1111 1112",
    "GB82 WEST 1234 5698 7654 33",
    "from 127.0.0.1 and 192.168.1.1 and 203.0.113.9",
    "the price rose from 12.50 to 13.75, or 10 %",
    "see section 3.2.1, figure 4",
    "The Board Of Trade met on Monday",
    "version 1.2.3.4 and release: 8.8.4.4 and v9.9.9.9",
    "it cost 1.234.567.890 or 12 345 678 901",
]


@pytest.mark.parametrize(("kind", "value"), FOUND)
def test_every_kind_is_found_in_prose(kind: Kind, value: str) -> None:
    text = f"They said that {value} was it."
    assert [(one.kind, text[one.start : one.end]) for one in find_identifiers(text)] == [(kind, value)]


@pytest.mark.parametrize("text", NOBODYS)
def test_what_is_nobodys_is_not_found(text: str) -> None:
    assert find_identifiers(text) == ()


def test_an_advertising_id_is_one_beside_a_word_for_it_and_a_plate_too() -> None:
    text = "gaid=6d92078a-8246-4ba4-ae5b-76104861e7dc seen with licence plate AB12 CDE"
    assert [one.kind for one in find_identifiers(text)] == [Kind.ADVERTISING_ID, Kind.PLATE]


def test_names_are_found_by_title_label_order_and_usual_given_names() -> None:
    text = "Mr. Juan Garcia met\nGARCIA, MARIA\npatient: Wanjiru Otieno\nand Olga Petrova there"
    found = [text[one.start : one.end] for one in find_identifiers(text) if one.kind is Kind.NAME]
    assert found == ["Juan Garcia", "GARCIA, MARIA", "Wanjiru Otieno", "Olga Petrova"]


def _wide(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


DISGUISES: tuple[Callable[[str], str], ...] = (
    _wide,
    lambda text: text[:3] + "\u200b" + text[3:],
    lambda text: "\u202e" + text + "\u202c",
    lambda text: "\u2060".join(text),
)


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize(("kind", "value"), [FOUND[0], FOUND[1], FOUND[4], FOUND[5]])
def test_disguised_identifiers_are_found_where_they_stand(
    kind: Kind, value: str, disguise: Callable[[str], str]
) -> None:
    text = f"so {disguise(value)} said"
    [found] = find_identifiers(text)
    assert found.kind is kind
    plain = sightings_of(f"so {value} said".encode(), "text/plain", None, KEY)
    assert sightings_of(text.encode(), "text/plain", None, KEY) == plain


def test_an_address_in_lookalike_letters_is_the_address() -> None:
    plain = sightings_of(b'{"email": "ana@example.org"}', "application/json", None, KEY)
    assert sightings_of('{"email": "аnа@ехаmple.org"}'.encode(), "application/json", None, KEY) == plain


HOSTILE = (
    "a",
    "1",
    "1 ",
    "a.",
    "a@",
    "@",
    "A ",
    "Ab ",
    "0:",
    "1.",
    "(",
    "-",
    "AB12 ",
    "name: ",
    "plate ",
    "Mr ",
    "1°1'",
    "\u200ba",
    "1234-",
    "x,",
    "[",
    '{"a":',
    "+1",
    "deadbeef-",
    "ABC, \n",
    "Anna ",
    "+(",
    "a,\n",
    "'",
    "\r",
    "A'",
    base64.b64encode(b"ana@example.org ").decode(),
    "%41",
    "=41",
    "=\n",
    "&#64;",
    "&#",
    "\\u0041",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
    "]\n",
    "]  ",
    "\n \n",
    "```\n",
    "name,email\n",
    "\nname,email\na,b@c.de\n\n",
    "[1]\n\n",
)


def _unbounded(pattern: Iterable[Any], *, last: bool) -> Iterator[object]:
    """Repetitions without end that give back what they took, and after which something may fail."""
    for at, (operator, argument) in enumerate(items := list(pattern)):
        at_end = last and at == len(items) - 1
        if str(operator) in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            _, most, inner = argument
            endless = most == _parser.MAXREPEAT and str(operator) != "POSSESSIVE_REPEAT"
            if endless and not at_end:
                yield operator
            yield from _unbounded(inner, last=False)
        elif str(operator) == "SUBPATTERN":
            yield from _unbounded(argument[-1], last=at_end)
        elif str(operator) == "BRANCH":
            for branch in argument[1]:
                yield from _unbounded(branch, last=at_end)
        elif str(operator) in {"ASSERT", "ASSERT_NOT"}:
            yield from _unbounded(argument[1], last=False)


@pytest.mark.parametrize("module", [prose, encoded, blocks, rows, named])
def test_no_pattern_over_a_whole_text_takes_back_what_has_no_bound(module: ModuleType) -> None:
    patterns = [value for value in vars(module).values() if isinstance(value, re.Pattern)]
    assert patterns
    for one in patterns:
        assert not list(_unbounded(_parser.parse(one.pattern), last=True)), one.pattern


def test_a_repetition_that_takes_back_is_noticed() -> None:
    for pattern in (r"(?:\s*\d)+x", r"a+b", r"(?:a{1,3}|b+)c", r"(a*)b"):
        assert list(_unbounded(_parser.parse(pattern), last=True))


def _steps(content: bytes, media_type: str) -> int:
    """How many calls of functions a reading takes, which no other work of the machine changes."""
    calls = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        sightings_of(content, media_type, None, KEY)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("media_type", ["text/plain", "text/csv", "application/json"])
@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_takes_steps_in_proportion_to_its_length(unit: str, media_type: str) -> None:
    short, long = ((unit * (size // len(unit))).encode() for size in (2_000, 20_000))
    assert _steps(long, media_type) <= 14 * _steps(short, media_type) + 2_000


@pytest.mark.slow
@pytest.mark.parametrize("unit", HOSTILE)
def test_a_line_of_a_megabyte_is_read_or_declared_unknown(unit: str) -> None:
    content = (unit * (1_000_000 // len(unit.encode()))).encode()
    found = sightings_of(content, "text/plain", None, KEY)
    assert found is None or len(found) < len(content)


@given(st.text(max_size=300))
def test_whatever_the_text_spans_lie_in_it_in_order_and_apart(text: str) -> None:
    end = 0
    for one in find_identifiers(text):
        assert end <= one.start < one.end <= len(text)
        end = one.end


@given(st.binary(max_size=200), st.sampled_from(["text/plain", "text/csv", "application/json", "x/y"]))
def test_whatever_the_bytes_they_are_read_or_unknown(content: bytes, media_type: str) -> None:
    for id_column in (None, "a"):
        found = sightings_of(content, media_type, id_column, KEY)
        assert found is None or all(one.ids for one in found)
