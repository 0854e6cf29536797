"""Adopting a bundle from the command line."""

import secrets
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from caveat.cli.exit import CannotRunError
from caveat.cli.main import caveat
from caveat.policy.bundle import parse_bundle
from caveat.signing.keys import Algorithm, private_key_from_seed
from caveat.store.folder import read_folder

SMALL = Path(__file__).parents[2] / "conformance" / "bundles" / "kleene-gap"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle whose every actor has a key in `tmp_path`."""
    folder = Path(shutil.copytree(SMALL, tmp_path / "bundle"))
    manifest = (folder / "bundle.toml").read_text()
    for actor in parse_bundle(read_folder(folder)).manifest.actors:
        key = private_key_from_seed(Algorithm.ED25519, secrets.token_bytes(32))
        (tmp_path / f"{actor}.pem").write_bytes(key.pem())
        before, header, after = manifest.partition(f"[actors.{actor}]")
        manifest = before + header + after.replace("keys = []", f'keys = ["{key.public().render()}"]', 1)
    (folder / "bundle.toml").write_text(manifest)
    return folder


def sign(bundle: Path, actor: str, key: str | None = None) -> int:
    key_file = bundle.parent / f"{key or actor}.pem"
    result = CliRunner().invoke(
        caveat,
        ["amend", "sign", str(bundle), "--actor", actor, "--key", str(key_file)],
        standalone_mode=False,
        catch_exceptions=False,
    )
    code: int = result.return_value
    return code


def test_a_bundle_is_adopted_once_every_consent_is_there(bundle: Path) -> None:
    actors = sorted(parse_bundle(read_folder(bundle)).manifest.actors)
    codes = [sign(bundle, actor) for actor in actors]
    assert codes[-1] == 0
    adopted = parse_bundle(read_folder(bundle))
    assert adopted.unsigned == ()
    (bundle / "tools.toml").write_text("version = 1\n# changed\n")
    assert parse_bundle(read_folder(bundle)).signers == frozenset()


def test_a_key_that_is_not_the_actors_signs_nothing(bundle: Path) -> None:
    actor = min(parse_bundle(read_folder(bundle)).manifest.actors)
    stranger = private_key_from_seed(Algorithm.ED25519, secrets.token_bytes(32))
    (bundle.parent / "stranger.pem").write_bytes(stranger.pem())
    with pytest.raises(CannotRunError, match="not enrolled"):
        sign(bundle, actor, "stranger")
    assert not (bundle / "signatures").exists()


def test_an_actor_that_the_bundle_does_not_name_cannot_sign(bundle: Path) -> None:
    actor = min(parse_bundle(read_folder(bundle)).manifest.actors)
    with pytest.raises(CannotRunError, match="no actor"):
        sign(bundle, "nobody", actor)
