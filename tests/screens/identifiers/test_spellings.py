"""One person under several spellings is one; persons whose names differ are not."""

import json
import random
from collections.abc import Sequence

import pytest

from caveat.screens.identifiers import sightings_of
from tests.screens.identifiers import strangers
from tests.screens.identifiers.persons import BESIDE, NAMES, Someone, Spelling, dates, emails, persons, phones

KEY = b"k" * 32
COLUMNS = {"born": dates, "phone": phones, "email": emails}


def _row(one: Someone, spelling: Spelling, beside: str | None, rng: random.Random) -> dict[str, str]:
    row = {"full_name": spelling(one, rng)}
    return row if beside is None else {**row, beside: COLUMNS[beside](one, rng)}


def _ids(row: dict[str, str]) -> frozenset[bytes]:
    found = sightings_of(json.dumps(row).encode(), "application/json", None, KEY)
    assert found is not None
    assert len(found) == 1
    return frozenset(found[0].ids)


def share_counted_once(made: Sequence[Someone], spellings: Sequence[Spelling], beside: str | None) -> float:
    """Of these persons, each in five requests of one record, the share that is one."""
    rng = random.Random(7)
    once = 0
    for one in made:
        rows = [_ids(_row(one, spelling, beside, rng)) for spelling in rng.sample(list(spellings), 5)]
        clusters: list[set[bytes]] = []
        for ids in rows:
            touching = [cluster for cluster in clusters if cluster & ids]
            clusters = [cluster for cluster in clusters if not cluster & ids]
            clusters.append(set(ids).union(*touching))
        once += len(clusters) == 1
    return once / len(made)


def share_merged(made: Sequence[Someone], beside: str | None) -> float:
    """Of distinct persons in one content, the share that is missing from the count."""
    rng = random.Random(7)
    rows = [_row(one, NAMES[0], beside, rng) for one in made]
    found = sightings_of(json.dumps(rows).encode(), "application/json", None, KEY)
    assert found is not None
    return 1 - len(found) / len(made)


@pytest.mark.slow
@pytest.mark.parametrize("beside", ["born", "phone", "email"])
def test_five_spellings_beside_something_else_that_is_said_are_one_person(beside: str) -> None:
    assert share_counted_once(persons("C", 1, 500), BESIDE, beside) >= 0.9


@pytest.mark.slow
def test_five_spellings_of_a_name_alone_are_one_person() -> None:
    assert share_counted_once(persons("C", 2, 500), NAMES, None) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("beside", [None, "born", "phone", "email"])
def test_ten_thousand_persons_stay_ten_thousand(beside: str | None) -> None:
    assert share_merged(persons("C", 3, 10_000), beside) <= 0.005


@pytest.mark.slow
@pytest.mark.parametrize("beside", [None, "born", "phone", "email"])
def test_five_spellings_of_strangers_are_one_person(beside: str | None) -> None:
    spellings = strangers.ALONE if beside is None else strangers.BESIDE
    assert share_counted_once(strangers.strangers(1, 2000), spellings, beside) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("beside", [None, "born", "phone", "email"])
def test_ten_thousand_strangers_stay_ten_thousand(beside: str | None) -> None:
    assert share_merged(strangers.strangers(2, 10_000), beside) <= 0.005
