"""Rulings that a program asks for: what HTTP would decide, one record each; an error is never a ruling."""

import shutil
from functools import partial
from typing import Any

import orjson
import pytest

import caveat
from caveat.decision.verdict import Verdict
from caveat.gateway.evidence_header import MAX_ENVELOPES, encode_envelope
from caveat.ledger.checkpoint import verify_checkpoint
from caveat.ledger.errors import StoppedError
from caveat.ledger.record import DecisionRecord, parse_record_id
from caveat.library import direct
from caveat.signing.keys import parse_private_key
from caveat.signing.note import note_key, parse_note
from tests.support.library_world import World, make_world
from tests.support.phrase_world import phrase_bundle
from tests.support.raw_client import send
from tests.support.redact_world import redact_bundle
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import chat_body
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, WATCH_KEY, adopted, attest, rows
from tests.support.tool_world import AGENT_KEY, WATCHED_KEY, chat_calls, message_calls, tool_bundle

pytestmark = pytest.mark.slow
TABLE = rows(10)
FIRST, BOUGHT = "first_party", "purchased"


def proof(channel: str, number: int = 0) -> bytes:
    facts: dict[str, object] = {"acquisition_channel": channel, "subject_count": 10}
    return attest(TABLE.encode(), facts, number=number)


USES = pytest.mark.parametrize(
    ("key", "text", "claims", "evidence", "expected"),
    [
        (CHAT_KEY, "hello", {}, (), "allow"),
        (DESK_KEY, TABLE, {}, (), "needs_evidence"),
        (DESK_KEY, TABLE, {"acquisition_channel": "bulk_purchased"}, (), "deny"),
        (DESK_KEY, TABLE, {}, (proof(FIRST),), "allow"),
        (DESK_KEY, TABLE, {}, (proof(BOUGHT, 1),), "needs_approval"),
        (DESK_KEY, TABLE, {"acquisition_channel": FIRST}, (proof(BOUGHT, 2),), "deny"),
        (WATCH_KEY, TABLE, {}, (), "needs_evidence"),
    ],
    ids=["chat", "unproved", "against-oneself", "proved", "bought", "conflict", "observed"],
)
ENDPOINTS: dict[str, dict[str, object]] = {
    "/v1/chat/completions": {},
    "/v1/messages": {"max_tokens": 9},
    "/v1/responses": {},
    "/v1/embeddings": {},
}


def compared(record: DecisionRecord) -> tuple[object, ...]:
    """All that a decision is, and its name under the audit key."""
    decision = (record.decision, record.cases, record.parts, record.evidence, record.reserve)
    caller = (record.deployment, record.principal, record.mode, record.enforced)
    return (record.protocol, record.action, record.model, record.request, record.bundle, *decision, *caller)


@USES
def test_server_transport_and_direct_call_decide_the_same_use_alike(
    world: World, key: str, text: str, claims: dict[str, object], evidence: tuple[bytes, ...], expected: str
) -> None:
    headers = {"authorization": f"Bearer {key}"}
    if evidence:
        headers["x-caveat-evidence"] = ",".join(map(encode_envelope, evidence))
    found: dict[str, list[tuple[object, ...]]] = {"server": [], "transport": [], "direct": []}
    bodies = {
        endpoint: direct.prompt_body(
            text, endpoint=endpoint, model="scripted", caveat={"claims": claims}, members=members
        )
        for endpoint, members in ENDPOINTS.items()
    }
    worlds = {name: make_world(world.folder / name, world.upstream) for name in found}
    for each in worlds.values():  # one audit key, so that one use has one name
        each.data.mkdir()
        (each.data / "audit.key").write_bytes(b"a1" * 32)
    with running_gateway(worlds["server"].data, world.upstream.url, tool_bundle()) as server:
        for endpoint, body in bodies.items():
            send(server.url, endpoint, body, headers)
    with worlds["transport"].gate(key=key) as gate, gate.http_client() as client:
        for endpoint, body in bodies.items():
            client.post(endpoint, content=body, headers=headers)
    with worlds["direct"].gate(key=key) as gate:
        for endpoint, members in ENDPOINTS.items():
            ruling = gate.decide_prompt(
                text, model="scripted", endpoint=endpoint, members=members, claims=claims, evidence=evidence
            )
            assert ruling.verdict == expected
            assert ruling.allowed is (expected == "allow" or key == WATCH_KEY)
    for name, each in worlds.items():
        prompts = [record for record in each.decisions() if record.point.value == "prompt"]
        found[name] = [compared(record) for record in prompts]
    assert len(found["server"]) == len(ENDPOINTS)
    assert found["server"] == found["transport"] == found["direct"]


