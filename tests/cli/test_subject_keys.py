"""The chain of keys at a gateway that is really served: from a file and behind an agent, restarted, rotated,
wrong, missing, gone."""

import base64
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_serve import caveat, refused, serving, write
from tests.gateway.test_told_apart import LIMIT, about, files
from tests.support.raw_client import Answer, asking, chat
from tests.support.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.support.small_bundle import DESK_KEY, attest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as one:
        yield one


class World:
    """A bundle, a data folder, and a chain that the second party made."""

    def __init__(self, folder: Path, model: ScriptedUpstream) -> None:
        self.bundle, self.data, self.model = write(folder / "bundle", files()), folder / "data", model
        self.holder = folder / "holder"
        self.holder.mkdir()
        self.chain = self.make("subjects.chain")

    def make(self, name: str) -> Path:
        out = self.holder / name
        self.run("key", "--out", out)
        return out

    def run(self, *arguments: object, code: int = 0) -> str:
        done = caveat("monitors", *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def use(self, given: object, *contents: str) -> list[int]:
        """What a gateway answers that is started with this chain, and stopped afterwards."""
        with self.served(given) as url:
            return [ask(url, content).status for content in contents]

    @contextmanager
    def served(self, given: object) -> Iterator[str]:
        more = () if given is None else ("--subject-key", given)
        with serving(self.bundle, self.data, self.model.url, *more) as (url, process):
            yield url
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0

    def refused(self, given: object) -> str:
        more = () if given is None else ("--subject-key", given)
        common = ("--bundle", self.bundle, "--data", self.data, "--upstream", self.model.url, "--port", 0)
        return refused(*common, *more)

    @contextmanager
    def agent(self, chain: Path | None = None, *more: object) -> Iterator[subprocess.Popen[str]]:
        """An agent of the second party's in a process of its own."""
        command = ["monitors", "agent", "--subject-key", chain or self.chain, "--socket", self.socket, *more]
        process = subprocess.Popen(
            [sys.executable, "-m", "caveat", *map(str, command)], stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        try:
            assert "caveat answers account" in process.stderr.readline()
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            process.stderr.close()

    @property
    def socket(self) -> Path:
        return self.holder / "agent.sock"


@pytest.fixture
def world(tmp_path: Path, model: ScriptedUpstream) -> World:
    return World(tmp_path, model)


def ask(url: str, content: str) -> Answer:
    evidence = attest(content.encode(), {"acquisition_channel": "first_party"})
    header = base64.urlsafe_b64encode(evidence).decode().rstrip("=")
    return chat(url, DESK_KEY, asking(content), {"x-caveat-evidence": header})


@pytest.mark.long
def test_a_chain_in_a_file_counts_on_after_a_restart_and_a_rotation(world: World) -> None:
    served = [about(n % LIMIT, f"a{n}") for n in range(LIMIT + 3)]
    assert world.use(world.chain, *served) == [200] * len(served)
    assert world.use(world.chain, about(LIMIT), about(0, "again")) == [403, 200]
    ledger = ("ledger", "verify", world.data / "ledger", "--monitors", world.data)
    verified = caveat(*ledger, "--subject-key", world.chain)
    assert verified.returncode == 0, verified.stderr
    assert "derived to the person; 0 contributions are missing" in verified.stdout + verified.stderr
    assert caveat(*ledger).returncode == 2
    second = world.holder / "second.chain"
    rotate = ("rotate", "--data", world.data, "--subject-key", world.chain, "--out", second)
    assert "are under 2 keys" in world.run(*rotate)
    assert world.use(second, about(LIMIT), about(1, "again")) == [403, 200]
    assert "under 2" in world.refused(world.chain)


@pytest.mark.long
def test_another_chain_or_none_is_refused_and_said_and_renewing_counts_by_data(world: World) -> None:
    assert world.use(world.chain, *(about(n % 3, f"a{n}") for n in range(LIMIT))) == [200] * LIMIT
    other = world.make("other.chain")
    assert "under another chain" in world.refused(other)
    assert "none is given" in world.refused(None)
    assert "under another chain" in world.run("show", "--data", world.data, "--subject-key", other, code=2)
    assert "none is given" in world.run("show", "--data", world.data, code=2)
    assert world.use(world.chain, about(7)) == [200], "the right one goes on as before"
    world.run("renew", "--data", world.data, "--subject-key", other)
    assert world.use(other, about(8)) == [403], "thirteen distinct data were reached"


def test_behind_an_agent_the_gateway_has_no_key_and_counts_on(world: World) -> None:
    key = bytes.fromhex(world.chain.read_text().strip())
    with world.agent():
        given = f"unix:{world.socket}"
        served = [about(n % LIMIT, f"a{n}") for n in range(LIMIT + 3)]
        assert world.use(given, *served) == [200] * len(served)
        assert world.use(given, about(LIMIT), about(0, "again")) == [403, 200]
        shown = world.run("show", "--data", world.data, "--subject-key", given)
        assert "source:owner:agency" in shown
    longer = world.holder / "longer.chain"
    world.run("lengthen", "--subject-key", world.chain, "--out", longer)
    with world.agent(longer):
        assert "are under 3 keys" in world.run("rotate", "--data", world.data, "--subject-key", given)
        assert world.use(given, about(LIMIT), about(1, "again")) == [403, 200]
    with world.agent():
        assert "under 3" in world.refused(given)
    for path in world.data.rglob("*"):
        if path.is_file():
            assert key not in path.read_bytes()
            assert key.hex().encode() not in path.read_bytes()


def test_without_its_agent_a_gateway_serves_nobody_it_would_tell_apart_and_begins_nothing(
    world: World,
) -> None:
    given = f"unix:{world.socket}"
    assert "does not answer" in world.refused(given)
    with world.agent() as agent, world.served(given) as url:
        assert ask(url, about(0)).status == 200
        agent.send_signal(signal.SIGTERM)
        agent.wait(20)
        answer = ask(url, about(1))
        assert (answer.status, answer.error["code"]) == (503, "monitors_unavailable")
        assert chat(url, DESK_KEY, asking("hi")).status != 503, "words alone tell nobody apart"
        with world.agent():
            deadline = time.monotonic() + 20
            while ask(url, about(1)).status == 503:  # it asks again a second after a failure
                assert time.monotonic() < deadline
                time.sleep(0.05)
    store = sqlite3.connect(world.data / "monitors.sqlite3")
    assert store.execute("SELECT count(*) FROM contribution").fetchone() == (2,)
    store.close()


def test_an_agent_answers_one_account_alone_and_only_so_much(world: World) -> None:
    given = f"unix:{world.socket}"
    with world.agent(None, "--account", "65534"):
        assert "does not answer" in world.refused(given)
    with world.agent(None, "--ids-per-hour", "2"), world.served(given) as url:
        assert [ask(url, about(n)).status for n in range(4)] == [200, 200, 503, 503]


def test_an_agent_replaces_nothing_that_is_no_socket_of_its_own(world: World) -> None:
    start: Any = ("agent", "--subject-key", world.chain, "--socket")
    world.run(*start, world.chain, code=2)
    with world.agent():
        assert "answers" in world.run(*start, world.socket, code=2)
    assert "no account" in world.run(*start, world.socket, "--account", "nobody-of-this-name", code=2)
