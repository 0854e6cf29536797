"""What is drawn for a review afterwards, what is found, and what follows from that, as JSON. Pure."""

from types import MappingProxyType

from caveat.ledger.record import (
    FindingRecord,
    IncidentRecord,
    PlantedSampleRecord,
    SampleRecord,
    SamplingRecord,
)
from caveat.ledger.rendering.body import Bodies, signed
from caveat.signing.canonical import Json, JsonObject


def _sampling(record: SamplingRecord) -> JsonObject:
    return {
        "number": record.number,
        "commitment": record.commitment,
        "revealed": record.revealed,
        "bundle": record.bundle,
        "shares": [
            {"deployment": one.deployment, "clause": one.clause, "percent": one.percent, "least": one.least}
            for one in record.shares
        ],
        "review_seconds": record.review_seconds,
    }


def _sample(record: SampleRecord) -> JsonObject:
    return {
        "about": record.about,
        "period": record.period,
        "deployment": record.deployment,
        "requester": record.requester,
        "clauses": list[Json](record.clauses),
        "hold": record.hold,
        "review_by": record.review_by,
    }


def _finding(record: FindingRecord) -> JsonObject:
    return {
        "about": record.about,
        "of": record.kind,
        "finding": record.finding,
        "code": record.code,
        "role": record.role,
        "shown": record.shown,
        "shown_at": record.shown_at,
        "defect": record.defect,
        **signed(record),
    }


def _incident(record: IncidentRecord) -> JsonObject:
    return {
        "about": record.about,
        "cause": record.cause,
        "reason": record.reason,
        "affected": list[Json](record.affected),
        "affected_count": record.affected_count,
        "affected_digest": record.affected_digest,
        "size": record.size,
    }


BODIES: Bodies = MappingProxyType(
    {
        SamplingRecord: ("sampling", _sampling),
        SampleRecord: ("sample", _sample),
        PlantedSampleRecord: (
            "planted_sample",
            lambda record: {"about": record.about, "period": record.period},
        ),
        FindingRecord: ("finding", _finding),
        IncidentRecord: ("incident", _incident),
    }
)
