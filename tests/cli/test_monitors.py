"""`caveat monitors` and `caveat explain monitor`: counts that tell nobody's, and the care of the keys."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from caveat.cli.main import caveat, run
from caveat.cli.monitors_shown import LEAST, told
from caveat.monitors.figures import FIGURES
from tests.gateway.test_told_apart import LIMIT, ask, files
from tests.monitors.test_contributions import area_under_curve
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import ScriptedUpstream, scripted_upstream


def said(*arguments: str) -> str:
    """What a command prints; it must end well."""
    result = CliRunner().invoke(caveat, [*arguments], standalone_mode=False)
    assert result.return_value in (0, None), result.output
    assert result.exception is None, result.exception
    return result.output


def shown(data: Path, *more: str) -> dict[str, Any]:
    found = json.loads(said("monitors", "show", "--data", str(data), "--json", *more))
    return {row["scope"]: row["persons"]["12m"] for row in found["scopes"]} | {"missing": found["missing"]}


def table(first: int, last: int, column: str = "region") -> str:
    return f"device_id,{column}\n" + "".join(f"person-{n:06d},x\n" for n in range(first, last))


@pytest.fixture(scope="module")
def upstream() -> Any:
    with scripted_upstream() as one:
        yield one


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "holder" / "subjects.chain"
    path.parent.mkdir()
    said("monitors", "key", "--out", str(path))
    return path


def keys_of(chain: Path) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(line) for line in chain.read_text().split())


def serve(data: Path, chain: Path, upstream: ScriptedUpstream, *tables: str, limit: int = LIMIT) -> list[int]:
    with running_gateway(data, upstream.url, files(limit), subject_keys=keys_of(chain)) as gateway:
        return [ask(gateway, one).status for one in tables]


def test_counts_are_told_roughly_and_small_ones_not_at_all(
    tmp_path: Path, chain: Path, upstream: ScriptedUpstream
) -> None:
    data, key = tmp_path / "data", ("--subject-key", str(chain))
    data.mkdir()
    assert serve(data, chain, upstream, table(0, 9), limit=500) == [200]
    assert shown(data, *key)["source:owner:agency"] is None
    assert serve(data, chain, upstream, table(2, 400), table(0, 60, "religion"), limit=500) == [200, 200]
    first = shown(data, *key)
    assert 300 < first["source:owner:agency"] < 400
    assert first["all"] == first["source:owner:agency"]
    assert serve(data, chain, upstream, table(400, 401), limit=500) == [200]
    text = said("monitors", "show", "--data", str(data), *key)
    assert "source:owner:agency" in text
    assert "persons with at least 2 attributes in twelve months" in text
    assert "protected:deployment:desk" in text


def test_a_figure_never_says_more_than_there_are_and_never_less_than_a_few_percent() -> None:
    for count in range(0, 5_000, 7):
        found = told(count, b"s") or 0
        assert count - max(3 * LEAST, count * 6 // 100) <= found <= count
        assert found == 0 or found >= LEAST
    assert told(10**7, b"s") is not None


@pytest.mark.slow
def test_whoever_adds_persons_until_a_figure_moves_cannot_tell_whether_the_next_one_was_there() -> None:
    """The sharpest reading of two figures: up to a step by persons of one's own, then somebody."""
    there: list[float] = []
    not_there: list[float] = []
    soon: list[float] = []
    sooner: list[float] = []
    for seed in range(3_000):
        secret, base = seed.to_bytes(4, "big"), 40 + seed % 300
        start = told(base, secret)
        own = next(n for n in range(1, 200) if told(base + n, secret) != start)
        # Now a step was just passed; of the next one the reader has waited for as many as are usual.
        at = base + own + LEAST + seed % (2 * LEAST)
        for moved, into in ((0, there), (1, not_there)):
            into.append(float(told(at, secret) == told(at + moved, secret)))
        # Or somebody is asked about right after the step, and one's own persons follow up to the next one.
        more = next(n for n in range(1, 200) if told(base + own + n, secret) != told(base + own, secret))
        soon.append(float(more))
        sooner.append(float(more - 1))
    assert 0.45 <= area_under_curve(there, not_there) <= 0.55
    assert 0.45 <= area_under_curve(soon, sooner) <= 0.55


