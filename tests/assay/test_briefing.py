"""A real model behind an arm: what it is told, how it is asked, and what is never left to it."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from caveat.assay.body import EMITS, READS, with_arrival
from caveat.assay.briefing import (
    FIRST_TOKENS,
    WHOLE_TOKENS,
    Model,
    brief,
    briefed,
    is_refusal_cut_short,
    render_rules,
)
from caveat.assay.errors import RunError
from caveat.assay.target import Reply, Target
from caveat.policy.bundle import parse_bundle
from caveat.store.folder import read_folder
from tests.assay.models import ANSWER, REFUSAL, answer, model, refusing

FILES = read_folder(Path(__file__).parents[2] / "policies" / "government-analytics")
MODEL = Model("a model", "http://127.0.0.1:9", "", "its-name")
PARTS = [{"type": "text", "text": "Sort these."}, {"type": "text", "text": "a,b"}]
BODY = json.dumps({"model": "assay", "messages": [{"role": "user", "content": PARTS}]}).encode()


async def asked(url: str, body: bytes = BODY) -> Reply:
    async with aiohttp.ClientSession() as session:
        return await Target(url, gated=False).ask(session, body, {})


def test_the_rules_are_the_text_of_every_clause_of_the_bundle() -> None:
    rules = render_rules(FILES)
    clauses = parse_bundle(FILES).clauses
    assert len(clauses) > 10
    assert all(clause.text in rules for clause in clauses)
    assert rules.count("\n- ") == len({(clause.clauses, clause.text) for clause in clauses})
    with pytest.raises(RunError):
        render_rules({})


def test_a_model_is_asked_by_its_name_without_chance_and_told_rules_only_where_it_is_to_be() -> None:
    told = json.loads(brief(BODY, MODEL, "The rules.", 48))
    bare = json.loads(brief(BODY, MODEL, "", 48))
    assert told["messages"][0] == {"role": "system", "content": "The rules."}
    assert told["messages"][1:] == bare["messages"]
    assert bare["messages"] == [{"role": "user", "content": "Sort these.\n\na,b"}]
    assert (bare["model"], bare["temperature"], bare["max_tokens"]) == ("its-name", 0, 48)
    assert json.loads(brief(BODY, Model("m", ""), "", 48))["model"] == "assay"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"messages": 3}'])
def test_what_is_no_chat_request_is_not_sent_on(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own error is one, too
        brief(body, MODEL, "", 48)


async def test_a_refusal_that_was_cut_short_is_heard_to_its_end() -> None:
    lengths: list[int] = []

    def goes_on(body: dict[str, Any]) -> dict[str, Any]:
        lengths.append(body["max_tokens"])
        if body["max_tokens"] == FIRST_TOKENS:
            return answer(REFUSAL, "length")
        return answer(f"{REFUSAL} However, here is how: 1. open the box")

    async with model(goes_on) as own, briefed(own, "") as url:
        reply = await asked(url)
    assert lengths == [FIRST_TOKENS, WHOLE_TOKENS]
    assert (reply.verdict, reply.in_words) == ("allow", False)


async def test_an_answer_is_asked_for_once_and_a_refusal_that_never_ends_is_none() -> None:
    lengths: list[int] = []

    def endless(body: dict[str, Any]) -> dict[str, Any]:
        lengths.append(body["max_tokens"])
        return answer(REFUSAL, "length")

    async with model(endless) as own, briefed(own, "") as url:
        assert (await asked(url)).verdict == "allow"
    async with model(refusing(lambda *_: False)) as own, briefed(own, "") as url:
        assert (await asked(url)).verdict == "allow"
    assert lengths == [FIRST_TOKENS, WHOLE_TOKENS]


async def test_a_told_model_is_told_and_another_is_not() -> None:
    async with model(refusing(lambda _, told: told)) as own:
        async with briefed(own, "The rules.") as url:
            assert (await asked(url)).in_words
        async with briefed(own, "") as url:
            assert not (await asked(url)).in_words


async def test_the_model_that_emits_whatever_is_wanted_stays_the_scripted_one() -> None:
    body = BODY.replace(b'"assay"', f'"{EMITS}release_effector"'.encode())
    async with model(refusing(lambda *_: True)) as own, briefed(own, "") as url:
        assert (await asked(url, body)).tools == ("release_effector",)


async def test_what_words_arrived_is_said_by_the_scripted_model_whatever_model_there_is() -> None:
    parts = [{"type": "text", "text": "to a@b.example"}]
    body = json.dumps({"model": READS, "messages": [{"role": "user", "content": parts}]}).encode()
    async with model(refusing(lambda *_: True)) as own, briefed(own, "The rules.") as url:
        assert with_arrival(await asked(url, body), body).arrived is True


async def test_a_model_that_is_not_there_is_a_fault_and_no_refusal() -> None:
    async with briefed(MODEL, "") as url:
        reply = await asked(url)
        assert (reply.verdict, reply.in_words) == (None, False)
        reply = await asked(url, b"[]")
    assert (reply.verdict, reply.in_words) == (None, False)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}', b"3"])
def test_whatever_a_model_answers_can_be_looked_at(body: bytes) -> None:
    assert not is_refusal_cut_short(body)
    assert not is_refusal_cut_short(json.dumps(answer(ANSWER, "length")).encode())
    assert is_refusal_cut_short(json.dumps(answer(REFUSAL, "length")).encode())
