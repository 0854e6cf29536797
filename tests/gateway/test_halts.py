"""What an overseer stops, over HTTP: at once, what runs as what is new, until two persons release it."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from caveat.evidence import overseers
from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.overseers import VerifiedSaying
from caveat.evidence.predicates import Predicate
from caveat.gateway import witnesses
from caveat.gateway.routes import parse_routes
from caveat.ledger.errors import LedgerError
from caveat.signing.digest import sha256
from tests.support.overseers import (
    ANNA,
    BEN,
    CARA,
    DESK,
    STRANGER,
    Clock,
    Somebody,
    ask_about,
    decide,
    hold_of,
    overseen_bundle,
    read,
)
from tests.support.powers import halt, halt_statement, look, post, release
from tests.support.raw_client import Answer, asking, chat, message
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    Reply,
    ScriptedUpstream,
    chat_events,
    scripted_upstream,
)
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, WATCH_KEY, SmallBundle

CHAT = f"key:{sha256(CHAT_KEY.encode())[:16]}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    module_upstream.seen.clear()
    with running_gateway(tmp_path, module_upstream.url, bundle().files(), clock=clock) as running:
        yield running


def bundle() -> SmallBundle:
    return overseen_bundle(ANNA, BEN, CARA)


def ask(gateway: RunningGateway, key: str = CHAT_KEY, model: str = "scripted") -> Answer:
    return chat(gateway.url, key, {**asking("hi"), "model": model})


def halted(gateway: RunningGateway, clock: Clock, scope: str, target: str = "", **more: Any) -> str:
    answer = halt(gateway, ANNA, clock(), scope, target, **more)
    assert answer.status == 201, answer.body
    return str(answer.json["halt"])


def is_stopped(answer: Answer) -> bool:
    return answer.status == 403 and answer.error["code"] == "halted_by_overseer"


@pytest.mark.parametrize(
    ("scope", "target", "more"),
    [
        ("everything", "", {}),
        ("deployment", "chat", {}),
        ("model", "scripted", {}),
        ("conversation", "chat", {"caller": CHAT}),
    ],
)
def test_each_scope_stops_what_it_names_and_says_what_to_do(
    gateway: RunningGateway,
    clock: Clock,
    module_upstream: ScriptedUpstream,
    scope: str,
    target: str,
    more: Any,
) -> None:
    assert ask(gateway).status == 200
    name = halted(gateway, clock, scope, target, **more)
    answer = ask(gateway)
    assert is_stopped(answer)
    error = answer.error
    assert (error["verdict"], error["reason"], error["halt"]) == (
        "deny",
        "halted",
        {"record": name, "scope": scope},
    )
    assert "ask the overseers" in error["message"]
    assert len(module_upstream.seen) == 1
    last = gateway.records()[-1]
    assert (last["verdict"], last["reason"]) == ("deny", "halted")
    assert last["halted"] == gateway.records("halt")[-1]["said"]


@pytest.mark.parametrize(
    ("scope", "target", "more"),
    [
        ("deployment", "desk", {}),
        ("model", "another", {}),
        ("conversation", "chat", {"caller": DESK}),
        ("conversation", "desk", {"caller": CHAT}),
        ("use", "0-0123456789abcdef", {}),
    ],
)
def test_nothing_else_is_stopped(
    gateway: RunningGateway, clock: Clock, scope: str, target: str, more: Any
) -> None:
    halted(gateway, clock, scope, target, **more)
    assert ask(gateway).status == 200


def test_it_stops_what_is_only_observed(gateway: RunningGateway, clock: Clock) -> None:
    assert ask(gateway, WATCH_KEY).status == 200
    halted(gateway, clock, "deployment", "watch")
    assert is_stopped(ask(gateway, WATCH_KEY))


def test_a_refusal_is_an_ordinary_exception_of_each_sdk(gateway: RunningGateway, clock: Clock) -> None:
    halted(gateway, clock, "everything")
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CHAT_KEY)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "hi"}])
    assert refused.value.code == "halted_by_overseer"
    answer = message(gateway.url, CHAT_KEY, asking("hi"))
    assert answer.status == 403
    assert answer.error["code"] == "halted_by_overseer"
    with pytest.raises(anthropic.PermissionDeniedError):
        anthropic.Anthropic(base_url=gateway.url, api_key=CHAT_KEY).messages.create(
            model="scripted", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        )


@pytest.mark.parametrize(
    "what",
    [
        lambda _record: ("everything", "", {}),
        lambda _record: ("deployment", "chat", {}),
        lambda _record: ("model", "scripted", {}),
        lambda _record: ("conversation", "chat", {"caller": CHAT}),
        lambda record: ("use", record, {}),
    ],
    ids=["everything", "deployment", "model", "conversation", "use"],
)
def test_a_running_stream_releases_no_further_window(
    clock: Clock, tmp_path: Path, what: Callable[[str], tuple[str, str, Any]]
) -> None:
    """What arrives after the halt was taken never leaves, however long the stream waited for it."""
    go = threading.Event()
    events = chat_events("w1 w2 w3 w4")
    half = len(events) // 2

    def pieces() -> Iterator[bytes]:
        yield from events[:half]
        assert go.wait(20)
        yield from events[half:]

    reply = Reply(headers=EVENT_STREAM, pieces=pieces())  # type: ignore[arg-type]  # it is only iterated
    with (
        scripted_upstream(lambda _seen: reply) as model,
        running_gateway(tmp_path, model.url, bundle().files(), clock=clock) as gateway,
    ):
        connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=20)
        body = json.dumps(asking("hi", stream=True))
        connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {CHAT_KEY}"})
        answer = connection.getresponse()
        released = b"".join(answer.readline() for _ in range(2 * half))
        assert released == b"".join(events[:half])
        scope, target, more = what(str(answer.headers["x-caveat-record"]))
        halted(gateway, clock, scope, target, **more)
        go.set()
        rest = answer.read()
        connection.close()
        assert b"halted_by_overseer" in rest
        assert not any(event in rest for event in events[half:-1])
        last = gateway.records()[-1]
        assert (last["point"], last["reason"]) == ("output", "halted")
        assert gateway.records("output_end")[-1]["complete"] is False


def test_an_answer_that_is_awaited_when_the_halt_comes_is_withheld(clock: Clock, tmp_path: Path) -> None:
    asked, go = threading.Event(), threading.Event()

    def script(_seen: Any) -> Reply:
        asked.set()
        assert go.wait(20)
        return Reply(body=json.dumps({"object": "chat.completion", "choices": []}).encode())

    with (
        scripted_upstream(script) as model,
        running_gateway(tmp_path, model.url, bundle().files(), clock=clock) as gateway,
    ):
        answers: list[Answer] = []
        thread = threading.Thread(target=lambda: answers.append(ask(gateway)))
        thread.start()
        assert asked.wait(20)
        halted(gateway, clock, "everything")
        go.set()
        thread.join(20)
        assert is_stopped(answers[0])


def test_a_halt_survives_a_restart(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> None:
    files = bundle().files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        name = halted(gateway, clock, "deployment", "chat")
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert is_stopped(ask(gateway))
        for who in (ANNA, BEN):
            assert release(gateway, who, clock(), name, "deployment", "chat").status == 201
        assert ask(gateway).status == 200
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert ask(gateway).status == 200


def test_a_release_takes_two_persons(gateway: RunningGateway, clock: Clock) -> None:
    name = halted(gateway, clock, "everything")
    first = release(gateway, BEN, clock(), name, "everything")
    assert (first.status, first.json["in_force"]) == (201, True)
    clock.move(1)
    again = release(gateway, BEN, clock(), name, "everything", reason="once more")
    assert (again.status, again.json["in_force"]) == (201, True)
    assert is_stopped(ask(gateway))
    second = release(gateway, CARA, clock(), name, "everything")
    assert (second.status, second.json["in_force"]) == (201, False)
    assert ask(gateway).status == 200
    row = look(gateway, ANNA, clock(), "/v1/halts").json["halts"][0]
    assert (row["released_by"], row["person"]) == (["ben", "cara"], "anna")
    assert row["released"] is not None
    late = release(gateway, ANNA, clock(), name, "everything")
    assert (late.status, late.error["code"]) == (409, "halt_not_in_force")


def test_a_release_of_somebody_whose_key_is_gone_does_not_count(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = halted(gateway, clock, "everything")
    assert release(gateway, BEN, clock(), name, "everything").status == 201
    monkeypatch.setattr(witnesses, "admit_saying", _without(BEN))
    assert release(gateway, CARA, clock(), name, "everything").json["in_force"] is True
    assert is_stopped(ask(gateway))
    assert release(gateway, ANNA, clock(), name, "everything").json["in_force"] is False
    assert ask(gateway).status == 200


def _without(who: Somebody) -> Callable[..., Any]:
    """The check as it is once this person's key is revoked."""
    honest = overseers.admit_saying

    def admit(*given: Any) -> Any:
        found = honest(*given)
        if isinstance(found, VerifiedSaying) and found.overseer.person == who.person:
            return RejectedEnvelope(found.digest, DefectCode.REVOKED, found.issuer.keyid)
        return found

    return admit


