"""A gate from its opening to its end: one ledger, one process, many threads, and nothing left behind."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

import caveat
from caveat.cli.exit import CannotRunError
from caveat.cli.serving import open_or_explain
from caveat.gateway.upstream import UpstreamConfig
from caveat.ledger.errors import StoppedError
from caveat.library.loop import LoopThread
from caveat.service.service import Service
from tests.support.library_world import World
from tests.support.scripted_upstream import EVENT_STREAM, TEXT, Reply, Seen, chat_events
from tests.support.small_bundle import following
from tests.support.tool_world import KINETIC, tool_bundle

pytestmark = pytest.mark.slow
ASK: Any = [{"role": "user", "content": "What is it?"}]


def code_of(caught: pytest.ExceptionInfo[caveat.GateError]) -> str:
    return caught.value.code


def openai_of(gate: caveat.Gate, **settings: Any) -> openai.OpenAI:
    return openai.OpenAI(http_client=gate.http_client(), api_key=gate.api_key, **settings)


class Pieces:
    """Events of a stream, each after the first when the test says so."""

    def __init__(self, *events: bytes) -> None:
        self._events = events
        self.more = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        for number, event in enumerate(self._events):
            if number:
                assert self.more.wait(10), "nobody asked for more"
            yield event


def paced(world: World) -> Pieces:
    pieces: Any = Pieces(*chat_events())
    world.upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=pieces)
    found: Pieces = pieces
    return found


def test_a_chunk_is_handed_over_before_the_endpoint_sends_the_next(world: World) -> None:
    pieces = paced(world)
    with world.gate() as gate, openai_of(gate) as client:
        stream = client.chat.completions.create(model="scripted", messages=ASK, stream=True)
        first = next(stream).choices[0].delta.content
        pieces.more.set()
        assert f"{first}{''.join(chunk.choices[0].delta.content or '' for chunk in stream)}" == TEXT


def test_closing_a_response_early_frees_the_endpoint_and_is_recorded(world: World) -> None:
    world.streams(*chat_events(" ".join(["word"] * 200)), pause_seconds=0.01)
    with world.gate() as gate, openai_of(gate) as client:
        stream = client.chat.completions.create(model="scripted", messages=ASK, stream=True)
        next(stream)
        stream.close()
        assert world.upstream.closed_early.wait(10)
    (end,) = world.ends()
    assert not end.complete
    assert end.bytes < len(b"".join(chat_events(" ".join(["word"] * 200))))


def test_a_response_that_is_dropped_unread_frees_the_endpoint(world: World) -> None:
    world.streams(*chat_events(" ".join(["word"] * 200)), pause_seconds=0.01)
    with world.gate() as gate, gate.http_client() as client:
        request = client.build_request(
            "POST",
            "/v1/chat/completions",
            json={"model": "scripted", "messages": ASK, "stream": True},
            headers={"authorization": f"Bearer {gate.api_key}"},
        )
        transport = gate.transport()
        response = transport.handle_request(request)
        assert response.status_code == 200
        del response
        gc.collect()
        assert world.upstream.closed_early.wait(10)


def test_a_ledger_that_a_server_holds_is_not_opened(world: World) -> None:
    serving = open_or_explain(world.bundle, world.data, UpstreamConfig(world.upstream.url), "error")
    try:
        with pytest.raises(caveat.GateError) as caught:
            world.gate().open()
    finally:
        serving.close()
    assert code_of(caught) == "ledger_locked"
    assert caught.value.hint
    with world.gate() as gate:
        assert gate.decide_prompt("hello", model="scripted").allowed
        with pytest.raises(CannotRunError):
            open_or_explain(world.bundle, world.data, UpstreamConfig(world.upstream.url), "error")
        with pytest.raises(caveat.GateError) as caught:
            world.gate().open()
    assert code_of(caught) == "ledger_locked"


def test_a_gate_decides_only_while_it_is_open(world: World) -> None:
    gate = world.gate()
    for ask in (gate.http_client, gate.transport, gate.reload, lambda: gate.decide_prompt("hi", model="m")):
        with pytest.raises(caveat.GateError) as caught:
            ask()
        assert code_of(caught) == "gate_not_open"
    gate.close()  # never opened: nothing to close
    with gate:
        client = gate.http_client()
        prompt = gate.decide_prompt("hello", model="scripted")
        with pytest.raises(caveat.GateError) as caught:
            gate.open()
        assert code_of(caught) == "gate_open"
    gate.close()
    for again in (gate.open, gate.http_client, lambda: gate.decide_output(prompt, "words")):
        with pytest.raises(caveat.GateError) as caught:
            again()
        assert code_of(caught) == "gate_closed"
    asked: list[object] = []
    client.event_hooks["request"].append(asked.append)
    with (
        openai.OpenAI(http_client=client, api_key=gate.api_key, max_retries=5) as sdk,
        pytest.raises(openai.InternalServerError) as failed,
    ):
        sdk.chat.completions.create(model="scripted", messages=ASK)
    assert failed.value.code == "gate_closed"
    assert len(asked) == 1
    assert world.upstream.seen == []


def test_a_stream_of_a_gate_that_was_closed_is_an_error_and_no_end(world: World) -> None:
    world.streams(*chat_events(" ".join(["word"] * 200)), pause_seconds=0.01)
    with world.gate(drain_seconds=0.05) as gate:
        client = openai_of(gate)
        stream = client.chat.completions.create(model="scripted", messages=ASK, stream=True)
        next(stream)
    with pytest.raises(openai.APIConnectionError) as caught:
        list(stream)
    assert "closed" in str(caught.value.__cause__)
    stream.close()
    client.close()
    (end,) = world.ends()
    assert not end.complete
    assert end.bytes < len(b"".join(chat_events(" ".join(["word"] * 200))))


def test_closing_waits_for_what_has_begun(world: World) -> None:
    pieces = paced(world)
    read: list[str] = []
    gate = world.gate().open()
    client = openai_of(gate)
    stream = client.chat.completions.create(model="scripted", messages=ASK, stream=True)
    read.append(next(stream).choices[0].delta.content or "")
    closing = threading.Thread(target=gate.close)
    closing.start()
    while gate._gate.fault() is None:
        pass  # until the closing has begun
    with pytest.raises(caveat.GateError) as caught:
        gate.decide_prompt("hello", model="scripted")
    assert code_of(caught) == "gate_closed"
    pieces.more.set()
    read += [chunk.choices[0].delta.content or "" for chunk in stream]
    closing.join(10)
    assert "".join(read) == TEXT
    assert [end.complete for end in world.ends()] == [True]


def test_no_thread_is_left_by_a_gate_that_closed_or_never_opened(world: World) -> None:
    before = set(threading.enumerate())
    with world.gate() as gate, openai_of(gate) as client:
        assert set(threading.enumerate()) > before
        list(client.chat.completions.create(model="scripted", messages=ASK, stream=True))
    assert set(threading.enumerate()) == before
    (world.bundle / "clauses/all.cedar").write_text("permit (principal, action, resource);")
    with pytest.raises(caveat.GateError) as caught:
        world.gate().open()
    assert code_of(caught) == "bundle_refused"
    assert set(threading.enumerate()) == before
    world.write(tool_bundle())
    with world.gate() as gate:  # nobody holds the ledger
        assert gate.decide_prompt("hello", model="scripted").allowed


async def test_no_task_is_left_by_a_gate_that_closed(world: World) -> None:
    before = asyncio.all_tasks()
    async with (
        world.async_gate() as gate,
        openai.AsyncOpenAI(http_client=gate.http_client(), api_key=gate.api_key) as client,
    ):
        stream = await client.chat.completions.create(model="scripted", messages=ASK, stream=True)
        assert [chunk async for chunk in stream]
        left = await client.chat.completions.create(model="scripted", messages=ASK, stream=True)
        await left.close()
    assert asyncio.all_tasks() == before


def test_thirty_two_threads_share_one_gate(world: World) -> None:
    def ask(number: int) -> tuple[str, ...]:
        if number % 2:
            prompt = gate.decide_prompt(f"hello {number}", model="scripted")
            return prompt.record, gate.decide_output(prompt, "words").record
        answer = client.chat.completions.with_raw_response.create(model="scripted", messages=ASK)
        assert answer.parse().choices[0].message.content == TEXT
        return answer.headers["x-caveat-record"], answer.headers["x-caveat-output-record"]

    with world.gate() as gate, openai_of(gate) as client, ThreadPoolExecutor(32) as threads:
        records = [record for pair in threads.map(ask, range(128)) for record in pair]
    assert len(set(records)) == 256
    assert len(world.decisions()) == 256


async def test_a_cancelled_call_frees_the_endpoint_and_the_gate_goes_on(world: World) -> None:
    world.streams(*chat_events(" ".join(["word"] * 200)), pause_seconds=0.01)
    reading = asyncio.Event()

    async def read(client: openai.AsyncOpenAI) -> None:
        async for _ in await client.chat.completions.create(model="scripted", messages=ASK, stream=True):
            reading.set()

    async with (
        world.async_gate() as gate,
        openai.AsyncOpenAI(http_client=gate.http_client(), api_key=gate.api_key) as client,
    ):
        task = asyncio.create_task(read(client))
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(world.upstream.closed_early.wait, 10)
        waiting = asyncio.create_task(gate.decide_prompt("hello", model="scripted"))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await gate.decide_prompt("hello", model="scripted")).allowed
    assert [end.complete for end in world.ends()] == [False]


async def test_a_call_that_is_cancelled_before_its_answer_frees_the_endpoint(world: World) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def script(_seen: Seen) -> Reply:
        loop.call_soon_threadsafe(asked.set)
        return Reply(wait_seconds=30.0)

    world.upstream.script = script
    async with (
        world.async_gate(drain_seconds=10.0) as gate,
        openai.AsyncOpenAI(http_client=gate.http_client(), api_key=gate.api_key) as client,
    ):
        task = asyncio.create_task(client.chat.completions.create(model="scripted", messages=ASK))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(100):
            await asyncio.sleep(0)
        assert not gate._calls


async def test_an_opening_that_is_cancelled_lets_the_ledger_go(world: World) -> None:
    opening = asyncio.create_task(world.async_gate().open())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait({task})
    async with world.async_gate() as gate:
        assert (await gate.decide_prompt("hello", model="scripted")).allowed


async def test_a_start_that_fails_lets_the_ledger_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuses(_service: Service) -> None:
        raise StoppedError("a witness contradicts this log", "ask it")

    with monkeypatch.context() as patched:
        patched.setattr(Service, "start", refuses)
        with pytest.raises(caveat.GateError) as caught:
            await world.async_gate().open()
    assert (code_of(caught), caught.value.hint) == ("ledger", "ask it")
    async with world.async_gate() as gate:
        assert (await gate.decide_prompt("hello", model="scripted")).allowed


def test_a_child_process_does_not_decide_with_its_parents_gate(world: World) -> None:
    with world.gate() as gate, gate.http_client() as client:
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a child that waits for its parent's loop waits for ever
            codes: list[str] = []
            for ask in (lambda: gate.decide_prompt("hi", model="m"), gate.http_client, gate.close):
                try:
                    ask()
                except caveat.GateError as error:
                    codes.append(error.code)
            answered = client.post("/v1/chat/completions", json={}).json()["error"]["code"]
            os._exit(0 if [*codes, answered] == ["gate_forked"] * 4 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert gate.decide_prompt("hello", model="scripted").allowed
    assert len(world.decisions()) == 1


def test_a_gate_is_used_in_the_loop_that_opened_it(world: World) -> None:
    gate = world.async_gate()

    async def use() -> str:
        with pytest.raises(caveat.GateError) as caught:
            await gate.decide_prompt("hello", model="scripted")
        return code_of(caught)

    async def open_and_use() -> None:
        async with gate:
            assert await asyncio.to_thread(asyncio.run, use()) == "gate_loop"

    asyncio.run(open_and_use())
    assert world.decisions() == []


def test_a_loop_thread_does_not_wait_for_itself_and_loses_no_work() -> None:
    loop = LoopThread()

    async def waits_for_itself() -> str:
        with pytest.raises(caveat.GateError) as caught:
            loop.run(asyncio.sleep(0))
        return code_of(caught)

    assert loop.run(waits_for_itself()) == "gate_loop"
    begun = threading.Event()

    async def endless() -> None:
        begun.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(loop.run, endless())
        assert begun.wait(10)
        loop.close()
        with pytest.raises(caveat.GateError) as caught:
            waiting.result(10)
    assert code_of(caught) == "gate_closed"
    with pytest.raises(caveat.GateError):
        loop.run(asyncio.sleep(0))
    loop.soon(lambda: None)
    loop.close()


def test_a_gate_that_is_dropped_open_says_so(world: World) -> None:
    gate = world.gate().open()
    inner = gate._gate
    loop = gate._loop
    with pytest.warns(ResourceWarning, match="without `close`"):
        del gate  # the last reference to it
    assert loop is not None
    loop.run(inner.close())
    loop.close()


async def test_signals_stay_with_the_program(world: World) -> None:
    before = signal.getsignal(signal.SIGHUP)
    async with world.async_gate():
        assert signal.getsignal(signal.SIGHUP) is before


def test_a_bundle_that_was_amended_comes_into_force_by_reload(world: World) -> None:
    before = tool_bundle()
    with world.gate() as gate:
        assert not gate.reload()
        after = tool_bundle(clauses=KINETIC.replace("T1", "T3").replace("T2", "T4").format(marks=""))
        world.write(following(after, before))
        assert gate.reload()
        (world.bundle / "clauses/all.cedar").write_text("forbid (principal, action, resource);")
        assert not gate.reload()
        assert gate.decide_prompt("hello", model="scripted").allowed


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"upstream": None}, "upstream"),
        ({"upstream": "models.example"}, "upstream"),
        ({"routes": "routes.toml"}, "upstream"),
        ({"upstream": None, "routes": "of-nobody.toml"}, "upstream"),
        ({"witnesses": "of-nobody"}, "witnesses"),
        ({"data": "/proc/of-nobody"}, "data_folder"),
        ({"known_checkpoint": "."}, "data_folder"),
    ],
)
def test_what_a_gate_cannot_be_made_of_is_one_clear_error(
    world: World, settings: dict[str, Any], code: str
) -> None:
    with pytest.raises(caveat.GateError) as caught:
        world.gate(**settings).open()
    assert code_of(caught) == code
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_bundle_is_named(world: World) -> None:
    with pytest.raises(caveat.GateError) as caught:
        caveat.Gate(world.folder / "of-nobody", **world.settings()).open()
    assert code_of(caught) == "bundle_unreadable"


def test_routes_and_the_environments_key_are_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAVEAT_UPSTREAM_KEY", "from-the-environment")
    with world.gate(upstream_key=None) as gate, openai_of(gate) as client:
        client.chat.completions.create(model="scripted", messages=ASK)
    assert world.upstream.seen[0].headers["authorization"] == "Bearer from-the-environment"


def test_without_httpx2_there_are_rulings_and_no_client(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with world.gate() as gate:
        assert gate.decide_prompt("hello", model="scripted").allowed
        for ask in (gate.http_client, gate.transport):
            with pytest.raises(caveat.GateError) as caught:
                ask()
            assert code_of(caught) == "httpx2_missing"


def test_importing_the_package_loads_nothing_of_the_gate() -> None:
    program = """
import sys, caveat
assert not [name for name in sys.modules if name.startswith(("caveat.", "aiohttp", "httpx2", "cedarpy"))]
assert caveat.Gate is caveat.library.Gate
assert "httpx2" not in sys.modules
for name in caveat.__all__:
    getattr(caveat, name)
try:
    caveat.of_nobody
except AttributeError:
    sys.exit(0)
sys.exit(1)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)
