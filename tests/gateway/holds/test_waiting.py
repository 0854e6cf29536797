"""A use that waits for people, over HTTP: held, seen, signed, let through once, and nothing else."""

import base64
import http.client
import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caveat.evidence.approval import Act
from caveat.store.errors import HoldStoreError
from caveat.store.holds import SqliteHolds
from tests.gateway.holds.waiting import held, shown_to
from tests.support.overseers import (
    ANNA,
    BEN,
    STRANGER,
    Clock,
    ask_about,
    decide,
    hold_of,
    overseen_bundle,
    read,
    status,
)
from tests.support.raw_client import asking, chat, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, WATCH_KEY, attest, rows


def test_a_use_is_held_shown_signed_and_let_through_once(
    gateway: RunningGateway, clock: Clock, module_upstream: ScriptedUpstream
) -> None:
    answer = ask_about(gateway)
    assert answer.status == 403
    error = answer.error
    hold = error["hold"]["id"]
    assert error["approval_url"] == f"/v1/holds/{hold}"
    assert error["hold"]["roles"] == {"officer": 1}
    assert status(gateway, hold).json["status"] == "open"
    listed = read(gateway, ANNA, clock()).json["holds"]
    assert [row["hold"] for row in listed] == [hold]
    shown = shown_to(gateway, clock, hold)
    content = json.loads(base64.b64decode(shown["content"]))
    assert content["messages"][0]["content"].startswith("device_id")
    assert shown["view"]["clauses"][0]["id"] == "C4"
    clock.move(11)
    counted = decide(gateway, shown, BEN, clock())
    assert (counted.status, counted.json["counts"]) == (201, True)
    assert status(gateway, hold).json["status"] == "approved"
    assert module_upstream.seen == []
    assert ask_about(gateway).status == 200
    assert status(gateway, hold).json["status"] == "used"
    again = ask_about(gateway)
    assert again.status == 403
    assert hold_of(again) != hold
    assert len(module_upstream.seen) == 1


def test_asking_again_while_it_waits_opens_no_second_hold(gateway: RunningGateway, clock: Clock) -> None:
    assert {hold_of(ask_about(gateway)) for _ in range(3)} == {held(gateway)}
    assert len(read(gateway, ANNA, clock()).json["holds"]) == 1


def test_a_refusal_ends_the_hold_and_needs_no_pause(gateway: RunningGateway, clock: Clock) -> None:
    hold = held(gateway)
    shown = shown_to(gateway, clock, hold, BEN)
    assert decide(gateway, shown, BEN, clock(), Act.REFUSE).status == 201
    assert status(gateway, hold).json["status"] == "refused"
    again = ask_about(gateway)
    assert (again.status, hold_of(again) != hold) == (403, True)


def test_others_see_neither_hold_nor_content(gateway: RunningGateway, clock: Clock) -> None:
    hold = held(gateway)
    assert read(gateway, STRANGER, clock(), hold).error["code"] == "not_an_overseer"
    assert read(gateway, ANNA, clock(), hold, origin="another/log").error["code"] == "not_an_overseer"
    assert read(gateway, ANNA, clock() - timedelta(hours=2), hold).error["code"] == "not_an_overseer"
    for key in (CHAT_KEY, WATCH_KEY):
        assert (status(gateway, hold, key).status, status(gateway, hold, key).error["code"]) == (
            404,
            "unknown_hold",
        )
    for name in ("0-0123456789abcdef", "../../etc/passwd", "%2e%2e", "x" * 300):
        assert status(gateway, name).status == 404
        assert read(gateway, ANNA, clock(), name).status == 404


def test_holds_and_approvals_survive_a_restart(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    files = overseen_bundle(BEN).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        hold = held(gateway)
        shown = shown_to(gateway, clock, hold, BEN)
    clock.move(11)
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert decide(gateway, shown, BEN, clock()).status == 201
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert ask_about(gateway).status == 200
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert ask_about(gateway).status == 403


def test_waiting_ends_with_the_decision(gateway: RunningGateway, clock: Clock) -> None:
    hold = held(gateway)
    shown = shown_to(gateway, clock, hold, BEN)
    clock.move(11)
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(status(gateway, hold, query="?wait=20").json))
    waiting.start()
    assert decide(gateway, shown, BEN, clock()).status == 201
    waiting.join(10)
    assert [one["status"] for one in answers] == ["approved"]


def test_what_cannot_be_stored_cannot_be_approved(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> None:
        raise HoldStoreError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteHolds, "put", broken)
        assert ask_about(gateway).error["code"] == "holds_unavailable"
    listed = read(gateway, BEN, clock()).json["holds"]
    for row in listed:
        assert read(gateway, BEN, clock(), row["hold"]).error["code"] == "unknown_hold"
    # Asked again once the store is well, it waits anew, where somebody can see it.
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    assert ask_about(gateway).status == 200


def test_a_deployment_that_is_only_observed_waits_for_nobody(gateway: RunningGateway, clock: Clock) -> None:
    table = rows(3)
    evidence = attest(
        table.encode(), {"acquisition_channel": "purchased", "subject_count": 3}, audience="watch"
    )
    header = base64.urlsafe_b64encode(evidence).decode().rstrip("=")
    answer = chat(gateway.url, WATCH_KEY, asking(table), {"x-caveat-evidence": header})
    assert answer.status == 200
    assert read(gateway, BEN, clock()).json["holds"] == []


def test_what_waits_is_told_as_it_happens(gateway: RunningGateway, clock: Clock) -> None:
    hold = held(gateway)
    shown = shown_to(gateway, clock, hold, BEN)
    clock.move(11)
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=20)
    headers = {"authorization": f"Bearer {DESK_KEY}", "accept": "text/event-stream"}
    connection.request("GET", f"/v1/holds/{hold}", headers=headers)
    response = connection.getresponse()
    assert response.getheader("content-type") == "text/event-stream"
    first = response.readline() + response.readline()
    assert decide(gateway, shown, BEN, clock()).status == 201
    rest = first + response.read()
    response.close()
    connection.close()
    assert rest.count(b"event: hold") == 2
    assert b'"status":"open"' in rest
    assert b'"status":"approved"' in rest


@pytest.mark.parametrize(
    "query", ["?wait=61", "?wait=00099999", "?wait=", "?wait=-1", "?wait=1e1", "?other=1", "?wait=1&wait=2"]
)
def test_a_hold_is_waited_for_by_seconds_alone(gateway: RunningGateway, query: str) -> None:
    answer = status(gateway, held(gateway), query=query)
    assert (answer.status, answer.error["code"]) == (400, "wait_invalid")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/holds/1-0123456789abcdef"), ("DELETE", "/v1/approvals")]
)
def test_other_methods_are_refused(gateway: RunningGateway, method: str, path: str) -> None:
    assert send(gateway.url, path, b"", {"authorization": f"Bearer {DESK_KEY}"}, method).status == 405
