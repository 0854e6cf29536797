"""Who alone opens one use: proved, shown, and the same as a brute force over small policies says."""

from caveat.analysis.single_issuer import cut_sets_of_one, single_issuers
from caveat.analysis.solve import Session
from caveat.evidence.trust import parse_trust
from caveat.facts.value import Value
from tests.oracle.example import example_bundle

BOUGHT: dict[str, Value] = {
    "task": "pattern_of_life",
    "data_category": frozenset({"precise_geolocation"}),
    "acquisition_channel": "bulk_purchased",
    "subjects_jurisdiction": "domestic",
    "consent_basis": "none",
    "subject_count": 240_000,
    "attributes_joined": frozenset[str](),
    "selection_criteria": "all_persons",
    "human_in_loop": "in_loop_per_action",
    "action_effect": "advisory",
    "deployment_type": "analytics_platform",
    "legal_process": "none",
    "deployer_verified": True,
    "purpose_compatible": True,
    "sensitive_location": False,
}
ROLES = {
    "data_owner",
    "legal_officer",
    "oversight_service",
    "registrar",
    "target_authority",
    "totals_service",
}


def test_bought_records_are_opened_by_whoever_attests_the_data_and_by_nobody_who_attests_the_law() -> None:
    bundle = example_bundle()
    asked = single_issuers(Session(), bundle, parse_trust(bundle.files["trust.toml"]))
    found = asked.openers(BOUGHT)
    assert not found.unknown
    assert "data_owner" in found.alone
    assert not found.alone & {"legal_officer", "oversight_service", "target_authority", "totals_service"}
    assert set(asked.people) == ROLES


def test_a_permitted_use_is_opened_by_everybody_and_a_second_lie_that_is_needed_by_nobody() -> None:
    bundle = example_bundle()
    asked = single_issuers(Session(), bundle, parse_trust(bundle.files["trust.toml"]))
    own = {**BOUGHT, "task": "summarize_document", "acquisition_channel": "first_party", "subject_count": 3}
    assert asked.openers(own).alone == ROLES
    # Nobody is known to be who he is, and the data are of a crowd: one issuer guards each.
    two = {**BOUGHT, "deployer_verified": False, "action_effect": "legal_effect", "approval_mode": "batch"}
    alone = asked.openers(two).alone
    assert "data_owner" not in alone
    assert "oversight_service" not in alone


def test_who_opens_a_use_inside_a_red_line_alone_is_a_cut_set_of_it() -> None:
    bundle = example_bundle()
    trust = parse_trust(bundle.files["trust.toml"])
    cuts = cut_sets_of_one(Session(), bundle, trust)
    assert cuts["R1"] is not None
    assert single_issuers(Session(), bundle, trust).openers(BOUGHT).alone <= cuts["R1"]
