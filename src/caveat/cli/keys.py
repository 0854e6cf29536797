"""`caveat keys`: signing keys in files, and API keys of the applications that call the gateway."""

import json
import os
import secrets
from pathlib import Path

import click

from caveat.cli.api_keys import describe_key, issue_key, list_keys, revoke_key, show_keys
from caveat.cli.bundle import load_bundle
from caveat.cli.callers import registered_callers, show_callers
from caveat.cli.enrol import enrol_command
from caveat.cli.exit import CannotRunError, because
from caveat.policy.bundle import BundleError, parse_bundle
from caveat.policy.trust_signatures import PREFIX, is_trust_signed, sign_trust, trust_signers
from caveat.signing.digest import sha256
from caveat.signing.keys import (
    Algorithm,
    KeyParseError,
    PrivateKey,
    PublicKey,
    parse_private_key,
    parse_public_key,
    private_key_from_seed,
)
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder

_ALGORITHMS = {"ed25519": Algorithm.ED25519, "p256": Algorithm.P256}
_MAX_KEY_FILE_BYTES = 64 * 1024


@click.group("keys")
def keys_group() -> None:
    """Make signing keys, show and enrol them; issue, list and revoke API keys; list who may call."""


keys_command = keys_group
keys_group.add_command(enrol_command)


@keys_group.command("new")
@click.option(
    "--algorithm",
    type=click.Choice(sorted(_ALGORITHMS)),
    default="ed25519",
    show_default=True,
    help="Of the key.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for the private key.")
def new_command(algorithm: str, out: Path) -> int:
    """Make a private key, readable by its owner alone, and print its public line and id.

    A file that exists is never overwritten. The public line goes into `trust.toml`.

    \b
    Examples:
      caveat keys new --out owner.pem
      caveat keys new --algorithm p256 --out hsm-like.pem
    """
    key = private_key_from_seed(_ALGORITHMS[algorithm], secrets.token_bytes(32))
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise CannotRunError(
            f"`{out}` exists already", "choose another file; keys are never overwritten"
        ) from error
    except OSError as error:
        raise CannotRunError(
            f"`{out}` cannot be written: {because(error)}", "choose another --out"
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.pem())
            file.flush()
            os.fsync(descriptor)
    except OSError:
        out.unlink()  # half a key is none, and the next call would find it in its way
        raise
    _show(key.public(), as_json=False)
    return 0


@keys_group.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="As JSON: {version, key, keyid, algorithm}.")
def show_command(file: Path, *, as_json: bool) -> int:
    """Print the public line and the id of the key in FILE: a private key in PEM form, or a public line.

    \b
    Examples:
      caveat keys show owner.pem
      caveat keys show --json owner.pub
    """
    _show(read_public_key(file), as_json=as_json)
    return 0


@keys_group.command("issue")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The gateway's data folder.")
@click.option("--deployment", required=True, help="The deployment that the key speaks for.")
@click.option("--label", default="", help="A name for people, as the application that gets the key.")
@click.option("--expires-in", help="Good for so long: a number with s, m, h or d.  [default: until revoked]")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/keys.md).")
def issue_command(data: Path, deployment: str, label: str, expires_in: str | None, *, as_json: bool) -> int:
    """Issue an API key for a deployment, and print it once: only its SHA-256 is kept.

    A running gateway accepts it within a second.

    \b
    Examples:
      caveat keys issue --data var/caveat --deployment benefits-office --label intranet
      caveat keys issue --data var/caveat --deployment benefits-office --expires-in 90d --json
    """
    secret, row = issue_key(data, deployment, label, expires_in)
    if as_json:
        click.echo(json.dumps({"version": 1, "key": secret, **describe_key(row)}))
        return 0
    click.echo(f"key        {secret}")
    click.echo(f"id         {row.id}")
    click.echo(f"deployment {row.deployment}")
    click.echo(f"expires    {row.expires_at or 'never'}")
    click.echo("The key is shown this once; keep it now.", err=True)
    return 0


@keys_group.command("list")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The gateway's data folder.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/keys.md).")
def list_command(data: Path, *, as_json: bool) -> int:
    """List the API keys that were issued, by id; keys that stand in the policy bundle are not among them.

    \b
    Examples:
      caveat keys list --data var/caveat
      caveat keys list --data var/caveat --json
    """
    rows = [describe_key(row) for row in list_keys(data)]
    if as_json:
        click.echo(json.dumps({"version": 1, "keys": rows}))
    elif not rows:
        click.echo("no API key was issued; `caveat keys issue` issues one")
    else:
        show_keys(rows)
    return 0


