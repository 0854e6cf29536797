"""What pages show, as plain values: out of holds, records and the bundle in force. Pure, and no HTML."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson

from caveat.facts.value import render_value
from caveat.ledger.record import (
    BundleRecord,
    DecisionRecord,
    DissentRecord,
    FindingRecord,
    Follows,
    IncidentRecord,
    Record,
    ReviewRecord,
    SampleRecord,
)
from caveat.ledger.wire import render_record
from caveat.oversight.chronicle import Noted
from caveat.oversight.untrusted import decoded
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json, StrictJsonError, parse_strict

MAX_TEXT = 200_000
"""Characters of one piece of content on a page; more is counted and left out, and what is signed is named."""

PER_PAGE = 50
_BRIEF = 60


@dataclass(frozen=True, slots=True)
class Piece:
    """A text within the content, at its place."""

    pointer: str
    text: str
    left_out: int

    @property
    def brief(self) -> bool:
        """Whether it fits beside its place: a role, a number, a model's name."""
        return bool(self.pointer) and len(self.text) <= _BRIEF and "\n" not in self.text


@dataclass(frozen=True, slots=True)
class Line:
    """A record in a list."""

    id: str
    time: str
    kind: str
    verdict: str
    deployment: str
    said: str
    clauses: tuple[str, ...]
    links: tuple["Link", ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Other records that a record names, by what they are to it. `more`: so many that it only counts."""

    what: str
    ids: tuple[str, ...]
    more: int = 0


def pieces_of(content: bytes) -> tuple[Piece, ...]:
    """Every text in the content at its place, or all of it as one where it is no JSON."""
    try:
        value = parse_strict(content, max_bytes=64 * 1024 * 1024, floats=True)
    except StrictJsonError:
        return (_piece("", decoded(content)),)
    return tuple(_piece(pointer, text) for pointer, text in _texts(value, ""))


def raw_of(content: bytes) -> Piece:
    """The content byte by byte, as it would go on."""
    return _piece("", decoded(content))


def _piece(pointer: str, text: str) -> Piece:
    return Piece(pointer, text[:MAX_TEXT], max(0, len(text) - MAX_TEXT))


def _texts(value: Json, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, f"{pointer}/{name}")
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _texts(one, f"{pointer}/{place}")
    else:
        yield pointer, value if isinstance(value, str) else orjson.dumps(value).decode()


def hold_values(shown: dict[str, Any]) -> dict[str, Any]:
    """A hold as its page shows it."""
    content = base64.b64decode(shown["content"])
    cases = [
        {
            "facts": [{**fact, "value": orjson.dumps(fact["value"]).decode()} for fact in case["facts"]],
            "claims": orjson.dumps(case["claims"]).decode() if case["claims"] else "",
        }
        for case in shown["view"]["cases"]
    ]
    return {
        "view": shown["view"],
        "action": shown["action"],
        "first_shown_at": shown["first_shown_at"],
        "afterwards": [
            {**one, "within": span(timedelta(seconds=one["seconds"]))}
            for one in shown["view"].get("afterwards", ())
        ],
        "cases": cases,
        "pieces": pieces_of(content),
        "raw": raw_of(content),
    }


def lines(noted: Iterable[Noted]) -> list[Line]:
    """Records as a list shows them."""
    return [_line(one) for one in noted]


def _line(noted: Noted) -> Line:
    record = noted.record
    verdict, deployment, said, clauses = "", "", noted.incident, tuple[str, ...]()
    match record:
        case DecisionRecord():
            verdict, deployment = record.decision.verdict.value, record.deployment
            clauses = record.decision.clauses
            said = said or record.decision.reason.value
        case ReviewRecord():
            verdict = record.act
            said = said or f"{record.role}, about hold {record.hold}"
        case BundleRecord():
            said = "a policy came into force"
        case FindingRecord():
            verdict = record.finding
            said = said or f"{record.role}, {record.code.replace('_', ' ') or 'nothing'} is wrong with it"
        case SampleRecord():
            deployment, clauses = record.deployment, record.clauses
            said = f"drawn for a review, due by {record.review_by[:16].replace('T', ' ')} UTC"
        case _:
            deployment = str(getattr(record, "deployment", ""))
    return Line(noted.id, record.time, noted.kind, verdict, deployment, said, clauses, tuple(_links(record)))


def _links(record: Record) -> Iterator[Link]:
    match record:
        case IncidentRecord():
            yield Link("about", (record.about,))
            if record.cause != record.about:
                yield Link("found in", (record.cause,))
            yield Link("touches", record.affected, record.affected_count - len(record.affected))
        case FindingRecord() | SampleRecord() | DissentRecord():
            yield Link("about", (record.about,))
        case ReviewRecord():
            yield Link("about", (record.hold,))
        case _:
            return


def record_text(noted: Noted) -> str:
    """The record as it stands in the ledger, for people."""
    return orjson.dumps(render_record(noted.record), option=orjson.OPT_INDENT_2).decode()


def diff_of(noted: Noted | None) -> Follows | None:
    """How the newest bundle came to follow, where the log says so."""
    return noted.record.follows if noted is not None and isinstance(noted.record, BundleRecord) else None


def deployment_rows(bundle: Bundle, noted: Iterable[Noted]) -> list[dict[str, Any]]:
    """The registered deployments, with how many of the newest decisions were theirs, by verdict."""
    counts: dict[str, dict[str, int]] = {}
    for one in noted:
        if isinstance(one.record, DecisionRecord):
            row = counts.setdefault(one.record.deployment, {})
            verdict = one.record.decision.verdict.value
            row[verdict] = row.get(verdict, 0) + 1
    return [
        {
            "id": name,
            "kind": one.kind,
            "operator": one.operator,
            "mode": one.mode,
            "facts": [
                (fact, orjson.dumps(render_value(value)).decode())
                for fact, value in sorted(one.facts.items())
            ],
            "counts": counts.get(name, {}),
        }
        for name, one in sorted(bundle.deployments.items())
    ]


def start_of(query: Mapping[str, str]) -> int:
    """Where in a list a page begins; at its beginning for whatever is no number."""
    text = query.get("start", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0


def query_of(values: Mapping[str, str]) -> str:
    """What a link to another part of the same list keeps, as it stands before `start=` or `before=`."""
    said = urlencode({name: value for name, value in values.items() if value})
    return f"{said}&" if said else ""


def last_of(path: str) -> str:
    """The name at the end of a path."""
    return path.rstrip("/").rpartition("/")[2]


def span(length: timedelta) -> str:
    """So long, in the largest unit that says enough."""
    seconds = max(0, int(length.total_seconds()))
    for size, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
