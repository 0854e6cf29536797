"""Paging through the whole log: bounded at each request, and nothing twice or left out."""

import json
import re
from itertools import islice
from pathlib import Path

import pytest

from caveat.gateway.console import archive
from caveat.gateway.console.archive import Archive
from caveat.gateway.errors import FaultError
from caveat.ledger.errors import FolderError
from caveat.ledger.record import record_id_of
from caveat.ledger.wire import parse_record
from caveat.oversight.chronicle import Chronicle
from tests.console.client import Tab
from tests.support.overseers import Clock, ask_about, hold_of, overseen_bundle
from tests.support.passkeys import Authenticator
from tests.support.raw_client import asking, chat
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import CHAT_KEY


def links(body: str) -> list[str]:
    return re.findall(r'<a data-entry href="/console/records/([^"]+)"', body)


def every_part(tab: Tab, path: str, least: int = 1) -> list[list[str]]:
    """What each page has, following `Older` to the end."""
    parts, query = list[list[str]](), ""
    while True:
        answer = tab.get(f"/console/{path}{query}")
        assert answer.status == 200
        body = answer.body.decode()
        parts.append(links(body))
        older = re.search(r'rel="next" href="([^"]+)"', body)
        if older is None:
            break
        query = older[1].replace("&amp;", "&")
    assert len(parts) >= least
    return parts


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three records in memory, and four more looked at by each request."""
    made = Chronicle.__init__
    monkeypatch.setattr(Chronicle, "__init__", lambda self: made(self, 3))
    monkeypatch.setattr(archive, "LOOKED_AT", 4)
    monkeypatch.setattr(archive, "_STEP", 3)


@pytest.mark.usefixtures("short_memory")
def test_every_use_of_the_log_is_on_one_page_and_on_one_alone(
    gateway: RunningGateway, dana: Authenticator
) -> None:
    for number in range(6):
        assert chat(gateway.url, CHAT_KEY, asking(f"Write note {number}.")).status == 200
    hold = hold_of(ask_about(gateway))
    wanted = [
        f"{index}-"
        for index, one in reversed(list(enumerate(all_records(gateway))))
        if one["kind"] == "decision"
    ]
    tab = Tab(gateway)
    tab.sign_in(dana)
    found = [record for part in every_part(tab, "uses", least=3) for record in part]
    assert [record.partition("-")[0] + "-" for record in found] == wanted
    searched = [record for part in every_part(tab, f"search?q={hold}") for record in part]
    assert searched == [hold]
    assert tab.get(f"/console/records/{found[-1]}").status == 200


def all_records(gateway: RunningGateway) -> list[dict[str, object]]:
    gateway.records()
    return [json.loads(one.leaf) for one in gateway.service.ledger.records()]


@pytest.mark.usefixtures("short_memory")
def test_a_page_says_how_far_it_looked(gateway: RunningGateway, dana: Authenticator) -> None:
    for number in range(4):
        chat(gateway.url, CHAT_KEY, asking(f"Write note {number}."))
    gateway.records()
    tab = Tab(gateway)
    tab.sign_in(dana)
    body = tab.get("/console/search?q=nothing-like-it").body
    assert b"Looked through down to record" in body
    assert b"Nothing in this part of the log" in body
    last = every_part(tab, "search?q=nothing-like-it", least=2)
    assert last[-1] == []


class Log:
    """One that counts what is read of it."""

    def __init__(self, gateway: RunningGateway) -> None:
        gateway.records()
        self.entries = list(gateway.service.ledger.records())
        self.read = 0

    def records(self, start: int = 0) -> object:
        for entry in islice(self.entries, start, None):
            self.read += 1
            yield entry


async def test_one_request_reads_no_more_than_its_bound(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """348"""
    for number in range(10):
        chat(gateway.url, CHAT_KEY, asking(f"Write note {number}."))
    monkeypatch.setattr(archive, "LOOKED_AT", 5)
    log = Log(gateway)
    kept = Chronicle(1)
    last = gateway.service.ledger.size - 1
    entry = log.entries[last]
    kept.fold(parse_record(entry.leaf), record_id_of(entry.index, entry.leaf))
    part = await Archive(kept, log).part(lambda _one: False, None, 50)  # type: ignore[arg-type] # counts what is read
    assert (log.read, part.before) == (5, last - 5)


async def test_a_log_that_cannot_be_read_is_a_fault_and_no_empty_page() -> None:
    class Broken:
        def records(self, _start: int = 0) -> object:
            raise FolderError("entries of the log are missing or broken", "verify the folder")

    chronicle = Chronicle()
    with pytest.raises(FaultError, match="cannot be read"):
        await Archive(chronicle, Broken()).find("3-0123456789abcdef")  # type: ignore[arg-type] # broken


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("role=officer", 3),
        ("role=other", 0),
        ("clause=C4", 3),
        ("clause=C1", 0),
        ("deployment=desk", 3),
        ("deployment=chat", 0),
        ("role=officer&clause=C4&deployment=desk", 3),
        ("deployment=%3Cscript%3E", 0),
    ],
)
def test_the_queue_shows_what_is_asked_for(
    gateway: RunningGateway, dana: Authenticator, query: str, shown: int
) -> None:
    for number in range(3):
        ask_about(gateway, tag=f"t{number}")
    tab = Tab(gateway)
    tab.sign_in(dana)
    body = tab.get(f"/console/queue?{query}").body.decode()
    assert len(re.findall("<td[^>]*><a data-entry", body)) == shown
    assert "<script>" not in body


def test_a_part_of_a_filtered_queue_leads_on_within_the_filter(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path, dana: Authenticator
) -> None:
    files = overseen_bundle(dana).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        for number in range(51):
            ask_about(gateway, tag=f"t{number}")
        tab = Tab(gateway)
        tab.sign_in(dana)
        body = tab.get("/console/queue?clause=C4").body.decode()
        assert 'href="?clause=C4&amp;start=50"' in body
        rest = tab.get("/console/queue?clause=C4&start=50").body.decode()
        assert len(re.findall("<td[^>]*><a data-entry", rest)) == 1
