"""A development world on disk: a signed copy of a bundle with every key fresh, for trying things out.

The folder appears whole or not at all, and is made again when the bundle that it copies has changed. Its
keys prove nothing about who signed what: whoever reads the folder can sign anything in it.
"""

import contextlib
import json
import os
import secrets
import shutil
import tempfile
import tomllib
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from caveat.assay.errors import WorldError
from caveat.assay.world import World, make_world
from caveat.cli.amending import amendment_files, signed_amendment
from caveat.cli.exit import CannotRunError
from caveat.policy.bundle import Bundle, BundleError, bundle_digest, parse_bundle
from caveat.signing.keys import PrivateKey, parse_private_key
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder

_STATE = "world.json"
_ACTORS = Path("keys", "actors")
_OVERSEERS = Path("keys", "overseers")
HISTORY = "history"
"""Below a development world: the bundles of the worlds that it replaced."""


@dataclass(frozen=True, slots=True)
class Development:
    """A development world that lies in `folder`. `issuers`: issuer id by role; their keys by role.

    `overseers`: by approver role, the ids of those who may approve in it, with their keys.
    """

    folder: Path
    bundle: Path
    api_keys: Mapping[str, str]
    issuers: Mapping[str, str]
    issuer_keys: Mapping[str, PrivateKey]
    overseers: Mapping[str, Mapping[str, PrivateKey]]


def example_bundle() -> Path:
    """The example policy that comes with this installation; raises `CannotRunError` where there is none."""
    here = Path(__file__).resolve()
    for folder in (here.parents[1] / "policies", here.parents[3] / "policies"):
        if (folder / "government-analytics" / "bundle.toml").is_file():
            return folder / "government-analytics"
    raise CannotRunError("the example bundle is not in this installation", "name a bundle with --bundle")


def write_development(folder: Path, source: Path) -> Development:
    """A new development world in `folder`, which is missing or empty, and only observes at first.

    Raises `CannotRunError` for a folder that is in use.
    The folder is written beside its place and then put there: it is whole, or it is not there.
    """
    folder = folder.absolute()
    if folder == Path.cwd():
        raise CannotRunError("the folder you stand in cannot be replaced", "name one below it, as `mine`")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise CannotRunError(f"`{folder}` is no folder", "name one that is new, or empty")
    if folder.is_dir() and any(folder.iterdir()):
        raise CannotRunError(
            f"`{folder}` is not empty", "name one that is new, or empty; nothing was changed"
        )
    files = _read_source(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _draft_beside(folder) as draft:
        _write_world(draft, _world_of(files, observing=True), bundle_digest(files))
        draft.replace(folder)
    return _read(folder)


@contextlib.contextmanager
def _draft_beside(folder: Path) -> Generator[Path]:
    """A fresh folder in the same file system; whatever is left of it is removed."""
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _read_source(source: Path) -> Mapping[str, bytes]:
    try:
        return read_folder(source)
    except FolderError as error:
        raise CannotRunError(str(error), "--bundle names the folder that holds `bundle.toml`") from error


def open_development(folder: Path, source: Path) -> Development:
    """The development world in `folder`, made from the bundle in `source` if it is not there yet."""
    files = _read_source(source)
    digest = bundle_digest(files)
    if not _is_of(folder, digest):
        _make(folder, files, digest)
    return _read(folder)


def read_development(folder: Path) -> Development:
    """The development world in `folder`; raises `CannotRunError` where there is none."""
    if not (folder / _STATE).is_file():
        raise CannotRunError(
            f"`{folder}` holds no development world", "`caveat serve --development` makes one"
        )
    return _read(folder)


def _is_of(folder: Path, digest: str) -> bool:
    try:
        state = cast("dict[str, object]", json.loads((folder / _STATE).read_text()))
        return state["source"] == digest
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _world_of(files: Mapping[str, bytes], *, observing: bool = False) -> World:
    deployments = _observing(files) if observing else None
    try:
        return make_world(files, lambda: secrets.token_bytes(32), deployments=deployments)
    except WorldError as error:
        raise CannotRunError(
            f"the bundle does not load: {error}", "`caveat check` lists every finding"
        ) from error


def _observing(files: Mapping[str, bytes]) -> Mapping[str, Mapping[str, object]]:
    """The deployments that the bundle registers, each in observe mode."""
    document = tomllib.loads(files["deployments.toml"].decode())
    tables = cast("Mapping[str, Mapping[str, object]]", document["deployments"])
    return {name: {**table, "mode": "observe"} for name, table in tables.items()}


def _make(folder: Path, files: Mapping[str, bytes], digest: str) -> None:
    """A new world in the place of the old one, whose keys sign the amendment that leads to it."""
    world = _world_of(files)
    draft = folder.with_name(folder.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    _write_world(draft, world, digest)
    before = _bundle_before(folder)
    if before is not None:
        keys = [parse_private_key(path.read_bytes()) for path in sorted((folder / _ACTORS).glob("*.pem"))]
        newcomers = [key for actor, key in world.actors.items() if actor not in before.manifest.actors]
        after = parse_bundle(world.files)
        amendment = signed_amendment(before, after, [*keys, *newcomers], "the bundle that it copies changed")
        for path, data in amendment_files(before, amendment).items():
            _write(draft / "bundle" / path, data)
        if (folder / HISTORY).is_dir():
            shutil.copytree(folder / HISTORY, draft / HISTORY)
        shutil.copytree(folder / "bundle", draft / HISTORY / before.digest)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def _bundle_before(folder: Path) -> Bundle | None:
    """The bundle of the world that is replaced; None where there is none, or nothing to be read of it."""
    try:
        return parse_bundle(read_folder(folder / "bundle"))
    except (FolderError, BundleError):
        return None


def _write_world(folder: Path, world: World, digest: str) -> None:
    for path, data in world.files.items():
        _write(folder / "bundle" / path, data)
    for actor, key in world.actors.items():
        _write(folder / _ACTORS / f"{actor}.pem", key.pem())
    for role, issuer in world.issuers.items():
        _write(folder / "keys" / "issuers" / f"{role}.pem", issuer.key.pem())
    for persons in world.overseers.values():
        for one in persons:
            _write(folder / _OVERSEERS / f"{one.id}.pem", one.key.pem())
    state = {
        "version": 1,
        "source": digest,
        "bundle": world.digest,
        "api_keys": dict(world.api_keys),
        "issuers": {role: issuer.id for role, issuer in world.issuers.items()},
        "overseers": {role: [one.id for one in persons] for role, persons in world.overseers.items()},
    }
    _write(folder / _STATE, json.dumps(state, indent=2).encode())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _read(folder: Path) -> Development:
    try:
        state = json.loads((folder / _STATE).read_text())
        keys = {
            role: parse_private_key((folder / "keys" / "issuers" / f"{role}.pem").read_bytes())
            for role in state["issuers"]
        }
        overseers = {
            role: {one: parse_private_key((folder / _OVERSEERS / f"{one}.pem").read_bytes()) for one in ids}
            for role, ids in state["overseers"].items()
        }
        return Development(folder, folder / "bundle", state["api_keys"], state["issuers"], keys, overseers)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRunError(
            f"the development world in `{folder}` is damaged", "remove the folder; it is made again"
        ) from error
