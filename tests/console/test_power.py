"""Halts, releases, dissents and what observers see, on pages: by the very statements that files sign."""

import base64
import re
from html import unescape
from typing import Any

import pytest

from caveat.cli.approved import SignedStatements
from caveat.evidence.reading import mint_reading
from caveat.ledger.disk import RealDisk
from caveat.ledger.folder import Folder
from caveat.ledger.record import DissentRecord, FindingRecord, HaltRecord
from caveat.ledger.replay import Bundles
from caveat.ledger.wire import parse_record
from caveat.oversight.power_check import DissentCheck, HaltCheck
from caveat.store.errors import HoldStoreError
from caveat.store.holds import SqliteHolds
from tests.console.client import Tab
from tests.support.console_tour import HOSTILE, say_something
from tests.support.overseers import ANNA, Clock, Somebody, ask_about, hold_of
from tests.support.passkeys import Authenticator
from tests.support.raw_client import Answer, asking, chat, send
from tests.support.running_gateway import RunningGateway
from tests.support.small_bundle import CHAT_KEY

HALT = {"scope": "deployment", "target": "chat", "caller": "", "reason": "it looks odd"}


def seat(gateway: RunningGateway, who: Authenticator) -> Tab:
    tab = Tab(gateway)
    assert tab.sign_in(who).status == 303
    return tab


def token(page: Answer) -> str:
    found = re.search(r'name="form_token" value="(\w+)"', page.body.decode())
    assert found is not None
    return found[1]


def fill(tab: Tab, path: str, **fields: str) -> Answer:
    """The first of the two steps: the form as a person fills it in."""
    return tab.post(path, {"form_token": token(tab.get(path)), **fields})


def halt(tab: Tab, who: Authenticator, **said: str) -> Answer:
    page = fill(tab, "/console/halts", **{**HALT, **said})
    assert page.status == 200, page.body
    return tab.post("/console/halts", tab.signed(page, who, "halt"))


def release(tab: Tab, who: Authenticator, record: str) -> Answer:
    path = f"/console/halts/{record}"
    page = fill(tab, path, reason="it was looked at")
    return tab.post(path, tab.signed(page, who, "release"))


