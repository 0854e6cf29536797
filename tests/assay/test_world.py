"""Development worlds: the same law under fresh keys, for the example bundle and for drafts of it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from caveat.assay.errors import WorldError
from caveat.assay.staging import seeded
from caveat.assay.world import World, believe_claims, issuer_roles, make_world, registry_of
from caveat.evidence.trust import is_entitled, lint_trust, parse_trust
from caveat.policy.bundle import parse_bundle
from caveat.signing.digest import sha256
from caveat.store.folder import read_folder

BUNDLE = Path(__file__).parents[2] / "policies" / "government-analytics"
DEPLOYMENTS: Mapping[str, Mapping[str, object]] = {
    "one": {"kind": "pipeline", "operator": "customer", "owner_group": "a", "observers": ["totals"]},
    "two": {"kind": "agent", "operator": "customer", "owner_group": "b", "mode": "observe"},
}


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    return read_folder(BUNDLE)


@pytest.fixture(scope="module")
def world(files: Mapping[str, bytes]) -> World:
    return make_world(files, seeded("test"), deployments=DEPLOYMENTS, own_roles={"one": ("data_owner",)})


def test_the_law_stays_byte_for_byte(files: Mapping[str, bytes], world: World) -> None:
    law = [path for path in files if path.startswith(("clauses/", "red_lines/")) or path == "facts.toml"]
    assert len(law) > 10
    assert all(world.files[path] == files[path] for path in law)


def test_every_actor_signed_it_so_it_may_be_served(world: World) -> None:
    bundle = parse_bundle(world.files)
    assert bundle.digest == world.digest
    assert bundle.signers == set(bundle.manifest.actors) == set(world.actors)
    assert bundle.unsigned == ()
    assert bundle.notes == ()


def test_signatures_of_another_world_adopt_nothing(files: Mapping[str, bytes], world: World) -> None:
    other = make_world(files, seeded("other"), deployments=DEPLOYMENTS)
    mixed = {**world.files, **{path: data for path, data in other.files.items() if "signatures/" in path}}
    assert parse_bundle(mixed).signers == frozenset()


def test_every_role_has_one_issuer_entitled_to_exactly_its_facts(world: World) -> None:
    registry = parse_bundle(world.files).registry
    trust = parse_trust(world.files["trust.toml"])
    assert lint_trust(trust, registry) == ()
    assert set(world.issuers) == set(issuer_roles(registry.facts))
    for role, issuer in world.issuers.items():
        enrolled = trust.issuers[issuer.key.public().keyid]
        assert (enrolled.id, enrolled.deployment) == (issuer.id, "")
        granted = {name for name in registry.facts if is_entitled(enrolled, name, registry)}
        assert granted == {name for name, spec in registry.facts.items() if role in spec.attested_by}


def test_a_deployments_own_issuer_is_enrolled_as_its_own(world: World) -> None:
    trust = parse_trust(world.files["trust.toml"])
    own = trust.issuers[world.own["one", "data_owner"].key.public().keyid]
    assert (own.role, own.deployment) == ("data_owner", "one")


def test_registration_is_no_issuer(files: Mapping[str, bytes]) -> None:
    assert "registration" not in issuer_roles(registry_of(files))


def test_api_keys_open_their_deployment_alone(world: World) -> None:
    deployments = parse_bundle(world.files).deployments
    assert set(deployments) == {"one", "two"}
    for name, deployment in deployments.items():
        assert deployment.key_digests == {sha256(world.api_keys[name].encode())}
    assert deployments["one"].observers == {"totals"}
    assert deployments["two"].mode == "observe"


def test_without_deployments_given_those_of_the_bundle_get_a_key(files: Mapping[str, bytes]) -> None:
    world = make_world(files, seeded("test"))
    original = tomllib.loads(files["deployments.toml"].decode())["deployments"]
    deployments = parse_bundle(world.files).deployments
    assert set(deployments) == set(original) == set(world.api_keys)
    assert all(deployment.key_digests for deployment in deployments.values())


def test_equal_seeds_make_equal_worlds_and_other_seeds_share_no_key(files: Mapping[str, bytes]) -> None:
    first, again, other = (
        make_world(files, seeded(seed), deployments=DEPLOYMENTS) for seed in ("a", "a", "b")
    )
    assert first.files == again.files
    assert first.api_keys == again.api_keys
    assert not set(first.api_keys.values()) & set(other.api_keys.values())
    assert first.digest != other.digest


def test_an_edited_draft_that_nobody_signed_makes_a_world(files: Mapping[str, bytes]) -> None:
    draft = {**files, "bundle.toml": files["bundle.toml"].replace(b"value = 30\n", b"value = 31\n")}
    assert draft != files
    bundle = parse_bundle(make_world(draft, seeded("test"), deployments=DEPLOYMENTS).files)
    assert bundle.manifest.limits["review_seconds_kinetic"].value == 31
    assert bundle.unsigned == ()


def test_believing_claims_changes_the_required_grade_and_nothing_else(files: Mapping[str, bytes]) -> None:
    believing = believe_claims(files)
    assert {path for path in files if files[path] != believing[path]} == {"facts.toml"}
    before = tomllib.loads(files["facts.toml"].decode())["facts"]
    after = tomllib.loads(believing["facts.toml"].decode())["facts"]
    assert list(after) == list(before), "the order of the registry breaks ties"
    scores = {name for name, row in before.items() if row.get("grade") == "estimated"}
    assert {after[name] == before[name] for name in scores} == {True}, "nobody claims what a screen says"
    assert {row["grade"] for name, row in after.items() if name not in scores} == {"claimed"}
    for row in (*before.values(), *after.values()):
        row.pop("grade", None)
    assert after == before


@pytest.mark.parametrize(
    ("path", "data", "finding"),
    [
        ("facts.toml", None, "the bundle has no `facts.toml`"),
        ("facts.toml", b"[", "`facts.toml` is not TOML"),
        ("facts.toml", b"facts = 1", "`facts` should be a table"),
        ("bundle.toml", b"\xff", "`bundle.toml` is not TOML"),
        ("clauses/R1.cedar", b"forbid", "`clauses/R1.cedar`"),
    ],
)
def test_a_bundle_that_does_not_check_is_refused_with_its_findings(
    files: Mapping[str, bytes], path: str, data: bytes | None, finding: str
) -> None:
    broken = {name: content for name, content in files.items() if name != path}
    if data is not None:
        broken[path] = data
    with pytest.raises(WorldError) as caught:
        make_world(broken, seeded("test"))
    assert any(finding in one for one in caught.value.findings)
