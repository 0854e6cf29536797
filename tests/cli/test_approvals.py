"""`caveat approvals`: list, show, approve, refuse, sign here and send from there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    return ("approvals", "--gateway", gateway.url, "--key", key, "--as", who.person)


def test_a_person_reads_and_approves_with_their_own_key(
    gateway: RunningGateway, clock: Clock, caveat: Caveat, tmp_path: Path
) -> None:
    ben = as_(BEN, gateway, tmp_path)
    assert "nothing waits for you" in caveat(*ben, "list").out
    hold = hold_of(ask_about(gateway))
    assert hold in caveat(*ben, "list").out
    shown = caveat(*ben, "show", hold)
    assert shown.code == 0
    for word in ("C4", "acquisition_channel", "purchased", "[attested by data_owner]", "device_id,place"):
        assert word in shown.out
    soon = caveat(*ben, "approve", hold, "--role", "officer")
    assert (soon.code, "sooner after the first display" in soon.err) == (1, True)
    clock.move(11)
    assert caveat(*ben, "approve", hold, "--role", "officer").code == 0
    assert ask_about(gateway).status == 200


def test_a_decision_can_be_signed_here_and_sent_from_there(
    gateway: RunningGateway, clock: Clock, caveat: Caveat, tmp_path: Path
) -> None:
    ben, hold = as_(BEN, gateway, tmp_path), hold_of(ask_about(gateway))
    caveat(*ben, "show", hold)
    clock.move(11)
    out = tmp_path / "decision.json"
    assert caveat(*ben, "approve", hold, "--role", "officer", "--out", out).code == 0
    assert ask_about(gateway).status == 403
    assert caveat(*as_(ANNA, gateway, tmp_path), "send", out).code == 0
    assert ask_about(gateway).status == 200
    assert caveat(*ben, "send", out).code == 1


def test_one_refusal_ends_it(gateway: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    ben, hold = as_(BEN, gateway, tmp_path), hold_of(ask_about(gateway))
    refused = caveat(*ben, "refuse", hold, "--role", "officer")
    assert (refused.code, "refused: it counts" in refused.out) == (0, True)
    assert "nothing waits for you" in caveat(*ben, "list").out


def test_the_json_is_the_gateways_own(gateway: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    ben, hold = as_(BEN, gateway, tmp_path), hold_of(ask_about(gateway))
    assert json.loads(caveat(*ben, "list", "--json").out)["holds"][0]["hold"] == hold
    assert json.loads(caveat(*ben, "show", hold, "--json").out)["view"]["hold"] == hold


def test_mistakes_are_one_line_and_what_to_do(
    gateway: RunningGateway, caveat: Caveat, tmp_path: Path
) -> None:
    ben = as_(BEN, gateway, tmp_path)
    assert "no such hold" in caveat.mistaken(*ben, "show", "0-0123456789abcdef")
    stranger = as_(Somebody("stranger"), gateway, tmp_path)
    assert "nobody may read this" in caveat.mistaken(*stranger, "list")
    key = ben[4]
    assert "gave no answer" in caveat.mistaken(
        "approvals", "--gateway", "http://127.0.0.1:9", "--key", key, "--as", "ben", "list"
    )
    assert "no URL" in caveat.mistaken("approvals", "--gateway", "there", "--key", key, "--as", "ben", "list")


def test_what_hides_is_spelt_out_and_what_is_plain_is_not() -> None:
    assert visible("pay\u202elif\u2066 \u200bnow\x1b[2J\u00ad") == (
        "pay⟦U+202E⟧lif⟦U+2066⟧ ⟦U+200B⟧now⟦U+001B⟧[2J⟦U+00AD⟧"
    )
    assert visible("Grüße,\n\t日本語 עברית") == "Grüße,\n\t日本語 עברית"
    assert visible("\u3164\U000e0041\ufe01") == "⟦U+3164⟧⟦U+E0041⟧⟦U+FE01⟧"
