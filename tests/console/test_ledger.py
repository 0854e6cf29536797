"""The log shows a passkey's decision to anybody, offline, and shows whoever tampers with it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from caveat.cli.approved import SignedStatements
from caveat.ledger.disk import RealDisk
from caveat.ledger.finding import Code, Finding
from caveat.ledger.folder import Folder
from caveat.ledger.record import DecisionRecord, Record, ReviewRecord
from caveat.ledger.replay import Bundles
from caveat.ledger.wire import parse_record
from caveat.oversight.check import ApprovalCheck
from caveat.signing.digest import Digest, sha256
from tests.console.client import Tab
from tests.support.overseers import Clock, ask_about, hold_of, overseen_bundle
from tests.support.passkeys import Authenticator
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import scripted_upstream


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], Bundles]:
    folder, clock, dana = tmp_path_factory.mktemp("passkeys"), Clock(), Authenticator("dana")
    with (
        scripted_upstream() as upstream,
        running_gateway(folder, upstream.url, overseen_bundle(dana).files(), clock=clock) as gateway,
    ):
        hold = hold_of(ask_about(gateway))
        tab = Tab(gateway)
        tab.sign_in(dana)
        page = tab.get(f"/console/holds/{hold}")
        clock.move(11)
        assert tab.post(f"/console/holds/{hold}", tab.signed(page, dana, "approve")).status == 200
        assert ask_about(gateway).status == 200
        gateway.records()
        records = [parse_record(entry.leaf) for entry in gateway.service.ledger.records()]
    return records, Bundles(Folder(RealDisk(), Path(folder) / "ledger"))


def findings(records: list[Record], bundles: Bundles) -> list[Finding]:
    check = ApprovalCheck(SignedStatements(bundles))
    return [found for index, record in enumerate(records) for found in check.check(index, record)]


def test_a_use_that_a_passkey_let_through_verifies_offline(log: tuple[list[Record], Bundles]) -> None:
    assert findings(*log) == []


@pytest.mark.parametrize("member", ["authenticatorData", "clientDataJSON", "signature"])
def test_an_altered_assertion_shows(log: tuple[list[Record], Bundles], member: str) -> None:
    """293: also where whoever alters it puts the digests of the altered bytes in the place of the old ones"""
    records, bundles = log
    altered: list[Record] = []
    digest = Digest("")
    for record in records:
        one = record
        if isinstance(one, ReviewRecord):
            statement = json.loads(one.statement)
            said = statement["passkey"][member]
            statement["passkey"][member] = ("B" if said[0] == "A" else "A") + said[1:]
            text = json.dumps(statement)
            digest = sha256(text.encode())
            one = replace(one, statement=text, envelope=digest)
        elif isinstance(one, DecisionRecord) and one.approved is not None:
            one = replace(one, approved=replace(one.approved, envelopes=(digest,)))
        altered.append(one)
    assert {found.code for found in findings(altered, bundles)} == {Code.APPROVAL_INVALID}
