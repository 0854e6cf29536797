"""What is written behind is found while it waits, while it is written and later; a loss is admitted."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from caveat.call.history import HistoryState, Node
from caveat.store.errors import TranscriptStoreError
from caveat.store.transcripts import UNSURE_SECONDS, SqliteTranscripts

NOW = 1_900_000_000.0


def opened(path: Path, **settings: Any) -> SqliteTranscripts:
    return SqliteTranscripts(path, **{"lost_if_new": False, "clock": lambda: NOW, **settings})


def node(name: str, state: HistoryState | None = HistoryState.KNOWN, message: str = "m") -> Node:
    return Node(name.encode(), b"parent", message.encode(), state)


def test_what_is_kept_is_found_before_and_after_it_is_written(tmp_path: Path) -> None:
    store = opened(tmp_path / "t")
    store.add(b"one", [node("a"), node("b", None)], [b"m"])
    for again in (store, None):
        kept = again or opened(tmp_path / "t")
        assert kept.state(b"a") is HistoryState.KNOWN
        assert kept.node(b"b") == node("b", None)
        assert {one.chain for one in kept.places(b"m", 8)} == {b"a", b"b"}
        assert kept.released([b"m"])
        assert not kept.released([b"m", b"other"])
        assert kept.state(b"other") is None
        assert not kept.unsure(b"one")
        kept.close()


def test_what_is_being_written_is_found_all_the_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path / "t")
    written, read = threading.Event(), store._read
    write = store._write

    def write_and_say(*args: Any, **more: Any) -> None:
        write(*args, **more)
        written.set()

    def overtaken(*args: Any) -> Any:
        found = read(*args)
        assert written.wait(10)
        with store._changed:
            store._changed.wait_for(lambda: not store._writing, timeout=0.2)
        return found

    monkeypatch.setattr(store, "_write", write_and_say)
    monkeypatch.setattr(store, "_read", overtaken)
    store.add(b"one", [node("a")])
    assert store.state(b"a") is HistoryState.KNOWN
    store.close()


def test_a_state_never_gets_better_but_by_a_release(tmp_path: Path) -> None:
    for written in (False, True):
        store = opened(tmp_path / f"t{written}")
        for state, released in (("changed", []), ("known", []), ("invented", [b"m"])):
            store.add(b"one", [node("a", HistoryState(state))], released)
            if written:
                store.close()
                store = opened(tmp_path / f"t{written}")
        assert store.state(b"a") is HistoryState.CHANGED
        store.add(b"one", [node("a")], [b"m"])
        assert store.state(b"a") is HistoryState.KNOWN
        store.close()


def test_a_caller_that_fills_its_room_pushes_out_its_own_oldest_alone(tmp_path: Path) -> None:
    store = opened(tmp_path / "t", max_owner_rows=20)
    store.add(b"quiet", [node("quiet")])
    store.add(b"loud", [node(f"{number:03}", message=str(number)) for number in range(50)])
    store.close()
    store = opened(tmp_path / "t", max_owner_rows=20)
    assert store.state(b"quiet") is HistoryState.KNOWN
    assert (store.state(b"000"), store.state(b"049")) == (None, HistoryState.KNOWN)
    assert (store.unsure(b"loud"), store.unsure(b"quiet")) == (True, False)
    with sqlite3.connect(tmp_path / "t") as file:
        assert file.execute("SELECT count(*) FROM node").fetchone()[0] <= 21
    store.close()


def test_all_callers_together_are_bounded_too(tmp_path: Path) -> None:
    store = opened(tmp_path / "t", max_rows=20)
    for owner in range(50):
        store.add(f"{owner}".encode(), [node(f"{owner:03}")])
    store.close()
    with sqlite3.connect(tmp_path / "t") as file:
        assert file.execute("SELECT count(*) FROM node").fetchone()[0] <= 20
    store = opened(tmp_path / "t")
    assert (store.unsure(b"0"), store.unsure(b"49")) == (True, False)
    store.close()


def test_a_process_that_did_not_stop_in_order_leaves_all_unsure_for_a_while(tmp_path: Path) -> None:
    store = opened(tmp_path / "t")
    assert not store.unsure(b"one")
    after = opened(tmp_path / "t")
    assert after.unsure(b"one")
    after.close()
    later = opened(tmp_path / "t", clock=lambda: NOW + UNSURE_SECONDS + 1)
    assert not later.unsure(b"one")
    later.close()
    store.close()


def test_a_file_that_cannot_be_read_any_more_leaves_all_unsure_and_says_so_once(tmp_path: Path) -> None:
    told: list[str] = []
    store = opened(tmp_path / "t", on_fault=told.append)
    store._reader.close()
    assert store.state(b"a") is None
    assert not store.released([b"m"])
    assert store.unsure(b"one")
    assert told == ["ProgrammingError"]
    store.close()


def test_a_file_of_another_program_is_not_opened(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "t") as file:
        file.execute("PRAGMA application_id = 7")
    with pytest.raises(TranscriptStoreError, match="another program"):
        opened(tmp_path / "t")
