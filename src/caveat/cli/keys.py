"""`caveat keys`: make a signing key, and show which key a file holds."""

import json
import os
import secrets
from pathlib import Path

import click

from caveat.cli.exit import CannotRunError
from caveat.signing.keys import (
    Algorithm,
    KeyParseError,
    PrivateKey,
    PublicKey,
    parse_private_key,
    parse_public_key,
    private_key_from_seed,
)

_ALGORITHMS = {"ed25519": Algorithm.ED25519, "p256": Algorithm.P256}
_MAX_KEY_FILE_BYTES = 64 * 1024


@click.group("keys")
def keys_group() -> None:
    """Make signing keys, and show what they are."""


keys_command = keys_group


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
        raise CannotRunError(f"`{out}` cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.pem())
        file.flush()
        os.fsync(descriptor)
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
    _show(_read_public(file), as_json=as_json)
    return 0


def read_private_key(file: Path) -> PrivateKey:
    """The private key in a file; raises `CannotRunError` and never shows a byte of it."""
    try:
        return parse_private_key(_read(file))
    except KeyParseError as error:
        raise CannotRunError(f"`{file}`: {error}", "make one with `caveat keys new --out FILE`") from error


def _read_public(file: Path) -> PublicKey:
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
        raise CannotRunError(f"`{file}` cannot be read: {error.strerror}") from error
    if len(data) > _MAX_KEY_FILE_BYTES:
        raise CannotRunError(f"`{file}` is no key file: it is too large")
    return data


def _show(key: PublicKey, *, as_json: bool) -> None:
    if as_json:
        shown = {"version": 1, "key": key.render(), "keyid": key.keyid, "algorithm": key.algorithm.value}
        click.echo(json.dumps(shown))
        return
    click.echo(f"key   {key.render()}")
    click.echo(f"keyid {key.keyid}")
