"""Statements of every kind that hold in the small world of `world.py`, and the trust policy for them."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from caveat.evidence.check import Checked, EvidenceChecker, Use
from caveat.evidence.instants import Period
from caveat.evidence.kinds import Engagement, LegalProcess, Place, Provenance
from caveat.evidence.predicates import Predicate, Scope
from caveat.evidence.statement import Subject
from caveat.evidence.trust import Trust, parse_trust
from caveat.facts.registry import Registry, parse_registry
from caveat.signing.digest import Digest, sha256
from tests.evidence.world import (
    DAY,
    NOW,
    OWNER,
    issuer_table,
    key_of,
    mint,
    trust_bytes,
    trust_table,
)

OFFICER, TARGETS, KEEPER = key_of("officer"), key_of("targets"), key_of("keeper")
ORDER, SCOPE, REGISTRATION = sha256(b"the order"), sha256(b"the scope"), sha256(b"the registration")
HERE = Period(NOW - DAY, NOW + DAY)


def registry() -> Registry:
    def fact(about: str, role: str, *values: str) -> dict[str, Any]:
        return {
            "type": "enum",
            "values": list(values),
            "severest": values[0],
            "attested_by": [role],
            "about": about,
            "amend": "all",
            "text": "for tests",
        }

    return parse_registry(
        {
            "acquisition_channel": fact("data", "data_owner", "purchased", "first_party"),
            "legal_process": fact("use", "officer", "none", "court_order"),
            "target_authorization": fact("use", "targets", "none", "owner_authorized"),
            "target_class": fact("use", "targets", "persons", "materiel"),
            "deployment_type": fact("deployment", "keeper", "weapon", "office"),
            "task": fact("use", "keeper", "locate_person", "summarize"),
            "channel_of_target": fact("data", "targets", "purchased", "first_party"),
        }
    )


KINDS = registry()


def policy() -> Trust:
    issuers = {
        "owner": issuer_table(OWNER, facts=["acquisition_channel"]),
        "officer": issuer_table(OFFICER, role="officer", facts=["legal_process"]),
        "targets": issuer_table(
            TARGETS, role="targets", facts=["target_authorization", "target_class", "channel_of_target"]
        ),
        "keeper": issuer_table(KEEPER, role="keeper", facts=["deployment_type", "task"]),
    }
    return parse_trust(trust_bytes(trust_table(issuers=issuers)))


PROVENANCE = Provenance(
    title="Devices of the pilot",
    date="2030-05-01",
    basis=("6(1)(a)", "9(2)(a)"),
    generation_method=("sensor-and-iot-output-motion-location",),
    intended_purpose=("non-ai-production",),
    classification=("pii",),
    origin_geography=(Place("DE"), Place("US", "CA")),
    privacy_enhancing=("pseudonymization",),
    data_use=("DUO:0000042",),
    consents=("https://example.invalid/consent/1",),
    license=("internal",),
)
PROCESS = LegalProcess(
    "court_order", "court:seventh", frozenset({sha256(b"device:1")}), None, general=False, period=HERE
)
ENGAGEMENT = Engagement(
    "org:owner",
    "owner_authorized",
    "materiel",
    frozenset({"app.lab.example", "*.test.example"}),
    (ip_network("10.1.0.0/16"), ip_network("2001:db8::/48")),
    HERE,
)


def provenance(**changes: Any) -> bytes:
    said: dict[str, Any] = {"kind": Predicate.PROVENANCE, "provenance": PROVENANCE, "source": "root:pilot"}
    return mint(OWNER, **(said | {"scope": {"acquisition_channel": Scope.EACH}} | changes))


def process(detail: LegalProcess = PROCESS, **changes: Any) -> bytes:
    said = {"kind": Predicate.LEGAL_PROCESS, "issuer": "officer", "subjects": (Subject("order", ORDER),)}
    facts = {"legal_process": detail.process}
    return mint(OFFICER, **(said | {"facts": facts, "process": detail} | changes))


def engagement(detail: Engagement = ENGAGEMENT, **changes: Any) -> bytes:
    said = {"kind": Predicate.TARGET, "issuer": "targets", "subjects": (Subject("scope", SCOPE),)}
    facts = {"target_authorization": detail.authorization, "target_class": detail.target_class}
    return mint(TARGETS, **(said | {"facts": facts, "engagement": detail} | changes))


def deployment(**changes: Any) -> bytes:
    said = {
        "kind": Predicate.DEPLOYMENT,
        "issuer": "keeper",
        "subjects": (Subject("agency-desk", REGISTRATION),),
        "facts": {"deployment_type": "office"},
    }
    return mint(KEEPER, **(said | changes))


def check_kind(
    raw: bytes,
    *targets: str,
    parts: tuple[Digest, ...] = (),
    registration: Digest | None = REGISTRATION,
    after: timedelta = timedelta(0),
) -> Checked:
    use = Use(
        "agency-desk",
        sha256(b"action"),
        frozenset(parts),
        NOW + after,
        lambda _once: None,
        targets,
        registration,
    )
    return EvidenceChecker(policy(), KINDS).check(raw, use)
