"""A programme split over two hundred API keys and thirty days, sent to a gateway that is really served."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.split_http import KEYS, At, api_key, files, send_all, served
from tests.support.splitting import ATTRIBUTES, Request, casework, programme, statistics

LIMIT = 1000


def check_split(folder: Path, persons: int, limit: int, seed: int, at_once: int) -> None:
    clock = At()
    with served(folder, limit, clock) as gateway:
        outcome = send_all(gateway, clock, programme(seed, persons), at_once)
        assert outcome.allowed + outcome.refused == persons * len(ATTRIBUTES)
        assert outcome.refused > 0
        assert len(outcome.served) <= limit + (persons - limit) * 0.02
        deployments = {one["deployment"] for one in gateway.records() if one["verdict"] == "allow"}
        assert deployments == {f"desk{number}" for number in range(4)}


def check_ordinary(folder: Path, traffic: Iterator[Request], limit: int, allowed_refusals: int) -> None:
    clock = At()
    with served(folder, limit, clock) as gateway:
        assert send_all(gateway, clock, traffic, 128).refused <= allowed_refusals


def test_two_hundred_keys_are_two_hundred_keys() -> None:
    deployments = files(9)["deployments.toml"].decode()
    assert len({api_key(sender) for sender in range(KEYS)}) == KEYS
    assert deployments.count('key_digests = ["') == 4 + 3


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 128])
def test_six_hundred_requests_about_a_hundred_persons_serve_no_more_than_the_limit(
    tmp_path: Path, at_once: int
) -> None:
    check_split(tmp_path, 100, 20, seed=at_once, at_once=at_once)


@pytest.mark.slow
@pytest.mark.parametrize(
    "traffic", [partial(casework, 3, 600, cases=18), partial(statistics, 3, 150, population=20)]
)
def test_ordinary_work_of_the_same_volume_is_not_held_back(
    tmp_path: Path, traffic: Callable[[], Iterator[Request]]
) -> None:
    check_ordinary(tmp_path, traffic(), 20, 0)


@pytest.mark.long
@pytest.mark.parametrize(("seed", "at_once"), [(11, 1), (47, 128)])
def test_thirty_thousand_requests_over_http_serve_no_more_than_the_limit(
    tmp_path: Path, seed: int, at_once: int
) -> None:
    check_split(tmp_path, 5_000, LIMIT, seed, at_once)


@pytest.mark.long
@pytest.mark.parametrize("traffic", [partial(casework, 23, 30_000), partial(statistics, 5, 30_000)])
def test_thirty_thousand_requests_of_ordinary_work_over_http_are_held_back_once_in_a_thousand_at_most(
    tmp_path: Path, traffic: Callable[[], Iterator[Request]]
) -> None:
    check_ordinary(tmp_path, traffic(), LIMIT, 30)
