"""What people decided, halted and objected to, and which holds were planted, as JSON. Pure."""

from types import MappingProxyType

from caveat.ledger.record import DissentRecord, HaltRecord, PlantedRecord, ReviewRecord
from caveat.ledger.rendering.body import Bodies, signed
from caveat.signing.canonical import JsonObject


def _review(record: ReviewRecord) -> JsonObject:
    return {
        "hold": record.hold,
        "act": record.act,
        "role": record.role,
        "person": record.person,
        "key": record.key,
        "envelope": record.envelope,
        "statement": record.statement,
        "shown_at": record.shown_at,
        "defect": record.defect,
    }


def _halt(record: HaltRecord) -> JsonObject:
    return {
        "act": record.act,
        "scope": record.scope,
        "target": record.target,
        "caller": record.caller,
        "halt": record.halt,
        "second": record.second,
        **signed(record),
    }


def _dissent(record: DissentRecord) -> JsonObject:
    return {
        "about": record.about,
        "number": record.number,
        "previous": record.previous,
        "link": record.link,
        **signed(record),
    }


BODIES: Bodies = MappingProxyType(
    {
        ReviewRecord: ("review", _review),
        HaltRecord: ("halt", _halt),
        DissentRecord: ("dissent", _dissent),
        PlantedRecord: ("planted", lambda record: {"hold": record.hold, "nonce": record.nonce}),
    }
)
