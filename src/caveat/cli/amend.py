"""`caveat amend`: how a bundle comes into force, by the signatures of its own actors."""

from pathlib import Path

import click

from caveat.cli.amend_chain import (
    consent_command,
    propose_command,
    seal_command,
    show_command,
    verify_command,
)
from caveat.cli.amend_edit import edit_command
from caveat.cli.bundle import load_bundle
from caveat.cli.exit import CannotRunError
from caveat.policy.signatures import sign_adoption
from caveat.signing.keys import KeyParseError, PrivateKey, parse_private_key


@click.group("amend")
def amend_group() -> None:
    """Change a policy bundle by the consent that it asks for.

    A first bundle is signed by its actors as it is. Whatever follows it is amended: proposed, consented to
    by those whom its changes need, and sealed into the new bundle.
    """


for _command in (propose_command, consent_command, show_command, seal_command, verify_command, edit_command):
    amend_group.add_command(_command)


@amend_group.command("sign")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--actor", required=True, help="The actor that signs, as `bundle.toml` names it.")
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path), required=True, help="The actor's private key."
)
def sign_command(bundle: Path, actor: str, key_file: Path) -> int:
    """Adopt the bundle in the folder BUNDLE as one of its actors, and say what still lacks consent.

    The signature covers every file but the signatures: change one byte, and it adopts nothing. Exit codes:
    0 every consent that the bundle asks for is there, 1 some is missing, 2 it could not be signed.

    \b
    Example:
      caveat amend sign policies/mine --actor provider --key provider.pem
    """
    loaded = load_bundle(bundle)
    key = _read_key(key_file)
    enrolled = loaded.manifest.actors.get(actor)
    if enrolled is None:
        names = ", ".join(sorted(loaded.manifest.actors))
        raise CannotRunError(f"the bundle has no actor `{actor}`", f"its actors are {names}")
    if key.public() not in enrolled:
        raise CannotRunError(
            f"this key is not enrolled for `{actor}`",
            f'add "{key.public().render()}" to its `keys` in `bundle.toml`, then everybody signs anew',
        )
    folder = bundle / "signatures"
    folder.mkdir(exist_ok=True)
    adoption = sign_adoption(loaded.manifest.name, loaded.digest, actor, key)
    (folder / f"{actor}.dsse.json").write_bytes(adoption)
    signed = load_bundle(bundle)
    click.echo(f"`{actor}` adopts {signed.manifest.name} {signed.manifest.release}, digest {signed.digest}")
    if signed.unsigned:
        signers = ", ".join(sorted(signed.signers))
        click.echo(f"  draft: {len(signed.unsigned)} parts lack consent; signed by {signers}")
        return 1
    click.echo("  every consent that it asks for is there; it may be served")
    return 0


def _read_key(path: Path) -> PrivateKey:
    try:
        return parse_private_key(path.read_bytes())
    except KeyParseError as error:
        raise CannotRunError(f"`{path}`: {error}", "`caveat keys new --out FILE` makes one") from error
