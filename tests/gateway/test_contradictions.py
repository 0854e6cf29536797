"""Content that contradicts what was said of it, through the whole gateway."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from caveat.gateway import contradicting
from caveat.screens.identifiers.census import Census, census_of
from tests.screens.identifiers.persons import persons
from tests.support.raw_client import Answer, asking, chat
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Reply, scripted_upstream
from tests.support.small_bundle import DESK_KEY, SmallBundle, attest
from tests.support.tool_world import chat_calls

FACTS = """
[facts.content_contradiction]
type = "long"
grade = "estimated"
about = "use"
hi = 1000
severest = 1000
amend = "operator"
text = "How surely content contradicts what was said of it."
"""
CLAUSES = """
@id("K1") @text("What is contradicted for certain is refused.") @authority("contract") @amend("operator")
forbid (principal, action in [Action::"prompt", Action::"tool"], resource)
when { context.content_contradiction >= 900 };

@id("K2") @text("What is likely contradicted needs the officer.") @authority("contract") @amend("operator")
forbid (principal, action in [Action::"prompt", Action::"tool"], resource)
when { context.content_contradiction >= 500 }
unless { context.approvals.contains("officer") };
"""


def files(clauses: str = CLAUSES) -> dict[str, bytes]:
    plain = SmallBundle(signed=False)
    facts = plain.files()["facts.toml"].decode() + FACTS
    bundle = SmallBundle(clauses=plain.clauses + clauses, extra={"facts.toml": facts.encode()})
    return bundle.files()


def table(count: int, seed: int = 0) -> str:
    rows = (f"{one.given} {one.family},{one.email}\n" for one in persons("A", seed, count))
    return "device_name,full_name,email\n" + "".join(f"x,{row}" for row in rows)


def ask(gateway: RunningGateway, text: str, **facts: object) -> Answer:
    evidence = attest(text.encode(), {"acquisition_channel": "synthetic", **facts})
    header = base64.urlsafe_b64encode(evidence).decode().rstrip("=")
    return chat(gateway.url, DESK_KEY, asking(text), {"x-caveat-evidence": header})


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    with scripted_upstream() as upstream, running_gateway(tmp_path, upstream.url, files()) as running:
        yield running


def test_forty_declared_and_four_hundred_held_is_refused_and_the_finding_is_shown(
    gateway: RunningGateway,
) -> None:
    text = table(400)
    answer = ask(gateway, text, subject_count=40)
    assert answer.status == 403
    assert answer.error["clauses"] == ["K1"]
    said = "more_persons_than_declared, said 10-99, found 100-999"
    assert answer.error["contradictions"] == [said]
    record = gateway.records()[-1]
    [fact] = [one for one in record["cases"][0]["facts"] if one["name"] == "content_contradiction"]
    assert (fact["grade"], fact["value"], fact["source"]) == ("estimated", 950, said)
    for cell in text.split("\n", 2)[1].split(",")[1:]:
        assert cell.encode() not in answer.body
        assert cell not in str(record)


def test_what_is_likely_contradicted_waits_for_a_person(gateway: RunningGateway) -> None:
    answer = ask(gateway, table(60), subject_count=40)
    assert answer.error["code"] == "needs_approval"
    assert answer.error["contradictions"] == ["more_persons_than_declared, said 10-99, found 10-99"]


def test_what_agrees_with_what_was_said_goes_through(gateway: RunningGateway) -> None:
    assert ask(gateway, table(40), subject_count=40).status == 200


def test_a_count_that_is_split_over_parts_is_compared_together(gateway: RunningGateway) -> None:
    texts = [table(30, seed=seed) for seed in range(6)]
    body = asking(texts[0])
    body["messages"] = [{"role": "user", "content": text} for text in texts]
    envelopes = [
        base64.urlsafe_b64encode(
            attest(text.encode(), {"acquisition_channel": "synthetic", "subject_count": 1}, number=number)
        ).decode()
        for number, text in enumerate(texts)
    ]
    header = ",".join(one.rstrip("=") for one in envelopes)
    answer = chat(gateway.url, DESK_KEY, body, {"x-caveat-evidence": header})
    assert answer.error["clauses"] == ["K1"]


def in_a_file(rows: str, media_type: str = "text/csv") -> list[dict[str, Any]]:
    data = f"data:{media_type};base64,{base64.b64encode(rows.encode()).decode()}"
    file = {"type": "file", "file": {"filename": "rows.csv", "file_data": data}}
    return [{"role": "user", "content": [{"type": "text", "text": "Summarise."}, file]}]


def in_a_file_of_bytes(rows: str) -> list[dict[str, Any]]:
    return in_a_file(rows, "application/octet-stream")


def in_a_result(rows: str) -> list[dict[str, Any]]:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    return [
        {"role": "user", "content": "Summarise."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": rows},
    ]


def in_two_texts(rows: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": one} for one in ("Summarise.", rows)]}]


@pytest.mark.parametrize("place", [in_a_file, in_a_file_of_bytes, in_a_result, in_two_texts])
@pytest.mark.parametrize("stream", [False, True])
def test_what_stands_in_files_results_and_parts_is_compared(
    gateway: RunningGateway, place: Callable[[str], list[dict[str, Any]]], stream: bool
) -> None:
    rows = table(400)
    evidence = attest(rows.encode(), {"acquisition_channel": "synthetic", "subject_count": 40})
    header = base64.urlsafe_b64encode(evidence).decode().rstrip("=")
    body = {**asking("x"), "messages": place(rows), "stream": stream}
    answer = chat(gateway.url, DESK_KEY, body, {"x-caveat-evidence": header})
    assert answer.status == 403
    assert "more_persons_than_declared, said 10-99, found 100-999" in answer.error["contradictions"]
    assert persons("A", 0, 1)[0].email.encode() not in answer.body


def test_where_no_clause_reads_it_nothing_is_compared(tmp_path: Path) -> None:
    with scripted_upstream() as upstream, running_gateway(tmp_path, upstream.url, files("")) as gateway:
        assert ask(gateway, table(400), subject_count=40).status == 200
        assert "content_contradiction" not in str(gateway.records()[-1])


def test_arguments_of_a_call_are_compared_with_what_was_said_of_the_use(tmp_path: Path) -> None:
    def calls(count: int) -> Reply:
        held = [
            {"full_name": f"{one.given} {one.family}", "email": one.email} for one in persons("A", 1, count)
        ]
        return Reply(body=chat_calls(("find", json.dumps({"people": held}))))

    with scripted_upstream() as upstream, running_gateway(tmp_path, upstream.url, files()) as gateway:
        upstream.script = lambda _seen: calls(12)
        assert ask(gateway, table(12, seed=1), subject_count=12).status == 200
        upstream.script = lambda _seen: calls(400)
        answer = ask(gateway, table(12, seed=1), subject_count=12)
        assert (answer.status, answer.error["point"], answer.error["clauses"]) == (403, "tool", ["K1"])
        assert answer.error["contradictions"] == ["more_persons_than_declared, said 10-99, found 100-999"]


def test_large_content_is_read_beside_the_event_loop_and_once(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = table(40)
    monkeypatch.setattr(contradicting, "LARGE_BYTES", len(text) // 2)
    on_loop: list[bool] = []

    def noted(*arguments: Any) -> Census:
        on_loop.append(_is_on_loop())
        return census_of(*arguments)

    monkeypatch.setattr(contradicting, "census_of", noted)
    assert ask(gateway, text, subject_count=40).status == 200
    assert ask(gateway, text, subject_count=2).error["contradictions"]
    assert on_loop == [False]


def _is_on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
