"""What is remembered of holds and of decisions about them, and for how long."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caveat.call.call import Point
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.gateway.holding import Holding
from caveat.ledger.record import DecisionRecord, Held, PlantedRecord, ReviewRecord, render_time
from caveat.oversight.book import KEPT_SECONDS, Book
from caveat.oversight.hold import Asked
from caveat.service.hold_files import HoldFiles
from caveat.signing.digest import Digest
from caveat.store.holds import SqliteHolds

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = timedelta(seconds=KEPT_SECONDS)
DAY = timedelta(days=1)
NAME = Digest("a" * 64)
ASKED = Asked("desk", "key:a", NAME, Digest("b" * 64))


def waits(at: datetime) -> DecisionRecord:
    """A use that waits for an officer for a day."""
    return DecisionRecord(
        time=render_time(at),
        point=Point.PROMPT,
        protocol="openai-chat-completions",
        deployment=ASKED.deployment,
        principal=ASKED.requester,
        model="model",
        action="chat",
        request=ASKED.action,
        bundle=ASKED.policy,
        parts=(),
        cases=(),
        decision=Decision(Verdict.NEEDS_APPROVAL, Reason.APPROVAL, (), (), ("officer",)),
        evidence=(),
        reserve=(),
        mode="enforce",
        enforced=True,
        hold=Held((("officer", 1),), render_time(at + DAY)),
    )


def decided(at: datetime, hold: str) -> ReviewRecord:
    return ReviewRecord(render_time(at), hold, "refuse", "officer", "anna", NAME, NAME, "{}", None)


def test_decisions_and_holds_are_forgotten_366_days_after_they_were_over() -> None:
    book = Book()
    book.fold(waits(BEGIN), "1-0")
    book.fold(PlantedRecord(render_time(BEGIN + DAY), "1-0", "00"), "2-0")
    book.fold(decided(BEGIN + DAY, "1-0"), "3-0")
    book.forget(BEGIN + DAY + KEPT)
    assert book.find("1-0") is not None
    assert len(book.reviews(BEGIN)) == 1
    assert list(book.revealed) == ["1-0"]
    book.forget(BEGIN + DAY + KEPT + timedelta(seconds=1))
    assert list(book.all()) == []
    assert book.reviews(BEGIN) == ()
    assert dict(book.revealed) == {}


def test_a_use_that_waits_again_goes_on_waiting_when_its_old_hold_is_forgotten() -> None:
    book = Book()
    now = BEGIN + 2 * KEPT
    book.fold(waits(BEGIN), "1-0")
    book.fold(waits(now), "2-0")
    book.forget(now)
    assert book.find("1-0") is None
    waiting = book.of(ASKED, now)
    assert waiting is not None
    assert waiting.hold.id == "2-0"


@pytest.fixture
def holding(tmp_path: Path) -> Holding:
    return Holding(Book(), HoldFiles(SqliteHolds(tmp_path / "holds.sqlite3")), lambda: BEGIN)


def test_a_gateway_that_goes_on_serving_forgets_once_a_day(holding: Holding) -> None:
    holding.fold(waits(BEGIN), "1-0")
    over = BEGIN + DAY + KEPT
    holding.fold(decided(over - timedelta(hours=1), "9-0"), "2-0")
    holding.fold(decided(over + timedelta(hours=1), "9-0"), "3-0")
    assert holding.book.find("1-0") is not None
    holding.fold(decided(over + DAY, "9-0"), "4-0")
    assert holding.book.find("1-0") is None
    assert holding.queue.waiting(over + DAY) == 0
