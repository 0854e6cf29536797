"""Persons told apart across requests at a whole gateway: split, parallel, restarted, with a moved clock."""

import base64
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caveat.ledger.record import DecisionRecord, Record
from caveat.ledger.wire import parse_record
from caveat.monitors.keys import ChainKeys
from caveat.monitors.persons_check import PersonsCheck
from caveat.monitors.totals import TotalsCheck
from caveat.service.contribution_files import ContributionFiles
from caveat.store.contributions import SqliteContributions
from caveat.store.errors import ContributionStoreError
from tests.support.overseers import Clock
from tests.support.raw_client import Answer, asking, chat
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import DESK_KEY, SmallBundle, adopted, attest

KEYS = (b"\x07" * 32,)
LIMIT = 12


def files(limit: int = LIMIT) -> dict[str, bytes]:
    """The small bundle with a limit that is soon reached."""
    unsigned = SmallBundle(signed=False).files()
    unsigned["bundle.toml"] = unsigned["bundle.toml"].replace(b"value = 1000", b"value = %d" % limit)
    return adopted(unsigned)


@contextmanager
def gateway_in(folder: Path, upstream: ScriptedUpstream, **more: Any) -> Iterator[RunningGateway]:
    more.setdefault("subject_keys", KEYS)
    with running_gateway(folder, upstream.url, files(), **more) as gateway:
        yield gateway


def ask(gateway: RunningGateway, content: str, source: str | None = None) -> Answer:
    evidence = attest(content.encode(), {"acquisition_channel": "first_party"}, source=source)
    header = base64.urlsafe_b64encode(evidence).decode().rstrip("=")
    return chat(gateway.url, DESK_KEY, asking(content), {"x-caveat-evidence": header})


def about(person: int, attribute: str = "region") -> str:
    return f"device_id,{attribute}\nperson-{person:06d},x\n"


def total(gateway: RunningGateway) -> Any:
    facts = gateway.records()[-2]["cases"][0]["facts"]
    return next(one for one in facts if one["name"] == "cumulative_subject_count_12m")["value"]


