"""A second turn by `previous_response_id` is decided as the same content sent in full."""

import json
from dataclasses import replace
from itertools import count
from typing import Any

import openai
import pytest

from caveat.call.parts import Origin
from caveat.gateway.evidence_header import encode_envelope
from caveat.gateway.kept_responses import KeptResponses
from caveat.gateway.wire import responses
from tests.gateway.test_sdks import openai_client
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    Reply,
    ScriptedUpstream,
    Seen,
    response_body,
    response_events,
)
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, attest, rows

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
NUMBERS = count()
FIRST_PARTY = {"acquisition_channel": "first_party", "subject_count": 10}


@pytest.fixture
def upstream(upstream: ScriptedUpstream) -> ScriptedUpstream:
    def reply(seen: Seen) -> Reply:
        number = next(NUMBERS)
        if seen.json.get("stream"):
            events = response_events(f"Answer {number}.", id_=f"resp_{number}")
            return Reply(headers=EVENT_STREAM, pieces=events)
        return Reply(body=response_body(f"Answer {number}.", id_=f"resp_{number}"))

    upstream.script = reply
    return upstream


def ask(gateway: RunningGateway, key: str, text: Any, *evidence: bytes, **more: Any) -> Any:
    """The response, as the SDK gives it; raises what it raises."""
    headers = {"x-caveat-evidence": ",".join(map(encode_envelope, evidence))} if evidence else {}
    with openai_client(gateway, key).with_options(max_retries=0) as client:
        if more.pop("stream", False):
            asked: Any = {"model": "scripted", "input": text, "extra_headers": headers, **more}
            with client.responses.stream(**asked) as stream:
                return stream.get_final_response()
        return client.responses.create(model="scripted", input=text, extra_headers=headers, **more)


def refusal(gateway: RunningGateway, key: str, text: Any, *evidence: bytes, **more: Any) -> Any:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(gateway, key, text, *evidence, **more)
    assert isinstance(caught.value.body, dict)
    return caught.value.body


def prompts(gateway: RunningGateway, since: int) -> list[dict[str, Any]]:
    return [one for one in gateway.records()[since:] if one["point"] == "prompt"]


@BOTH
def test_a_second_turn_by_id_has_the_facts_and_totals_of_the_same_content_in_full(
    gateway: RunningGateway, upstream: ScriptedUpstream, stream: bool
) -> None:
    table = rows(10, f"p{stream}")
    envelope = attest(table.encode(), FIRST_PARTY)
    since = len(gateway.records())
    first = ask(gateway, DESK_KEY, table, envelope, stream=stream)
    again = ask(gateway, DESK_KEY, "And now?", envelope, previous_response_id=first.id, stream=stream)
    third = ask(gateway, DESK_KEY, "And then?", envelope, previous_response_id=again.id, stream=stream)
    full = [
        {"role": "user", "content": table},
        *(one.model_dump(exclude_none=True) for one in first.output),
        {"role": "user", "content": "And now?"},
        *(one.model_dump(exclude_none=True) for one in again.output),
        {"role": "user", "content": "And then?"},
    ]
    ask(gateway, DESK_KEY, full, envelope, stream=stream)
    assert upstream.seen[2].json["previous_response_id"] == again.id, "what is forwarded is the caller's"
    assert third.output_text
    found = prompts(gateway, since)
    assert [one["verdict"] for one in found] == ["allow"] * 4
    assert [one["history_state"] for one in found] == ["none", "known", "known", "known"]
    assert found[2]["cases"] == found[3]["cases"] == found[1]["cases"], "persons are not counted twice"
    digests = [[part["digest"] for part in one["parts"]] for one in found]
    assert digests[2] == digests[3]
    assert {part["pointer"] for part in found[2]["parts"]} == {"/previous_response_id/0"}


@BOTH
def test_a_second_turn_by_id_needs_the_evidence_that_its_content_needs(
    gateway: RunningGateway, upstream: ScriptedUpstream, stream: bool
) -> None:
    table = rows(10, f"q{stream}")
    first = ask(gateway, DESK_KEY, table, attest(table.encode(), FIRST_PARTY), stream=stream)
    said = refusal(gateway, DESK_KEY, "And now?", previous_response_id=first.id)
    assert said["code"] == "needs_evidence"
    assert said["needs_detail"][0]["part"] == "/previous_response_id/0"
    bulk = attest(table.encode(), {"acquisition_channel": "bulk_purchased", "subject_count": 10}, number=2)
    assert refusal(gateway, DESK_KEY, "And now?", bulk, previous_response_id=first.id)["code"] == "deny"
    assert len(upstream.seen) == 1


