"""A use that waits for people, over HTTP: held, seen, signed, let through once, and nothing else."""

import base64
import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caveat.evidence.approval import Act
from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import RejectedEnvelope
from caveat.gateway.errors import LedgerError
from caveat.signing.digest import Digest
from caveat.signing.keys import Algorithm
from caveat.store.errors import HoldStoreError
from caveat.store.holds import SqliteHolds
from tests.support.overseers import (
    ANNA,
    BEN,
    CARA,
    STRANGER,
    Clock,
    ask_about,
    decide,
    hold_of,
    overseen_bundle,
    read,
    status,
    submit,
)
from tests.support.raw_client import asking, chat, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Reply, ScriptedUpstream, Seen, plain_reply
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, WATCH_KEY, attest, rows


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    files = overseen_bundle(ANNA, BEN, CARA).files()
    module_upstream.seen.clear()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as running:
        yield running


def held(gateway: RunningGateway, tag: str = "d") -> str:
    answer = ask_about(gateway, tag=tag)
    assert (answer.status, answer.error["code"]) == (403, "needs_approval")
    return hold_of(answer)


def shown_to(gateway: RunningGateway, clock: Clock, hold: str, who: Any = BEN) -> Any:
    answer = read(gateway, who, clock(), hold)
    assert answer.status == 200, answer.body
    return answer.json


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


def test_another_action_is_not_let_through(gateway: RunningGateway, clock: Clock) -> None:
    """74"""
    hold = held(gateway)
    shown = shown_to(gateway, clock, hold)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    assert ask_about(gateway, tag="e").status == 403
    assert ask_about(gateway).status == 200


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"action": "0" * 64}, "approval_other_action"),
        ({"policy": "0" * 64}, "approval_other_policy"),
        ({"requester": "key:0123456789abcdef"}, "approval_other_requester"),
        ({"deployment": "chat"}, "approval_other_deployment"),
    ],
)
def test_what_is_signed_is_what_was_shown(
    gateway: RunningGateway, clock: Clock, changed: dict[str, Any], code: str
) -> None:
    """74, 77, 81"""
    shown = shown_to(gateway, clock, held(gateway))
    clock.move(11)
    answer = decide(gateway, shown, BEN, clock(), **changed)
    assert (answer.status, answer.error["code"]) == (403, code)
    assert ask_about(gateway).status == 403


def test_superhuman_speed_is_no_review(gateway: RunningGateway, clock: Clock) -> None:
    """78"""
    shown = shown_to(gateway, clock, held(gateway))
    clock.move(9)
    answer = decide(gateway, shown, BEN, clock())
    assert (answer.status, answer.error["code"]) == (403, "approval_too_fast")
    assert ask_about(gateway).status == 403


def test_what_was_never_shown_is_no_review(gateway: RunningGateway, clock: Clock) -> None:
    """78"""
    shown = shown_to(gateway, clock, held(gateway), ANNA)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).error["code"] == "approval_not_shown"


def test_fifty_in_ten_seconds_are_one_review_at_most(gateway: RunningGateway, clock: Clock) -> None:
    """78: all were open long enough, but nobody reads two things at once."""
    holds = [held(gateway, f"t{number}") for number in range(50)]
    shown = [shown_to(gateway, clock, hold) for hold in holds]
    clock.move(60)
    codes = []
    for one in shown:
        answer = decide(gateway, one, BEN, clock())
        codes.append("counts" if answer.status == 201 else answer.error["code"])
        clock.move(0.2)
    assert codes[0] == "counts"
    assert set(codes[1:]) <= {"approval_batch", "approval_over_span"}
    assert sum(ask_about(gateway, tag=f"t{number}").status == 200 for number in range(50)) == 1


def test_beyond_the_span_of_control_the_queue_waits(gateway: RunningGateway, clock: Clock) -> None:
    codes = []
    for number in range(31):
        shown = shown_to(gateway, clock, held(gateway, f"s{number}"))
        clock.move(20)
        answer = decide(gateway, shown, BEN, clock())
        codes.append("counts" if answer.status == 201 else answer.error["code"])
    assert codes == ["counts"] * 30 + ["approval_over_span"]


def test_whoever_asks_does_not_approve(gateway: RunningGateway, clock: Clock) -> None:
    """76"""
    shown = shown_to(gateway, clock, held(gateway), CARA)
    clock.move(11)
    assert decide(gateway, shown, CARA, clock()).error["code"] == "approval_self_approval"


def test_nobody_approves_for_their_own_line(gateway: RunningGateway, clock: Clock) -> None:
    """76: the caller is known to be of the same line as the first, and not of the second's."""
    hold = held(gateway)
    codes = []
    for who in (ANNA, BEN):
        shown = shown_to(gateway, clock, hold, who)
        clock.move(11)
        answer = decide(gateway, shown, who, clock())
        codes.append("counts" if answer.status == 201 else answer.error["code"])
    assert codes == ["approval_own_line", "counts"]


def test_an_expired_hold_lets_nothing_through(gateway: RunningGateway, clock: Clock) -> None:
    hold = held(gateway)
    shown = shown_to(gateway, clock, hold)
    clock.move(11)
    decide(gateway, shown, BEN, clock())
    late = shown_to(gateway, clock, hold, BEN)
    clock.move(86_400)
    assert decide(gateway, late, BEN, clock()).error["code"] == "approval_hold_expired"
    assert status(gateway, hold).json["status"] == "expired"


