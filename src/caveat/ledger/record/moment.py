"""The time of a record: text of one fixed width, so that it sorts, which never goes back."""

from datetime import UTC, datetime

from caveat.ledger.errors import RecordParseError


def render_time(moment: datetime) -> str:
    """RFC 3339 in UTC to the millisecond, 24 characters; raises `ValueError` for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time has a zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def parse_time(text: str) -> datetime:
    """The moment of a record's time; raises `RecordParseError`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise RecordParseError("the record's time is no moment") from error
    if moment.tzinfo is None:
        raise RecordParseError("the record's time has no zone")
    return moment


def not_before(last: str, moment: str) -> str:
    """`moment`, or `last` if the clock went back: time in the log never does. As `render_time` writes."""
    return max(last, moment)