def test_a_release_that_has_grown_old_does_not_count(gateway: RunningGateway, clock: Clock) -> None:
    name = halted(gateway, clock, "everything")
    assert release(gateway, BEN, clock(), name, "everything").status == 201
    clock.move(1801)
    assert release(gateway, CARA, clock(), name, "everything").json["in_force"] is True
    assert is_stopped(ask(gateway))


def test_of_two_halts_the_release_of_one_leaves_the_other(gateway: RunningGateway, clock: Clock) -> None:
    first = halted(gateway, clock, "deployment", "chat")
    clock.move(1)
    second = halted(gateway, clock, "deployment", "chat", reason="another reason")
    for name in (first, second):
        assert is_stopped(ask(gateway))
        for who in (ANNA, BEN):
            assert release(gateway, who, clock(), name, "deployment", "chat").status == 201
    assert ask(gateway).status == 200


def test_a_halt_that_was_released_is_not_made_again_by_its_old_statement(
    gateway: RunningGateway, clock: Clock
) -> None:
    signed = halt_statement(gateway, ANNA, clock(), "everything")
    name = post(gateway, "/v1/halts", signed).json["halt"]
    for who in (ANNA, BEN):
        assert release(gateway, who, clock(), name, "everything").status == 201
    spaced = json.dumps(json.loads(signed), indent=1).encode()
    for replayed in (signed, spaced):
        answer = post(gateway, "/v1/halts", replayed)
        assert (answer.status, answer.error["code"]) == (409, "statement_given_before")
    assert ask(gateway).status == 200