def test_many_requests_about_few_persons_count_the_persons(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with gateway_in(tmp_path, upstream) as gateway:
        for n in range(30):
            assert ask(gateway, about(n % 6, f"attribute{n}")).status == 200
        assert total(gateway) == 6


def test_without_a_key_they_count_by_their_data(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with gateway_in(tmp_path, upstream, subject_keys=()) as gateway:
        answers = [ask(gateway, about(n % 6, f"attribute{n}")).status for n in range(LIMIT + 3)]
        assert answers == [200] * LIMIT + [403] * 3
        assert all("counted" not in record for record in gateway.records())


def test_persons_beyond_the_limit_are_denied_and_those_within_go_on(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with gateway_in(tmp_path, upstream) as gateway:
        assert [ask(gateway, about(n)).status for n in range(LIMIT + 3)] == [200] * LIMIT + [403] * 3
        assert ask(gateway, about(3, "another")).status == 200
        refused = [one for one in gateway.records() if one["verdict"] == "deny"]
        assert all(one["reserve"] == [] and "counted" not in one for one in refused)


def test_a_dataset_that_is_registered_anew_for_each_cut_begins_no_count_anew(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """Each cut under a lineage root of its own: other persons, the same ones, and the same bytes again."""
    with gateway_in(tmp_path, upstream) as gateway:
        for n in range(LIMIT):
            assert ask(gateway, about(n), source=f"dataset-{n}").status == 200
        assert ask(gateway, about(LIMIT), source="dataset-anew").status == 403
        assert ask(gateway, about(0), source="the-same-anew").status == 200
        assert ask(gateway, about(1, "another"), source="another-cut").status == 200
    with gateway_in(tmp_path, upstream) as gateway:
        assert ask(gateway, about(LIMIT + 1), source="after-a-restart").status == 403


def test_without_a_key_datasets_registered_anew_count_together_by_their_data(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with gateway_in(tmp_path, upstream, subject_keys=()) as gateway:
        answers = [ask(gateway, about(n), source=f"dataset-{n}").status for n in range(LIMIT + 2)]
        assert answers == [200] * LIMIT + [403] * 2


@pytest.mark.slow
def test_in_parallel_no_more_persons_are_served_than_the_limit(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with gateway_in(tmp_path, upstream) as gateway, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda n: ask(gateway, about(n)).status, range(64)))
        assert Counter(answers) == {200: LIMIT, 403: 64 - LIMIT}


def test_a_restart_a_moved_clock_and_a_deleted_store_reset_nothing(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    clock = Clock()
    with gateway_in(tmp_path, upstream, clock=clock) as gateway:
        for n in range(LIMIT):
            assert ask(gateway, about(n)).status == 200
    with gateway_in(tmp_path, upstream, clock=clock) as gateway:
        assert ask(gateway, about(LIMIT)).status == 403
        assert ask(gateway, about(0, "another")).status == 200
        clock.move(3600)
        assert ask(gateway, about(LIMIT)).status == 403
    for one in tmp_path.glob("monitors.sqlite3*"):
        one.unlink()
    with gateway_in(tmp_path, upstream, clock=clock) as gateway:
        # What told them apart is gone: each use counts by its data, as many as it said.
        assert ask(gateway, about(0, "third")).status == 403
        assert ask(gateway, about(LIMIT)).status == 403


def test_a_contribution_that_somebody_changed_counts_by_its_data(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with gateway_in(tmp_path, upstream) as gateway:
        for n in range(LIMIT):
            assert ask(gateway, about(n)).status == 200
    store = sqlite3.connect(tmp_path / "monitors.sqlite3")
    (first,) = store.execute("SELECT data FROM contribution LIMIT 1").fetchone()
    store.execute("UPDATE contribution SET data = ?", (first,))  # everybody becomes the same person
    store.commit()
    store.close()
    with gateway_in(tmp_path, upstream) as gateway:
        assert ask(gateway, about(LIMIT)).status == 403


def test_a_use_whose_persons_cannot_be_kept_is_held_back_and_counts_nobody(
    tmp_path: Path, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ContributionStoreError("the disk is full")

    with gateway_in(tmp_path, upstream) as gateway:
        with monkeypatch.context() as patched:
            patched.setattr(SqliteContributions, "put", broken)
            answer = ask(gateway, about(0))
            assert (answer.status, answer.error["code"]) == (503, "monitors_unavailable")
        assert gateway.records() == []
        for n in range(1, LIMIT + 1):
            assert ask(gateway, about(n)).status == 200


def test_the_record_is_written_only_when_what_it_commits_to_is_durable(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with gateway_in(tmp_path, upstream) as gateway:
        assert ask(gateway, about(0)).status == 200
        (reserved, of_its_kind) = gateway.records()[0]["reserve"]
        assert of_its_kind == {**reserved, "source": "owner:agency/first_party"}
        assert (reserved["known"], reserved["lo"], reserved["hi"]) == (1, 1, 1)
        store = SqliteContributions(tmp_path / "monitors.sqlite3", read_only=True)
        assert store.has(reserved["contribution"])
        store.close()


def test_neither_the_log_nor_the_store_holds_an_identifier_or_the_key(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with gateway_in(tmp_path, upstream) as gateway:
        assert ask(gateway, about(424242)).status == 200
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"424242" not in data, path
            assert KEYS[0] not in data, path
            assert KEYS[0].hex().encode() not in data, path


def test_the_log_verifies_with_persons_told_apart(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with gateway_in(tmp_path, upstream) as gateway:
        for n in range(LIMIT + 2):
            ask(gateway, about(n % 7, f"a{n}"))
        entries = list(gateway.service.ledger.records())
    check = TotalsCheck(lambda _digest, _fact: 10**9)
    found = [one for n, entry in enumerate(entries) for one in check.check(n, parse_record(entry.leaf))]
    assert found == []


def test_a_log_is_verified_to_the_person_with_contributions_and_key(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with gateway_in(tmp_path, upstream) as gateway, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ask(gateway, about(n % 9, f"a{n}"), source=f"root-{n % 3}"), range(40)))
        records = [parse_record(entry.leaf) for entry in gateway.service.ledger.records()]
    store = SqliteContributions(tmp_path / "monitors.sqlite3", read_only=True)
    files = ContributionFiles(store, ChainKeys(KEYS), note=False)

    def found(records: Sequence[Record]) -> list[int | None]:
        check = PersonsCheck(files.find, lambda _digest, _fact: 10**9)
        findings = [one for n, record in enumerate(records) for one in check.check(n, record)]
        assert check.missing == 0
        return [one.index for one in findings]

    assert found(records) == []
    at = max(n for n, one in enumerate(records) if isinstance(one, DecisionRecord) and one.reserve)
    forged = records[at]
    assert isinstance(forged, DecisionRecord)
    (case,) = forged.cases
    few = [replace(one, value=2) if one.name == TOTAL else one for one in case.facts]
    assert found([*records[:at], replace(forged, cases=(replace(case, facts=tuple(few)),))]) == [at]
    store.close()


TOTAL = "cumulative_subject_count_12m"
