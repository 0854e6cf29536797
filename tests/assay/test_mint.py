"""Minting: genuine attestations are genuine, and a defective one has its one defect and no other."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from caveat.assay.errors import ScenarioError
from caveat.assay.mint import Mint, Minted, issuing_role, stage
from caveat.assay.scenario import Visible, parse_scenarios
from caveat.assay.world import Issuer, World, issuer_roles
from caveat.evidence.statement import Statement, parse_statement
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import parse_envelope, verify_signers
from caveat.signing.keys import Algorithm, private_key_from_seed
from tests.assay.registry import REGISTRY, line, lines

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HERE = "here"


def issuer(role: str, deployment: str = "") -> Issuer:
    seed = bytes.fromhex(sha256(f"{deployment} {role}".encode()))
    return Issuer(f"dev-{role}{deployment}", role, private_key_from_seed(Algorithm.ED25519, seed))


WORLD = World(
    overseers={},
    files={},
    digest=Digest(""),
    issuers={role: issuer(role) for role in issuer_roles(REGISTRY)},
    own={(HERE, role): issuer(role, HERE) for role in issuer_roles(REGISTRY)},
    api_keys={},
    actors={},
)
ENROLLED = {each.key.public().keyid: each.key.public() for each in WORLD.issuers.values()}


def visible(index: int = 0, **changes: Any) -> Visible:
    rows = [line(id=str(number), **changes) for number in range(index + 1)]
    return parse_scenarios(lines(*rows), REGISTRY)[index].visible


def issue(use: Visible, *, seed: int = 0, now: datetime = NOW, trial: str = "") -> Minted:
    return Mint(WORLD, REGISTRY, seed, now).issue(use, stage(use, REGISTRY, HERE), trial=trial)


def statement(envelope: bytes) -> Statement:
    return parse_statement(parse_envelope(envelope, max_bytes=10_000).payload)


def defective(defect: str, index: int = 0) -> tuple[Minted, bytes]:
    minted = issue(visible(index, evidence_defects=[{"fact": "task", "defect": defect}]))
    (envelope,) = minted.defective
    return minted, envelope


def signers(envelope: bytes) -> tuple[set[Digest], set[Digest]]:
    found = verify_signers(parse_envelope(envelope, max_bytes=10_000), ENROLLED)
    return set(found.verified), set(found.failed)


def test_genuine_attestations_cover_exactly_what_is_available_at_its_true_value() -> None:
    minted = issue(visible(true_facts={"task": "rank", "persons": 3}, evidence_available=["task", "persons"]))
    said = {name: value for each in minted.genuine for name, value in statement(each).facts.items()}
    assert said == {"task": "rank", "persons": 3}


def test_a_genuine_attestation_is_signed_by_the_entitled_issuer_over_the_data_part() -> None:
    minted = issue(visible())
    (envelope,) = minted.genuine
    said = statement(envelope)
    assert signers(envelope) == ({WORLD.issuers["owner"].key.public().keyid}, set())
    assert [subject.digest for subject in said.subjects] == [sha256(minted.data)]
    assert said.audience == (HERE,)
    assert said.issued_at < NOW < said.expires_at
    assert not said.single_use
    assert said.id_column is None


def test_every_scenario_and_trial_has_its_own_data_and_lineage() -> None:
    minted = [issue(visible(0)), issue(visible(1)), issue(visible(0), trial="x"), issue(visible(0), seed=1)]
    assert len({each.data for each in minted}) == 4
    assert len({statement(each.genuine[0]).source for each in minted}) == 4
    assert len({statement(each.genuine[0]).id for each in minted}) == 4


def test_equal_seed_and_time_give_equal_bytes() -> None:
    assert issue(visible()) == issue(visible())
    assert issue(visible()) != issue(visible(), seed=1)


def test_an_expired_attestation_is_flawless_but_past_its_time() -> None:
    minted, envelope = defective("expired")
    said = statement(envelope)
    assert said.expires_at < NOW
    assert said.facts == {"task": "chat"}, "the claimed value"
    assert said.subjects[0].digest == sha256(minted.data)
    assert said.audience == (HERE,)
    assert signers(envelope)[0] == {WORLD.issuers["registrar"].key.public().keyid}


def test_a_forged_attestation_names_an_enrolled_key_that_did_not_sign_it() -> None:
    _, envelope = defective("forged")
    assert signers(envelope) == (set(), {WORLD.issuers["registrar"].key.public().keyid})
    assert statement(envelope).issuer == "dev-registrar"


def test_a_replayed_attestation_is_for_one_use_and_an_earlier_request_presents_it() -> None:
    minted, envelope = defective("replayed")
    assert statement(envelope).single_use
    assert minted.prior == (envelope,)
    assert statement(envelope).audience == (HERE, "here-earlier")
    assert signers(envelope)[0], "it is genuine"


def test_self_attestation_is_signed_by_the_requesters_own_key_enrolled_or_not() -> None:
    _, stranger = defective("self_attested", 0)
    _, enrolled = defective("self_attested", 1)
    own = WORLD.own[HERE, "registrar"].key.public()
    assert signers(stranger) == (set(), set())
    envelope = parse_envelope(enrolled, max_bytes=10_000)
    assert verify_signers(envelope, {own.keyid: own}).verified == {own.keyid}
    assert statement(enrolled).issuer == WORLD.own[HERE, "registrar"].id


@pytest.mark.parametrize("index", range(6))
def test_wrong_scope_changes_dataset_deployment_or_request_and_one_of_them_alone(index: int) -> None:
    minted, envelope = defective("wrong_scope", index)
    said = statement(envelope)
    elsewhere = [said.subjects[0].digest != sha256(minted.data), said.audience != (HERE,)]
    assert elsewhere.count(True) == 1
    assert signers(envelope)[0] == {WORLD.issuers["registrar"].key.public().keyid}


def test_only_replayed_evidence_is_presented_before() -> None:
    for defect in ("expired", "forged", "self_attested", "wrong_scope"):
        assert defective(defect)[0].prior == ()


def test_an_unmentioned_observed_fact_keeps_its_observer() -> None:
    own = stage(visible(claimed_facts={"task": "chat"}, evidence_available=[]), REGISTRY, HERE)
    assert own.observers == {"counter", "review"}
    assert own.neutral == {}


def test_a_mentioned_observed_fact_takes_the_observer_away_and_its_other_fact_is_attested_neutral() -> None:
    use = visible(claimed_facts={"seconds": 40}, evidence_available=[])
    own = stage(use, REGISTRY, HERE)
    assert own.observers == {"counter"}
    assert own.neutral == {"mode": "unmeasured"}
    assert [dict(statement(each).facts) for each in issue(use).genuine] == [{"mode": "unmeasured"}]


def test_a_fact_that_no_issuer_may_attest_is_an_error_of_the_run() -> None:
    spec = REGISTRY["task"]
    assert issuing_role(spec) == "registrar", "a registration is no issuer"
    with pytest.raises(ScenarioError):
        issuing_role(type(spec)(**{**_fields(spec), "attested_by": frozenset({"registration"})}))


def _fields(spec: Any) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}


def test_an_envelope_is_json_as_the_header_and_the_upload_carry_it() -> None:
    document = json.loads(issue(visible()).genuine[0])
    assert base64.b64decode(document["payload"], validate=True)
