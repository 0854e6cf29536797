"""The second party's agent and the gateway that asks it: what it wraps, whom it answers, and how it fails."""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.monitors.keys import ChainKeys, KeysUnavailableError, at_rest
from caveat.service.key_agent import MAX_IDS, AgentKeys, KeyAgent

K1, K2, OWN = (bytes([n]) * 32 for n in (1, 2, 9))
IDS = [bytes([n]) * 16 for n in range(50)]


@contextmanager
def agent(path: Path, keys: tuple[bytes, ...] = (K1, K2), **more: object) -> Iterator[KeyAgent]:
    with KeyAgent(path, keys, os.getuid(), **more) as one:  # type: ignore[arg-type]
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        one.shutdown()
        thread.join()
    path.unlink()


class Hours:
    """A clock that stands."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_ids_are_wrapped_as_by_the_whole_chain_with_the_gateways_own_key_first(tmp_path: Path) -> None:
    with agent(tmp_path / "s"):
        keys = AgentKeys(tmp_path / "s", OWN)
        whole = ChainKeys((OWN, K1, K2))
        assert (keys.number, keys.own) == (whole.number, whole.own)
        for after in (1, 2):
            assert keys.wrap(IDS, after) == whole.wrap(IDS, after)
        assert [keys.at_rest(n) for n in (1, 2, 3)] == [whole.at_rest(n) for n in (1, 2, 3)]
        keys.close()


@pytest.mark.slow
def test_more_ids_than_one_frame_holds_are_wrapped_in_several(tmp_path: Path) -> None:
    many = [n.to_bytes(16, "big") for n in range(MAX_IDS + 5)]
    with agent(tmp_path / "s"):
        keys = AgentKeys(tmp_path / "s", OWN, deadline_seconds=30)
        assert keys.wrap(many, 2) == ChainKeys((OWN, K1, K2)).wrap(many, 2)
        keys.close()


def test_several_threads_are_each_answered_what_they_asked(tmp_path: Path) -> None:
    with agent(tmp_path / "s"):
        keys = AgentKeys(tmp_path / "s", OWN, deadline_seconds=30)
        whole = ChainKeys((OWN, K1, K2))
        with ThreadPoolExecutor(8) as pool:
            asked = [IDS[n % 50 :] for n in range(64)]
            assert list(pool.map(lambda ids: keys.wrap(ids, 1), asked)) == [
                whole.wrap(ids, 1) for ids in asked
            ]
        keys.close()


def test_an_hour_has_so_many_ids_and_more_come_with_time(tmp_path: Path) -> None:
    clock = Hours()
    with agent(tmp_path / "s", ids_per_hour=60, clock=clock):
        keys = AgentKeys(tmp_path / "s", OWN)
        keys.wrap(IDS, 1)
        with pytest.raises(KeysUnavailableError, match="refuses"):
            keys.wrap(IDS, 1)
        clock.seconds = 1_800
        assert len(keys.wrap(IDS[:40], 1)) == 40
        keys.close()


def test_an_agent_that_comes_back_with_another_chain_is_not_believed(tmp_path: Path) -> None:
    clock = Hours()
    with agent(tmp_path / "s"):
        keys = AgentKeys(tmp_path / "s", OWN, clock=clock)
    keys.close()
    for other in ((K2, K1), (K1, K2, OWN), (K1,)):
        with agent(tmp_path / "s", other), pytest.raises(KeysUnavailableError, match="does not answer"):
            keys.wrap(IDS, 1)
        clock.seconds += 5
    clock.seconds -= 5
    with agent(tmp_path / "s"):
        with pytest.raises(KeysUnavailableError, match="a moment ago"):
            keys.wrap(IDS, 1)
        clock.seconds += 5
        assert keys.wrap(IDS, 1) == ChainKeys((OWN, K1, K2)).wrap(IDS, 1)
        keys.close()


@contextmanager
def answering(path: Path, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something at the socket that is no agent."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(10)
        ends = threading.Event()

        def serve() -> None:
            other, _ = listening.accept()
            with other:
                answer(other)
                ends.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        ends.set()
        thread.join()
    path.unlink()


def _frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: None,
        lambda other: other.sendall(b"\x00\x00"),
        lambda other: other.sendall(struct.pack(">I", 2**31)),
        lambda other: other.shutdown(socket.SHUT_RDWR),
        lambda other: other.sendall(_frame(b"\x00\x00\x00")),
        lambda other: other.sendall(_frame(b"\x01")),
        lambda other: other.sendall(_frame(b"")),
    ],
    ids=["hangs", "cut off", "too long", "hangs up", "no keys", "refuses", "empty"],
)
def test_whatever_is_no_agent_is_unavailable_within_the_deadline(
    tmp_path: Path, answer: Callable[[socket.socket], None]
) -> None:
    with answering(tmp_path / "s", answer), pytest.raises(KeysUnavailableError):
        AgentKeys(tmp_path / "s", OWN, deadline_seconds=0.1)


@pytest.mark.parametrize("ids", [b"", b"x" * 15, b"x" * 16 * 49, b"x" * 16 * 51])
def test_fewer_or_more_ids_than_were_asked_for_are_none(tmp_path: Path, ids: bytes) -> None:
    def lie(other: socket.socket) -> None:
        for body in (b"\x00\x00\x01", b"\x00" + K1, b"\x00" + ids):
            other.recv(4096)
            other.sendall(_frame(body))

    with answering(tmp_path / "s", lie):
        keys = AgentKeys(tmp_path / "s", OWN)
        with pytest.raises(KeysUnavailableError):
            keys.wrap(IDS, 1)
        keys.close()


@given(st.binary(max_size=80))
def test_no_request_makes_an_agent_fail_or_tells_a_key(body: bytes) -> None:
    one = KeyAgent.__new__(KeyAgent)
    one.keys = (K1, K2)
    one.grants = lambda _ids: True  # type: ignore[assignment,method-assign]
    answer = one.answer(body)
    assert answer[:1] in (b"\x00", b"\x01")
    assert K1 not in answer
    assert K2 not in answer


def test_what_seals_is_no_key_of_the_chain_and_wraps_nothing() -> None:
    chain = ChainKeys((OWN, K1))
    sealing = chain.at_rest(2)
    assert sealing == at_rest(K1) != K1
    assert ChainKeys((OWN, sealing)).wrap(IDS, 1) != chain.wrap(IDS, 1)