def test_words_alone_go_on_by_id_without_evidence_and_in_every_turn(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    since, last = len(gateway.records()), ask(gateway, CHAT_KEY, "Turn 0")
    for turn in range(1, 15):
        last = ask(gateway, CHAT_KEY, f"Turn {turn}", previous_response_id=last.id)
    assert [one["parts"] for one in prompts(gateway, since)] == [[]] * 15
    assert prompts(gateway, since)[-1]["history_state"] == "known"
    assert len(upstream.seen) == 15


@pytest.mark.parametrize("foreign", ["another deployment", "unknown"])
def test_an_id_of_nobody_or_of_another_deployment_needs_evidence(
    gateway: RunningGateway, upstream: ScriptedUpstream, foreign: str
) -> None:
    known = ask(gateway, CHAT_KEY, "What is it?").id if foreign == "another deployment" else "resp_unknown"
    said = refusal(gateway, DESK_KEY, "And now?", previous_response_id=known)
    assert said["code"] == "needs_evidence"
    assert said["needs_detail"][0]["part"] == "/previous_response_id"
    assert len(upstream.seen) == (foreign == "another deployment")


def test_after_a_restart_an_id_needs_evidence(
    tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream
) -> None:
    folder = tmp_path_factory.mktemp("restart")
    table = rows(10, "restarted")
    envelope = attest(table.encode(), FIRST_PARTY)
    with running_gateway(folder, upstream.url) as running:
        first = ask(running, DESK_KEY, table, envelope)
    with running_gateway(folder, upstream.url) as running:
        said = refusal(running, DESK_KEY, "And now?", envelope, previous_response_id=first.id)
        assert said["needs_detail"][0]["part"] == "/previous_response_id"


IMAGE = {"type": "input_image", "image_url": "https://example.invalid/a.png", "detail": "auto"}


def test_an_id_that_stands_for_what_nobody_read_stays_opaque(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    asked = [{"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, IMAGE]}]
    first = ask(gateway, CHAT_KEY, asked)
    since = len(gateway.records())
    ask(gateway, CHAT_KEY, "And now?", previous_response_id=first.id)
    (record,) = prompts(gateway, since)
    assert [part["pointer"] for part in record["parts"]] == ["/previous_response_id"]
    hosted = ask(gateway, CHAT_KEY, "What is it?", tools=[{"type": "web_search"}])
    since = len(gateway.records())
    ask(gateway, CHAT_KEY, "And now?", previous_response_id=hosted.id)
    assert [part["pointer"] for part in prompts(gateway, since)[0]["parts"]] == ["/previous_response_id"]
    assert upstream.seen


def test_what_was_declared_as_data_stays_data(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    declared = {"caveat": {"data": [{"part": "/input", "media_type": "text/plain"}]}}
    first = ask(gateway, CHAT_KEY, "Only words.", extra_body=declared)
    since = len(gateway.records())
    ask(gateway, CHAT_KEY, "And now?", previous_response_id=first.id)
    assert [part["pointer"] for part in prompts(gateway, since)[0]["parts"]] == ["/previous_response_id/0"]
    assert "caveat" not in upstream.seen[0].json


def parsed(**members: Any) -> Any:
    return responses.parse_request(json.dumps({"model": "m", **members}).encode(), max_bytes=10**6)


@pytest.fixture
def answers() -> Any:
    return lambda number: json.loads(response_body("x" * 1000, id_=f"resp_{number}"))


def test_what_is_kept_is_bounded_and_the_oldest_goes_first(answers: Any) -> None:
    kept = KeptResponses(max_bytes=20_000)
    for number in range(50):
        kept.keep("desk", parsed(input="w" * 1000), answers(number))
        assert kept.size_bytes <= 20_000
    opaque = parsed(input="next", previous_response_id="resp_0")
    assert kept.resolved("desk", opaque) is opaque
    newest = parsed(input="next", previous_response_id="resp_49")
    assert kept.resolved("other", newest) is newest
    assert not any(part.origin is Origin.OPAQUE for part in kept.resolved("desk", newest).raw_parts)


@pytest.mark.parametrize("status", ["failed", "in_progress", None])
def test_a_response_that_has_not_ended_is_not_kept(answers: Any, status: str | None) -> None:
    kept, request = KeptResponses(), parsed(input="next", previous_response_id="resp_1")
    kept.keep("desk", parsed(input="words"), {**answers(1), "status": status})
    assert kept.resolved("desk", request) is request
    kept.keep("desk", replace(parsed(input="words")), answers(1))
    assert kept.resolved("desk", request) is not request