def test_an_approval_expires_with_its_hold(gateway: RunningGateway, clock: Clock) -> None:
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    clock.move(86_400)
    assert ask_about(gateway).status == 403


def test_an_approval_counts_no_longer_than_it_says(gateway: RunningGateway, clock: Clock) -> None:
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    soon = clock() + timedelta(seconds=60)
    assert decide(gateway, shown, BEN, clock(), expires_at=soon).status == 201
    clock.move(61)
    assert ask_about(gateway).status == 403


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


def test_two_approvers_are_two_persons_and_blind_to_each_other(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    dora = type(ANNA)("dora", line="east")
    files = overseen_bundle(BEN, dora, persons=2).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        hold = held(gateway)
        first = shown_to(gateway, clock, hold, BEN)
        before = shown_to(gateway, clock, hold, dora)
        clock.move(11)
        assert decide(gateway, first, BEN, clock()).status == 201
        assert shown_to(gateway, clock, hold, dora) == before
        assert read(gateway, BEN, clock()).json["holds"] == []
        assert ask_about(gateway).status == 403
        clock.move(11)
        assert decide(gateway, first, BEN, clock()).error["code"] == "approval_decided_before"
        assert decide(gateway, before, dora, clock()).status == 201
        assert ask_about(gateway).status == 200


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


def test_an_approver_who_is_gone_by_then_approves_nothing(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """85: it counted when it was given; every approval is verified again when it is to be used."""
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    witnesses = gateway.service.law.current.witnesses
    gone = RejectedEnvelope(Digest("0" * 64), DefectCode.REVOKED)
    with monkeypatch.context() as patched:
        patched.setattr(witnesses, "admit_approval", lambda _raw, _now: gone)
        assert ask_about(gateway).status == 403
    assert ask_about(gateway).status == 200


def test_an_approval_under_another_policy_lets_nothing_through(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """81"""
    bundle = overseen_bundle(BEN)
    with running_gateway(tmp_path, module_upstream.url, bundle.files(), clock=clock) as gateway:
        hold = held(gateway)
        shown = shown_to(gateway, clock, hold, BEN)
        clock.move(11)
        assert decide(gateway, shown, BEN, clock()).status == 201
        bundle.clauses += "// of no weight, and yet another text\n"
        assert gateway.amend(bundle.files())
        again = ask_about(gateway)
        assert (again.status, hold_of(again) != hold) == (403, True)


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


@pytest.mark.slow
def test_of_many_parallel_repetitions_exactly_one_goes_through(
    gateway: RunningGateway, clock: Clock, module_upstream: ScriptedUpstream
) -> None:
    """75"""
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: ask_about(gateway).status, range(64)))
    assert (answers.count(200), answers.count(403)) == (1, 63)
    assert len(module_upstream.seen) == 1


def test_an_approval_is_given_back_where_its_use_makes_no_record(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    recorder = gateway.service.desk.gate.recorder

    async def stopped(_record: object) -> None:
        raise LedgerError

    with monkeypatch.context() as patched:
        patched.setattr(recorder, "append", stopped)
        assert ask_about(gateway).error["code"] == "ledger_unavailable"
    assert ask_about(gateway).status == 200


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


def test_a_decision_that_nobody_enrolled_signed_is_not_recorded(
    gateway: RunningGateway, clock: Clock
) -> None:
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    before = len(gateway.records("review"))
    assert decide(gateway, shown, STRANGER, clock()).error["code"] == "approval_unknown_key"
    for junk in (b"", b"{}", b"\xff" * 100, b'{"payload": 1}'):
        answer = submit(gateway, junk)
        assert (answer.status, answer.error["code"].partition("_")[0]) == (400, "approval")
    assert submit(gateway, b"x" * 9000).status == 413
    assert len(gateway.records("review")) == before
    forged = decide(gateway, shown, replace(BEN, algorithm=Algorithm.ED25519), clock())
    assert forged.error["code"] == "approval_unknown_key"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/holds/1-0123456789abcdef"), ("DELETE", "/v1/approvals")]
)
def test_other_methods_are_refused(gateway: RunningGateway, method: str, path: str) -> None:
    assert send(gateway.url, path, b"", {"authorization": f"Bearer {DESK_KEY}"}, method).status == 405


def test_a_policy_that_changes_before_the_answer_takes_the_approval_away(
    clock: Clock, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """81: the use was let through under one policy, and its answer is decided under the next."""
    bundle = overseen_bundle(BEN)
    with running_gateway(tmp_path, upstream.url, bundle.files(), clock=clock) as gateway:
        shown = shown_to(gateway, clock, held(gateway), BEN)
        clock.move(11)
        assert decide(gateway, shown, BEN, clock()).status == 201
        bundle.clauses += "// another text\n"

        def amended_meanwhile(seen: Seen) -> Reply:
            assert gateway.amend(bundle.files())
            return plain_reply(seen)

        upstream.script = amended_meanwhile
        answer = ask_about(gateway)
        assert (answer.status, answer.error["point"]) == (403, "output")
