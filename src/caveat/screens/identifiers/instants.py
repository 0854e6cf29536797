"""Days that dates and times in content fall on. Pure."""

import re
from datetime import UTC, date, datetime

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?!\d)")
_OTHER = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})\Z")
_DIGITS = re.compile(r"\d{9,13}(?:\.\d{1,9})?\Z")
_COMPACT = re.compile(r"(19|20)\d{6}\Z")
_EPOCH = date(1970, 1, 1)
_MILLISECONDS = 100_000_000_000


def day_of(text: str) -> int | None:
    """The day since 1970-01-01 of an ISO 8601 date or time, or of seconds or milliseconds since then."""
    text = text.strip()
    day = is_date(text)
    if day is not None:
        return (date.fromisoformat(day) - _EPOCH).days
    if _DIGITS.match(text):
        seconds = float(text)
        seconds = seconds / 1000 if seconds >= _MILLISECONDS else seconds
        return (datetime.fromtimestamp(seconds, UTC).date() - _EPOCH).days
    return None


def is_date(text: str) -> str | None:
    """A date as `YYYY-MM-DD`, however it is written; day before month where both are possible."""
    text = text.strip()
    found = _DATE.match(text)
    if found is not None:
        return _valid(int(found[1]), int(found[2]), int(found[3]))
    other = _OTHER.match(text)
    if other is not None:
        first, second, year = int(other[1]), int(other[2]), int(other[3])
        return _valid(year, second, first) or _valid(year, first, second)
    if _COMPACT.match(text):
        return _valid(int(text[:4]), int(text[4:6]), int(text[6:]))
    return None


def _valid(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