def record_in(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    found = re.search(r"/console/records/([0-9]+-[0-9a-f]{16})", answer.body.decode())
    assert found is not None
    return found[1]


def use(gateway: RunningGateway) -> int:
    return chat(gateway.url, CHAT_KEY, asking("Write a note.")).status


@pytest.fixture
def at_dana(gateway: RunningGateway, dana: Authenticator) -> Tab:
    return seat(gateway, dana)


def test_one_person_halts_with_a_passkey_and_two_release(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator, emil: Authenticator
) -> None:
    assert use(gateway) == 200
    record = record_in(halt(at_dana, dana))
    assert use(gateway) == 403
    assert b"1 in force" in at_dana.get("/console/halts").body
    first = release(at_dana, dana, record)
    assert b"until a second person" in first.body
    assert use(gateway) == 403
    assert b"you are not that one" in at_dana.get(f"/console/halts/{record}").body
    assert b"the halt is over" in release(seat(gateway, emil), emil, record).body
    assert use(gateway) == 200
    assert b"Nothing is halted" in at_dana.get("/console/halts").body


def test_one_person_alone_releases_nothing(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator, clock: Clock
) -> None:
    record = record_in(halt(at_dana, dana))
    release(at_dana, dana, record)
    clock.move(5)
    release(at_dana, dana, record)
    assert use(gateway) == 403


def test_nothing_is_halted_before_somebody_signs_what_they_were_shown(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator
) -> None:
    """348"""
    page = fill(at_dana, "/console/halts", **HALT)
    assert b"all uses of chat" in page.body
    assert (use(gateway), gateway.records("halt")) == (200, [])
    unsigned = at_dana.signed(page, dana, "halt") | {"signature": ""}
    assert at_dana.post("/console/halts", unsigned).status == 400
    assert use(gateway) == 200


@pytest.mark.parametrize(
    "said",
    [
        {"scope": "planet"},
        {"scope": "deployment", "target": ""},
        {"scope": "conversation", "caller": ""},
        {"reason": ""},
        {"reason": "x" * 501},
    ],
)
def test_a_halt_that_names_nothing_is_a_clear_page(at_dana: Tab, said: dict[str, str]) -> None:
    answer = fill(at_dana, "/console/halts", **{**HALT, **said})
    assert (answer.status, b"Nothing happened" in answer.body) == (400, True)


def test_forms_of_power_from_elsewhere_change_nothing(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator, emil: Authenticator
) -> None:
    """348: CSRF, and another person's statement"""
    signed = at_dana.signed(fill(at_dana, "/console/halts", **HALT), dana, "halt")
    for sent, headers in (
        ({**signed, "form_token": "0" * 64}, {}),
        (signed, {"origin": "https://evil.example"}),
        (signed, {"sec_fetch_site": "cross-site"}),
    ):
        assert at_dana.post("/console/halts", sent, **headers).status == 403
    other = seat(gateway, emil)
    theirs = {**signed, "form_token": token(other.get("/console/halts"))}
    answer = other.post("/console/halts", theirs)
    assert (answer.status, b"by another person" in answer.body) == (403, True)
    assert gateway.records("halt") == []


def test_a_statement_is_taken_where_it_belongs_alone(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator
) -> None:
    """348: an insecure direct object reference"""
    one, other = record_in(halt(at_dana, dana)), record_in(halt(at_dana, dana, target="desk"))
    page = fill(at_dana, f"/console/halts/{one}", reason="it was looked at")
    signed = at_dana.signed(page, dana, "release")
    for path in (f"/console/halts/{other}", "/console/halts", "/console/dissents"):
        answer = at_dana.post(path, signed)
        assert (answer.status, b"form_foreign" in answer.body) == (403, True), path
    halting = at_dana.signed(fill(at_dana, "/console/halts", **HALT), dana, "halt")
    assert at_dana.post(f"/console/halts/{one}", halting).status == 403
    assert [row["act"] for row in gateway.records("halt")] == ["halt", "halt"]


def test_a_statement_sent_twice_is_on_record_once(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator
) -> None:
    signed = at_dana.signed(fill(at_dana, "/console/halts", **HALT), dana, "halt")
    assert at_dana.post("/console/halts", signed).status == 200
    again = at_dana.post("/console/halts", signed)
    assert (again.status, b"on record already" in again.body) == (409, True)
    assert len(gateway.records("halt")) == 1


def test_a_copied_authenticator_halts_releases_and_objects_to_nothing(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator, emil: Authenticator
) -> None:
    """348: its counter did not go on"""
    copied = dana.lying(counter=1)
    answer = halt(at_dana, copied)
    assert (answer.status, b"<code>passkey_counter</code>" in answer.body) == (403, True)
    assert (use(gateway), gateway.records("halt")) == (200, [])
    assert b"Nothing is halted" in at_dana.get("/console/halts").body
    record = record_in(halt(at_dana, dana))
    release(seat(gateway, emil), emil, record)
    assert release(at_dana, dana.lying(counter=1), record).status == 403
    assert use(gateway) == 403
    page = fill(at_dana, "/console/dissents", about=record, text="no")
    assert at_dana.post("/console/dissents", at_dana.signed(page, copied, "object")).status == 403
    assert gateway.records("dissent") == []
    assert b"the halt is over" in release(at_dana, dana, record).body


def test_a_store_that_cannot_count_keeps_nobody_from_halting_and_releases_nothing(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = fill(at_dana, "/console/halts", **HALT)

    def failing(*_said: object) -> bool:
        raise HoldStoreError("the disk is gone")

    monkeypatch.setattr(SqliteHolds, "count", failing)
    record = record_in(at_dana.post("/console/halts", at_dana.signed(page, dana, "halt")))
    assert use(gateway) == 403
    assert release(at_dana, dana, record).status == 503
    assert [row["act"] for row in gateway.records("halt")] == ["halt"]


def test_a_page_that_lay_open_too_long_halts_nothing(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator, clock: Clock
) -> None:
    signed = at_dana.signed(fill(at_dana, "/console/halts", **HALT), dana, "halt")
    clock.move(16 * 60)
    answer = at_dana.post("/console/halts", signed)
    assert (answer.status, b"statement_expired" in answer.body) == (400, True)
    assert use(gateway) == 200


def test_an_objection_stands_in_its_order_with_its_words(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator
) -> None:
    hold = hold_of(ask_about(gateway))
    for text in ("the source was not asked", HOSTILE):
        page = fill(at_dana, "/console/dissents", about=hold, text=text)
        record_in(at_dana.post("/console/dissents", at_dana.signed(page, dana, "object")))
    body = at_dana.get("/console/dissents").body.decode()
    assert re.findall(r'<li value="(\d+)"', body) == ["1", "2"]
    assert body.index("the source was not asked") < body.index("Please summarise.")
    words = re.findall(r'<p class="words">(.*?)</p>', body, re.DOTALL)
    assert re.search(r"<(?!/?span)", words[1]) is None
    assert "<script>" in unescape(words[1])
    assert [row["number"] for row in gateway.records("dissent")] == [1, 2]


def test_nobody_objects_to_what_is_not_there(at_dana: Tab) -> None:
    for about in ("9-0000000000000000", "../../etc/passwd", "<script>"):
        answer = fill(at_dana, "/console/dissents", about=about, text="no")
        assert answer.status == 404


def test_what_passkeys_halted_and_objected_to_verifies_offline(
    gateway: RunningGateway, at_dana: Tab, dana: Authenticator, emil: Authenticator
) -> None:
    record = record_in(halt(at_dana, dana))
    release(at_dana, dana, record)
    release(seat(gateway, emil), emil, record)
    page = fill(at_dana, "/console/dissents", about=record, text="too early")
    record_in(at_dana.post("/console/dissents", at_dana.signed(page, dana, "object")))
    gateway.records()
    ledger, asked = gateway.service.ledger, list[object]()
    statements = SignedStatements(Bundles(Folder(RealDisk(), gateway.folder / "ledger")))

    def is_signed(record: HaltRecord | DissentRecord | FindingRecord) -> bool:
        asked.append(record)
        return statements.of_overseer(record, ledger.origin)

    checks = HaltCheck(is_signed), DissentCheck(is_signed, ledger.has_record)
    records = list(enumerate(parse_record(one.leaf) for one in ledger.records()))
    found = [one for check in checks for place, record in records for one in check.check(place, record)]
    assert (found, len(asked)) == ([], 4)


def test_hostile_names_and_words_are_inert_on_every_page_of_power(
    gateway: RunningGateway, at_dana: Tab, clock: Clock
) -> None:
    """349"""
    record = say_something(gateway, clock, hold_of(ask_about(gateway)))
    paths = ("halts", f"halts/{record}", "dissents", "observers", f"records/{record}")
    bodies = [at_dana.get(f"/console/{path}").body.decode() for path in paths]
    confirm = fill(at_dana, "/console/halts", **{**HALT, "scope": "model", "target": HOSTILE[:200]})
    for body in (*bodies, confirm.body.decode()):
        assert "hidden-char" in body
        assert re.search(r"<(script>|img|style|form action=https|a href=.?javascript)", body) is None
        assert "\u202e" not in body


@pytest.mark.parametrize("name", ["scope", "target", "caller"])
def test_what_a_link_fills_in_is_shown_and_nothing_of_it_runs(at_dana: Tab, name: str) -> None:
    """349: reflected"""
    body = at_dana.get(f"/console/halts?{name}=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").body
    assert b"<script>alert" not in body


def test_the_page_of_observers_has_the_counts_and_the_digest_of_the_interface(
    gateway: RunningGateway, at_dana: Tab, clock: Clock
) -> None:
    ask_about(gateway)
    gateway.records()
    size = gateway.service.ledger.published_size
    told = read_oversight(gateway, ANNA, clock, size)
    body = unescape(at_dana.get(f"/console/observers?size={size}").body.decode())
    assert told["digest"] in body
    for verdict, count in told["view"]["deployments"]["desk"].items():
        assert f"{count} {verdict.replace('_', ' ')}" in body
    tiles = dict(re.findall(r"<dt>(\w+)</dt><dd>([\d,]+)</dd>", body))
    wanted = {name.capitalize(): str(count) for name, count in told["view"]["holds"]["by_status"].items()}
    assert tiles == wanted
    assert at_dana.get("/console/observers?size=0").status == 400
    assert at_dana.get("/console/observers?size=x").status == 400


def read_oversight(gateway: RunningGateway, who: Somebody, clock: Clock, size: int) -> dict[str, Any]:
    statement = mint_reading(who.person, gateway.service.ledger.origin, clock(), who.key)
    headers = {"authorization": "Caveat-Overseer " + base64.urlsafe_b64encode(statement).decode()}
    return dict(send(gateway.url, f"/v1/oversight?size={size}", b"", headers, "GET").json)
