"""What is told of reviews and incidents, and what an incident touches."""

from datetime import UTC, datetime, timedelta

from caveat.ledger.record import IncidentRecord, SampleRecord
from caveat.oversight.book import Book
from caveat.oversight.chronicle import REASONS, Chronicle
from caveat.oversight.demanded import Demands
from caveat.oversight.notices import Event, notices_of, review_due, review_overdue
from caveat.signing.digest import Digest

AT = "2026-01-01T00:00:00.000Z"
BY = "2026-01-02T00:00:00.000Z"
USE = "3-0123456789abcdef"


def demands() -> Demands:
    found = Demands(Book())
    found.fold(SampleRecord(AT, USE, 1, "chat", "key:a", ("C1",), None, BY), "4-0123456789abcdef")
    return found


def test_an_incident_is_told_with_counts_and_ids_alone() -> None:
    record = IncidentRecord(AT, USE, USE, "sample_wrong", (USE,), 1, Digest("0" * 64), 9)
    (told,) = notices_of(record, "9-0123456789abcdef")
    assert (told.event, told.about) == (Event.INCIDENT, USE)
    assert told.said == {
        "record": "9-0123456789abcdef",
        "about": USE,
        "cause": USE,
        "reason": "sample_wrong",
        "affected": 1,
    }


def test_an_incident_stands_in_the_chronicle_under_every_reason() -> None:
    chronicle = Chronicle()
    for number, reason in enumerate(REASONS):
        chronicle.fold(IncidentRecord(AT, USE, USE, reason, (), 0, Digest("0" * 64), 9), f"{number}-a")
    assert [bool(one.incident) for one in chronicle.newest()] == [True] * 3
    assert [one.is_named(USE) for one in chronicle.newest()] == [True] * 3


def test_a_review_is_told_of_once_when_it_is_due_and_once_when_it_is_overdue() -> None:
    (demand,) = demands().due()
    assert review_due(demand) == review_due(demand)
    assert (review_due(demand).event, review_overdue(demand).event) == (
        Event.REVIEW_DUE,
        Event.REVIEW_OVERDUE,
    )
    assert review_due(demand).id != review_overdue(demand).id
    assert review_overdue(demand).said["review"] == USE


def test_nothing_but_a_finding_settles_a_demand() -> None:
    found = demands()
    for days in (0, 1, 400):
        (demand,) = found.due()
        assert demand.is_overdue(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)) == (days > 0)
