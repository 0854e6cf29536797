"""Turns of a conversation cost what is new in them, and are decided and recorded as if each came alone."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caveat.cli.measure_turns import conversation_bodies, staged_desk
from caveat.gateway.conversations import Conversations
from caveat.gateway.desk import Desk
from caveat.gateway.identity.callers import Caller
from caveat.gateway.requested import read_use
from caveat.gateway.ruling import Use
from caveat.gateway.wire import openai
from caveat.gateway.wire.history import MIN_BYTES
from caveat.ledger.audit import Followed
from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner
from caveat.ledger.disk import RealDisk
from caveat.ledger.finding import Code
from caveat.ledger.folder import Folder
from caveat.ledger.read import Entry
from caveat.ledger.record import DecisionRecord, History, HistoryRecord, record_id_of
from caveat.ledger.replay import Bundles, ReplayCheck
from caveat.ledger.verify import verify_folder
from caveat.ledger.wire import parse_record
from caveat.service.log_keys import log_keys
from caveat.signing.digest import sha256
from tests.ledger.logs import VERIFIER, decision_record, write_log
from tests.support.raw_client import chat
from tests.support.running_gateway import RunningGateway
from tests.support.small_bundle import WATCH_KEY

_LONG = "x" * MIN_BYTES


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Caller]]:
    desk, caller, close = staged_desk(tmp_path_factory.mktemp("turns"))
    yield desk, caller
    close()


def fresh(desk: Desk) -> Desk:
    return replace(desk, conversations=Conversations())


def use_of(desk: Desk, caller: Caller, body: bytes) -> Use:
    return read_use(desk, openai, caller, {}, body)[0]


_CONTENT = st.text(max_size=30) | st.sampled_from(
    ["a,b\n" * 12, "7000001 7000002 7000003", "w" * 3000, json.dumps([{"a": 1}] * 9), _LONG]
)
_MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool"]), "content": _CONTENT},
    optional={"tool_call_id": st.just("c"), "name": _CONTENT},
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turns=st.lists(st.lists(_MESSAGE, min_size=1, max_size=3), min_size=1, max_size=5),
    declared=st.lists(st.sampled_from([None, "/messages/1/content", "/messages/0/content"]), max_size=5),
    back=st.integers(0, 2),
    identifiers=st.sampled_from([None, 0, 2]),
)
def test_a_turn_is_the_same_use_with_the_same_facts_whatever_is_kept_of_the_turns_before(
    served: tuple[Desk, Caller],
    turns: list[list[dict[str, Any]]],
    declared: list[str | None],
    back: int,
    identifiers: int | None,
) -> None:
    desk, caller = fresh(served[0]), served[1]
    caller = replace(caller, deployment=replace(caller.deployment, max_identifiers=identifiers))
    messages: list[dict[str, Any]] = [{"role": "user", "content": _LONG}]
    for number, new in enumerate(turns):
        messages = messages[: len(messages) - (back if number % 2 else 0)] + new or new
        body: dict[str, Any] = {"messages": messages, "model": "m"}
        pointer = declared[number] if number < len(declared) else None
        if pointer is not None:
            body["caveat"] = {"data": [{"part": pointer, "media_type": "text/csv"}]}
        raw = json.dumps(body).encode()
        try:
            alone = use_of(fresh(desk), caller, raw)
        except Exception as error:
            with pytest.raises(type(error)):
                use_of(desk, caller, raw)
            continue
        kept = use_of(desk, caller, raw)
        assert kept.call == alone.call
        assert kept.found == alone.found
        now = desk.gate.now()
        witnesses = caller.law.witnesses
        again = witnesses.gather(kept.call, caller.deployment, kept.found, now)
        assert again == witnesses.gather(alone.call, caller.deployment, alone.found, now)


def test_one_callers_conversation_is_never_known_of_another(served: tuple[Desk, Caller]) -> None:
    desk, caller = fresh(served[0]), served[1]
    body = list(conversation_bodies("chat", 1))[9]
    use_of(desk, caller, body)
    owner = (caller.deployment.id, caller.principal, "openai", "chat.completions")
    assert desk.conversations.find(owner, body) is not None
    for other in (("another", *owner[1:]), (owner[0], "key:other", *owner[2:]), (*owner[:3], "messages")):
        assert desk.conversations.find((other[0], other[1], other[2], other[3]), body) is None
    assert desk.conversations.find(owner, body.replace(b"user", b"tool", 1)) is None


def test_what_is_kept_is_bounded_in_bytes_and_a_turn_takes_the_place_of_the_one_before(
    served: tuple[Desk, Caller],
) -> None:
    kept = Conversations(max_bytes=200_000)
    desk, caller = replace(served[0], conversations=kept), served[1]
    sizes: list[int] = []
    for turn, body in zip(range(60), conversation_bodies("chat", 2), strict=False):
        use_of(desk, caller, body)
        assert kept.size_bytes <= 200_000, turn
        sizes.append(kept.size_bytes)
    assert max(sizes) < 2 * 60 * 2_000 * 2
    assert sizes[-1] == 0, "a conversation that is larger than the bound is not kept"
    many = [
        json.dumps({"model": "m", "messages": [{"role": "user", "content": _LONG + str(n)}]})
        for n in range(99)
    ]
    for body_text in many:
        use_of(desk, caller, body_text.encode())
    assert 0 < kept.size_bytes <= 200_000


def entries(gateway: RunningGateway) -> list[Entry]:
    """All decisions of prompts and outputs that are in the ledger, and their histories."""
    gateway.records()  # waits until all are published
    read = [
        Entry(number, record_id_of(number, entry.leaf), parse_record(entry.leaf))
        for number, entry in enumerate(gateway.service.ledger.records())
    ]
    return [entry for entry in read if isinstance(entry.record, DecisionRecord | HistoryRecord)]


def decided(entry: Entry) -> DecisionRecord:
    assert isinstance(entry.record, DecisionRecord)
    return entry.record


def turn(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"messages": messages, "model": "m"}


def conversation(gateway: RunningGateway, key: str, turns: int, mark: str) -> list[str]:
    """A conversation whose every turn brings one table; the digests of the tables."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": _LONG + mark}]
    digests: list[str] = []
    for number in range(turns):
        table = "device_id,x\n" + "".join(f"{mark}{number}-{row},1\n" for row in range(9))
        digests.append(sha256(table.encode()))
        messages.append({"role": "user", "content": table})
        answer = chat(gateway.url, key, turn(messages))
        assert answer.status == 200
        messages.append({"role": "assistant", "content": f"answer {number}"})
    return digests


