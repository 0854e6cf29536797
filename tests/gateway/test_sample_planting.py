"""Cases planted among the uses that people review afterwards: found wrong or missed, and nobody's use."""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caveat.ledger.record import PlantedSampleRecord, Record, SamplingRecord, Share, record_id_of
from caveat.ledger.wire import parse_record
from caveat.oversight.review_check import ReviewCheck, SamplingCheck
from caveat.oversight.sampling import candidate_of, drawn
from caveat.policy.bundle import parse_bundle
from tests.support.overseers import BEN, Clock, Somebody, read
from tests.support.planted import WORDS, ask_with, planting_files
from tests.support.powers import look
from tests.support.reviews import IDA, due, find, review, sampled, step
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import rows

OVERSIGHT = sampled(50, 1, "[floors]\nitems_per_hour = 360\nseconds = 1\n")
FILES = planting_files(BEN, IDA, oversight=OVERSIGHT)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.gateway.sample_planting.ENROLMENT_SHARE", 0.5)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path, module_upstream.url, FILES, clock=clock) as running:
        running.service.sampling.planting.chance = random.Random(7)
        step(running)
        yield running


def use(gateway: RunningGateway, number: int) -> None:
    """One that goes through: first-party data, and a task that is attested."""
    task = sorted(WORDS)[number % 2]
    words = f"{WORDS[task][number % 3]} ({number})"
    messages = [rows(3, f"n{number}d"), words]
    body = {
        "model": "scripted",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": text} for text in messages],
    }
    assert ask_with(gateway, body, task, number, "first_party").status == 200


def log(gateway: RunningGateway) -> list[tuple[str, Record]]:
    gateway.records()
    return [
        (record_id_of(entry.index, entry.leaf), parse_record(entry.leaf))
        for entry in gateway.service.ledger.records()
    ]


def derived(gateway: RunningGateway, period: int = 1) -> set[str]:
    """What an auditor draws of a period that is over."""
    begun = gateway.records("sampling")
    seed = bytes.fromhex(begun[period]["revealed"])
    shares = [Share(**share) for share in begun[period - 1]["shares"]]
    found = log(gateway)
    start, end = (
        index
        for index, (_, record) in enumerate(found)
        if getattr(record, "number", None) in (period, period + 1) and hasattr(record, "commitment")
    )
    candidates = [one for name, record in found[start:end] if (one := candidate_of(record, name))]
    return set(drawn(candidates, shares, seed))


def work(gateway: RunningGateway, clock: Clock, count: int = 60) -> None:
    for number in range(count):
        use(gateway, number)
        clock.move(2)
        if number % 4 == 3:
            step(gateway)
    step(gateway)


def planted(gateway: RunningGateway) -> list[str]:
    return [about for about, is_recorded in gateway.service.sampling.planting.about.items() if is_recorded]


def judge(gateway: RunningGateway, clock: Clock, about: str, finding: str) -> Any:
    seen = review(gateway, IDA, clock(), about).json
    clock.move(3)
    assert find(gateway, IDA, clock(), seen, finding).status == 201
    return seen


def figures(gateway: RunningGateway, clock: Clock, who: Somebody = IDA) -> Any:
    (own,) = read(gateway, who, clock(), "figures").json["own"]
    return own["afterwards"]


@pytest.mark.slow
def test_planted_samples_look_like_drawn_ones_and_the_draw_of_real_ones_is_what_it_was(
    gateway: RunningGateway, clock: Clock
) -> None:
    work(gateway, clock)
    cases = planted(gateway)
    assert len(cases) >= 2
    listed = due(gateway, IDA, clock())
    assert set(cases) < {row["review"] for row in listed}
    views = {row["review"]: review(gateway, IDA, clock(), row["review"]).json for row in listed}
    assert len({json.dumps([sorted(one), sorted(one["view"])]) for one in views.values()}) == 1
    for about, one in views.items():
        said = {fact["name"]: fact["value"] for fact in one["view"]["cases"][0]["facts"]}
        words = json.loads(base64.b64decode(one["content"]))["messages"][1]["content"]
        assert (words.rpartition(" (")[0] in WORDS[said["task"]]) is (about not in cases)
    clock.move(3600)
    step(gateway)
    revealed = [one["about"] for one in gateway.records("planted_sample")]
    sampled_uses = {one["about"] for one in gateway.records("sample")}
    assert sorted(revealed) == sorted(cases)
    assert sampled_uses - set(revealed) == derived(gateway)
    found = [record for _, record in log(gateway)]
    told = [index for index, one in enumerate(found) if isinstance(one, SamplingRecord)][1]
    last = max(index for index, one in enumerate(found) if isinstance(one, PlantedSampleRecord))
    assert last < told, "revealed before the secret is told"
    assert not set(revealed) & {row["review"] for row in due(gateway, IDA, clock())}


