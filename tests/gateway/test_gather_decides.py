"""From bytes to a verdict under the example policy: evidence is bound to what is sent, and counts bind."""

from functools import cache
from pathlib import Path
from typing import Any

from caveat.call.call import Call, Part, PartKind, Point
from caveat.decision.decide import decide_use
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.evidence.check import EvidenceChecker
from caveat.evidence.statement import Subject
from caveat.evidence.trust import parse_trust
from caveat.gateway.gather import gather, use_of
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.signing.digest import sha256
from caveat.store.folder import read_folder
from tests.evidence.world import ACTION, NOW, issuer_table, key_of, mint, nobody, trust_bytes
from tests.gateway.test_gather import Desk, Span, Sums, table

ROLES = ("data_owner", "registrar", "legal_officer")
TRUE: dict[str, dict[str, Any]] = {
    "data_owner": {
        "acquisition_channel": "purchased",
        "data_category": frozenset({"precise_geolocation"}),
        "subjects_jurisdiction": "domestic",
        "consent_basis": "broad_terms",
        "attributes_joined": frozenset({"home_area"}),
        "purpose_compatible": True,
        "sensitive_location": False,
    },
    "registrar": {
        "task": "data_cleaning",
        "selection_criteria": "not_applicable",
        "attribution": "attributed",
    },
    "legal_officer": {"legal_process": "none"},
}


@cache
def bundle() -> Bundle:
    return parse_bundle(read_folder(Path(__file__).parents[2] / "policies/government-analytics"))


@cache
def checker() -> EvidenceChecker:
    registry = bundle().registry
    issuers = {
        role: issuer_table(key_of(role))
        | {
            "role": role,
            "facts": [name for name, spec in registry.facts.items() if role in spec.attested_by],
        }
        for role in ROLES
    }
    table_ = {"version": 1, "expires_at": "2035-01-01T00:00:00Z", "issuers": issuers}
    return EvidenceChecker(parse_trust(trust_bytes(table_), registry), registry)


def decide(
    content: bytes, attested: bytes | None = None, totals: Sums | None = None, **counts: Any
) -> Decision:
    """The decision on `content`, with evidence about `attested` bytes, which are the same where not given."""
    desk = Desk(
        observers=frozenset({"totals", "counter", "review", "destinations"}),
        id_column="device_id",
        facts={
            "deployment_type": "analytics_platform",
            "deployer_verified": True,
            "action_effect": "advisory",
            "human_in_loop": "in_loop_per_action",
        },
    )
    part = Part("/messages/0/content", "user", PartKind.DATA, "text/csv", content, sha256(content))
    call = Call(Point.PROMPT, "openai", desk.id, "m", (part,), {}, stream=False, action_digest=ACTION)
    subject = (Subject("devices", sha256(content if attested is None else attested)),)
    raws = [
        mint(
            key_of(role),
            issuer=role,
            subjects=subject,
            id=role,
            facts=TRUE[role] | (counts if role == "data_owner" else {}),
        )
        for role in ROLES
    ]
    checked = checker().check_all(raws, [], use_of(call, NOW, nobody))
    found = gather(call, desk, bundle().registry, checked, totals or Sums(), NOW)
    return decide_use(bundle().policy, Point.PROMPT, found.cases)


def test_a_thousand_devices_and_one_more_decide_differently() -> None:
    assert decide(table(1_000)).verdict is Verdict.NEEDS_APPROVAL
    one_more = decide(table(1_001))
    assert one_more.verdict is Verdict.DENY
    assert any(clause.startswith("R1.b") for clause in one_more.clauses)


def test_one_byte_changed_after_attesting_opens_nothing() -> None:
    changed = decide(table(1_000).replace(b"d999,1", b"d999,2"), table(1_000))
    assert changed.verdict not in (Verdict.ALLOW, Verdict.NEEDS_APPROVAL)


def test_an_attested_count_that_the_rows_contradict_is_denied() -> None:
    found = decide(table(1_001), subject_count=40)
    assert (found.verdict, found.reason) == (Verdict.DENY, Reason.CONTRADICTORY_EVIDENCE)


def test_an_attested_count_above_the_rows_stands() -> None:
    assert decide(table(10), subject_count=1_000).verdict is Verdict.NEEDS_APPROVAL
    assert decide(table(10), subject_count=1_001).verdict is Verdict.DENY


def test_splitting_one_source_does_not_help() -> None:
    before = Sums({"owner:agency": Span(999, 999)})
    assert decide(table(1), totals=before).verdict is Verdict.NEEDS_APPROVAL
    assert decide(table(2), totals=before).verdict is Verdict.DENY


def test_earlier_uses_that_were_never_counted_are_for_a_person_to_settle() -> None:
    found = decide(table(1), totals=Sums({"owner:agency": Span(0, None)}))
    assert (found.verdict, found.reason) == (Verdict.NEEDS_APPROVAL, Reason.COUNTED_INTERVAL)
    assert "privacy_officer" in found.approvals
