"""Planted uses on the live paths: refused on each, counted nowhere, and paged for where one is not."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caveat.gateway.coverage.live import DEPLOYMENT, live_law
from caveat.gateway.coverage.planted_law import WORDS_KEY
from caveat.gateway.gate import Gate
from caveat.gateway.probing import Probing
from caveat.gateway.screening import Screening
from caveat.ledger.record import PathsRecord
from caveat.oversight.notices import Event, notices_of
from tests.support.overseers import ANNA, Clock, overseen_bundle
from tests.support.raw_client import asking, chat, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream


@pytest.fixture
def gateway(module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    module_upstream.seen.clear()
    files = overseen_bundle(ANNA).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=Clock()) as running:
        running.service.probing._chance = random.Random(1)
        yield running


def planted_round(gateway: RunningGateway) -> PathsRecord:
    work = gateway.service.probing.round()
    return asyncio.run_coroutine_threadsafe(work, gateway.loop).result(30)


def ready(gateway: RunningGateway) -> Any:
    return send(gateway.url, "/readyz", b"", {}, "GET").json


def metrics(gateway: RunningGateway) -> str:
    return send(gateway.url, "/metrics", b"", {}, "GET").body.decode()


@pytest.mark.slow
def test_every_live_path_refuses_what_is_planted_and_it_reaches_and_counts_nowhere(
    gateway: RunningGateway, module_upstream: ScriptedUpstream
) -> None:
    assert ready(gateway)["paths"] == "unmeasured"
    record = planted_round(gateway)
    assert record.open == ()
    assert record.planted >= 30
    assert ready(gateway)["paths"] == "ok"
    assert [one["planted"] for one in gateway.records("paths")] == [record.planted]
    assert gateway.records() == []
    assert module_upstream.seen == []
    said = metrics(gateway)
    assert f'caveat_planted_paths_total{{outcome="refused"}} {record.planted}.0' in said
    assert "caveat_decisions_total{" not in said
    assert list(notices_of(record, "7-abc")) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "where"), [("decide_prompt", "request"), ("decide_output", "answer"), ("decide_tools", "call")]
)
def test_a_point_of_control_that_lets_everything_through_has_somebody_paged(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, point: str, where: str
) -> None:
    decide = getattr(Gate, point)

    async def unenforced(self: Gate, *args: Any, **more: Any) -> Any:
        made = await decide(self, *args, **more)
        if isinstance(made, tuple):
            return tuple(replace(one, enforced=False) for one in made)
        return replace(made, enforced=False)

    monkeypatch.setattr(Gate, point, unenforced)
    record = planted_round(gateway)
    assert {row.why for row in record.open} == {"undecided"}
    assert where in {row.direction for row in record.open} | {row.what for row in record.open}
    assert ready(gateway)["paths"] == "open"
    assert "caveat_paths_open 0.0" not in metrics(gateway)
    (notice,) = notices_of(record, "7-abc")
    assert notice.event is Event.PATH_OPEN
    assert notice.said["record"] == "7-abc"


@pytest.mark.slow
def test_a_decision_that_did_not_read_the_content_is_found_although_it_refused(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a score the severest is assumed: it is refused and on record, and nobody has read anything."""

    async def nothing(*_said: object, **_more: object) -> dict[str, object]:
        return {}

    monkeypatch.setattr(Screening, "of_parts", nothing)
    monkeypatch.setattr("caveat.gateway.exchange.scores_of_answer", nothing)
    rows = planted_round(gateway).open
    assert {row.why for row in rows} >= {"unscanned"}
    assert {row.direction for row in rows if row.why == "unscanned"} >= {"request"}


@pytest.mark.slow
def test_a_bundle_in_which_nothing_can_be_planted_has_somebody_paged(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(_bundle: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr("caveat.gateway.probing.live_law", cannot)
    (row,) = planted_round(gateway).open
    assert (row.endpoint, row.why) == ("*", "unmeasured")
    assert ready(gateway)["paths"] == "open"


@pytest.mark.slow
def test_no_caller_is_taken_for_a_planted_use(gateway: RunningGateway) -> None:
    planted_round(gateway)
    assert chat(gateway.url, WORDS_KEY, asking("planted heron at noon")).status == 401
    law = gateway.service.law.current
    assert DEPLOYMENT not in law.bundle.deployments
    assert DEPLOYMENT in live_law(law.bundle).bundle.deployments
    assert not any(record.get("deployment") == DEPLOYMENT for record in gateway.records())


async def test_rounds_come_as_often_as_the_bundle_says(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    rounds: list[int] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) > 3:
            raise asyncio.CancelledError

    class Counting(Probing):
        async def round(self) -> PathsRecord:
            rounds.append(1)
            return PathsRecord("", "", 0, ())  # type: ignore[arg-type]  # nobody reads it

    law: Any = type("L", (), {"bundle": type("B", (), {"oversight": type("O", (), {"paths_seconds": 60})})})
    monkeypatch.setattr("caveat.gateway.probing.asyncio.sleep", sleep)
    probing = Counting(lambda: law, *(None,) * 3)  # type: ignore[arg-type]  # no round is made
    with pytest.raises(asyncio.CancelledError):
        await probing._run()
    assert waited == [60, 60, 60, 60]
    assert len(rounds) == 3