@pytest.mark.slow
def test_a_planted_sample_counts_for_its_reviewer_and_in_no_incident_and_no_count_of_real_uses(
    gateway: RunningGateway, clock: Clock
) -> None:
    work(gateway, clock)
    first, second, *_ = planted(gateway)
    judge(gateway, clock, first, "wrong")
    judge(gateway, clock, second, "right")
    step(gateway)
    step(gateway)
    own = figures(gateway, clock)
    assert (own["caught"]["count"], own["caught"]["of"], own["wrong"]["of"]) == (1, 2, 0)
    assert gateway.records("incident") == []
    assert [one["about"] for one in gateway.records("planted_sample")] == [first, second]
    clock.move(3600)
    step(gateway)
    assert gateway.records("incident") == []
    seen = look(gateway, IDA, clock(), "/v1/oversight").json["view"]["reviewed_afterwards"]
    real = len(gateway.records("sample")) - len(gateway.records("planted_sample"))
    assert sum(sum(each.values()) for each in seen["sampled"].values()) == real
    assert seen["findings"] == {}


@pytest.mark.slow
def test_after_a_restart_planted_samples_are_known_by_the_secret_alone(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    with running_gateway(tmp_path, module_upstream.url, FILES, clock=clock) as gateway:
        gateway.service.sampling.planting.chance = random.Random(7)
        step(gateway)
        work(gateway, clock)
        before = planted(gateway)
    with running_gateway(tmp_path, module_upstream.url, FILES, clock=clock) as gateway:
        assert planted(gateway) == before
        judge(gateway, clock, before[0], "wrong")
        step(gateway)
        step(gateway)
        assert gateway.records("incident") == []
        assert [one["about"] for one in gateway.records("planted_sample")] == before[:1]


@pytest.mark.slow
def test_what_was_approved_at_a_glance_is_a_miss_although_it_counts_as_none(
    gateway: RunningGateway, clock: Clock
) -> None:
    work(gateway, clock)
    about = planted(gateway)[0]
    seen = review(gateway, IDA, clock(), about).json
    assert find(gateway, IDA, clock(), seen, "right").status == 403
    clock.move(3600)
    step(gateway)
    caught = figures(gateway, clock)["caught"]
    assert (caught["count"], caught["of"]) == (0, 1)


@pytest.mark.slow
def test_where_nothing_differs_nothing_is_planted_among_samples(
    gateway: RunningGateway,
) -> None:
    for number in range(0, 60, 2):
        use(gateway, number)
    step(gateway)
    assert gateway.service.sampling.planting.about == {}


def texts(records: list[tuple[str, Record]]) -> set[str]:
    """What `verify` finds in this log."""
    law = parse_bundle(FILES).oversight

    def read_again(start: int, end: int) -> Iterator[tuple[str, Record]]:
        return iter(records[start:end])

    checks = (
        SamplingCheck(lambda _: law, read_again),
        ReviewCheck(lambda _: True, lambda _: law, read_again),
    )
    return {
        found.text
        for index, (_, record) in enumerate(records)
        for check in checks
        for found in check.check(index, record)
    }


@pytest.mark.slow
def test_whoever_derives_the_draw_again_tells_planted_samples_from_real_ones_and_none_passes_as_one(
    gateway: RunningGateway, clock: Clock
) -> None:
    work(gateway, clock)
    judge(gateway, clock, planted(gateway)[0], "wrong")
    step(gateway)
    clock.move(3600)
    step(gateway)
    step(gateway)
    records = log(gateway)
    assert texts(records) == set()
    at = [index for index, (_, one) in enumerate(records) if isinstance(one, PlantedSampleRecord)]
    hidden = [one for index, one in enumerate(records) if index != at[-1]]
    assert any("were sampled and never drawn" in text for text in texts(hidden))
    real = sorted(derived(gateway) & {one["about"] for one in gateway.records("sample")})[0]
    name, revealed = records[at[-1]]
    assert isinstance(revealed, PlantedSampleRecord)
    excuse = (name, replace(revealed, about=real))
    assert "1 uses of period 1 were drawn and called planted" in texts(
        [*records[: at[-1]], excuse, *records[at[-1] :]]
    )
    late = (name, replace(revealed, time=records[-1][1].time))
    assert "it calls planted what was not sampled in the period that draws" in texts([*records, late])