@keys_group.command("revoke")
@click.argument("key_id")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The gateway's data folder.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/keys.md).")
def revoke_command(key_id: str, data: Path, *, as_json: bool) -> int:
    """Revoke the API key with the id KEY_ID. A running gateway refuses it within a second.

    A key that stands in the policy bundle leaves with a change of the bundle.

    \b
    Example:
      caveat keys revoke --data var/caveat 0123456789abcdef
    """
    row = revoke_key(data, key_id)
    if as_json:
        click.echo(json.dumps({"version": 1, **describe_key(row)}))
    else:
        click.echo(f"revoked {row.id} of {row.deployment} since {row.revoked_at}")
    return 0


@keys_group.command("callers")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/keys.md).")
def callers_command(bundle: Path, *, as_json: bool) -> int:
    """List who speaks for which deployment by the policy bundle in the folder BUNDLE.

    API keys that were issued beside the bundle are listed by `caveat keys list`. Exit codes: 0 it was
    listed, 1 the bundle is not well-formed, 2 it could not be read.

    \b
    Examples:
      caveat keys callers policies/mine
      caveat keys callers policies/mine --json
    """
    try:
        rows = registered_callers(parse_bundle(read_folder(bundle)))
    except FolderError as error:
        raise CannotRunError(str(error), "name the folder that holds `bundle.toml`") from error
    except BundleError as error:
        click.echo(f"✗ {error}")
        click.echo(f"`caveat check {bundle}` lists every finding", err=True)
        return 1
    if as_json:
        click.echo(json.dumps({"version": 1, "callers": rows}))
    elif not rows:
        click.echo("the bundle registers no caller; `caveat keys issue` issues keys beside it")
    else:
        show_callers(rows)
    return 0


@keys_group.command("trust")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--actor", required=True, help="The actor that signs, as `bundle.toml` names it.")
@click.option("--key", "key_file", type=click.Path(path_type=Path), required=True, help="Its private key.")
def trust_command(bundle: Path, actor: str, key_file: Path) -> int:
    """Sign the trust policy of the folder BUNDLE alone, as one of its actors: who is believed, for what.

    It takes two actors. The signature holds while `trust.toml` is the same, whatever else is amended. Exit
    codes: 0 two actors have signed, 1 one more has to, 2 it could not be signed.

    \b
    Example:
      caveat keys trust policies/mine --actor provider --key provider.pem
    """
    loaded, key = load_bundle(bundle), read_private_key(key_file)
    enrolled = loaded.manifest.actors
    if key.public() not in enrolled.get(actor, frozenset()):
        raise CannotRunError(
            f"this key is not enrolled for an actor `{actor}`",
            f"its actors are {', '.join(sorted(enrolled))}",
        )
    name, trust = loaded.manifest.name, loaded.files["trust.toml"]
    path = f"{PREFIX}{actor}.dsse.json"
    signature = sign_trust(name, trust, actor, key)
    try:
        (bundle / path).parent.mkdir(exist_ok=True)
        (bundle / path).write_bytes(signature)
    except OSError as error:
        raise CannotRunError(
            f"`{bundle / path}` cannot be written: {because(error)}", "check the folder"
        ) from error
    signers = loaded.signers | trust_signers({**loaded.files, path: signature}, name, enrolled)
    click.echo(f"trust.toml, {sha256(trust)}, is signed by {', '.join(sorted(signers))}")
    return 0 if is_trust_signed(signers) else 1


def read_private_key(file: Path) -> PrivateKey:
    """The private key in a file; raises `CannotRunError` and never shows a byte of it."""
    try:
        return parse_private_key(_read(file))
    except KeyParseError as error:
        raise CannotRunError(f"`{file}`: {error}", "make one with `caveat keys new --out FILE`") from error


def read_public_key(file: Path) -> PublicKey:
    """The public key in a file, also of a private one; raises `CannotRunError`."""
    data = _read(file)
    try:
        if b"PRIVATE KEY" in data:
            return parse_private_key(data).public()
        return parse_public_key(data.decode("ascii", errors="replace").strip())
    except KeyParseError as error:
        raise CannotRunError(f"`{file}`: {error}", "make one with `caveat keys new --out FILE`") from error


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise CannotRunError(f"`{file}` cannot be read: {because(error)}", "check the path") from error
    if len(data) > _MAX_KEY_FILE_BYTES:
        raise CannotRunError(f"`{file}` is no key file: it is too large", "check the path")
    return data


def _show(key: PublicKey, *, as_json: bool) -> None:
    if as_json:
        shown = {"version": 1, "key": key.render(), "keyid": key.keyid, "algorithm": key.algorithm.value}
        click.echo(json.dumps(shown))
        return
    click.echo(f"key   {key.render()}")
    click.echo(f"keyid {key.keyid}")
