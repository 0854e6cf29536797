"""What `verify` says of approvals: an honest log holds, and each way of letting through without one shows."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from caveat.cli.approved import SignedStatements
from caveat.evidence.approval import mint_approval
from caveat.ledger.disk import RealDisk
from caveat.ledger.finding import Code, Finding
from caveat.ledger.folder import Folder
from caveat.ledger.record import Approved, DecisionRecord, PlantedRecord, Record, ReviewRecord
from caveat.ledger.replay import Bundles
from caveat.ledger.wire import parse_record
from caveat.oversight.check import ApprovalCheck
from tests.support.overseers import (
    BEN,
    Clock,
    Somebody,
    ask_about,
    decide,
    decision,
    hold_of,
    overseen_bundle,
    read,
)
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import scripted_upstream

DORA = Somebody("dora")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], Bundles]:
    """One use that two persons let through, and what else is in its log."""
    folder, clock = tmp_path_factory.mktemp("approved"), Clock()
    with (
        scripted_upstream() as upstream,
        running_gateway(
            folder, upstream.url, overseen_bundle(BEN, DORA, persons=2).files(), clock=clock
        ) as gateway,
    ):
        hold = hold_of(ask_about(gateway))
        for who in (BEN, DORA):
            shown = read(gateway, who, clock(), hold).json
            clock.move(11)
            assert decide(gateway, shown, who, clock()).status == 201
        assert ask_about(gateway).status == 200
        gateway.records()
        records = [parse_record(entry.leaf) for entry in gateway.service.ledger.records()]
    return records, Bundles(Folder(RealDisk(), folder / "ledger"))


def findings(records: list[Record], bundles: Bundles) -> list[Finding]:
    check = ApprovalCheck(SignedStatements(bundles))
    return [found for index, record in enumerate(records) for found in check.check(index, record)]


def places(records: list[Record]) -> Iterator[int]:
    """Where the reviews stand, then the use that they let through."""
    yield from (place for place, one in enumerate(records) if isinstance(one, ReviewRecord))
    yield next(place for place, one in enumerate(records) if isinstance(one, DecisionRecord) and one.approved)


def test_an_honest_log_holds(log: tuple[list[Record], Bundles]) -> None:
    assert findings(*log) == []


def test_each_review_that_is_missing_shows(log: tuple[list[Record], Bundles]) -> None:
    records, bundles = log
    for place in list(places(records))[:2]:
        # A record in its place, so that the ids of the others stay what they are.
        without = [*records[:place], records[0], *records[place + 1 :]]
        assert {found.code for found in findings(without, bundles)} == {Code.APPROVAL_INVALID}


def test_a_second_use_of_the_same_approval_shows(log: tuple[list[Record], Bundles]) -> None:
    records, bundles = log
    used = list(places(records))[-1]
    assert [found.index for found in findings([*records, records[used]], bundles)] == [len(records)]


@pytest.mark.parametrize("changed", ["deployment", "principal", "request", "approved"])
def test_another_use_than_the_approved_one_shows(log: tuple[list[Record], Bundles], changed: str) -> None:
    records, bundles = log
    used = list(places(records))[-1]
    record = records[used]
    assert isinstance(record, DecisionRecord)
    other = {"deployment": "chat", "principal": "key:0", "request": "0" * 64, "approved": None}[changed]
    altered = replace(record, **{changed: other})  # type: ignore[arg-type]  # one member, of its own type
    assert {found.index for found in findings([*records[:used], altered, *records[used + 1 :]], bundles)} == {
        used
    }


def test_a_hold_that_nobody_opened_shows(log: tuple[list[Record], Bundles]) -> None:
    records, bundles = log
    used = list(places(records))[-1]
    record = records[used]
    assert isinstance(record, DecisionRecord)
    assert record.approved is not None
    altered = replace(record, approved=Approved("1-0123456789abcdef", record.approved.envelopes))
    assert findings([*records[:used], altered], bundles)


@pytest.mark.parametrize("changed", ["person", "role", "act", "statement"])
def test_a_review_that_its_person_did_not_sign_shows(log: tuple[list[Record], Bundles], changed: str) -> None:
    records, bundles = log
    place = next(places(records))
    record = records[place]
    assert isinstance(record, ReviewRecord)
    said = json.loads(record.statement)
    said["signatures"][0]["sig"] = said["signatures"][0]["sig"][::-1]
    other = {"person": "anna", "role": "chief", "act": "refuse", "statement": json.dumps(said)}[changed]
    altered = replace(record, **{changed: other})  # type: ignore[arg-type]  # one member, of its own type
    found = findings([*records[:place], altered, *records[place + 1 :]], bundles)
    assert place in {one.index for one in found}


def test_a_statement_about_another_hold_shows(log: tuple[list[Record], Bundles]) -> None:
    records, bundles = log
    place = next(places(records))
    record = records[place]
    assert isinstance(record, ReviewRecord)
    view = {"hold": "9-0123456789abcdef", "policy": "0" * 64, "requester": "x", "deployment": "desk"}
    other = mint_approval(decision({"view": view, "action": "0" * 64}, BEN, Clock()()), [BEN.key])
    altered = replace(record, statement=other.decode())
    assert place in {one.index for one in findings([*records[:place], altered], bundles)}


def test_a_real_use_cannot_be_called_planted_afterwards(log: tuple[list[Record], Bundles]) -> None:
    records, bundles = log
    hold = next(record.hold for record in records if isinstance(record, ReviewRecord))
    found = findings([*records, PlantedRecord(records[-1].time, hold, "0" * 64)], bundles)
    assert [one.code for one in found] == [Code.APPROVAL_INVALID]
    assert "that was not" in found[0].text
    foreign = PlantedRecord(records[-1].time, "9-0123456789abcdef", "0" * 64)
    assert [one.code for one in findings([*records, foreign], bundles)] == [Code.APPROVAL_INVALID]
