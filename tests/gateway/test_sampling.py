"""Uses that went through, drawn for review by chance: kept for it alone, found right or wrong in time."""

import base64
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from caveat.ledger.record import Share, record_id_of
from caveat.ledger.wire import parse_record
from caveat.oversight.sampling import candidate_of, commitment, drawn
from caveat.store.errors import HoldStoreError
from caveat.store.holds import SqliteHolds
from tests.support.overseers import ANNA, Clock, ask_about, hold_of
from tests.support.powers import look
from tests.support.raw_client import Answer, asking, chat
from tests.support.reviews import (
    IDA,
    JON,
    UNCLEARED,
    approve,
    due,
    find,
    review,
    reviewed_bundle,
    sampled,
    step,
)
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import CHAT_KEY, WATCH_KEY

SECRET = "a sentence that nobody else types"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    files = reviewed_bundle(sampled()).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as running:
        yield running


def ask(gateway: RunningGateway, words: str = "hi", key: str = CHAT_KEY) -> str:
    answer = chat(gateway.url, key, asking(words))
    assert answer.status == 200, answer.body
    return answer.headers["x-caveat-record"]


def prompts(gateway: RunningGateway) -> list[str]:
    """The ids of all prompts that went through."""
    gateway.records()
    found = [
        (record_id_of(entry.index, entry.leaf), parse_record(entry.leaf))
        for entry in gateway.service.ledger.records()
    ]
    return [name for name, record in found if candidate_of(record, name) is not None]


def code(answer: Answer) -> str:
    return str(answer.error["code"])


def stored(gateway: RunningGateway) -> dict[str, bytes]:
    """What the site's store has of each record."""
    with sqlite3.connect(gateway.folder / "holds.sqlite3") as connection:
        return dict(connection.execute("SELECT hold, content FROM shown").fetchall())


def test_a_secret_is_committed_to_before_anything_goes_through(gateway: RunningGateway) -> None:
    (begun,) = gateway.records("sampling")
    assert (begun["number"], begun["revealed"]) == (1, None)
    assert begun["shares"] == [{"deployment": "", "clause": "", "percent": 100, "least": 1}]


def test_what_is_drawn_is_due_and_shown_with_its_content(gateway: RunningGateway, clock: Clock) -> None:
    ask(gateway, SECRET)
    step(gateway)
    (use,) = prompts(gateway)
    (row,) = due(gateway, IDA, clock())
    assert (row["review"], row["kind"], row["deployment"], row["clauses"]) == (use, "sample", "chat", ["C1"])
    shown = review(gateway, IDA, clock(), use).json
    assert SECRET in base64.b64decode(shown["content"]).decode()
    assert shown["view"]["clauses"][0]["text"] == "Whatever no other clause limits."


def test_content_stands_in_no_record(gateway: RunningGateway, clock: Clock) -> None:
    ask(gateway, SECRET)
    step(gateway)
    (use,) = prompts(gateway)
    find(gateway, IDA, clock(), review(gateway, IDA, clock(), use).json, "wrong")
    step(gateway)
    step(gateway)
    assert len(gateway.records("incident")) == 1
    assert not any(SECRET.encode() in entry.leaf for entry in gateway.service.ledger.records())


def test_who_is_not_cleared_for_the_deployment_reads_nothing(
    module_upstream: ScriptedUpstream, clock: Clock, tmp_path: Path
) -> None:
    with running_gateway(
        tmp_path, module_upstream.url, reviewed_bundle(sampled()).files(), clock=clock
    ) as gateway:
        hold = hold_of(ask_about(gateway))
        approve(gateway, clock, hold)
        assert ask_about(gateway).status == 200
        ask(gateway)
        step(gateway)
        at_desk, at_chat = prompts(gateway)
        assert [one["review"] for one in due(gateway, JON, clock())] == [at_chat]
        assert code(review(gateway, JON, clock(), at_desk)) == "unknown_review"
        for who in (UNCLEARED, ANNA):
            assert due(gateway, who, clock()) == []
            assert code(review(gateway, who, clock(), at_chat)) == "unknown_review"
        assert len(due(gateway, IDA, clock())) == 2


def test_a_wrong_one_opens_an_incident_with_all_that_it_touches(
    gateway: RunningGateway, clock: Clock
) -> None:
    ask(gateway, "before")
    ask(gateway, "the one")
    ask(gateway, "after")
    step(gateway)
    _before, use, _after = prompts(gateway)
    shown = review(gateway, IDA, clock(), use).json
    assert find(gateway, IDA, clock(), shown, "wrong").status == 201
    step(gateway)
    step(gateway)
    (incident,) = gateway.records("incident")
    assert (incident["about"], incident["reason"]) == (use, "sample_wrong")
    assert incident["affected_count"] == 4  # it and its answer, and what the same caller did after
    assert incident["affected"][0] == use


