"""Objections over HTTP: recorded for good, each behind the one before, for overseers to read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caveat.oversight.dissents import FIRST, link_of, text_of
from caveat.signing.digest import Digest
from tests.support.overseers import ANNA, BEN, CARA, STRANGER, Clock, ask_about, hold_of, overseen_bundle
from tests.support.powers import dissent, look
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    files = overseen_bundle(ANNA, BEN, CARA).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as running:
        yield running


def test_each_objection_is_recorded_in_its_persons_words_behind_the_one_before(
    gateway: RunningGateway, clock: Clock
) -> None:
    hold = hold_of(ask_about(gateway))
    words = ["The source was never asked. 未確認 🙁", "x" * 2000, "ü" * 2000]
    receipts = [
        dissent(gateway, who, clock(), hold, text).json
        for who, text in zip((ANNA, BEN, ANNA), words, strict=True)
    ]
    assert [one["number"] for one in receipts] == [1, 2, 3]
    rows = look(gateway, CARA, clock(), "/v1/dissents").json["dissents"]
    assert [text_of(row["statement"]) for row in rows] == words
    assert [(row["person"], row["about"]) for row in rows] == [("anna", hold), ("ben", hold), ("anna", hold)]
    link = FIRST
    for row, receipt in zip(rows, receipts, strict=True):
        assert row["previous"] == link
        link = link_of(row["number"], link, Digest(row["said"]))
        assert (
            (row["link"], row["dissent"]) == (receipt["link"], receipt["dissent"]) == (link, row["dissent"])
        )


def test_the_chain_goes_on_after_a_restart(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    files = overseen_bundle(ANNA, BEN).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        hold = hold_of(ask_about(gateway))
        first = dissent(gateway, ANNA, clock(), hold).json
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert dissent(gateway, BEN, clock(), hold).json["number"] == 2
        assert gateway.records("dissent")[-1]["previous"] == first["link"]


def test_the_same_statement_is_recorded_once(gateway: RunningGateway, clock: Clock) -> None:
    hold = hold_of(ask_about(gateway))
    assert dissent(gateway, ANNA, clock(), hold).status == 201
    again = dissent(gateway, ANNA, clock(), hold)
    assert (again.status, again.error["code"]) == (409, "statement_given_before")


@pytest.mark.parametrize(
    ("about", "more", "status"),
    [
        ("0-0123456789abcdef", {}, 404),
        ("99-0123456789abcdef", {}, 404),
        ("99", {}, 404),
        ("../../etc", {}, 404),
        (None, {"text": "x" * 2001}, 400),
        (None, {"text": ""}, 400),
        (None, {"issuer": "ben"}, 400),
        (None, {"more": 1}, 400),
    ],
)
def test_what_is_not_rightly_said_is_not_recorded(
    gateway: RunningGateway, clock: Clock, about: str | None, more: Any, status: int
) -> None:
    hold = hold_of(ask_about(gateway))
    assert dissent(gateway, ANNA, clock(), hold if about is None else about, **more).status == status
    assert gateway.records("dissent") == []


def test_who_is_not_enrolled_neither_objects_nor_reads(gateway: RunningGateway, clock: Clock) -> None:
    hold = hold_of(ask_about(gateway))
    assert dissent(gateway, STRANGER, clock(), hold).error["code"] == "statement_unknown_key"
    assert look(gateway, STRANGER, clock(), "/v1/dissents").status == 401


def test_an_objection_lowers_nobodys_figures(gateway: RunningGateway, clock: Clock) -> None:
    hold = hold_of(ask_about(gateway))
    before = gateway.service.desk.overseeing
    assert before is not None
    assert dissent(gateway, ANNA, clock(), hold).status == 201
    assert before.holding.book.decisions_of("anna", clock()) == ()
    assert json.loads(ask_about(gateway).body)["error"]["code"] == "needs_approval"