def test_an_old_release_does_not_release_a_new_halt(gateway: RunningGateway, clock: Clock) -> None:
    first = halted(gateway, clock, "everything")
    old = halt_statement(gateway, BEN, clock(), "everything", act="release", halt=first)
    assert post(gateway, "/v1/halts", old).status == 201
    clock.move(1)
    halted(gateway, clock, "everything", reason="again")
    assert release(gateway, CARA, clock(), first, "everything").json["in_force"] is False
    assert is_stopped(ask(gateway))
    assert post(gateway, "/v1/halts", old).status == 409


def test_what_waits_under_a_halted_hold_is_not_let_through_and_its_approval_is_kept(
    gateway: RunningGateway, clock: Clock
) -> None:
    hold = hold_of(ask_about(gateway))
    shown = read(gateway, BEN, clock(), hold).json
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    name = halted(gateway, clock, "use", hold)
    assert is_stopped(ask_about(gateway))
    for who in (ANNA, BEN):
        assert release(gateway, who, clock(), name, "use", hold).status == 201
    assert ask_about(gateway).status == 200
    assert ask_about(gateway).status == 403


def test_a_halted_use_counts_no_persons(gateway: RunningGateway, clock: Clock) -> None:
    halted(gateway, clock, "everything")
    assert is_stopped(ask_about(gateway))
    assert gateway.records()[-1]["reserve"] == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"origin": "example.com/another-log"}, "statement_audience"),
        ({"predicate": Predicate.READING}, "statement_statement_type"),
        ({"issuer": "ben"}, "statement_issuer"),
        ({"scope": "galaxy"}, "statement_schema"),
        ({"reason": ""}, "statement_schema"),
        ({"reason": "x" * 501}, "statement_schema"),
        ({"more": "x"}, "statement_schema"),
        ({"life": timedelta(hours=2)}, "statement_lifetime"),
        ({"target": "chat"}, "halt_incomplete"),
        ({"caller": CHAT}, "halt_incomplete"),
        ({"halt": "0-0123456789abcdef"}, "halt_incomplete"),
        ({"scope": "model"}, "halt_incomplete"),
        ({"scope": "conversation", "target": "chat"}, "halt_incomplete"),
    ],
)
def test_what_is_not_rightly_said_stops_nothing(
    gateway: RunningGateway, clock: Clock, changed: Any, code: str
) -> None:
    said = halt_statement(gateway, ANNA, clock(), **{"scope": "everything", **changed})
    answer = post(gateway, "/v1/halts", said)
    assert (answer.status, answer.error["code"]) == (400, code)
    assert ask(gateway).status == 200
    assert gateway.records("halt") == []


