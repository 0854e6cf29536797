"""Each pack loads, stays small, begins by observing, and asks for no more than it says."""

import pytest

from caveat.policy.bundle import parse_bundle
from tests.packs.worlds import PACKS, world_of


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_is_small_signed_and_marked_as_development(pack: str) -> None:
    bundle = parse_bundle(world_of(pack).files)
    assert len(bundle.registry.facts) <= 8
    assert len(bundle.clauses) <= 6
    assert bundle.unsigned == ()
    assert bundle.manifest.development


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_begins_in_observe_mode_and_holds_no_key_of_anybody(pack: str) -> None:
    from caveat.cli.init import pack_folder
    from caveat.store.folder import read_folder

    bundle = parse_bundle(read_folder(pack_folder(pack)))
    assert {deployment.mode for deployment in bundle.deployments.values()} == {"observe"}
    assert not any(deployment.key_digests for deployment in bundle.deployments.values())
    assert not any(bundle.manifest.actors.values())
    assert bundle.unsigned != ()


@pytest.mark.parametrize("pack", ["assistant", "bank", "agency"])
def test_a_pack_shows_all_three_shapes(pack: str) -> None:
    deployments = parse_bundle(world_of(pack).files).deployments.values()
    assert {deployment.kind for deployment in deployments} == {"pipeline", "agent", "open_chat"}
    assert any(deployment.workflows for deployment in deployments)
    assert any(deployment.tools for deployment in deployments)


@pytest.mark.parametrize("pack", PACKS)
def test_what_open_chat_takes_as_typed_is_what_its_clause_permits(pack: str) -> None:
    bundle = parse_bundle(world_of(pack).files)
    chats = [one for one in bundle.deployments.values() if one.kind == "open_chat"]
    limit = bundle.manifest.limits["chat_reach"].value
    assert [chat.max_identifiers for chat in chats] == [limit]


def test_the_law_alone_has_statutes_and_no_red_line() -> None:
    bundle = parse_bundle(world_of("law-only").files)
    assert bundle.red_lines == ()
    assert {clause.authority for clause in bundle.clauses if not clause.is_permit} == {"statute"}
