"""The evidence stores, by one contract; and what SQLite adds: durability and privacy."""

import itertools
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from caveat.store.errors import EvidenceStoreError
from caveat.store.evidence import MemoryEvidenceStore, SqliteEvidenceStore
from tests.store.contract import A, C, check_evidence_store, verified


@pytest.mark.slow
def test_sqlite_keeps_the_contract(tmp_path: Path) -> None:
    names = itertools.count()
    check_evidence_store(lambda: SqliteEvidenceStore(tmp_path / f"{next(names)}.db"))


@pytest.mark.slow
def test_memory_keeps_the_contract() -> None:
    check_evidence_store(MemoryEvidenceStore)


def test_what_was_put_is_there_after_a_restart_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "evidence.db"
    store = SqliteEvidenceStore(path)
    one = verified()
    store.put(one)
    store.close()
    again = SqliteEvidenceStore(path)
    assert again.get([A]) == (one.raw,)
    again.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_write_is_synced_before_it_is_acknowledged(tmp_path: Path) -> None:
    store = SqliteEvidenceStore(tmp_path / "evidence.db")
    run = store._connection.execute
    assert run("PRAGMA journal_mode").fetchone() == ("wal",)
    assert run("PRAGMA synchronous").fetchone() == (2,)
    store.close()


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "evidence.db"
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from caveat.store.evidence import SqliteEvidenceStore;"
        "from tests.store.contract import verified;"
        f"SqliteEvidenceStore(Path({str(path)!r})).put(verified());"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    store = SqliteEvidenceStore(path)
    assert store.get([A]) == (verified().raw,)
    store.close()


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("PRAGMA application_id = 7")
    other.execute("CREATE TABLE t (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(EvidenceStoreError, match="another program"):
        SqliteEvidenceStore(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "evidence.db"
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(EvidenceStoreError, match=r"evidence\.db"):
        SqliteEvidenceStore(path)
    with pytest.raises(EvidenceStoreError, match="cannot be opened"):
        SqliteEvidenceStore(tmp_path / "missing" / "evidence.db")


def test_a_store_that_fails_says_so_and_is_no_empty_answer(tmp_path: Path) -> None:
    store = SqliteEvidenceStore(tmp_path / "evidence.db")
    store.put(verified())
    store._connection.execute("DROP TABLE subject")
    assert store.get([C]) == (), "what was never stored is known to be absent without a query"
    with pytest.raises(EvidenceStoreError, match="cannot be read"):
        store.get([A])
    with pytest.raises(EvidenceStoreError, match="cannot be stored"):
        store.put(verified(2))
    store.close()
