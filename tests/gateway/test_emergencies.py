"""Approvals in an emergency: two persons, a day at most, and a review afterwards that is demanded."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from caveat.ledger.record import parse_time
from tests.support.overseers import ANNA, BEN, DESK, Clock, Somebody, ask_about, hold_of, read, status
from tests.support.powers import look, post
from tests.support.raw_client import Answer
from tests.support.reviews import (
    EMERGENCY,
    IDA,
    JON,
    UNCLEARED,
    approve,
    due,
    find,
    review,
    reviewed_bundle,
    statement,
    step,
)
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream

OWN = Somebody("own", role="auditor", cleared=("*",), callers=(DESK,))
SOUTH = Somebody("south", role="auditor", cleared=("*",), line="of-desk")
CALLER = Somebody("caller", role="officer", line="of-desk", callers=(DESK,))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    files = reviewed_bundle(EMERGENCY, OWN).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as running:
        yield running


def emergency(gateway: RunningGateway, clock: Clock, tag: str = "d") -> str:
    """A use that two officers let through; returns its hold."""
    hold = hold_of(ask_about(gateway, tag=tag))
    assert [one.status for one in approve(gateway, clock, hold)] == [201, 201]
    assert ask_about(gateway, tag=tag).status == 200
    return hold


def code(answer: Answer) -> str:
    return str(answer.error["code"])


def test_it_takes_two_persons_and_lasts_a_day_at_most(gateway: RunningGateway, clock: Clock) -> None:
    hold = hold_of(ask_about(gateway))
    shown = read(gateway, ANNA, clock(), hold).json
    opened, expires = (parse_time(shown["view"][name]) for name in ("opened_at", "expires_at"))
    assert expires - opened == timedelta(hours=24)
    assert shown["view"]["afterwards"] == [{"role": "officer", "reviewers": ["auditor"], "seconds": 1200}]
    assert approve(gateway, clock, hold, ANNA)[0].status == 201
    assert ask_about(gateway).status == 403
    assert due(gateway, IDA, clock()) == []
    assert approve(gateway, clock, hold, BEN)[0].status == 201
    clock.move(86_400)
    assert ask_about(gateway).status == 403


def test_a_longer_wait_of_the_bundle_does_not_lengthen_it(
    module_upstream: ScriptedUpstream, clock: Clock, tmp_path: Path
) -> None:
    oversight = "hold_seconds = 604800\n" + EMERGENCY
    with running_gateway(
        tmp_path, module_upstream.url, reviewed_bundle(oversight).files(), clock=clock
    ) as gateway:
        hold = hold_of(ask_about(gateway))
        view = read(gateway, ANNA, clock(), hold).json["view"]
        assert parse_time(view["expires_at"]) - parse_time(view["opened_at"]) == timedelta(hours=24)


def test_both_approvals_open_a_review_that_is_due(gateway: RunningGateway, clock: Clock) -> None:
    hold = emergency(gateway, clock)
    (row,) = due(gateway, IDA, clock())
    assert (row["review"], row["kind"], row["roles"], row["overdue"]) == (
        hold,
        "emergency",
        ["auditor"],
        False,
    )
    assert parse_time(row["review_by"]) == clock() + timedelta(seconds=1200)
    assert 'caveat_reviews_due{of="emergency"} 1.0' in gateway.service.metrics.render().decode()


def test_its_review_reads_what_its_approvers_read(gateway: RunningGateway, clock: Clock) -> None:
    hold = emergency(gateway, clock)
    shown = review(gateway, IDA, clock(), hold).json
    assert shown["action"] == read(gateway, ANNA, clock(), hold).json["action"]
    assert shown["view"]["requester"] == DESK


def test_who_is_not_cleared_asked_or_apart_from_it_reads_nothing(
    gateway: RunningGateway, clock: Clock
) -> None:
    hold = emergency(gateway, clock)
    for who in (UNCLEARED, JON, ANNA, OWN):
        assert due(gateway, who, clock()) == []
        assert code(review(gateway, who, clock(), hold)) == "unknown_review"


def test_a_review_settles_it(gateway: RunningGateway, clock: Clock) -> None:
    hold = emergency(gateway, clock)
    shown = review(gateway, IDA, clock(), hold).json
    clock.move(11)
    answer = find(gateway, IDA, clock(), shown)
    assert (answer.status, answer.json["counts"]) == (201, True)
    assert due(gateway, IDA, clock()) == []
    clock.move(2000)
    step(gateway)
    assert gateway.records("incident") == []
    assert emergency(gateway, clock, tag="e")


def test_what_is_overdue_blocks_further_ones_until_it_is_reviewed(
    gateway: RunningGateway, clock: Clock
) -> None:
    first = emergency(gateway, clock)
    waiting = hold_of(ask_about(gateway, tag="e"))
    approved = hold_of(ask_about(gateway, tag="f"))
    assert [one.status for one in approve(gateway, clock, approved)] == [201, 201]
    clock.move(1200)
    assert [code(one) for one in approve(gateway, clock, waiting)] == ["approval_review_overdue"] * 2
    assert ask_about(gateway, tag="f").status == 403
    assert "has to be reviewed" in status(gateway, approved).json["next"]
    step(gateway)
    reasons = [one["reason"] for one in gateway.records("incident")]
    assert reasons == ["review_overdue"] * 2  # the one that was approved and not used is overdue as well
    for hold in (first, approved):
        shown = review(gateway, IDA, clock(), hold).json
        clock.move(11)
        assert find(gateway, IDA, clock(), shown).status == 201
    assert ask_about(gateway, tag="f").status == 200


def test_a_bundle_may_let_further_ones_count_and_the_incident_is_opened_all_the_same(
    module_upstream: ScriptedUpstream, clock: Clock, tmp_path: Path
) -> None:
    files = reviewed_bundle(EMERGENCY + "blocks = false\n").files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        emergency(gateway, clock)
        clock.move(1200)
        assert emergency(gateway, clock, tag="e")
        step(gateway)
        assert [one["reason"] for one in gateway.records("incident")] == ["review_overdue"]


def test_an_unjustified_one_opens_an_incident_with_what_it_let_through(
    gateway: RunningGateway, clock: Clock
) -> None:
    hold = emergency(gateway, clock)
    shown = review(gateway, IDA, clock(), hold).json
    answer = find(gateway, IDA, clock(), shown, "wrong", code="unjustified")
    assert answer.status == 201
    step(gateway)
    step(gateway)
    (incident,) = gateway.records("incident")
    assert (incident["reason"], incident["cause"]) == ("emergency_wrong", answer.json["record"])
    let_through = [one for one in gateway.records() if one["verdict"] == "allow"]
    assert incident["affected_count"] == len(let_through) == 2  # the prompt and its answer


@pytest.mark.parametrize("who", [OWN, SOUTH], ids=["who-asked", "of-their-line"])
def test_whoever_asked_or_is_of_their_line_does_not_review(
    who: Somebody, module_upstream: ScriptedUpstream, clock: Clock, tmp_path: Path
) -> None:
    files = reviewed_bundle(EMERGENCY, *({OWN} if who is OWN else {SOUTH, CALLER})).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        hold = hold_of(ask_about(gateway))
        approve(gateway, clock, hold)
        shown = review(gateway, IDA, clock(), hold).json
        review(gateway, who, clock(), hold)
        clock.move(11)
        answer = find(gateway, who, clock(), shown)
        assert code(answer) == {OWN: "finding_own_use", SOUTH: "finding_own_line"}[who]


def test_whoever_approved_it_does_not_review_it(
    module_upstream: ScriptedUpstream, clock: Clock, tmp_path: Path
) -> None:
    oversight = EMERGENCY.replace('["auditor"]', '["auditor", "officer"]')
    cleared = [
        Somebody(one.person, line=one.line, cleared=("*",), algorithm=one.algorithm) for one in (ANNA, BEN)
    ]
    bundle = reviewed_bundle(oversight)
    trust = bundle.extra["trust.toml"].decode()
    for old, new in zip((ANNA, BEN), cleared, strict=True):
        trust = trust.replace(old.enrolled(), new.enrolled())
    bundle.extra["trust.toml"] = trust.encode()
    with running_gateway(tmp_path, module_upstream.url, bundle.files(), clock=clock) as gateway:
        hold = emergency(gateway, clock)
        shown = review(gateway, IDA, clock(), hold).json
        clock.move(11)
        assert due(gateway, cleared[0], clock()) == []
        assert code(find(gateway, cleared[0], clock(), shown)) == "finding_own_approval"


def test_a_glance_is_no_review_and_is_on_record(gateway: RunningGateway, clock: Clock) -> None:
    hold = emergency(gateway, clock)
    unseen = {"review": hold, "action": read(gateway, ANNA, clock(), hold).json["action"]}
    assert code(find(gateway, IDA, clock(), unseen)) == "finding_not_shown"
    clock.move(1)
    shown = review(gateway, IDA, clock(), hold).json
    assert code(find(gateway, IDA, clock(), shown)) == "finding_too_fast"
    clock.move(11)
    assert find(gateway, IDA, clock(), shown).status == 201
    assert [one["defect"] for one in gateway.records("finding")] == ["not_shown", "too_fast", ""]


def test_what_is_signed_otherwise_is_not_taken(gateway: RunningGateway, clock: Clock) -> None:
    hold = emergency(gateway, clock)
    shown = review(gateway, IDA, clock(), hold).json
    clock.move(11)
    send = [
        (find(gateway, IDA, clock(), shown, key=ANNA.key), "statement_issuer"),
        (find(gateway, IDA, clock(), shown, origin="another.invalid/log"), "statement_audience"),
        (find(gateway, IDA, clock(), shown, "wrong", code=""), "finding_incomplete"),
        (find(gateway, IDA, clock(), shown, code="unjustified"), "finding_incomplete"),
        (find(gateway, IDA, clock(), shown, role="officer"), "unknown_review"),
        (find(gateway, UNCLEARED, clock(), shown), "unknown_review"),
        (find(gateway, IDA, clock(), shown, shown="1" * 64), "finding_other_view"),
    ]
    assert [code(answer) for answer, _ in send] == [expected for _, expected in send]
    assert len(gateway.records("finding")) == 1


def test_a_finding_serves_once_and_wrong_is_never_too_late(gateway: RunningGateway, clock: Clock) -> None:
    hold = emergency(gateway, clock)
    shown = review(gateway, IDA, clock(), hold).json
    clock.move(11)
    said = statement(gateway, IDA, clock(), shown)
    assert post(gateway, "/v1/reviews", said).status == 201
    assert code(post(gateway, "/v1/reviews", said)) == "statement_given_before"
    clock.move(11)
    assert code(find(gateway, IDA, clock(), shown)) == "finding_reviewed_before"
    assert find(gateway, IDA, clock(), shown, "wrong").status == 201
    assert code(find(gateway, IDA, clock(), shown, "wrong", code="unjustified")) == "finding_reviewed_before"


def test_observers_see_it_without_names_or_content(gateway: RunningGateway, clock: Clock) -> None:
    hold = emergency(gateway, clock)
    clock.move(1200)
    step(gateway)
    seen = look(gateway, IDA, clock(), "/v1/oversight").json["view"]["reviewed_afterwards"]
    assert seen["due"] == {"sample": 0, "emergency": 1}
    assert seen["overdue"] == {"sample": 0, "emergency": 1}
    assert seen["incidents"]["count"] == 1
    shown = review(gateway, IDA, clock(), hold).json
    find(gateway, IDA, clock(), shown, "wrong")
    step(gateway)
    step(gateway)
    seen = look(gateway, IDA, clock(), "/v1/oversight").json["view"]["reviewed_afterwards"]
    assert (seen["due"]["emergency"], seen["findings"]) == (0, {"emergency": {"wrong": 1}})
    assert seen["incidents"]["count"] == 2
