"""Notices as events of the Open Cybersecurity Schema Framework: class Detection Finding (2004). Pure.

A hold and what is decided of it are one finding, created and closed. Source: OCSF 1.7.0, Detection Finding.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from caveat.oversight.notices import Event, Notice
from caveat.signing.canonical import JsonObject

SCHEMA_VERSION = "1.7.0"
_CLASS, _CATEGORY = 2004, 2
_CREATE, _UPDATE, _CLOSE = 1, 2, 3
_INFORMATIONAL, _LOW, _MEDIUM, _HIGH = 1, 2, 3, 4
_KINDS: Mapping[Event, tuple[int, int, str]] = MappingProxyType(
    {
        Event.HOLD_OPENED: (_CREATE, _INFORMATIONAL, "a use waits for people"),
        Event.HOLD_DECIDED: (_CLOSE, _INFORMATIONAL, "a person decided about a use that waits"),
        Event.HOLD_EXPIRING: (_UPDATE, _LOW, "a use that waits for people is nearly out of time"),
        Event.HALTED: (_CREATE, _HIGH, "an overseer halted something"),
        Event.RELEASED: (_UPDATE, _MEDIUM, "an overseer agreed to the end of a halt"),
        Event.DISSENT: (_CREATE, _MEDIUM, "an overseer objected on the record"),
        Event.INCIDENT: (_CREATE, _HIGH, "a decision that somebody should look at"),
        Event.REVIEW_DUE: (_CREATE, _MEDIUM, "an approval in an emergency is to be reviewed"),
        Event.REVIEW_OVERDUE: (_CREATE, _HIGH, "a review of what went through was not made in time"),
        Event.OVER_SPAN: (_CREATE, _MEDIUM, "more waits than the reviewers can review in time"),
        Event.FLOORS_BROKEN: (_CREATE, _HIGH, "a reviewer's figures are below the floor"),
        Event.PATH_OPEN: (_CREATE, _HIGH, "a use that the gateway planted on a live path was not refused"),
    }
)


def title_of(event: Event) -> str:
    """The event in words."""
    return _KINDS[event][2]


def render_finding(notice: Notice, product_version: str) -> JsonObject:
    """The event with all that its class requires; what has no member there stands in `unmapped`."""
    activity, severity, title = _KINDS[notice.event]
    if notice.event is Event.HOLD_DECIDED and notice.said.get("counts") is False:
        activity = _UPDATE
    if notice.event is Event.RELEASED and notice.said.get("in_force") is False:
        activity = _CLOSE
    return {
        "activity_id": activity,
        "category_uid": _CATEGORY,
        "class_uid": _CLASS,
        "type_uid": _CLASS * 100 + activity,
        "severity_id": severity,
        "time": _milliseconds(notice.time),
        "message": title,
        "metadata": {
            "version": SCHEMA_VERSION,
            "uid": notice.id,
            "product": {"name": "Caveat", "vendor_name": "Caveat", "version": product_version},
        },
        "finding_info": {"uid": notice.about, "title": title, "types": [notice.event.value]},
        "unmapped": notice.said,
    }


def _milliseconds(moment: datetime) -> int:
    return round(moment.astimezone(UTC).timestamp() * 1000)
