"""What was said of content against what it holds."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.screens.contradiction import CERTAIN, Code, Declared, contradictions, span
from caveat.screens.identifiers.census import Census, census_of, joined
from tests.screens.identifiers.persons import persons

HOME = "US"


def table(count: int, phone: str = "", seed: int = 0) -> bytes:
    """Rows of persons; `phone` is a format with `{0}` for six digits that differ."""
    rng = random.Random(seed)
    rows = ["full_name,email,phone"]
    for one in persons("A", seed, count):
        digits = f"{rng.randrange(2_000_000, 9_999_999)}"
        rows.append(f"{one.given} {one.family},{one.email},{phone.format(digits)}")
    return "\n".join(rows).encode()


def found(declared: Declared, content: bytes, media_type: str = "text/csv") -> dict[Code, int]:
    census = census_of(content, media_type, None, HOME)
    return {one.code: one.score for one in contradictions(declared, census, HOME)}


def test_synthetic_data_with_live_numbers_of_one_region_contradict() -> None:
    assert found(Declared(synthetic=True), table(60, "(415) {0}"))[Code.SYNTHETIC] == CERTAIN


def test_live_numbers_among_as_many_made_up_ones_still_show() -> None:
    mixed = table(40, "(415) {0}") + table(40, "+1 212 555 01{0:.2}", seed=1).removeprefix(
        b"full_name,email,phone"
    )
    assert Code.SYNTHETIC in found(Declared(synthetic=True), mixed)


@pytest.mark.parametrize(
    "phone", ["+1 415 555 01{0:.2}", "+44 20 7946 0{0:.3}", "+33 1 99 00 {0:.4}", "{0}", ""]
)
def test_numbers_that_are_reserved_for_examples_contradict_nothing(phone: str) -> None:
    assert found(Declared(synthetic=True), table(200, phone)) == {}


@pytest.mark.parametrize("seed", range(8))
def test_numbers_made_up_at_random_contradict_nothing(seed: int) -> None:
    rng = random.Random(seed)
    rows = [f"a,{rng.randrange(10**9, 10**10)}" for _ in range(400)]
    assert found(Declared(synthetic=True), ("name,phone\n" + "\n".join(rows)).encode()) == {}


CITIES = {
    "GB": ("020 7{}1 {:04}", "+44 20 7{}1 {:04}"),
    "DE": ("030 {}1{:04}", "+49 30 {}1{:04}"),
    "FR": ("01 4{} {:04}1", "+33 1 4{} {:04}1"),
    "JP": ("03-3{}1-{:04}", "+81 3-3{}1-{:04}"),
    "US": ("(415) 2{}-{:04}", "+1 415 2{} {:04}"),
}
"""Numbers of one city as they are written at home and abroad."""


def city(form: str, seed: int) -> str:
    rng = random.Random(seed)
    numbers = [form.format(rng.randrange(20, 99), rng.randrange(10**4)) for _ in range(60)]
    rows = [f"Ana Torre{chr(97 + n % 26)}{chr(97 + n // 26)},{number}" for n, number in enumerate(numbers)]
    return "full_name,phone\n" + "\n".join(rows)


@pytest.mark.parametrize("home", CITIES)
def test_foreign_data_with_numbers_of_the_home_country_contradict_wherever_home_is(home: str) -> None:
    for form in CITIES[home]:
        census = census_of(city(form, 1).encode(), "text/csv", None, home)
        assert [one.code for one in contradictions(Declared(foreign=True), census, home)] == [Code.FOREIGN]
    for other in CITIES.keys() - {home}:
        census = census_of(city(CITIES[home][1], 1).encode(), "text/csv", None, other)
        assert contradictions(Declared(foreign=True), census, other) == ()


@pytest.mark.parametrize("home", CITIES)
def test_live_numbers_of_one_city_contradict_however_short_its_code_is(home: str) -> None:
    census = census_of(city(CITIES[home][1], 2).encode(), "text/csv", None, "US")
    [one] = contradictions(Declared(synthetic=True), census, "US")
    assert (one.code, one.score) == (Code.SYNTHETIC, CERTAIN)


@pytest.mark.parametrize("home", CITIES)
@pytest.mark.parametrize("seed", range(4))
def test_numbers_made_up_at_random_contradict_nothing_wherever_home_is(home: str, seed: int) -> None:
    rng = random.Random(seed)
    rows = [f"a,0{rng.randrange(10**8, 10**9)}" for _ in range(300)]
    census = census_of(("name,phone\n" + "\n".join(rows)).encode(), "text/csv", None, home)
    assert contradictions(Declared(synthetic=True), census, home) == ()


def test_more_persons_than_were_declared_contradict() -> None:
    assert found(Declared(persons=40), table(4000))[Code.PERSONS] == CERTAIN
    assert found(Declared(persons=40), table(60)) != {}
    assert found(Declared(persons=40), table(44)) == {}
    assert found(Declared(persons=4000), table(4000)) == {}


def test_persons_who_are_spread_over_contents_are_counted_together_and_once() -> None:
    parts = [census_of(table(30, seed=seed), "text/csv", None, HOME) for seed in range(4)]
    assert len(joined([*parts, *parts]).persons) == pytest.approx(120, abs=3)
    assert contradictions(Declared(persons=30), joined(parts), HOME)[0].score == CERTAIN


def test_foreign_data_with_domestic_numbers_contradict() -> None:
    assert found(Declared(foreign=True), table(60, "(415) {0}"))[Code.FOREIGN] == CERTAIN
    assert found(Declared(foreign=True), table(60, "+49 30 {0}")) == {}


def test_foreign_data_with_domestic_addresses_or_social_security_numbers_contradict() -> None:
    rows = [
        f"Ana Torre{n},Main Street {n}, Springfield IL {60000 + n},{219 + n}-09-{1000 + n}" for n in range(30)
    ]
    people = [dict(zip(("full_name", "street", "place", "ssn"), row.split(","), strict=True)) for row in rows]
    assert Code.FOREIGN in found(Declared(foreign=True), json.dumps(people).encode(), "application/json")


def test_without_a_home_country_nothing_is_domestic() -> None:
    census = census_of(table(60, "(415) {0}"), "text/csv", None, "")
    assert contradictions(Declared(foreign=True), census, "") == ()


def test_an_aggregate_with_rows_of_single_persons_contradicts() -> None:
    assert found(Declared(aggregate=True), table(60))[Code.AGGREGATE] == CERTAIN
    counts = "region,age_band,count\n" + "\n".join(f"r{n},30-39,{n * 7}" for n in range(60))
    assert found(Declared(aggregate=True), counts.encode()) == {}


def test_what_is_less_than_a_fifth_or_only_a_few_contradicts_nothing() -> None:
    rng = random.Random(1)
    live = [f"+1 415 2{rng.randrange(10, 99)} {rng.randrange(10**4):04}" for _ in range(10)]
    reserved = [f"+1 {area} 555 01{end:02}" for area in (212, 303) for end in range(27)]
    rows = "\n".join(f"x,{number}" for number in live + reserved)
    assert found(Declared(synthetic=True), f"name,phone\n{rows}".encode()) == {}
    assert found(Declared(aggregate=True, impersonal=True), table(4)) == {}


def test_impersonal_data_with_identifiers_contradict() -> None:
    assert found(Declared(impersonal=True), table(60))[Code.IMPERSONAL] == CERTAIN
    goods = "name,sku,price\n" + "\n".join(f"Blue Widget,{n}-44-{n},{n}.99" for n in range(60))
    assert found(Declared(impersonal=True), goods.encode()) == {}


@pytest.mark.parametrize("shape", ["chat", "flat", "input", "called"])
def test_tools_that_a_request_defines_or_calls_are_nobody(shape: str) -> None:
    def tool(name: str) -> object:
        schema = {"type": "object", "properties": {"at": {"type": "string"}}}
        return {
            "chat": {"type": "function", "function": {"name": name, "parameters": schema}},
            "flat": {"type": "function", "name": name, "parameters": schema},
            "input": {"name": name, "input_schema": schema},
            "called": {"type": "function", "function": {"name": name, "arguments": "{}"}},
        }[shape]

    tools = json.dumps([tool(f"{what}_{whom}") for what in ("find", "close") for whom in "abcdefghijkl"])
    said = Declared(persons=0, aggregate=True, impersonal=True)
    assert found(said, tools.encode(), "application/json") == {}


def test_content_that_is_no_text_is_not_called_right() -> None:
    assert found(Declared(synthetic=True), b"\x00\x01" * 50) == {Code.UNREADABLE: 600}


def test_rows_that_are_called_something_else_are_read_all_the_same() -> None:
    assert Code.PERSONS in found(Declared(persons=5), table(60), "text/plain")
    assert Code.PERSONS in found(Declared(persons=5), table(60), "application/json")


def test_nothing_of_the_content_stands_in_a_finding() -> None:
    content = table(60, "(415) {0}")
    declared = Declared(synthetic=True, persons=1, foreign=True, aggregate=True, impersonal=True)
    said = contradictions(declared, census_of(content, "text/csv", None, HOME), HOME)
    assert len(said) == 5
    words = " ".join(f"{one.declared} {one.found}" for one in said)
    assert not any(
        cell in words for row in content.decode().split("\n")[1:] for cell in row.split(",") if cell
    )


@given(st.integers(0, 10**7))
def test_a_range_holds_its_count(count: int) -> None:
    low, _, high = span(count).partition("-")
    assert int(low) <= count <= int(high)


def test_what_nothing_was_said_of_contradicts_nothing() -> None:
    assert contradictions(Declared(), Census(unread=True), HOME) == ()
