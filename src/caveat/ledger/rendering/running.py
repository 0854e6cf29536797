"""What a record says of the gateway itself, as JSON. Pure."""

from types import MappingProxyType

from caveat.ledger.record import (
    AssayRecord,
    HeartbeatRecord,
    KeyRecord,
    PathsRecord,
    RoutesRecord,
    StartRecord,
    StoppedRecord,
)
from caveat.ledger.rendering.body import Bodies, mark
from caveat.signing.canonical import Json, JsonObject


def _start(record: StartRecord) -> JsonObject:
    said: JsonObject = {"bundle": record.bundle, "version": record.version, "origin": record.origin}
    return said | mark(development=record.development)


def _assay(record: AssayRecord) -> JsonObject:
    return {
        "bundle": record.bundle,
        "envelope": record.envelope,
        "key": record.key,
        "run": record.run,
        "complete": record.complete,
        "arms": [
            {
                "arm": one.arm,
                "unsafe": one.unsafe,
                "uses": one.uses,
                "twins_passed": one.twins_passed,
                "twins": one.twins,
            }
            for one in record.arms
        ],
    }


def _paths(record: PathsRecord) -> JsonObject:
    rows: list[Json] = [
        {
            "endpoint": one.endpoint,
            "direction": one.direction,
            "what": one.what,
            "stream": one.stream,
            "why": one.why,
        }
        for one in record.open
    ]
    return {"bundle": record.bundle, "planted": record.planted, "open": rows}


BODIES: Bodies = MappingProxyType(
    {
        StartRecord: ("start", _start),
        RoutesRecord: ("routes", lambda record: {"routes": record.routes}),
        AssayRecord: ("assay", _assay),
        PathsRecord: ("paths", _paths),
        HeartbeatRecord: (
            "heartbeat",
            lambda record: {"every_seconds": record.every_seconds, "witnessed": record.witnessed},
        ),
        KeyRecord: ("key", lambda record: {"before": record.before, "after": record.after}),
        StoppedRecord: ("stopped", lambda record: {"reason": record.reason}),
    }
)