def test_who_is_not_enrolled_and_what_is_too_old_or_broken_stops_nothing(
    gateway: RunningGateway, clock: Clock
) -> None:
    assert halt(gateway, STRANGER, clock(), "everything").error["code"] == "statement_unknown_key"
    early = clock() + timedelta(minutes=10)
    assert halt(gateway, ANNA, early, "everything").error["code"] == "statement_not_yet_valid"
    late = clock() - timedelta(hours=1)
    assert halt(gateway, ANNA, late, "everything").error["code"] == "statement_expired"
    for body in (b"", b"{}", b"\xff" * 100, b"[]"):
        assert post(gateway, "/v1/halts", body).status == 400
    assert post(gateway, "/v1/halts", b"x" * 40_000).status == 413
    signed = json.loads(halt_statement(gateway, ANNA, clock(), "everything"))
    signed["signatures"][0]["sig"] = signed["signatures"][0]["sig"][::-1]
    assert post(gateway, "/v1/halts", json.dumps(signed).encode()).status == 400
    assert ask(gateway).status == 200


@pytest.mark.parametrize(
    "changed", [{"target": "desk"}, {"scope": "everything", "target": ""}, {"halt": "0-0123456789abcdef"}]
)
def test_a_release_names_exactly_what_was_halted(gateway: RunningGateway, clock: Clock, changed: Any) -> None:
    name = halted(gateway, clock, "deployment", "chat")
    said = {"scope": "deployment", "target": "chat", "act": "release", "halt": name, **changed}
    assert halt(gateway, BEN, clock(), **said).status in {400, 409}
    assert is_stopped(ask(gateway))


def test_only_overseers_see_the_halts(gateway: RunningGateway, clock: Clock) -> None:
    halted(gateway, clock, "everything")
    assert look(gateway, STRANGER, clock(), "/v1/halts").status == 401
    assert look(gateway, BEN, clock(), "/v1/halts").json["halts"][0]["scope"] == "everything"


def test_a_model_is_halted_by_the_name_that_its_upstream_has_too(clock: Clock, tmp_path: Path) -> None:
    """Whoever asks for it by another name does not get it."""
    with scripted_upstream() as model:
        routes = parse_routes(
            b'version = 1\n[[routes.fast]]\nurl = "%b"\nprotocol = "openai"\nmodel = "real-model"\n'
            % model.url.encode(),
            {},
        )
        with running_gateway(tmp_path, routes, bundle().files(), clock=clock) as gateway:
            assert ask(gateway, model="fast").status == 200
            halted(gateway, clock, "model", "real-model")
            assert is_stopped(ask(gateway, model="fast"))


def test_where_no_record_can_be_made_the_overseer_is_told(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force: list[bool] = []

    def fails(_record: object) -> None:
        in_force.append(not gateway.service.desk.gate.halts.are_none)
        raise LedgerError("the disk is full", "")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.service.ledger, "submit", fails)
        answer = halt(gateway, ANNA, clock(), "everything")
        assert (answer.status, answer.error["code"]) == (503, "ledger_unavailable")
    assert in_force == [True]  # before there is a record of it
    assert gateway.service.desk.gate.halts.are_none
    halted(gateway, clock, "everything")
    assert is_stopped(ask(gateway, DESK_KEY))