def test_each_record_lists_what_is_new_and_cites_the_record_before(gateway: RunningGateway) -> None:
    before = len(entries(gateway))
    digests = conversation(gateway, WATCH_KEY, 6, "a")
    rows = entries(gateway)[before:]
    prompts = [row for row in rows if decided(row).of is None]
    listed = [[part.digest for part in decided(row).parts] for row in prompts]
    assert [new[-1] for new in listed] == digests
    assert len({digest for new in listed for digest in new}) == sum(map(len, listed))
    sizes = itertools.accumulate(map(len, listed))
    cited = [History(row.id, size) for row, size in zip(prompts, sizes, strict=True)]
    assert [decided(row).history for row in prompts] == [None, *cited[:-1]]
    by_id = {row.id: decided(row) for row in prompts}
    for row in rows:
        of = decided(row).of
        if of is not None:
            assert (decided(row).parts, decided(row).history) == (by_id[of].parts, by_id[of].history)


def test_every_use_that_held_a_dataset_is_found_through_what_its_record_cites(
    gateway: RunningGateway,
) -> None:
    before = len(entries(gateway))
    digests = conversation(gateway, WATCH_KEY, 5, "b")
    rows = entries(gateway)[before:]
    for place, digest in enumerate(digests):
        followed = Followed(digest)
        found = [followed.see(row) or digest in [part.digest for part in decided(row).parts] for row in rows]
        assert found == [number // 2 >= place for number in range(10)]


def test_a_changed_history_cites_nothing_that_it_does_not_have(gateway: RunningGateway) -> None:
    digests = conversation(gateway, WATCH_KEY, 3, "c")
    table = "device_id,x\n" + "".join(f"c0-{row},1\n" for row in range(9))
    other = table.replace("c0-0", "c9-9")
    messages = [{"role": "system", "content": _LONG + "c"}, {"role": "user", "content": other}]
    assert chat(gateway.url, WATCH_KEY, turn(messages)).status == 200
    row = [one for one in gateway.records() if one["point"] == "prompt"][-1]
    assert [part["digest"] for part in row["parts"]][-1] == sha256(other.encode())
    assert "history" not in row
    assert sha256(other.encode()) not in digests


def test_an_agents_long_conversation_is_recorded_whole_and_never_too_large(gateway: RunningGateway) -> None:
    messages: list[dict[str, Any]] = [{"role": "system", "content": _LONG}]
    for number in range(900):
        call = {"id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": f"result {number}"})
    before, lists = len(gateway.records()), len(gateway.records("history"))
    assert chat(gateway.url, WATCH_KEY, turn(messages)).status == 200
    row = gateway.records()[before]
    listed = [part for one in gateway.records("history")[lists:] for part in one["parts"]]
    pointers = [part["pointer"] for part in listed + row["parts"]]
    assert [f"/messages/{2 * number}/content" for number in range(901)] == [
        pointer for pointer in pointers if pointer.endswith("content")
    ]
    assert row["history"]["parts"] == len(listed)


