"""Ordinary work passes the assistant pack with no evidence; its red lines, and pasted rows, do not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from caveat.assay.world import World
from tests.packs.worlds import attest, header, world_of
from tests.support.raw_client import Answer, asking, chat, message
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream

pytestmark = pytest.mark.slow
PROMPTS = Path(__file__).parents[2] / "conformance" / "prompts" / "ordinary.jsonl"
ROWS = "email,balance\n" + "".join(f"person{n}@example.org,{n}\n" for n in range(200))


@pytest.fixture(scope="module")
def world() -> World:
    return world_of("assistant")


@pytest.fixture(scope="module")
def gateway(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with (
        scripted_upstream() as upstream,
        running_gateway(tmp_path_factory.mktemp("assistant"), upstream.url, world.files) as running,
    ):
        yield running


def test_two_hundred_ordinary_prompts_are_allowed_without_an_evidence_header(
    gateway: RunningGateway, world: World
) -> None:
    prompts = [json.loads(line) for line in PROMPTS.read_text("utf-8").splitlines()]
    assert len(prompts) == 200
    assert len({row["prompt"] for row in prompts}) == 200
    assert {row["kind"] for row in prompts} == {"office", "coding", "translation"}
    key = world.api_keys["chat"]
    refused = [row["id"] for row in prompts if chat(gateway.url, key, asking(row["prompt"])).status != 200]
    assert len(refused) <= 2, refused


def test_a_conversation_with_a_system_prompt_and_history_is_ordinary_too(
    gateway: RunningGateway, world: World
) -> None:
    body = {
        "model": "scripted",
        "max_tokens": 64,
        "system": "You are a kind assistant.",
        "messages": [
            {"role": "user", "content": "What is a gerund?"},
            {"role": "assistant", "content": "A verb in the role of a noun."},
            {"role": "user", "content": "Give two examples."},
        ],
    }
    assert message(gateway.url, world.api_keys["chat"], body).status == 200


def codes(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.error["code"]


@pytest.mark.parametrize(
    "pasted",
    [
        ROWS,
        "\n".join(f"Person {n} lives at number {n} and writes as person{n}@example.org" for n in range(26)),
        " ".join(f"CASE-{10_000 + n}" for n in range(26)),
        " ".join(f"+49 30 {5_550_000 + n}" for n in range(26)),
    ],
    ids=["a table", "mail addresses", "case numbers", "telephones"],
)
def test_pasted_bulk_is_unattested_data(gateway: RunningGateway, world: World, pasted: str) -> None:
    answer = chat(gateway.url, world.api_keys["chat"], asking(f"Who of these is worth a call?\n\n{pasted}"))
    assert codes(answer) == (403, "needs_evidence")
    assert answer.error["needs_detail"][0]["part"] == "/messages/0/content"


def test_bulk_spread_over_messages_is_noticed_too(gateway: RunningGateway, world: World) -> None:
    messages = [
        {"role": "user", "content": " ".join(f"person{n}@example.org" for n in range(start, start + 9))}
        for start in (0, 9, 18)
    ]
    answer = chat(gateway.url, world.api_keys["chat"], {"model": "m", "messages": messages})
    assert codes(answer) == (403, "needs_evidence")


def test_twenty_five_identifiers_are_still_typed_words(gateway: RunningGateway, world: World) -> None:
    text = "Sort these: " + " ".join(f"person{n}@example.org" for n in range(25))
    assert chat(gateway.url, world.api_keys["chat"], asking(text)).status == 200
    (case,) = gateway.records()[-1]["cases"]
    (count,) = [fact for fact in case["facts"] if fact["name"] == "subject_count"]
    assert (count["grade"], count["role"], count["value"]) == ("observed", "reach", {"hi": 25, "lo": 0})


def test_words_beyond_the_cap_are_data(gateway: RunningGateway, world: World) -> None:
    answer = chat(gateway.url, world.api_keys["chat"], asking("word " * 4000))
    assert codes(answer) == (403, "needs_evidence")


@pytest.mark.parametrize("channel", ["bulk_purchased", "intercepted"])
def test_acquired_data_stay_behind_the_red_line_when_all_is_attested(
    gateway: RunningGateway, world: World, channel: str
) -> None:
    facts = {"acquisition_channel": channel, "subject_count": 200, "data_category": ["contact_details"]}
    body = {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Which of these would answer?"},
                    {"type": "text", "text": ROWS},
                ],
            }
        ],
    }
    answer = chat(gateway.url, world.api_keys["chat"], body, header(attest(world, "chat", ROWS, facts)))
    assert codes(answer) == (403, "deny")
    assert answer.error["clauses"] == ["A5"]


def test_a_claim_of_profiling_is_refused_by_its_red_line(gateway: RunningGateway, world: World) -> None:
    body = asking(ROWS, caveat={"claims": {"task": "profile_persons", "subject_count": 200}})
    answer = chat(gateway.url, world.api_keys["chat"], body)
    assert codes(answer) == (403, "deny")
    assert answer.error["clauses"] == ["A4"]


def test_no_claim_makes_pasted_rows_ordinary(gateway: RunningGateway, world: World) -> None:
    body = asking(
        ROWS, caveat={"claims": {"acquisition_channel": "first_party", "task": "answer", "subject_count": 1}}
    )
    assert codes(chat(gateway.url, world.api_keys["chat"], body)) == (403, "needs_evidence")


TOOL = {"type": "function", "function": {"name": "search_handbook", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [TOOL]},
        {"functions": [{"name": "search_handbook"}]},
        {"web_search_options": {"search_context_size": "low"}},
    ],
    ids=["tools", "functions", "hosted search"],
)
def test_open_chat_has_no_tools(gateway: RunningGateway, world: World, more: dict[str, object]) -> None:
    answer = chat(gateway.url, world.api_keys["chat"], asking("What is on page 3?", **more))
    assert codes(answer) == (403, "needs_evidence")


def actions(gateway: RunningGateway) -> set[str]:
    (case,) = gateway.records()[-1]["cases"]
    return {fact["value"] for fact in case["facts"] if fact["name"] == "action_effect"}


@pytest.mark.parametrize(
    ("tools", "known"),
    [
        ([TOOL], {"advisory"}),
        ([{"type": "custom", "custom": {"name": "book_room"}}], {"advisory"}),
        ([], {"advisory"}),
        ([TOOL, {"type": "function", "function": {"name": "send_money"}}], set()),
        ([{"type": "web_search", "name": "search_handbook"}], set()),
        ([{"type": "function", "function": {"name": "send_money"}, "name": "search_handbook"}], set()),
        ([{"type": "function"}], set()),
        (["search_handbook"], set()),
    ],
    ids=["registered", "custom", "none", "one more", "hosted decoy", "two names", "no name", "a word"],
)
def test_an_agents_effect_is_known_only_with_registered_tools(
    gateway: RunningGateway, world: World, tools: list[object], known: set[str]
) -> None:
    chat(gateway.url, world.api_keys["concierge"], asking("Book room B2.", tools=tools))
    assert actions(gateway) == known


def test_every_answer_and_every_record_says_development(gateway: RunningGateway, world: World) -> None:
    answers = [
        chat(gateway.url, world.api_keys["chat"], asking("Hello.")),
        chat(gateway.url, world.api_keys["chat"], asking(ROWS)),
        chat(gateway.url, "no-such-key", asking("Hello.")),
        chat(gateway.url, world.api_keys["chat"], b"{"),
    ]
    assert [answer.status for answer in answers] == [200, 403, 401, 400]
    assert {answer.headers["x-caveat-bundle"] for answer in answers} == {"dev"}
    assert {record["development"] for record in gateway.records()} == {True}
    assert {record["development"] for record in gateway.records("start")} == {True}
