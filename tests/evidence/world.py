"""A small world for tests: a registry, issuers with throw-away keys, and statements that hold in it."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from caveat.evidence.check import Checked, EvidenceChecker, Use
from caveat.evidence.envelope import VerifiedCache
from caveat.evidence.statement import Statement, Subject, mint_envelope
from caveat.evidence.trust import Trust, parse_trust
from caveat.facts.registry import Registry, parse_registry
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DEPLOYMENT = "agency-desk"
DATA = b"device_id,place\nd1,a\nd2,b\n"
DATA_DIGEST = sha256(DATA)
ACTION = sha256(b"this action")


def key_of(name: str, algorithm: Algorithm = Algorithm.ED25519) -> PrivateKey:
    return private_key_from_seed(algorithm, sha256(name.encode()).encode()[:32])


OWNER, REGISTRAR, DESK, APPROVER, STRANGER = map(
    key_of, ("owner", "registrar", "desk", "approver", "stranger")
)
REGISTRAR_P256 = key_of("registrar", Algorithm.P256)


def registry() -> Registry:
    common = {"amend": "all", "text": "for tests"}
    return parse_registry(
        {
            "acquisition_channel": {
                "type": "enum",
                "values": ["first_party", "purchased", "unknown"],
                "unknown": ["unknown"],
                "severest": "purchased",
                "attested_by": ["data_owner"],
                "about": "data",
                **common,
            },
            "data_category": {
                "type": "set",
                "values": ["none", "precise_geolocation", "personal_health"],
                "empty_is_unknown": True,
                "severest": ["precise_geolocation"],
                "attested_by": ["data_owner", "registration"],
                "join": "union",
                "about": "data",
                **common,
            },
            "subject_count": {
                "type": "long",
                "hi": 10_000_000_000,
                "severest": 10_000_000_000,
                "attested_by": ["data_owner", "registration"],
                "observed_by": ["counter"],
                "join": "total",
                "about": "data",
                **common,
            },
            "cumulative_subject_count_12m": {
                "type": "long",
                "hi": 10_000_000_000,
                "severest": 10_000_000_000,
                "attested_by": ["totals_service"],
                "observed_by": ["totals"],
                "neutral": 0,
                "join": "greatest",
                **common,
            },
            "deployer_verified": {
                "type": "bool",
                "severest": False,
                "attested_by": ["registrar", "registration"],
                "about": "deployment",
                **common,
            },
            "task": {
                "type": "enum",
                "values": ["summarize_document", "locate_person"],
                "severest": "locate_person",
                "attested_by": ["registrar"],
                **common,
            },
            "review_seconds_median": {
                "type": "long",
                "hi": 86_400,
                "severest": 0,
                "attested_by": ["oversight_service"],
                "observed_by": ["review"],
                "neutral": 0,
                **common,
            },
        }
    )


REGISTRY = registry()


def issuer_table(key: PrivateKey, **changes: Any) -> dict[str, Any]:
    return {
        "role": "data_owner",
        "party": "customer",
        "key": key.public().render(),
        "purpose": "evidence",
        "facts": ["acquisition_channel", "data_category", "subject_count"],
        "namespaces": ["*"],
        "max_age_seconds": 365 * 86_400,
        "max_lifetime_seconds": 365 * 86_400,
    } | changes


def trust_table(**changes: Any) -> dict[str, Any]:
    registrar = {"role": "registrar", "facts": ["task", "deployer_verified"]}
    return {
        "version": 1,
        "expires_at": "2035-01-01T00:00:00Z",
        "issuers": {
            "owner": issuer_table(OWNER),
            "registrar": issuer_table(REGISTRAR, **registrar),
            "registrar-p256": issuer_table(REGISTRAR_P256, **registrar),
            "desk-key": issuer_table(DESK, deployment=DEPLOYMENT),
            "approver": issuer_table(APPROVER, purpose="approval"),
        },
    } | changes


def trust_bytes(table: dict[str, Any]) -> bytes:
    import tomli_w

    return tomli_w.dumps(table).encode()


def trust(**owner: Any) -> Trust:
    """The trust policy, with changes to what it says of the data owner."""
    table = trust_table()
    table["issuers"]["owner"] |= owner
    return parse_trust(trust_bytes(table))


TRUST = trust()


def statement(**changes: Any) -> Statement:
    said: dict[str, Any] = {
        "issuer": "owner",
        "subjects": (Subject("devices", DATA_DIGEST),),
        "facts": {"acquisition_channel": "first_party"},
        "audience": (DEPLOYMENT,),
        "issued_at": NOW - DAY,
        "expires_at": NOW + DAY,
        "id": "statement-1",
    }
    return Statement(**(said | changes))


def mint(*keys: PrivateKey, **changes: Any) -> bytes:
    """An envelope that is accepted unless something is changed."""
    return mint_envelope(statement(**changes), keys or (OWNER,))


def resigned(payload: Any, key: PrivateKey = OWNER, payload_type: str | None = None) -> bytes:
    """An envelope over any payload, well signed: bytes, or a value that is written as JSON."""
    from caveat.signing.dsse import IN_TOTO, sign_envelope

    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return sign_envelope(data, IN_TOTO if payload_type is None else payload_type, [key])


def nobody(_once: Digest) -> Digest | None:
    return None


def use(
    *,
    deployment: str = DEPLOYMENT,
    parts: Sequence[Digest] = (DATA_DIGEST,),
    now: datetime = NOW,
    consumer: Callable[[Digest], Digest | None] = nobody,
    action: Digest = ACTION,
) -> Use:
    return Use(deployment, action, frozenset(parts), now, consumer)


def checker(policy: Trust = TRUST) -> EvidenceChecker:
    return EvidenceChecker(policy, REGISTRY, VerifiedCache())


def check(raw: bytes, policy: Trust = TRUST, *, presented: bool = True, **about: Any) -> Checked:
    return checker(policy).check(raw, use(**about), presented=presented)
