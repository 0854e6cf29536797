"""What `verify` says of halts and dissents: an honest log holds; removing, hiding, moving one shows."""

import asyncio
import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from caveat.cli.approved import SignedStatements
from caveat.ledger.disk import RealDisk
from caveat.ledger.finding import Code, Finding
from caveat.ledger.folder import Folder
from caveat.ledger.ledger import Ledger
from caveat.ledger.record import (
    DecisionRecord,
    DissentRecord,
    HaltRecord,
    Record,
)
from caveat.ledger.replay import Bundles, ReplayCheck
from caveat.ledger.wire import parse_record, render_record
from caveat.oversight.dissents import link_of
from caveat.oversight.halts import Halts
from caveat.oversight.power_check import DissentCheck, HaltCheck
from caveat.signing.digest import Digest
from caveat.signing.keys import parse_private_key
from tests.cli.calling import Caveat
from tests.support.overseers import ANNA, BEN, CARA, Clock, ask_about, hold_of, overseen_bundle
from tests.support.powers import dissent, halt, release
from tests.support.raw_client import asking, chat
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import CHAT_KEY


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a halt, a refusal under it, its release, a use after it, and three dissents."""
    folder, clock = tmp_path_factory.mktemp("power"), Clock()
    with (
        scripted_upstream() as upstream,
        running_gateway(
            folder, upstream.url, overseen_bundle(ANNA, BEN, CARA).files(), clock=clock
        ) as gateway,
    ):
        hold = hold_of(ask_about(gateway))
        name = halt(gateway, ANNA, clock(), "deployment", "chat").json["halt"]
        assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 403
        for who in (ANNA, BEN):
            assert release(gateway, who, clock(), name, "deployment", "chat").status == 201
        assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 200
        for who in (ANNA, BEN, CARA):
            assert dissent(gateway, who, clock(), hold).status == 201
        assert chat(gateway.url, CHAT_KEY, asking("ho")).status == 200
        gateway.records()
    return folder


@pytest.fixture(scope="module")
def records(data: Path) -> list[Record]:
    view = Folder(RealDisk(), data / "ledger")
    return [parse_record(leaf) for leaf in view.entries(0, _size(data))]


def _size(data: Path) -> int:
    return int((data / "ledger/checkpoint").read_text("utf-8").splitlines()[1])


def _origin(data: Path) -> str:
    return (data / "ledger/checkpoint").read_text("utf-8").splitlines()[0]


def findings(data: Path, records: list[Record]) -> list[Finding]:
    view = Folder(RealDisk(), data / "ledger")
    bundles = Bundles(view)
    signed = partial(SignedStatements(bundles).of_overseer, origin=_origin(data))
    checks = (HaltCheck(signed), DissentCheck(signed, lambda _name: True), ReplayCheck(bundles))
    return [
        found for index, one in enumerate(records) for check in checks for found in check.check(index, one)
    ]


def codes(data: Path, records: list[Record]) -> set[Code]:
    return {found.code for found in findings(data, records)}


def places(records: list[Record], kind: type) -> list[int]:
    return [place for place, one in enumerate(records) if isinstance(one, kind)]


def test_an_honest_log_holds(data: Path, records: list[Record]) -> None:
    assert findings(data, records) == []
    assert len(places(records, DissentRecord)) == 3
    assert len(places(records, HaltRecord)) == 3


def test_a_use_that_goes_through_while_it_is_halted_shows(data: Path, records: list[Record]) -> None:
    released = next(
        one
        for one in records
        if isinstance(one, DecisionRecord) and one.released and one.deployment == "chat"
    )
    refused = next(
        place
        for place, one in enumerate(records)
        if isinstance(one, DecisionRecord) and one.halted is not None
    )
    assert codes(data, [*records[: refused + 1], released]) == {Code.HALT_INVALID}


def test_a_refusal_under_a_halt_that_nobody_made_shows(data: Path, records: list[Record]) -> None:
    refused = next(
        place
        for place, one in enumerate(records)
        if isinstance(one, DecisionRecord) and one.halted is not None
    )
    one = records[refused]
    assert isinstance(one, DecisionRecord)
    for altered in (replace(one, halted=Digest("0" * 64)), replace(one, enforced=False)):
        assert codes(data, [*records[:refused], altered]) == {Code.HALT_INVALID}
    assert Code.VERDICT_DIFFERS in codes(data, [*records[:refused], replace(one, halted=None)])


@pytest.mark.parametrize(
    "changed",
    [
        {"person": "ben"},
        {"scope": "everything", "target": ""},
        {"target": "desk"},
        {"said": Digest("0" * 64)},
        {"key": Digest("0" * 64)},
        {"bundle": Digest("0" * 64)},
        {"statement": "{}"},
    ],
)
def test_a_halt_that_its_person_did_not_sign_shows(data: Path, records: list[Record], changed: Any) -> None:
    place = places(records, HaltRecord)[0]
    one = records[place]
    assert isinstance(one, HaltRecord)
    altered = [*records[:place], replace(one, **changed), *records[place + 1 :]]
    assert Code.HALT_INVALID in codes(data, altered)
    if "scope" not in changed:
        assert codes(data, altered[: place + 1]) == {Code.HALT_INVALID}


def test_a_release_without_a_second_person_shows(data: Path, records: list[Record]) -> None:
    _, first, second = places(records, HaltRecord)
    one, two = records[first], records[second]
    assert isinstance(one, HaltRecord)
    assert isinstance(two, HaltRecord)
    alone = replace(one, second=one.said)
    assert codes(data, [*records[:first], alone]) == {Code.HALT_INVALID}
    # Without the first release in its place the second releases nothing, so what follows was let through.
    # The start again in its place, so that the ids of the others stay what they are.
    without = [*records[:first], records[0], *records[first + 1 :]]
    assert codes(data, without) >= {Code.HALT_INVALID}
    assert codes(data, [*records[: second + 1], two]) == {Code.HALT_INVALID}


def test_a_dissent_that_is_left_out_moved_or_rewritten_shows(data: Path, records: list[Record]) -> None:
    first, second, third = places(records, DissentRecord)
    a, b, c = records[first], records[second], records[third]
    assert isinstance(b, DissentRecord)
    assert isinstance(c, DissentRecord)
    rest = [one for one in records if not isinstance(one, DissentRecord)]
    for left in ([b, c], [a, c], [a, c, b], [b, a, c], [a, b, b], [c]):
        assert codes(data, [*rest, *left]) == {Code.DISSENT_INVALID}, left
    assert codes(data, [*rest, a, replace(b, link=Digest("0" * 64))]) == {Code.DISSENT_INVALID}
    reworded = replace(b, statement=c.statement)
    hidden = replace(b, statement="")
    for altered in (reworded, hidden, replace(b, person="anna"), replace(b, about="1-0123456789abcdef")):
        assert codes(data, [*rest, a, altered, c]) == {Code.DISSENT_INVALID}


def test_renumbering_what_is_left_does_not_hide_what_is_missing(data: Path, records: list[Record]) -> None:
    """Each link follows from all before it; a gateway that forges the links has to forge what people hold."""
    first, _second, third = places(records, DissentRecord)
    a, c = records[first], records[third]
    assert isinstance(a, DissentRecord)
    assert isinstance(c, DissentRecord)
    forged = replace(c, number=2, previous=a.link, link=link_of(2, a.link, c.said))
    rest = [one for one in records if not isinstance(one, DissentRecord)]
    assert codes(data, [*rest, a, forged]) == set()
    assert forged.link != c.link  # the receipt that the person kept names another link


def test_an_objection_to_a_record_that_is_not_there_shows(data: Path, records: list[Record]) -> None:
    view = Folder(RealDisk(), data / "ledger")
    signed = partial(SignedStatements(Bundles(view)).of_overseer, origin=_origin(data))
    check = DissentCheck(signed, lambda _name: False)
    found = [one.code for index, record in enumerate(records) for one in check.check(index, record)]
    assert set(found) == {Code.DISSENT_INVALID}


@pytest.mark.parametrize("left", [(0, 2), (1, 0, 2), (0, 1, 1)], ids=["deleted", "reordered", "repeated"])
def test_a_folder_signed_again_by_its_operator_without_a_dissent_fails(
    data: Path,
    records: list[Record],
    left: tuple[int, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever holds the log's key can write another log; what people signed still shows the gap."""
    key = parse_private_key((data / "log.pem").read_bytes())
    chain = [records[place] for place in places(records, DissentRecord)]
    rest = [one for one in records if not isinstance(one, DissentRecord)]
    ledger = Ledger.open(tmp_path / "ledger", key, origin=_origin(data), publish_seconds=0.01)
    for bundle in (data / "ledger/bundles").iterdir():
        view = Folder(RealDisk(), data / "ledger")
        files = view.bundle(bundle.name)
        assert files is not None
        ledger.store_bundle(files)

    async def write() -> None:
        for record in [*rest, *(chain[place] for place in left)]:
            await ledger.append(render_record(record))

    asyncio.run(write())
    ledger.close()
    said = Caveat(capsys)("ledger", "verify", tmp_path / "ledger", "--json")
    assert said.code == 1
    assert "dissent_invalid" in {one["code"] for one in json.loads(said.out)["findings"]}


def test_a_folder_in_which_a_dissent_is_changed_on_disk_fails(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "ledger"
    shutil.copytree(data / "ledger", copy)
    honest = Caveat(capsys)("ledger", "verify", copy, "--replay", "--json")
    assert honest.code == 0, honest.out
    tiles = [file for file in copy.rglob("*") if file.is_file() and b'"kind":"dissent"' in file.read_bytes()]
    assert tiles
    for tile in tiles:
        tile.write_bytes(tile.read_bytes().replace(b'"kind":"dissent"', b'"kind":"dissenx"'))
    assert Caveat(capsys)("ledger", "verify", copy).code == 1


def test_two_releases_of_one_person_end_no_halt(records: list[Record]) -> None:
    made, first, second = (records[place] for place in places(records, HaltRecord))
    assert isinstance(second, HaltRecord)
    assert isinstance(first, HaltRecord)
    for person, left in ((first.person, 1), (second.person, 0)):
        halts = Halts()
        halts.fold(made, first.halt or "")
        halts.fold(first, "1-0123456789abcdef")
        halts.fold(replace(second, person=person), "2-0123456789abcdef")
        assert halts.in_force == left
