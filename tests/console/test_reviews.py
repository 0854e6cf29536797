"""What went through, reviewed afterwards on pages: who sees it, what they sign, and what comes of it."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from caveat.gateway.console.sessions import Sessions
from tests.console.client import Tab
from tests.console.test_power import fill, record_in, seat, token
from tests.support.console_tour import HOSTILE, ask_hostile
from tests.support.overseers import Clock, Somebody, ask_about, hold_of
from tests.support.passkeys import Authenticator
from tests.support.raw_client import Answer, asking, chat
from tests.support.reviews import EMERGENCY, approve, reviewed_bundle, run, sampled, step
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import CHAT_KEY

OVERSIGHT = sampled(more=EMERGENCY.removeprefix("version = 1\n"))
RIGHT = {"role": "auditor", "finding": "right"}
WRONG = {"role": "auditor", "finding": "facts_untrue"}


@pytest.fixture
def rita(base: str) -> Authenticator:
    return Authenticator("rita", role="auditor", cleared=("*",), origin=base, rp_id="localhost")


@pytest.fixture
def stan(base: str) -> Authenticator:
    """In the role, and cleared for another deployment."""
    return Authenticator("stan", role="auditor", cleared=("desk",), origin=base, rp_id="localhost")


@pytest.fixture
def gateway(
    clock: Clock,
    module_upstream: ScriptedUpstream,
    tmp_path: Path,
    port: int,
    rita: Authenticator,
    stan: Authenticator,
    dana: Authenticator,
) -> Iterator[RunningGateway]:
    files = reviewed_bundle(OVERSIGHT, rita, stan, dana).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock, port=port) as running:
        yield running


@pytest.fixture
def at_rita(gateway: RunningGateway, rita: Authenticator) -> Tab:
    return seat(gateway, rita)


def use(gateway: RunningGateway, words: str = "Write a note.") -> str:
    """A use that went through, and is drawn; returns its record."""
    answer = chat(gateway.url, CHAT_KEY, asking(words))
    assert answer.status == 200, answer.body
    step(gateway)
    return answer.headers["x-caveat-record"]


def emergency(gateway: RunningGateway, clock: Clock) -> str:
    hold = hold_of(ask_hostile(gateway))
    assert [one.status for one in approve(gateway, clock, hold)] == [201, 201]
    return hold


def look(tab: Tab, about: str) -> str:
    page = tab.get(f"/console/reviews/{about}")
    assert page.status == 200, page.body
    return page.body.decode()


def confirm(tab: Tab, about: str, said: dict[str, str]) -> Answer:
    """The first of the two steps, over what is shown."""
    shown = re.search(r'name="shown" value="(\w+)"', look(tab, about))
    assert shown is not None
    return fill(tab, f"/console/reviews/{about}", shown=shown[1], **said)


def find(tab: Tab, who: Authenticator, about: str, said: dict[str, str]) -> Answer:
    page = confirm(tab, about, said)
    assert page.status == 200, page.body
    return tab.post(f"/console/reviews/{about}", tab.signed(page, who, "find"))


def test_what_is_due_is_listed_with_its_deadline_and_settled_by_a_passkey(
    gateway: RunningGateway, at_rita: Tab, rita: Authenticator, clock: Clock
) -> None:
    about = use(gateway)
    listed = at_rita.get("/console/reviews").body.decode()
    assert f'href="/console/reviews/{about}"' in listed
    assert "drawn by chance" in listed
    assert "in 2 h" in listed
    assert "due to you" in at_rita.get("/console/queue").body.decode()
    body = look(at_rita, about)
    assert "Write a note." in body
    assert "acquisition_channel" in body
    clock.move(11)
    record = record_in(find(at_rita, rita, about, RIGHT))
    (finding,) = (one for one in gateway.records("finding") if one["about"] == about)
    assert (finding["finding"], finding["person"], finding["defect"]) == ("right", "rita", "")
    assert record in look(at_rita, about)
    assert f'href="/console/reviews/{about}"' not in at_rita.get("/console/reviews").body.decode()


def test_a_glance_on_the_page_is_no_review_and_is_on_record(
    gateway: RunningGateway, at_rita: Tab, rita: Authenticator, clock: Clock
) -> None:
    about = use(gateway)
    look(at_rita, about)
    clock.move(9)
    answer = find(at_rita, rita, about, RIGHT)
    assert (answer.status, b"sooner after the first display" in answer.body) == (403, True)
    assert [one["defect"] for one in gateway.records("finding")] == ["too_fast"]


def test_what_is_found_wrong_is_an_incident_with_the_records_that_it_touches(
    gateway: RunningGateway, at_rita: Tab, rita: Authenticator
) -> None:
    about, later = use(gateway), use(gateway)
    finding = record_in(find(at_rita, rita, about, WRONG))
    step(gateway)
    (incident,) = gateway.records("incident")
    listed = at_rita.get("/console/incidents").body.decode()
    assert "found it wrong" in unescape(listed)
    for one in (about, finding, *incident["affected"][:5]):
        assert f'href="/console/records/{one}"' in listed
    assert later in incident["affected"]
    own = re.findall(r'href="/console/records/([^"]+)">[^<]+</a> <small>incident', listed)
    whole = at_rita.get(f"/console/records/{own[0]}").body.decode()
    assert all(f'href="/console/records/{one}"' in whole for one in incident["affected"])


def test_an_emergency_is_reviewed_on_the_page_and_says_when_it_is_too_late(
    gateway: RunningGateway, at_rita: Tab, rita: Authenticator, dana: Authenticator, clock: Clock
) -> None:
    hold = hold_of(ask_about(gateway))
    told = unescape(seat(gateway, dana).get(f"/console/holds/{hold}").body.decode())
    assert "auditor reviews it within 20 min" in told
    assert [one.status for one in approve(gateway, clock, hold)] == [201, 201]
    assert "approved in an emergency" in at_rita.get("/console/reviews").body.decode()
    clock.move(1260)
    assert "Its review is 60 s too late." in look(at_rita, hold)
    assert "1 too late" in at_rita.get("/console/reviews").body.decode()
    record_in(find(at_rita, rita, hold, {"role": "auditor", "finding": "unjustified"}))
    assert [one["code"] for one in gateway.records("finding")] == ["unjustified"]


def test_hostile_content_under_review_is_inert(gateway: RunningGateway, at_rita: Tab, clock: Clock) -> None:
    for about in (use(gateway, HOSTILE), emergency(gateway, clock)):
        body = look(at_rita, about)
        content = body[body.index('class="untrusted"') : body.index('aria-labelledby="find"')]
        assert "hidden-char" in content
        assert re.search(r"<(script|img|style|form|input|button|a )", content) is None
        assert "\u202e" not in body
        assert "<script>document.title" in unescape(content)


def test_who_is_not_cleared_or_in_the_role_learns_of_no_review_on_the_page(
    gateway: RunningGateway, stan: Authenticator, dana: Authenticator
) -> None:
    about = use(gateway)
    for who in (stan, dana):
        tab = seat(gateway, who)
        assert about not in tab.get("/console/reviews").body.decode()
        unknown = tab.get(f"/console/reviews/{about}")
        assert (unknown.status, unknown.body) == (404, tab.get("/console/reviews/9-0000000000000000").body)
        assert fill_at(tab, about, shown="0" * 64, **RIGHT).status == 404
    assert Tab(gateway).get(f"/console/reviews/{about}").status == 303


def fill_at(tab: Tab, about: str, **fields: str) -> Answer:
    """As `fill`, with the token of another page: this one does not open."""
    return tab.post(
        f"/console/reviews/{about}", {"form_token": token(tab.get("/console/dissents")), **fields}
    )


def test_forms_of_findings_from_elsewhere_change_nothing(
    gateway: RunningGateway, at_rita: Tab, rita: Authenticator, dana: Authenticator
) -> None:
    """348: CSRF, another person's statement, and one about something else"""
    about, other = use(gateway), use(gateway)
    signed = at_rita.signed(confirm(at_rita, about, WRONG), rita, "find")
    path = f"/console/reviews/{about}"
    for sent, headers in (
        ({**signed, "form_token": "0" * 64}, {}),
        (signed, {"origin": "https://evil.example"}),
        (signed, {"sec_fetch_site": "cross-site"}),
    ):
        assert at_rita.post(path, sent, **headers).status == 403
    theirs = seat(gateway, dana)
    answer = fill_at(theirs, about, **{k: v for k, v in signed.items() if k != "form_token"})
    assert (answer.status, b"by another person" in answer.body) == (403, True)
    elsewhere = at_rita.post(f"/console/reviews/{other}", signed)
    assert (elsewhere.status, b"form_foreign" in elsewhere.body) == (403, True)
    assert at_rita.post(path, signed | {"signature": ""}).status == 400
    assert gateway.records("finding") == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"finding": "fine"}, "finding_incomplete"),
        ({"finding": ""}, "finding_incomplete"),
        ({"finding": "content_missing"}, "finding_incomplete"),
        ({"finding": "unjustified"}, "finding_incomplete"),
        ({"role": "officer"}, "finding_incomplete"),
        ({"shown": "0" * 64}, "finding_other_view"),
    ],
)
def test_a_finding_that_says_nothing_is_a_clear_page(
    gateway: RunningGateway, at_rita: Tab, changed: dict[str, str], code: str
) -> None:
    about = use(gateway)
    shown = re.search(r'name="shown" value="(\w+)"', look(at_rita, about))
    assert shown is not None
    said = {"shown": shown[1], **WRONG, **changed}
    answer = fill(at_rita, f"/console/reviews/{about}", **said)
    assert (answer.status in {400, 403}, f"<code>{code}</code>" in answer.body.decode()) == (True, True)


