"""Households, offices and registers: whoever shares an identifier stays who they are, in whatever frame."""

import json
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from caveat.screens.identifiers import sightings_of
from caveat.screens.identifiers.names import read_name
from caveat.screens.identifiers.namesakes import Namesakes
from tests.screens.identifiers.registers import BESIDE, NAMES, SHORTENED, Frame, Resident, Row, residents

KEY = b"k" * 32
WHAT: dict[str | None, Callable[[Resident], tuple[str, ...]]] = {
    None: lambda one: (one.given, one.family),
    "born": lambda one: (one.given, one.family, one.born),
    "phone": lambda one: (one.given, one.family, one.home),
    "mail": lambda one: (one.given, one.family, one.mail),
}
"""What a register says of a person: whoever is alike in all of it cannot be told apart by anybody."""


def counted(rows: Sequence[Row]) -> int:
    found = sightings_of(json.dumps(rows).encode(), "application/json", None, KEY)
    assert found is not None
    return len(found)


def row_of(one: Resident, frame: Frame, beside: str | None, rng: random.Random) -> Row:
    row = frame(one, rng)
    return row if beside is None else {**row, **rng.choice(BESIDE[beside])(one, rng)}


@pytest.mark.slow
@pytest.mark.parametrize("beside", WHAT)
def test_five_entries_in_registers_of_different_frames_are_one_person(beside: str | None) -> None:
    rng, once, made = random.Random(7), 0, residents(1, 1000)
    frames = NAMES if beside is None else SHORTENED
    for one in made:
        ids: list[frozenset[bytes]] = []
        for frame in rng.sample(list(frames), 5):
            row = json.dumps(row_of(one, frame, beside, rng)).encode()
            found = sightings_of(row, "application/json", None, KEY)
            assert found is not None
            ids += [frozenset(sighting.ids) for sighting in found]
        once += len(ids) == 5 and all(not a.isdisjoint(b) for a, b in pairwise(ids))
    assert once / len(made) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("beside", WHAT)
def test_ten_thousand_who_share_homes_and_names_stay_as_many_as_can_be_told_apart(beside: str | None) -> None:
    rng, made = random.Random(7), residents(2, 10_000)
    known = {WHAT[beside](one): one for one in made}
    rows = [row_of(one, NAMES[0], beside, rng) for one in known.values()]
    assert 0 <= 1 - counted(rows) / len(known) <= 0.005


@pytest.mark.slow
@pytest.mark.parametrize("beside", ["born", "phone", "mail"])
def test_households_in_several_spellings_are_as_many_as_they_are(beside: str) -> None:
    rng, made = random.Random(5), residents(2, 1_500)
    rows = [row_of(one, frame, beside, rng) for one in made for frame in rng.sample(list(NAMES), 3)]
    rng.shuffle(rows)
    assert 0.995 <= counted(rows) / len({WHAT[beside](one) for one in made}) <= 1.01


def test_an_office_with_one_number_and_one_mailbox_is_as_many_as_work_there() -> None:
    office = {"phone": "+49 30 2345678", "email": "info@office.example.org"}
    staff = list({(one.given, one.family): one for one in residents(3, 400)}.values())
    assert counted([{"full_name": f"{one.given} {one.family}", **office} for one in staff]) == len(staff)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"name": "Ana Huber", "dob": "1980-01-02"}, {"name": "Ana Huber", "dob": "1985-01-02"}),
        ({"name": "Ana Huber", "dob": "2010-01-02"}, {"name": "Anton Huber", "dob": "2010-01-02"}),
        ({"name": "Ana Huber", "phone": "030 4567890"}, {"name": "Leo Huber", "phone": "030 4567890"}),
        ({"name": "Ana Huber", "email": "h@b.example"}, {"name": "Anton Huber", "email": "h@b.example"}),
        ({"Name": "Huber", "Vorname": "Ana"}, {"Name": "Maier", "Vorname": "Ana"}),
        ({"Nombre": "Ana", "Apellidos": "García"}, {"Nombre": "Leo", "Apellidos": "García"}),
        ({"姓名": "王伟"}, {"姓名": "王芳"}),
        ({"Фамилия": "Иванов", "Имя": "Олег"}, {"Фамилия": "Иванов", "Имя": "Борис"}),
    ],
)
def test_two_persons_are_two(first: Row, second: Row) -> None:
    assert counted([first, second]) == 2
    assert counted([first, first]) == counted([second, second]) == 1


def test_one_person_is_one_under_a_shared_number_however_the_name_is_shortened() -> None:
    phone = {"phone": "+49 30 2345678"}
    spelt = ["Juan García López", "GARCIA LOPEZ, JUAN", "J. García", "juan garcia"]
    rows: list[Row] = [{"full_name": name, **phone} for name in (*spelt, "Ana García", "Bo Lee")]
    assert counted(rows) == 3


def test_a_shortened_name_is_nobodys_where_it_can_be_two_persons() -> None:
    names = [read_name(text) for text in ("Ana Huber", "Anton Huber", "A. Huber")]
    ana, anton, short = names
    assert ana is not None
    assert anton is not None
    assert short is not None
    sakes = Namesakes((ana, anton, short))
    assert not sakes.are_one
    assert sakes.keys(ana).isdisjoint(sakes.keys(anton))
    assert sakes.keys(short).isdisjoint(sakes.keys(ana) | sakes.keys(anton))
    assert Namesakes((ana, short)).are_one


def ids_of(row: Row) -> frozenset[bytes]:
    found = sightings_of(json.dumps(row).encode(), "application/json", None, KEY)
    assert found is not None
    (only,) = found
    return frozenset(only.ids)


def test_an_offices_mailbox_links_nobody_from_one_request_to_the_next() -> None:
    ana, bo = ({"full_name": name, "email": "info@office.example.org"} for name in ("Ana Torre", "Bo Lee"))
    assert ids_of(ana).isdisjoint(ids_of(bo))
    own = {"full_name": "Ana Torre", "email": "ana.torre@office.example.org"}
    assert not ids_of(own).isdisjoint(ids_of({**own, "full_name": "A. T."}))


def test_a_name_alone_is_one_in_known_spellings_of_it_and_no_others() -> None:
    assert ids_of({"full_name": "Mohammed Haddad"}) == ids_of({"full_name": "HADDAD, Muhammad"})
    assert ids_of({"full_name": "Jon Haddad"}).isdisjoint(ids_of({"full_name": "John Haddad"}))
