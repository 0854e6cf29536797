"""The overseen bundle with a fact about what is asked, so that cases can be planted of what waits."""

import asyncio
import base64
from typing import Any

from tests.support.overseers import Enrolled, overseen_bundle
from tests.support.raw_client import Answer, chat
from tests.support.running_gateway import RunningGateway
from tests.support.small_bundle import DESK_KEY, adopted, attest, rows

TASK = """
[facts.task]
type = "enum"
values = ["count_them", "find_one", "unknown"]
about = "use"
attested_by = ["data_owner"]
unknown = ["unknown"]
severest = "find_one"
amend = "operator"
text = "What is asked."
"""
WORDS = {
    "count_them": ("How many devices were in each place?", "Count the devices by place.", "Totals, please."),
    "find_one": ("Where was this device last?", "Follow this device.", "List where it has been."),
}
EFFECT = """
[facts.action_effect]
type = "enum"
values = ["none", "advisory"]
about = "use"
attested_by = ["registration"]
severest = "advisory"
amend = "operator"
text = "What a call of a tool causes."
"""
TOOL = b'version = 1\n[tools.look]\neffect = "advisory"\ntext = "Looks at a map."\n'
MORE = """
@id("C5") @text("Calls of tools need the officer.") @authority("contract") @amend("operator")
forbid (principal, action == Action::"tool", resource) when { context.action_effect == "advisory" }
unless { context.approvals.contains("officer") };

@id("C6") @text("No address reaches the endpoint.") @authority("contract") @amend("operator")
@redact("email")
forbid (principal, action == Action::"prompt", resource);
"""


def planting_files(
    *people: Enrolled, oversight: str = "", persons: int = 1, tools: bool = False
) -> dict[str, bytes]:
    """Signed files. `tools`: with a tool whose calls wait, and addresses replaced in prompts."""
    bundle = overseen_bundle(*people, oversight=oversight, persons=persons)
    bundle.signed = False
    files = bundle.files()
    files["facts.toml"] += TASK.encode()
    facts = b'facts = ["acquisition_channel", "subject_count"]'
    files["trust.toml"] = files["trust.toml"].replace(facts, facts[:-1] + b', "task"]')
    if tools:
        files["facts.toml"] += EFFECT.encode()
        files["tools.toml"] = TOOL
        files["clauses/more.cedar"] = MORE.encode()
        desk = b'id_column = "device_id"\n'
        head, _, rest = files["deployments.toml"].partition(b"[deployments.desk]")
        given = desk + b'tools = ["look"]\n[deployments.desk.facts]\naction_effect = "none"\n'
        files["deployments.toml"] = (
            head
            + b"[deployments.desk]"
            + rest.replace(desk, given, 1).replace(b'kind = "pipeline"', b'kind = "agent"', 1)
        )
    return adopted(files)


def ask(gateway: RunningGateway, number: int, task: str | None = None) -> Answer:
    """A use that waits: words, and a table of purchased data, of which the task is attested."""
    task = task or sorted(WORDS)[number % 2]
    messages = [rows(3, f"n{number}d"), WORDS[task][number % len(WORDS[task])]]
    body = {
        "model": "scripted",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": text} for text in messages],
    }
    return ask_with(gateway, body, task, number)


def ask_with(
    gateway: RunningGateway,
    body: dict[str, Any],
    task: str,
    number: int = 0,
    channel: str = "purchased",
) -> Answer:
    """This very body, with a statement about the table that it begins with."""
    table = body["messages"][0]["content"].encode()
    facts = {"acquisition_channel": channel, "subject_count": table.count(b"\n") - 1, "task": task}
    header = base64.urlsafe_b64encode(attest(table, facts, number=number)).decode().rstrip("=")
    return chat(gateway.url, DESK_KEY, body, {"x-caveat-evidence": header})


def step(gateway: RunningGateway) -> None:
    """What the gateway does by itself all the time: plants what is due, reveals what is over."""
    work = gateway.service.planting.step()
    asyncio.run_coroutine_threadsafe(work, gateway.loop).result(20)
