"""`caveat approvals`: list, show, approve, refuse, sign here and send from there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caveat.cli.approving import Door
from caveat.oversight.untrusted import visible
from tests.cli.calling import Caveat
from tests.support.overseers import ANNA, BEN, CARA, Clock, Somebody, ask_about, hold_of, overseen_bundle
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, tmp_path: Path) -> Iterator[RunningGateway]:
    files = overseen_bundle(ANNA, BEN, CARA).files()
    with (
        scripted_upstream() as upstream,
        running_gateway(tmp_path / "data", upstream.url, files, clock=clock) as one,
    ):
        yield one


@pytest.fixture
def caveat(capsys: pytest.CaptureFixture[str]) -> Caveat:
    return Caveat(capsys)


def as_(who: Somebody, gateway: RunningGateway, folder: Path) -> tuple[object, ...]:
    key = folder / f"{who.person}.pem"
    key.write_bytes(who.key.pem())
    key.chmod(0o600)
    return ("--gateway", gateway.url, "--key", key, "--as", who.person)


def test_a_person_reads_and_approves_with_their_own_key(
    gateway: RunningGateway, clock: Clock, caveat: Caveat, tmp_path: Path
) -> None:
    ben = as_(BEN, gateway, tmp_path)
    assert "nothing waits for you" in caveat("approvals", "list", *ben).out
    hold = hold_of(ask_about(gateway))
    assert hold in caveat("approvals", "list", *ben).out
    shown = caveat("approvals", "show", hold, *ben)
    assert shown.code == 0
    for word in ("C4", "acquisition_channel", "purchased", "[attested by data_owner]", "device_id,place"):
        assert word in shown.out
    soon = caveat("approvals", "approve", hold, "--role", "officer", *ben)
    assert (soon.code, "sooner after the first display" in soon.err) == (1, True)
    clock.move(11)
    assert caveat("approvals", "approve", hold, "--role", "officer", *ben).code == 0
    assert ask_about(gateway).status == 200


def test_a_decision_can_be_signed_here_and_sent_from_there(
    gateway: RunningGateway, clock: Clock, caveat: Caveat, tmp_path: Path
) -> None:
    ben, hold = as_(BEN, gateway, tmp_path), hold_of(ask_about(gateway))
    caveat("approvals", "show", hold, *ben)
    clock.move(11)
    out = tmp_path / "decision.json"
    assert caveat("approvals", "approve", hold, "--role", "officer", "--out", out, *ben).code == 0
    assert ask_about(gateway).status == 403
    assert caveat("approvals", "send", out, *as_(ANNA, gateway, tmp_path)).code == 0
    assert ask_about(gateway).status == 200
    assert caveat("approvals", "send", out, *ben).code == 1


def test_one_refusal_ends_it(gateway: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    ben, hold = as_(BEN, gateway, tmp_path), hold_of(ask_about(gateway))
    refused = caveat("approvals", "refuse", hold, "--role", "officer", *ben)
    assert (refused.code, "refused: it counts" in refused.out) == (0, True)
    assert "nothing waits for you" in caveat("approvals", "list", *ben).out


def test_the_json_is_the_gateways_own(gateway: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    ben, hold = as_(BEN, gateway, tmp_path), hold_of(ask_about(gateway))
    assert json.loads(caveat("approvals", "list", "--json", *ben).out)["holds"][0]["hold"] == hold
    assert json.loads(caveat("approvals", "show", hold, "--json", *ben).out)["view"]["hold"] == hold


def test_mistakes_are_one_line_and_what_to_do(
    gateway: RunningGateway, caveat: Caveat, tmp_path: Path
) -> None:
    ben = as_(BEN, gateway, tmp_path)
    assert "no such hold" in caveat.mistaken("approvals", "show", "0-0123456789abcdef", *ben)
    stranger = as_(Somebody("stranger"), gateway, tmp_path)
    assert "nobody may read this" in caveat.mistaken("approvals", "list", *stranger)
    key = ben[3]
    assert "gave no answer" in caveat.mistaken(
        "approvals", "list", "--gateway", "http://127.0.0.1:9", "--key", key, "--as", "ben"
    )
    assert "no URL" in caveat.mistaken("approvals", "list", "--gateway", "there", "--key", key, "--as", "ben")


def test_what_hides_is_spelt_out_and_what_is_plain_is_not() -> None:
    assert visible("pay\u202elif\u2066 \u200bnow\x1b[2J\u00ad") == (
        "pay⟦U+202E⟧lif⟦U+2066⟧ ⟦U+200B⟧now⟦U+001B⟧[2J⟦U+00AD⟧"
    )
    assert visible("Grüße,\n\t日本語 עברית") == "Grüße,\n\t日本語 עברית"
    assert visible("\u3164\U000e0041\ufe01") == "⟦U+3164⟧⟦U+E0041⟧⟦U+FE01⟧"


def test_a_gateway_that_shows_something_else_gets_no_signature(
    gateway: RunningGateway, clock: Clock, caveat: Caveat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """77: the reader computes the digests of view and content again."""
    ben, hold = as_(BEN, gateway, tmp_path), hold_of(ask_about(gateway))
    honest = Door.read
    for member in ("view", "content"):

        def lying(door: Door, name: str, member: str = member) -> dict[str, Any]:
            shown = honest(door, name)
            other = {"view": {**shown["view"], "does": "nothing"}, "content": "bm90aGluZw=="}
            return {**shown, member: other[member]}

        monkeypatch.setattr(Door, "read", lying)
        clock.move(11)
        assert "shows something else" in caveat.mistaken(
            "approvals", "approve", hold, "--role", "officer", *ben
        )
