"""Ordinary content of which something true was said contradicts nothing, whatever it is made of."""

import json
import random
import uuid
from collections.abc import Callable

import pytest

from caveat.screens.contradiction import Code, Declared, contradictions
from caveat.screens.identifiers.census import census_of
from tests.screens.identifiers.persons import persons

HOME = "US"
_SIDES = ("North", "South", "East", "West", "Upper", "Lower", "Greater", "New", "Port", "Mount")
_PLACES = ("Harbour", "Valley", "Springs", "Junction", "Plains", "Ridge", "Falls", "Meadow", "Quarter", "Bay")
_GOODS = ("Hex Bolt", "Ball Bearing", "Drive Belt", "Copper Pipe", "Flange Gasket", "Relay Module")
_EFFECTS = ("record", "send", "fetch", "list", "open", "close", "update", "remove", "find", "rank")
_THINGS = ("note", "ticket", "order", "invoice", "file", "alert", "sensor", "shift", "route", "form")

Content = tuple[Declared, bytes, str]


def regions(rng: random.Random) -> Content:
    """Counts by place, in a column that is called `name`."""
    rows = [
        f"{rng.choice(_SIDES)} {rng.choice(_PLACES)},{rng.randrange(9, 9000)},{rng.random():.3f}"
        for _ in range(rng.randrange(5, 200))
    ]
    return Declared(aggregate=True, impersonal=True), _csv("name,households,rate", rows), "text/csv"


def goods(rng: random.Random) -> Content:
    """Stock with article numbers, of which a tenth has the check digit of a card."""
    rows = [
        f"{rng.choice(_GOODS)} {rng.choice(_SIDES)},{_ean(rng)},{rng.randrange(900)}"
        for _ in range(rng.randrange(5, 300))
    ]
    return Declared(impersonal=True, aggregate=True), _csv("name,ean,stock", rows), "text/csv"


def article_list(rng: random.Random) -> Content:
    """Article, order and book numbers in words."""
    lines = [
        f"Order {rng.randrange(10**7, 10**8)} of 2026-{rng.randrange(10, 13)}-{rng.randrange(10, 28)}: "
        f"{rng.choice(_GOODS)}, EAN {_ean(rng)}, ISBN {_isbn(rng)}, "
        f"invoice no. {rng.randrange(100, 999)}-{rng.randrange(1000, 9999)}-{rng.randrange(10, 99)}, "
        f"{rng.randrange(1, 99)},{rng.randrange(100, 999)}.00 EUR, v{rng.randrange(9)}.{rng.randrange(99)}.1."
        for _ in range(rng.randrange(5, 100))
    ]
    return Declared(impersonal=True), "\n".join(lines).encode(), "text/plain"


def _ean(rng: random.Random) -> int:
    return rng.randrange(4 * 10**12, 5 * 10**12)


def _isbn(rng: random.Random) -> str:
    digits = [0, *(rng.randrange(10) for _ in range(8))]
    check = -sum(digit * (10 - place) for place, digit in enumerate(digits)) % 11
    plain = "".join(map(str, digits))
    return f"{plain[0]}-{plain[1:4]}-{plain[4:9]}-{'X' if check == 10 else check}"


def readings(rng: random.Random) -> Content:
    """What sensors of a building say."""
    rows = [
        f"pump-{rng.randrange(10**4, 10**5)},2026-11-{rng.randrange(10, 28)}T10:00Z,{rng.random() * 90:.4f}"
        for _ in range(rng.randrange(5, 300))
    ]
    return Declared(impersonal=True, aggregate=True), _csv("device_id,time,value", rows), "text/csv"


def requests(rng: random.Random) -> Content:
    """A log: numbers of requests, addresses of machines."""
    lines = [
        json.dumps(
            {
                "request_id": str(uuid.UUID(int=rng.getrandbits(128))),
                "ip": f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}",
                "path": f"/{rng.choice(_THINGS)}s/{rng.randrange(10**9)}",
                "version": f"{rng.randrange(256)}.{rng.randrange(256)}.1.{rng.randrange(256)}",
                "trace": f"{rng.getrandbits(64):016x}",
            }
        )
        for _ in range(rng.randrange(5, 200))
    ]
    return Declared(impersonal=True), "\n".join(lines).encode(), "application/jsonl"


def tools(rng: random.Random) -> Content:
    """Definitions of tools, each with a name."""
    made = [
        {
            "type": "function",
            "function": {
                "name": f"{rng.choice(_EFFECTS)}_{rng.choice(_THINGS)}",
                "description": "Email the person in charge; name and phone are optional.",
                "parameters": {"type": "object", "properties": {"full_name": {"type": "string"}}},
            },
        }
        for _ in range(rng.randrange(5, 60))
    ]
    return Declared(impersonal=True, aggregate=True), json.dumps(made).encode(), "application/json"


def case_file(rng: random.Random) -> Content:
    """As many persons as were said, each with several numbers, offices beside them."""
    count = rng.randrange(1, 120)
    rows = [
        f"{one.given} {one.family},{one.email},+1 {rng.randrange(201, 989)} 555 01{rng.randrange(10, 99)},"
        f"intake@example.org,{one.given} {one.family}"
        for one in persons("A", rng.randrange(1000), count)
        for _ in range(rng.randrange(1, 4))
    ]
    said = Declared(persons=count, synthetic=True)
    return said, _csv("full_name,email,phone,desk_email,signed", rows), "text/csv"


def abroad(rng: random.Random) -> Content:
    """Persons of another country, with its numbers and addresses."""
    rows = [
        f"{one.given} {one.family},+49 30 {rng.randrange(10**6, 10**7)},Gartenweg {rng.randrange(99)}, "
        f"{rng.randrange(10_000, 99_999)} Berghausen"
        for one in persons("A", rng.randrange(1000), rng.randrange(5, 200))
    ]
    return Declared(foreign=True), _csv("full_name,phone,street,place", rows), "text/csv"


def _csv(header: str, rows: list[str]) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


KINDS: tuple[Callable[[random.Random], Content], ...] = (
    regions, goods, article_list, readings, requests, tools, case_file, abroad
)  # fmt: skip


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_ordinary_content_contradicts_nothing_that_is_true_of_it(
    make: Callable[[random.Random], Content], seed: int
) -> None:
    declared, content, media_type = make(random.Random(seed))
    assert contradictions(declared, census_of(content, media_type, None, HOME), HOME) == ()


def test_names_in_a_column_of_that_name_are_persons_where_persons_are_called_so() -> None:
    rows = [f"{one.given} {one.family},{n}" for n, one in enumerate(persons("A", 1, 200))]
    usual = [f"Anna {row}" if n % 3 else row for n, row in enumerate(rows)]
    census = census_of(_csv("name,visits", usual), "text/csv", None, HOME)
    assert [one.code for one in contradictions(Declared(aggregate=True), census, HOME)] == [Code.AGGREGATE]


def test_devices_with_ids_to_be_advertised_to_are_persons() -> None:
    rows = [f"{uuid.UUID(int=n * 7919 << 64)},12.5,1.5" for n in range(1, 60)]
    census = census_of(_csv("idfa,lat,lon", rows), "text/csv", None, HOME)
    assert [one.code for one in contradictions(Declared(impersonal=True), census, HOME)] == [Code.IMPERSONAL]
