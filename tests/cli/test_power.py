"""`caveat approvals halt`, `release`, `halts`, `dissent`, `dissents`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caveat.cli.approvals_power import first_break
from tests.cli.calling import Caveat
from tests.cli.test_approvals import as_
from tests.support.overseers import ANNA, BEN, CARA, Clock, Somebody, ask_about, hold_of, overseen_bundle
from tests.support.raw_client import asking, chat
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import CHAT_KEY


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    files = overseen_bundle(ANNA, BEN, CARA).files()
    with (
        scripted_upstream() as upstream,
        running_gateway(tmp_path / "data", upstream.url, files, clock=Clock()) as one,
    ):
        yield one


@pytest.fixture
def caveat(capsys: pytest.CaptureFixture[str]) -> Caveat:
    return Caveat(capsys)


def test_one_halts_and_two_release(gateway: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    anna, ben = as_(ANNA, gateway, tmp_path), as_(BEN, gateway, tmp_path)
    assert "nothing is halted" in caveat("approvals", "halts", *anna).out
    said = caveat("approvals", "halt", "deployment", "chat", "--reason", "in doubt", *anna)
    assert (said.code, "two persons can release it" in said.out) == (0, True)
    assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 403
    listed = json.loads(caveat("approvals", "halts", "--json", *ben).out)
    name = listed["halts"][0]["halt"]
    assert "1 in force" in caveat("approvals", "halts", *ben).out
    first = caveat("approvals", "release", name, "--reason", "cleared up", *anna)
    assert "waits for another person" in first.out
    assert "released by anna alone" in caveat("approvals", "halts", *ben).out
    assert "released" in caveat("approvals", "release", name, "--reason", "cleared up", *ben).out
    assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 200
    again = caveat("approvals", "release", name, "--reason", "cleared up", *ben)
    assert (again.code, "no such halt in force" in again.err) == (1, True)


def test_an_objection_is_recorded_and_listed(gateway: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    anna = as_(ANNA, gateway, tmp_path)
    assert "nobody objected" in caveat("approvals", "dissents", *anna).out
    hold = hold_of(ask_about(gateway))
    said = caveat("approvals", "dissent", hold, "--text", "not asked\u202e", *anna)
    assert (said.code, "number 1" in said.out) == (0, True)
    listed = caveat("approvals", "dissents", *anna)
    assert (listed.code, "not asked⟦U+202E⟧" in listed.out) == (0, True)
    rows = json.loads(caveat("approvals", "dissents", "--json", *anna).out)["dissents"]
    assert rows[0]["about"] == hold
    unknown = caveat("approvals", "dissent", "0-0123456789abcdef", "--text", "no", *anna)
    assert (unknown.code, "no such record" in unknown.err) == (1, True)


def test_a_listing_that_leaves_an_objection_out_shows_it(
    gateway: RunningGateway, caveat: Caveat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = hold_of(ask_about(gateway))
    for who in (ANNA, BEN, CARA):
        assert caveat("approvals", "dissent", hold, "--text", "no", *as_(who, gateway, tmp_path)).code == 0
    rows = json.loads(caveat("approvals", "dissents", "--json", *as_(ANNA, gateway, tmp_path)).out)[
        "dissents"
    ]
    assert first_break(rows) is None
    a, b, c = rows
    assert first_break([b, c]) == 1
    assert first_break([a, c]) == 2
    assert first_break([a, c, b]) == 2
    assert first_break([a, {**c, "number": 2, "previous": a["link"]}]) == 2
    power = gateway.service.desk.power
    assert power is not None
    shown = power.list_dissents()
    monkeypatch.setattr(power, "list_dissents", lambda: {**shown, "dissents": [rows[0], rows[2]]})
    hidden = caveat("approvals", "dissents", *as_(ANNA, gateway, tmp_path))
    assert (hidden.code, "is missing before the one at place 2" in hidden.err) == (1, True)


@pytest.mark.parametrize(
    "said",
    [
        ("halt", "everything", "chat", "--reason", "x"),
        ("halt", "deployment", "--reason", "x"),
        ("halt", "conversation", "chat", "--reason", "x"),
        ("halt", "galaxy", "--reason", "x"),
        ("halt", "everything"),
        ("release", "1-0123456789abcdef", "--reason", "x"),
        ("dissent", "1-0123456789abcdef"),
    ],
)
def test_what_is_not_whole_is_not_sent(
    gateway: RunningGateway, caveat: Caveat, tmp_path: Path, said: Any
) -> None:
    caveat.mistaken("approvals", *said, *as_(ANNA, gateway, tmp_path))
    assert gateway.records("halt") == []


def test_a_stranger_stops_nothing(gateway: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    stranger = as_(Somebody("stranger"), gateway, tmp_path)
    said = caveat("approvals", "halt", "everything", "--reason", "x", *stranger)
    assert (said.code, "does not hold" in said.err) == (1, True)
    assert "nobody may read this" in caveat.mistaken("approvals", "dissents", *stranger)


def test_a_file_of_whom_to_tell_that_is_not_right_is_one_line(caveat: Caveat, tmp_path: Path) -> None:
    file = tmp_path / "notify.toml"
    file.write_text("version = 1\n")
    said = caveat.mistaken("serve", "--bundle", tmp_path, "--data", tmp_path, "--notify", file)
    assert "nobody can be told by this file" in said
    assert "no file" in caveat.mistaken("serve", "--bundle", tmp_path, "--data", tmp_path, "--notify", "none")
