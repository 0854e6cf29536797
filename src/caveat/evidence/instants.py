"""How times and failures are written in every statement."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z\Z")

ParseCode: TypeAlias = Literal["not_json", "statement_type", "schema", "approval", "revocations"]


class StatementParseError(ValueError):
    """The payload is no statement of facts. `code` says why; `approval` and `revocations` are other kinds."""

    def __init__(self, code: ParseCode, place: str = "") -> None:
        """`place` names a field of ours, never a value."""
        super().__init__(f"no statement of facts: {code}" + (f" at `{place}`" if place else ""))
        self.code: ParseCode = code
        self.place = place


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin`, included, to `end`, excluded."""

    begin: datetime
    end: datetime

    def includes(self, moment: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.begin <= moment < self.end


def parse_time(text: str) -> datetime:
    """The instant in RFC 3339 form with `Z`; raises `ValueError` for any other form, or no instant."""
    if _TIME.match(text) is None:
        raise ValueError("a time is written `2030-01-31T12:00:00Z`")
    return datetime.fromisoformat(text)


def render_time(time: datetime) -> str:
    """RFC 3339 with `Z`, seconds or finer as given; raises `ValueError` for a time without zone."""
    if time.tzinfo is None:
        raise ValueError("a time without a zone names no instant")
    return time.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def read_life(issued_at: str, expires_at: str) -> Period:
    """The life of a statement; raises `StatementParseError` for one that does not begin and then end."""
    return read_period(issued_at, expires_at, "predicate.issued_at", "predicate.expires_at")


def read_period(begin: str, end: str, where: str, after: str) -> Period:
    """The period between two times, found at these places; raises `StatementParseError`."""
    try:
        period = Period(parse_time(begin), parse_time(end))
    except ValueError as error:
        raise StatementParseError("schema", where) from error
    if period.end <= period.begin:
        raise StatementParseError("schema", after)
    return period