def test_of_few_uses_the_least_is_drawn_when_the_period_ends_and_anybody_derives_it_again(
    module_upstream: ScriptedUpstream, clock: Clock, tmp_path: Path
) -> None:
    files = reviewed_bundle(sampled(percent=0, least=2)).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        for number in range(6):
            ask(gateway, f"question {number}")
        step(gateway)
        assert due(gateway, IDA, clock()) == []
        assert len(stored(gateway)) == 2
        clock.move(3600)
        step(gateway)
        first, second = gateway.records("sampling")
        seed = bytes.fromhex(second["revealed"])
        assert commitment(seed) == first["commitment"]
        gateway.records()
        candidates = [
            candidate_of(parse_record(entry.leaf), record_id_of(entry.index, entry.leaf))
            for entry in gateway.service.ledger.records()
        ]
        expected = drawn([one for one in candidates if one], [Share("", "", 0, 2)], seed)
        assert {row["review"] for row in due(gateway, IDA, clock())} == set(expected) == set(stored(gateway))
        assert len(expected) == 2


def test_a_restart_goes_on_with_the_same_draw(
    module_upstream: ScriptedUpstream, clock: Clock, tmp_path: Path
) -> None:
    files = reviewed_bundle(sampled(percent=0, least=2)).files()
    kept: set[str] = set()
    for words in ("one", "two", "three"):
        with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
            ask(gateway, words)
            step(gateway)
            assert len(gateway.records("sampling")) == 1
            kept = set(stored(gateway))
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        clock.move(3600)
        step(gateway)
        assert {row["review"] for row in due(gateway, IDA, clock())} == kept
        assert len(kept) == 2


def test_content_is_gone_when_its_time_is_up_and_nobody_finds_it_right(
    gateway: RunningGateway, clock: Clock
) -> None:
    ask(gateway, SECRET)
    step(gateway)
    (use,) = prompts(gateway)
    clock.move(10801)
    step(gateway)
    assert use not in stored(gateway)
    shown = review(gateway, IDA, clock(), use).json
    assert (shown["view"], shown["content"]) == (None, None)
    clock.move(11)
    assert code(find(gateway, IDA, clock(), shown)) == "finding_content_missing"
    assert find(gateway, IDA, clock(), shown, "wrong", code="content_missing").status == 201


def test_a_use_that_comes_while_others_are_stored_keeps_its_content(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store has taken all that was there, nothing is recorded yet: now one more goes through."""
    store = gateway.service.reviewing.holding.store
    drop, late = type(store).drop, list[str]()

    def dropped(_self: object, gone: Sequence[str]) -> None:
        if not late:
            late.append(ask(gateway, SECRET))
        drop(store, gone)

    monkeypatch.setattr(type(store), "drop", dropped)
    ask(gateway, "before")
    step(gateway)
    step(gateway)
    for row in due(gateway, IDA, clock()):
        assert review(gateway, IDA, clock(), row["review"]).json["content"] is not None
    assert len(due(gateway, IDA, clock())) == 2


def test_a_review_that_is_not_made_in_time_shows(gateway: RunningGateway, clock: Clock) -> None:
    ask(gateway)
    step(gateway)
    clock.move(7201)
    ask(gateway)
    step(gateway)
    assert [row["overdue"] for row in due(gateway, IDA, clock())] == [True, False]
    assert 'caveat_reviews_overdue{of="sample"} 1.0' in gateway.service.metrics.render().decode()
    seen = look(gateway, IDA, clock(), "/v1/oversight").json["view"]["reviewed_afterwards"]
    assert (seen["due"]["sample"], seen["overdue"]["sample"]) == (2, 1)
    assert seen["sampled"] == {"chat": {"C1": 2}}
    assert gateway.records("incident") == []


def test_what_a_deployment_in_observe_mode_lets_through_against_the_policy_is_no_sample(
    gateway: RunningGateway, clock: Clock
) -> None:
    ask(gateway, key=WATCH_KEY)
    step(gateway)
    watched = gateway.records()[0]
    assert (watched["verdict"] == "allow") == (len(due(gateway, IDA, clock())) == 1)


def test_other_shares_draw_from_a_new_secret(gateway: RunningGateway) -> None:
    ask(gateway)
    step(gateway)
    files = reviewed_bundle(sampled(percent=50)).files()
    assert gateway.amend(files)
    step(gateway)
    assert [one["shares"][0]["percent"] for one in gateway.records("sampling")] == [100, 50]


def test_a_store_that_fails_keeps_no_use_from_going_through(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_any: object) -> None:
        raise HoldStoreError("no")

    monkeypatch.setattr(SqliteHolds, "keep", fails)
    ask(gateway)
    monkeypatch.undo()
    step(gateway)
    assert len(due(gateway, IDA, clock())) == 1
    assert len(stored(gateway)) == 1