def test_a_ruling_has_one_record_under_a_checkpoint_that_the_log_signed(world: World) -> None:
    with world.gate() as gate:
        ruling = gate.decide_prompt("hello", model="scripted")
    index, _ = parse_record_id(ruling.record)
    (record,) = world.decisions()
    assert (record.point, record.decision.verdict) == (ruling.point, ruling.verdict)
    key = parse_private_key((world.data / "log.pem").read_bytes()).public()
    origin = parse_note(ruling.checkpoint).text.split("\n")[0]
    assert verify_checkpoint(ruling.checkpoint, note_key(origin, key)).size > index
    assert ruling.checkpoint not in repr(ruling).encode()


def test_a_refusal_is_a_value_and_an_exception_only_where_it_is_asked_for(world: World) -> None:
    with world.gate(key=DESK_KEY) as gate:
        ruling = gate.decide_prompt(TABLE, model="scripted")
        assert (ruling.allowed, ruling.verdict) == (False, Verdict.NEEDS_EVIDENCE)
        with pytest.raises(caveat.Refused) as caught:
            ruling.raise_for_verdict()
        error = caught.value
        assert (error.verdict, error.clauses, error.needs, error.record) == (
            "needs_evidence", ruling.clauses, ("acquisition_channel",), ruling.record,
        )  # fmt: skip
        (need,) = ruling.needs_detail
        assert need["attested_by"] == ["data_owner", "registration"]
        assert "acquisition_channel" in str(error)
        assert TABLE not in str(error)
        gate.decide_prompt(TABLE, model="scripted", evidence=[proof(FIRST)]).raise_for_verdict()


def test_observing_says_what_it_would_be_and_lets_it_through(world: World) -> None:
    with world.gate(key=WATCH_KEY) as gate:
        ruling = gate.decide_prompt(TABLE, model="scripted")
        assert (ruling.allowed, ruling.verdict, ruling.mode) == (True, "needs_evidence", "observe")
        ruling.raise_for_verdict()


def test_output_and_tools_are_decided_from_the_facts_of_their_prompt(world: World) -> None:
    with world.gate(key=AGENT_KEY) as gate:
        prompt = gate.decide_prompt([{"role": "user", "content": "Do it."}], model="scripted")
        assert gate.decide_output(prompt, "It is done.").allowed
        assert gate.decide_tool(prompt, "find", {"what": "a room"}).allowed
        assert gate.decide_tool(prompt, "find", '{"what": "a room"}').allowed
        for name, arguments in (("fire", "{}"), ("of-nobody", "{}"), ("find", "{"), ("find", "[]")):
            ruling = gate.decide_tool(prompt, name, arguments)
            assert (ruling.allowed, ruling.point.value) == (False, "tool"), name
    assert {record.of for record in world.decisions()[1:]} == {prompt.record}
    assert len(world.decisions()) == 8


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        ("/v1/chat/completions", chat_calls(("find", "{}"), ("fire", "{}"))),
        ("/v1/messages", message_calls(("find", "{}"), ("fire", "{}"))),
    ],
)
def test_a_whole_answer_is_decided_with_the_calls_in_it(world: World, endpoint: str, answer: bytes) -> None:
    members = {"max_tokens": 9}
    with world.gate(key=AGENT_KEY) as gate:
        prompt = gate.decide_prompt("Do it.", model="scripted", endpoint=endpoint, members=members)
        for said in (answer, orjson.loads(answer)):
            ruling = gate.decide_output(prompt, said)
            assert (ruling.allowed, ruling.point.value, ruling.verdict) == (False, "tool", "deny")
    assert [record.point.value for record in world.decisions()] == ["prompt", *["tool"] * 4]
    with world.gate(key=WATCHED_KEY) as gate:
        prompt = gate.decide_prompt("Do it.", model="scripted", endpoint=endpoint, members=members)
        assert gate.decide_output(prompt, answer).allowed


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        ("It is Project Heliotrope, of course.", False),
        ('{"a": "project heliotrope", "a": "x"}', False),  # a text, though it looks like an object
        (chat_body("It is Project Heliotrope, of course."), False),
        ("It is nothing.", True),
        (chat_body("It is nothing."), True),
    ],
)
def test_answers_are_read_for_phrases_as_over_http(world: World, answer: str | bytes, allowed: bool) -> None:
    shutil.rmtree(world.bundle)
    world.write(phrase_bundle())
    with world.gate() as gate, gate.http_client() as client:
        prompt = gate.decide_prompt("What is it?", model="scripted")
        assert gate.decide_output(prompt, answer).allowed is allowed
        assert not gate.decide_prompt("Open sesame!", model="scripted").allowed
        assert not gate.decide_tool(prompt, "find", {"what": "open sesame"}).allowed
        if isinstance(answer, bytes):
            world.answers(answer)
            headers = {"authorization": f"Bearer {gate.api_key}"}
            body = {"model": "scripted", "messages": [{"role": "user", "content": "What is it?"}]}
            assert client.post("/v1/chat/completions", json=body, headers=headers).is_success is allowed