def test_what_is_not_kept_can_only_be_found_missing(
    gateway: RunningGateway, at_rita: Tab, rita: Authenticator, clock: Clock
) -> None:
    about = use(gateway)
    clock.move(10_801)
    run(gateway, gateway.service.sampling.step())
    at_rita = seat(gateway, rita)
    body = look(at_rita, about)
    assert "is not kept" in body
    assert 'value="right"' not in body
    record_in(find(at_rita, rita, about, {"role": "auditor", "finding": "content_missing"}))


def test_a_key_in_a_file_is_told_its_command(
    module_upstream: ScriptedUpstream, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a key in a file comes in by a token or by their organisation, and signs elsewhere."""
    ida = Somebody("ida", role="auditor", cleared=("*",))
    files = reviewed_bundle(OVERSIGHT).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        about = use(gateway)
        sessions = Sessions()
        console = gateway.service.desk.console
        assert console is not None
        monkeypatch.setattr(console, "_sessions", sessions)
        tab = Tab(gateway, cookie=sessions.begin(ida.key.public().keyid, "token", clock()))
        body = look(tab, about)
        assert f"caveat approvals finding {about} wrong --code facts_untrue --role auditor" in body
        assert 'name="finding"' not in body


def test_an_empty_page_says_why(gateway: RunningGateway, dana: Authenticator, rita: Authenticator) -> None:
    assert b"Reviews are asked of auditor" in seat(gateway, dana).get("/console/reviews").body
    assert b"Nothing is due to you" in seat(gateway, rita).get("/console/reviews").body


def test_a_finding_by_a_copied_authenticator_counts_as_none(
    gateway: RunningGateway, at_rita: Tab, rita: Authenticator
) -> None:
    """294"""
    about = use(gateway)
    copied = rita.lying(counter=1)
    answer = find(at_rita, copied, about, WRONG)
    assert (answer.status, b"finding_passkey_counter" in answer.body) == (403, True)
    assert [one["defect"] for one in gateway.records("finding")] == ["passkey_counter"]
    step(gateway)
    assert gateway.records("incident") == []
