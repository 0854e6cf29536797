"""One programme split into single requests is noticed; ordinary work of the same volume is not held back."""

from pathlib import Path

import pytest

from tests.support.splitting import ATTRIBUTES, Office, casework, programme, statistics

LIMIT = 1000
SEEDS = (11, 23, 47)


def check_split(folder: Path, persons: int, limit: int, seed: int, at_once: int) -> None:
    office = Office(folder, limit=limit)
    outcome = office.serve(programme(seed, persons), at_once)
    assert outcome.allowed + outcome.refused == persons * len(ATTRIBUTES)
    assert outcome.refused > 0
    assert len(outcome.served) <= limit + (persons - limit) * 0.02
    # What was joined about those within the limit is seen as well, request by request.
    assert office.monitors.subjects.most_joined()[0] >= 4


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 128])
def test_a_split_programme_is_denied_when_its_sum_passes_the_limit(tmp_path: Path, at_once: int) -> None:
    check_split(tmp_path, 250, 50, seed=5, at_once=at_once)


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("at_once", [1, 128])
def test_thirty_thousand_requests_about_five_thousand_persons_serve_no_more_than_the_limit(
    tmp_path: Path, seed: int, at_once: int
) -> None:
    check_split(tmp_path, 5_000, LIMIT, seed, at_once)


@pytest.mark.slow
def test_ordinary_work_is_not_held_back_where_counting_by_data_would(tmp_path: Path) -> None:
    for traffic in (casework(3, 600, cases=40), statistics(3, 150, population=45)):
        assert Office(tmp_path, limit=50).serve(traffic).refused == 0
    assert Office(tmp_path, keyed=False, limit=50).serve(casework(3, 600, cases=40)).refused > 100


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_thirty_thousand_requests_of_casework_and_statistics_are_held_back_once_in_a_thousand_at_most(
    tmp_path: Path, seed: int
) -> None:
    for traffic in (casework(seed, 30_000), statistics(seed, 30_000)):
        outcome = Office(tmp_path, limit=LIMIT).serve(traffic, at_once=128)
        assert outcome.refused <= 30
