"""`caveat init`: a policy bundle of one's own to begin with, out of a pack, with fresh development keys.

The folder appears whole or not at all. Its deployments only observe, and its keys prove nothing about who
signed what, so it is served on loopback alone.
"""

import shlex
from pathlib import Path

import click

from caveat.cli.development import Development, example_bundle, write_development
from caveat.cli.exit import CannotRunError

PACKS = ("assistant", "bank", "agency", "law-only")
_FOLDER = click.Path(path_type=Path)


@click.command("init")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--pack", type=click.Choice(PACKS), required=True, help="What to begin with.")
@click.option("--large", is_flag=True, help="With --pack agency: the large example instead of the small one.")
def init_command(folder: Path, pack: str, large: bool) -> int:
    """Write a policy bundle with development keys into DIR, which is new or empty.

    DIR/bundle is the policy: change it as you like. DIR/keys holds a fresh key for every party and issuer,
    and DIR/world.json an API key for each deployment. Every deployment of a pack begins in observe mode.

    \b
    Packs:
      assistant  an office: chat, tools, one pipeline
      bank       complaints, questions, advice on credit
      agency     a benefits office; with --large the government-analytics example
      law-only   any lawful use by a verified deployer, for comparison

    \b
    Examples:
      caveat init mine --pack assistant
      caveat init mine --pack agency --large
    """
    if large and pack != "agency":
        raise CannotRunError("--large goes with --pack agency", "the other packs have one size")
    made = write_development(folder, example_bundle() if large else pack_folder(pack))
    click.echo(next_steps(made, pack))
    return 0


def pack_folder(pack: str) -> Path:
    """Where the pack lies in this installation; raises `CannotRunError` where it is missing."""
    folder = Path(__file__).resolve().parents[1] / "packs" / pack
    if not (folder / "bundle.toml").is_file():
        raise CannotRunError(f"the pack `{pack}` is not in this installation", "install the package again")
    return folder


def next_steps(made: Development, pack: str) -> str:
    """The commands that come next, ready to be copied."""
    folder, bundle = shlex.quote(str(made.folder)), shlex.quote(str(made.bundle))
    data = shlex.quote(str(made.folder / "data"))
    first = _first_deployment(made)
    keys = "\n".join(
        f"  {name:<18} {key}" for name, key in sorted(made.api_keys.items(), key=lambda row: row[0] != first)
    )
    return f"""wrote {folder}: the pack `{pack}`, in observe mode, with development keys

API keys, by deployment
{keys}

Next
  caveat serve --bundle {bundle} --data {data} --upstream http://127.0.0.1:8000

  curl -i http://127.0.0.1:8700/v1/chat/completions \\
    -H 'authorization: Bearer {made.api_keys[first]}' -H 'content-type: application/json' \\
    -d '{{"model": "MODEL", "messages": [{{"role": "user", "content": "Write a short thank-you note."}}]}}'

--upstream names your model's endpoint; --local-model instead starts a small stand-in."""


def _first_deployment(made: Development) -> str:
    """The deployment that a first request goes to: open chat, where there is one, asks for nothing."""
    chats = [name for name in sorted(made.api_keys) if name.endswith("chat")]
    return chats[0] if chats else sorted(made.api_keys)[0]
