"""Both parties see the same counts, incidents, halts and dissents, and nothing of content or persons."""

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from caveat.evidence.reading import mint_reading
from caveat.evidence.trust import TrustError, parse_trust
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256
from tests.cli.calling import Caveat
from tests.support.overseers import (
    ANNA,
    BEN,
    CARA,
    STRANGER,
    Clock,
    Somebody,
    ask_about,
    decide,
    hold_of,
    overseen_bundle,
    read,
)
from tests.support.powers import dissent, halt, look, with_observers
from tests.support.raw_client import asking, chat, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import CHAT_KEY, OWNER

OF_PROVIDER = Somebody("watcher-one", line="provider")
OF_CUSTOMER = Somebody("watcher-two", line="customer")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    files = with_observers(overseen_bundle(ANNA, BEN, CARA), OF_PROVIDER, OF_CUSTOMER).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as running:
        yield running


def happen(gateway: RunningGateway, clock: Clock) -> str:
    """One of everything that observers see; returns the id of a hold."""
    hold = hold_of(ask_about(gateway))
    refused = hold_of(ask_about(gateway, tag="e"))
    shown = read(gateway, BEN, clock(), hold).json
    assert decide(gateway, shown, BEN, clock()).status == 403
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    assert ask_about(gateway).status == 200
    assert halt(gateway, ANNA, clock(), "conversation", "chat", caller="key:0123456789abcdef").status == 201
    assert dissent(gateway, CARA, clock(), refused, "These words are for overseers.").status == 201
    gateway.records()
    return refused


def test_observers_of_two_parties_see_the_same_and_the_ledger_gives_it_again(
    gateway: RunningGateway, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    happen(gateway, clock)
    one, other = (look(gateway, who, clock(), "/v1/oversight").json for who in (OF_PROVIDER, OF_CUSTOMER))
    assert one == other
    assert one["digest"] == sha256(canonical(one["view"]))
    size = one["view"]["checkpoint"]["size"]
    assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 200
    gateway.records()
    later = look(gateway, OF_CUSTOMER, clock(), "/v1/oversight").json
    assert later["view"]["checkpoint"]["size"] > size
    assert look(gateway, OF_CUSTOMER, clock(), f"/v1/oversight?size={size}").json == one
    folder = gateway.folder / "ledger"
    for at, seen in ((size, one), (later["view"]["checkpoint"]["size"], later)):
        said = Caveat(capsys)("ledger", "oversight", folder, "--size", at, "--json")
        assert (said.code, json.loads(said.out)) == (0, seen)


def test_they_see_counts_and_no_content_names_or_callers(gateway: RunningGateway, clock: Clock) -> None:
    refused = happen(gateway, clock)
    answer = look(gateway, OF_PROVIDER, clock(), "/v1/oversight")
    view = answer.json["view"]
    assert view["decisions"]["prompt"] == {"allow": 1, "needs_approval": 2}
    assert view["clauses"] == {"C1": {"allow": 2}, "C4": {"needs_approval": 2}}
    assert view["deployments"]["desk"] == {"allow": 2, "needs_approval": 2}
    assert view["reviews"] == {"approve": {"counted": 1, "counted_as_none": 1}}
    assert view["holds"]["by_status"] == {"approved": 0, "expired": 0, "open": 1, "refused": 0, "used": 1}
    assert view["holds"]["oldest_open"] == refused
    assert [one["scope"] for one in view["halts"]] == ["conversation"]
    assert [(one["number"], one["about"]) for one in view["dissents"]] == [(1, refused)]
    for word in (b"anna", b"ben", b"cara", b"key:", b"device_id", b"These words"):
        assert word not in answer.body


def test_a_view_after_a_restart_is_the_same(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    files = with_observers(overseen_bundle(ANNA, BEN, CARA), OF_PROVIDER).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        happen(gateway, clock)
        before = look(gateway, OF_PROVIDER, clock(), "/v1/oversight").json
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        size = before["view"]["checkpoint"]["size"]
        assert look(gateway, OF_PROVIDER, clock(), f"/v1/oversight?size={size}").json == before


def test_an_observer_reads_nothing_else_and_does_nothing(gateway: RunningGateway, clock: Clock) -> None:
    hold = hold_of(ask_about(gateway))
    for path in ("/v1/approvals", f"/v1/approvals/{hold}", "/v1/halts", "/v1/dissents"):
        assert look(gateway, OF_PROVIDER, clock(), path).status == 401
    assert halt(gateway, OF_PROVIDER, clock(), "everything").error["code"] == "statement_purpose"
    assert dissent(gateway, OF_PROVIDER, clock(), hold).error["code"] == "statement_purpose"
    shown = read(gateway, BEN, clock(), hold).json
    clock.move(11)
    answer = decide(gateway, shown, OF_PROVIDER, clock())
    assert answer.error["code"] == "approval_purpose"


def test_overseers_look_on_too_and_nobody_else_does(gateway: RunningGateway, clock: Clock) -> None:
    gateway.records()
    assert look(gateway, ANNA, clock(), "/v1/oversight").status == 200
    assert look(gateway, STRANGER, clock(), "/v1/oversight").status == 401
    statement = mint_reading("owner", gateway.service.ledger.origin, clock(), OWNER)
    headers = {"authorization": "Caveat-Overseer " + base64.urlsafe_b64encode(statement).decode()}
    assert send(gateway.url, "/v1/oversight", b"", headers, "GET").status == 401


@pytest.mark.parametrize("query", ["size=0", "size=99999", "size=-1", "size=x", "side=1", "size=1&size=2"])
def test_a_size_that_is_none_is_refused(gateway: RunningGateway, clock: Clock, query: str) -> None:
    gateway.records()
    answer = look(gateway, ANNA, clock(), f"/v1/oversight?{query}")
    assert (answer.status, answer.error["code"]) == (400, "size_invalid")


def test_a_ledger_that_was_changed_gives_no_view(
    gateway: RunningGateway, clock: Clock, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    happen(gateway, clock)
    copy = tmp_path / "copy"
    shutil.copytree(gateway.folder / "ledger", copy)
    for tile in (file for file in (copy / "tile").rglob("*") if file.is_file()):
        tile.write_bytes(tile.read_bytes().replace(b'"too_fast"', b'"too_slow"'))
    assert Caveat(capsys)("ledger", "oversight", copy).code == 1
    assert "has" in Caveat(capsys).mistaken("ledger", "oversight", gateway.folder, "--size", 9999)


def test_an_observer_grants_no_facts_and_is_no_overseer() -> None:
    head = 'version = 1\nexpires_at = "2100-01-01T00:00:00Z"\n[issuers.o]\nrole = "observer"\n'
    rest = (
        f'party = "auditor"\nkey = "{ANNA.key.public().render()}"\npurpose = "observer"\nnamespaces = ["*"]\n'
        "max_age_seconds = 60\nmax_lifetime_seconds = 60\n"
    )
    parse_trust((head + rest).encode())
    for wrong in ('facts = ["x"]\n', '[issuers.o.overseer]\nperson = "o"\n'):
        with pytest.raises(TrustError):
            parse_trust((head + rest + wrong).encode())
