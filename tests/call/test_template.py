"""A template matches its own fillings, and not one text more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.call.template import TemplateError, match_template, parse_template

TEMPLATE = parse_template("Rate {what:enum[a,b-c]} from {n:int[-5,120]} on {d:date}, see {x:digest}.")
DIGEST = "0f" * 32


def text(what: str = "b-c", n: str = "7", d: str = "2026-05-04", x: str = DIGEST) -> str:
    return f"Rate {what} from {n} on {d}, see {x}."


def test_the_template_with_its_slots_filled_matches() -> None:
    assert match_template(TEMPLATE, text()) == {"what": "b-c", "n": "7", "d": "2026-05-04", "x": DIGEST}
    assert match_template(TEMPLATE, text(n="-5", what="a", d="2024-02-29")) is not None


@pytest.mark.parametrize(
    "other",
    [
        *(text(what=value) for value in ("", "c", "A", "a ", "a,b-c", "b", "{a}")),
        *(text(n=value) for value in ("", "121", "-6", "-0", "07", "+7", "7.0", "٧", "7 ", "seven")),
        *(
            text(d=value)
            for value in ("", "2026-02-30", "2026-5-4", "20260504", "２026-05-04", "2026-05-04Z")
        ),
        *(text(x=value) for value in ("", DIGEST.upper(), DIGEST[1:], DIGEST + "0")),
        *(text() + more for more in (" ", "\n", ".", text())),
        *(more + text() for more in (" ", "\n", "\ufeff", text())),
        text()[:-1],
        text()[1:],
        "",
    ],
)
def test_nothing_else_does(other: str) -> None:
    assert match_template(TEMPLATE, other) is None


@given(st.text(max_size=200))
def test_no_text_matches_by_accident_or_raises(other: str) -> None:
    assert match_template(TEMPLATE, other) is None


@given(st.integers(-5, 120), st.dates(), st.sampled_from(["a", "b-c"]))
def test_every_value_of_its_type_matches(n: int, day: object, what: str) -> None:
    assert match_template(TEMPLATE, text(what=what, n=str(n), d=str(day))) is not None


@given(st.integers(0, 120), st.integers(0, 200))
def test_one_character_more_or_less_never_matches_as_another_text(place: int, code: int) -> None:
    whole = text()
    place = min(place, len(whole))
    changed = whole[:place] + chr(code) + whole[place:]
    found = match_template(TEMPLATE, changed)
    # A digit or a sign may make another value of the slot's own type; nothing else is let in.
    assert found is None or text(found["what"], found["n"], found["d"], found["x"]) == changed


def test_free_text_is_no_typed_slot() -> None:
    free = parse_template("Answer {question:text[20]} briefly.")
    assert not free.is_typed
    assert TEMPLATE.is_typed
    assert match_template(free, "Answer what is rain? briefly.") == {"question": "what is rain?"}
    assert match_template(free, "Answer " + "x" * 21 + " briefly.") is None


def test_braces_are_doubled() -> None:
    braces = parse_template("Fill {{name}} {n:int[1,2]}")
    assert match_template(braces, "Fill {name} 1") is not None


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("", "no instruction"),
        ("{n:int[1,2]}", "no instruction"),
        ("a {n:int[1,2]}{m:int[1,2]}", "between two slots"),
        ("a {n:int[1,2]}b", "follows a slot"),
        ("a {n:int[1,2]}-{m:int[1,2]}", "follows a slot"),
        ("a {n:int[1,2]} {n:date}", "named twice"),
        ("a {n:int[2,1]}", "lower end"),
        ("a {n:enum[]}", "lists different words"),
        ("a {n:enum[b,b]}", "lists different words"),
        ("a {n:enum[b c]}", "lists different words"),
        ("a {n:word}", "its type is"),
        ("a {n}", "a slot is"),
        ("a } b", "a slot is"),
        ("a {", "a slot is"),
    ],
)
def test_a_template_that_could_be_read_in_two_ways_is_refused(template: str, why: str) -> None:
    with pytest.raises(TemplateError, match=why):
        parse_template(template)