def test_whoever_sends_uses_and_reads_the_disk_sees_no_id_twice(
    tmp_path: Path, chain: Path, upstream: ScriptedUpstream
) -> None:
    """Somebody without the key asks about one person, and looks for what came with it on the disk."""
    data = tmp_path / "data"
    data.mkdir()
    assert serve(data, chain, upstream, table(0, 6), table(3, 4), table(9, 10)) == [200] * 3
    store = sqlite3.connect(data / "monitors.sqlite3")
    kept = [one for (one,) in store.execute("SELECT data FROM contribution ORDER BY length(data)")]
    store.close()
    assert len(kept) == 3
    pieces = [{one[at : at + 8] for at in range(len(one) - 7)} for one in kept]
    assert len(frozenset().union(*pieces)) == sum(map(len, pieces))


def test_a_change_of_keys_and_an_erasure_reset_nothing(
    tmp_path: Path, chain: Path, upstream: ScriptedUpstream
) -> None:
    data, second = tmp_path / "data", tmp_path / "holder" / "second.chain"
    data.mkdir()
    assert serve(data, chain, upstream, table(0, LIMIT)) == [200]
    said("monitors", "rotate", "--data", str(data), "--subject-key", str(chain), "--out", str(second))
    assert len(keys_of(second)) == 2
    assert serve(data, second, upstream, table(3, 5), table(LIMIT, LIMIT + 1)) == [200, 403]
    erase = ["monitors", "erase", "--data", str(data), "--subject-key", str(second)]
    said(*erase, "--source", "owner:agency")
    store = sqlite3.connect(data / "monitors.sqlite3")
    assert store.execute("SELECT count(*) FROM contribution").fetchone() == (0,)
    store.close()
    assert serve(data, second, upstream, table(LIMIT, LIMIT + 1)) == [403]


def test_the_chain_may_lie_neither_in_the_data_folder_nor_open_to_others(
    tmp_path: Path, chain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = tmp_path / "data" / "subjects.chain"
    inside.parent.mkdir()
    inside.write_bytes(chain.read_bytes())
    inside.chmod(0o600)
    (inside.parent / "monitors.sqlite3").touch()
    erase = ["monitors", "erase", "--data", str(inside.parent), "--older-than-days", "9", "--subject-key"]
    assert run([*erase, str(inside)]) == 2
    assert "beside what it protects" in capsys.readouterr().err
    chain.chmod(0o644)
    assert run([*erase, str(chain)]) == 2
    assert "others than its owner" in capsys.readouterr().err
    assert run(["monitors", "key", "--out", str(chain)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_an_erasure_says_what_it_erases(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["monitors", "erase", "--data", str(chain.parent), "--subject-key", str(chain)]) == 2
    assert "is needed" in capsys.readouterr().err


def test_no_command_takes_an_identifier_of_a_person() -> None:
    command = caveat.get_command(click.Context(caveat), "monitors")
    assert isinstance(command, click.Group)
    taken = {name: {one.name for one in sub.params} for name, sub in command.commands.items()}
    assert taken == {
        "show": {"data", "subject_key", "as_json"},
        "key": {"out"},
        "rotate": {"data", "subject_key", "out"},
        "lengthen": {"subject_key", "out"},
        "renew": {"data", "subject_key"},
        "agent": {"subject_key", "path", "account", "ids_per_hour"},
        "erase": {"data", "subject_key", "source", "dataset", "older_than_days"},
    }


def test_every_figure_is_explained_with_the_clauses_that_read_it() -> None:
    found = json.loads(said("explain", "monitor", "--json", "--bundle", "policies/government-analytics"))
    rows = {row["name"]: row for row in found["figures"]}
    assert rows.keys() == {"cumulative_subject_count_12m", *FIGURES}
    assert any(one.startswith("R1") for one in rows["cumulative_subject_count_12m"]["clauses"])
    text = said("explain", "monitor", "least_difference")
    assert "differs from one of the newest" in text
    assert "per source" in text


def test_a_figure_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "monitor", "persons"]) == 2
    assert "is no figure" in capsys.readouterr().err


def test_a_chain_may_come_through_a_descriptor() -> None:
    from caveat.service.subject_keys import SubjectKeyError, read_chain_descriptor

    reading, writing = os.pipe()
    os.write(writing, b"ab" * 32 + b"\n" + b"cd" * 32 + b"\n")
    os.close(writing)
    assert read_chain_descriptor(str(reading)) == (b"\xab" * 32, b"\xcd" * 32)
    with pytest.raises(SubjectKeyError):
        read_chain_descriptor("no number")