def test_a_ledger_with_histories_holds_and_its_verdicts_derive_again(gateway: RunningGateway) -> None:
    conversation(gateway, WATCH_KEY, 3, "d")
    entries(gateway)  # until all of it is published
    view = Folder(RealDisk(), gateway.folder / "ledger")
    found = ReplayCheck(Bundles(view))
    origin = gateway.service.ledger.origin
    key = CheckpointSigner(origin, log_keys(gateway.folder)[1], Checkpoint(origin, 0, b"")).verifier
    report = verify_folder(gateway.folder / "ledger", key, checks=[found])
    assert found.replayed > 0
    assert report.findings == ()


def test_a_history_that_no_record_bears_out_is_found(tmp_path: Path) -> None:
    one = decision_record(1)
    (receipt,) = write_log(tmp_path / "one", [one])
    cited = [History(receipt.record_id, 1), History(receipt.record_id, 2), History("0-" + "0" * 16, 1)]
    for number, history in enumerate([*cited, History(f"9-{'0' * 16}", 1)]):
        folder = tmp_path / f"log-{number}"
        write_log(folder, [one, replace(decision_record(2), history=history)])
        codes = [finding.code for finding in verify_folder(folder, VERIFIER).findings]
        assert (Code.HISTORY_WITHOUT_RECORD in codes) == (number > 0)


def test_a_turn_that_is_not_recorded_is_cited_by_none(served: tuple[Desk, Caller]) -> None:
    desk, caller = fresh(served[0]), served[1]
    bodies = list(conversation_bodies("agent", 3))
    first = use_of(desk, caller, bodies[20])
    second = use_of(desk, caller, bodies[21])
    assert second.turn.cited is None, "the turn before was read and never decided"
    asyncio.run(desk.gate.decide_prompt(first))
    asyncio.run(desk.gate.decide_prompt(second))
    third = use_of(desk, caller, bodies[22])
    assert third.turn.cited is not None
    assert third.turn.cited.data == sum(part.kind.value == "data" for part in third.turn.cited.settled)