def test_a_text_that_no_protocol_could_carry_is_no_answer(world: World) -> None:
    with world.gate() as gate:
        prompt = gate.decide_prompt("hello", model="scripted")
        with pytest.raises(caveat.GateError) as caught:
            gate.decide_output(prompt, "half a character: \ud800")
        assert code_of(caught) == "invalid_json"
        with pytest.raises(caveat.GateError) as caught:
            gate.decide_prompt("half a character: \ud800", model="scripted")
        assert code_of(caught) == "invalid_json"


def code_of(caught: pytest.ExceptionInfo[caveat.GateError]) -> str:
    error = caught.value
    assert error.message in str(error)
    return error.code


def test_no_answer_is_decided_to_a_prompt_that_does_not_go_through(world: World) -> None:
    with world.gate(key=DESK_KEY) as gate:
        refused = gate.decide_prompt(TABLE, model="scripted")
        with pytest.raises(caveat.GateError) as caught:
            gate.decide_output(refused, "words")
        assert code_of(caught) == "prompt_not_released"
        with pytest.raises(caveat.GateError) as caught:
            gate.decide_tool(refused, "find", {})
        assert code_of(caught) == "prompt_not_released"
    assert len(world.decisions()) == 1


def test_a_ruling_counts_for_its_own_gate_and_step_alone(world: World) -> None:
    with world.gate() as gate:
        prompt = gate.decide_prompt("hello", model="scripted")
        output = gate.decide_output(prompt, "words")
        with pytest.raises(caveat.GateError) as caught:
            gate.decide_output(output, "words")
        assert code_of(caught) == "ruling_not_on_a_prompt"
    with world.gate() as other:
        with pytest.raises(caveat.GateError) as caught:
            other.decide_output(prompt, "words")
        assert code_of(caught) == "ruling_of_another_gate"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"claims": {"of_nobody": 1}}, "unknown_claim"),
        ({"claims": {"acquisition_channel": "Words of a prompt."}}, "invalid_caveat"),
        ({"endpoint": "/v1/of-nobody"}, "unknown_path"),
        ({"model": "a name\n"}, "invalid_request"),
        ({"prompt": []}, "invalid_request"),
        ({"prompt": [{"role": object()}]}, "invalid_json"),
        ({"workflow": "NO"}, "invalid_caveat"),
        ({"targets": ["two words"]}, "invalid_caveat"),
        ({"data": [{"part": "/messages/9"}]}, "unknown_part"),
        ({"evidence": [b""]}, "invalid_evidence_header"),
        ({"evidence": [b"x"] * (MAX_ENVELOPES + 1)}, "invalid_evidence_header"),
        ({"evidence": [b"x" * 300_000]}, "headers_too_large"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_no_ruling(
    world: World, asked: dict[str, Any], code: str
) -> None:
    asked = {"prompt": "hello", "model": "scripted", **asked}
    with world.gate() as gate, pytest.raises(caveat.GateError) as caught:
        gate.decide_prompt(asked.pop("prompt"), **asked)
    assert code_of(caught) == code
    assert world.decisions() == []


def test_whole_requests_are_decided_at_their_own_endpoint_alone(world: World) -> None:
    body = {"model": "scripted", "messages": [{"role": "user", "content": "hi"}]}
    with world.gate() as gate:
        assert gate.decide_request("/v1/chat/completions", body).allowed
        assert gate.decide_request("/v1/chat/completions", orjson.dumps(body)).allowed
        for endpoint in ("/v1/files", "/v1/evidence", "/healthz"):
            with pytest.raises(caveat.GateError) as caught:
                gate.decide_request(endpoint, body)
            assert code_of(caught) == "unknown_path"
    assert len(world.decisions()) == 2


def test_a_key_that_nobody_knows_gets_no_ruling(world: World) -> None:
    for key in ("of-somebody-else", "ключ"):
        with world.gate(key=key) as gate, pytest.raises(caveat.GateError) as caught:
            gate.decide_prompt("hello", model="scripted")
        assert code_of(caught) == "invalid_api_key"
    assert world.decisions() == []


def budgeted(world: World, limits: str) -> None:
    files = {name: data for name, data in tool_bundle().items() if not name.startswith("signatures/")}
    files["deployments.toml"] += f"[deployments.chat.budget]\n{limits}\n".encode()
    shutil.rmtree(world.bundle)
    world.write(adopted(files))


def test_direct_rulings_are_charged_to_the_budget_of_calls(world: World) -> None:
    budgeted(world, "requests_per_minute = 1")
    with world.gate() as gate:
        gate.decide_prompt("hello", model="scripted")
        with pytest.raises(caveat.GateError) as caught:
            gate.decide_prompt("hello", model="scripted")
        assert code_of(caught) == "request_budget"


def test_answers_that_are_decided_directly_are_charged_to_the_budget_of_tokens(world: World) -> None:
    budgeted(world, "tokens_per_day = 50")
    with world.gate() as gate:
        prompt = gate.decide_prompt("hello", model="scripted")
        gate.decide_output(prompt, "word " * 50)
        with pytest.raises(caveat.GateError) as caught:
            gate.decide_prompt("hello", model="scripted")
        assert code_of(caught) == "token_budget"


class StoppedLedger:
    """A ledger whose disk has failed."""

    def submit(self, _record: object) -> object:
        raise StoppedError("the disk failed")


def test_a_ruling_that_cannot_be_made_durable_is_none(world: World) -> None:
    with world.gate() as gate, gate.http_client() as client:
        prompt = gate.decide_prompt("hello", model="scripted")
        inner: Any = gate
        service = inner._gate._service
        ledger, service.desk.gate.recorder._ledger = service.desk.gate.recorder._ledger, StoppedLedger()
        asks = [
            partial(gate.decide_prompt, "hello", model="scripted"),
            partial(gate.decide_output, prompt, "words"),
            partial(gate.decide_tool, prompt, "find", {}),
        ]
        for ask in asks:
            with pytest.raises(caveat.GateError) as caught:
                ask()
            assert code_of(caught) == "ledger_unavailable"
        body = {"model": "scripted", "messages": [{"role": "user", "content": "hi"}]}
        headers = {"authorization": f"Bearer {gate.api_key}"}
        assert client.post("/v1/chat/completions", json=body, headers=headers).status_code == 503
        service.desk.gate.recorder._ledger = ledger
    assert world.upstream.seen == []


def test_a_bug_is_an_error_without_content_and_no_ruling(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("words of the prompt")

    monkeypatch.setattr(direct, "read_use", breaks)
    with world.gate() as gate, pytest.raises(caveat.GateError) as caught:
        gate.decide_prompt("hello", model="scripted")
    assert code_of(caught) == "internal"
    assert "words of the prompt" not in str(caught.value)
    assert '"cause":"RuntimeError"' in caplog.text
    assert "words of the prompt" not in caplog.text
    assert world.decisions() == []


REDACTED = """
@id("R1") @text("No address is seen.") @authority("contract") @amend("operator") @redact("email")
forbid (principal, action {points}, resource);
"""


def test_what_a_program_sends_itself_is_refused_where_a_clause_has_it_redacted(world: World) -> None:
    """Over the gateway's own transport the same is replaced, and goes through."""
    shutil.rmtree(world.bundle)
    world.write(redact_bundle(REDACTED.format(points='== Action::"prompt"')))
    with world.gate() as gate, gate.http_client() as client:
        ruling = gate.decide_prompt("ada@example.org", model="scripted")
        assert (ruling.allowed, ruling.reason, ruling.clauses) == (False, "obligation", ("R1",))
        body = {"model": "scripted", "messages": [{"role": "user", "content": "ada@example.org"}]}
        headers = {"authorization": f"Bearer {gate.api_key}"}
        assert client.post("/v1/chat/completions", json=body, headers=headers).is_success
        assert b"ada@example.org" not in world.upstream.seen[-1].body


def test_what_a_program_would_show_itself_is_refused_where_a_clause_has_it_redacted(world: World) -> None:
    shutil.rmtree(world.bundle)
    world.write(redact_bundle(REDACTED.format(points='in [Action::"tool", Action::"output"]')))
    with world.gate() as gate:
        prompt = gate.decide_prompt("What is it?", model="scripted")
        assert prompt.allowed
        assert gate.decide_output(prompt, "It is ada@example.org.").reason == "obligation"
        assert gate.decide_tool(prompt, "find", {"to": "ada@example.org"}).reason in (
            "obligation",
            "unverified",
        )


def test_what_waits_names_its_hold(world: World) -> None:
    table = rows(3)
    evidence = attest(table.encode(), {"acquisition_channel": "purchased", "subject_count": 3})
    with world.gate(key=DESK_KEY) as gate:
        ask = partial(gate.decide_prompt, table, model="scripted", evidence=[evidence])
        held = ask()
        assert held.verdict == "needs_approval"
        assert held.hold == held.record
        with pytest.raises(caveat.Refused) as refused:
            ask().raise_for_verdict()
        assert refused.value.hold == held.hold
        assert gate.decide_prompt("hello", model="scripted").hold is None
