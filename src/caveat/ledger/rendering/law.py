"""The law in force, whom it trusts, and what parties sign beside a use, as JSON. Pure."""

from types import MappingProxyType

from caveat.ledger.record import (
    BundleRecord,
    EvidenceRecord,
    Follows,
    RevocationsRecord,
    TermsRecord,
    TrustRecord,
)
from caveat.ledger.rendering.body import Bodies, mark
from caveat.signing.canonical import Json, JsonObject


def _bundle(record: BundleRecord) -> JsonObject:
    after: JsonObject = {} if record.follows is None else {"follows": _render_follows(record.follows)}
    return {"bundle": record.bundle} | mark(development=record.development) | after


def _trust(record: TrustRecord) -> JsonObject:
    said: JsonObject = {"trust": record.trust, "version": record.version, "keys": list[Json](record.keys)}
    return said | mark(development=record.development)


def _revocations(record: RevocationsRecord) -> JsonObject:
    return {
        "authority": record.authority,
        "revoked": list[Json](record.revoked),
        "envelope": record.envelope,
        "number": record.number,
    }


def _evidence(record: EvidenceRecord) -> JsonObject:
    return {
        "deployment": record.deployment,
        "envelope": record.envelope,
        "key": record.key,
        "outcome": record.outcome,
    }


def _render_follows(follows: Follows) -> JsonObject:
    return {
        "previous": follows.previous,
        "sequence": follows.sequence,
        "amendment": follows.amendment,
        "signers": list(follows.signers),
        "changes": list(follows.changes),
        "changes_count": follows.changes_count,
        "diff": follows.diff,
        "opened": list(follows.opened),
        "opened_count": follows.opened_count,
        "closed": list(follows.closed),
        "closed_count": follows.closed_count,
    }


BODIES: Bodies = MappingProxyType(
    {
        BundleRecord: ("bundle", _bundle),
        TrustRecord: ("trust", _trust),
        RevocationsRecord: ("revocations", _revocations),
        EvidenceRecord: ("evidence", _evidence),
        TermsRecord: ("terms", lambda record: {"bundle": record.bundle, "envelope": record.envelope}),
    }
)
