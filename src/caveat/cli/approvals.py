"""`caveat approvals`: what waits for a person, read and decided with that person's own key."""

import base64
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import orjson

from caveat.cli.approving import Door, open_door, sign_decision
from caveat.cli.figures import figure_lines
from caveat.cli.keys import read_private_key
from caveat.evidence.approval import Act
from caveat.oversight.untrusted import decoded, visible

HOLDS, DOES_NOT_HOLD = 0, 1
_FILE = click.Path(path_type=Path)


@click.group("approvals")
def approvals_command() -> None:
    """Review what waits for a person, with a key that trust.toml enrols for approvals.

    \b
    Examples:
      caveat approvals list --key anna.pem --as anna
      caveat approvals show 12-0123456789abcdef --key anna.pem --as anna
      caveat approvals approve 12-0123456789abcdef --role privacy_officer --key anna.pem --as anna
      caveat approvals refuse 12-0123456789abcdef --role privacy_officer --key anna.pem --as anna
    """


def as_a_person(command: Callable[..., int]) -> Callable[..., int]:
    """The options that say who decides where; the command gets a `Door`."""

    @click.option(
        "--gateway",
        envvar="CAVEAT_GATEWAY",
        default="http://127.0.0.1:8700",
        show_default=True,
        help="Where the gateway answers.",
    )
    @click.option("--key", "key_file", type=_FILE, required=True, help="Your private key, in PEM form.")
    @click.option("--as", "issuer", required=True, help="Your id in trust.toml.")
    @wraps(command)
    def opened(gateway: str, key_file: Path, issuer: str, **options: Any) -> int:  # noqa: ANN401 - whatever the command takes
        return command(open_door(gateway, read_private_key(key_file), issuer), **options)

    return opened


@approvals_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="The documented JSON shape.")
@as_a_person
def list_command(door: Door, as_json: bool) -> int:
    """What waits for one of your roles, oldest first; nothing of it counts as shown.

    \b
    Examples:
      caveat approvals list --key anna.pem --as anna
      caveat approvals list --json --key anna.pem --as anna
    """
    listed = door.read("")
    if as_json:
        click.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2))
        return HOLDS
    rows = listed["holds"]
    click.echo(f"{len(rows)} wait for you" if rows else "nothing waits for you")
    for row in rows:
        asks = ", ".join(row["roles"])
        click.echo(f"  {row['hold']}  {row['deployment']}  asks {asks}  until {row['expires_at']}")
    return HOLDS


@approvals_command.command("show")
@click.argument("hold")
@click.option("--json", "as_json", is_flag=True, help="The documented JSON shape.")
@as_a_person
def show_command(door: Door, hold: str, as_json: bool) -> int:
    """Everything that an approval of HOLD signs. The gateway notes when you first saw it.

    \b
    Examples:
      caveat approvals show 12-0123456789abcdef --key anna.pem --as anna
    """
    shown = door.read(hold)
    if as_json:
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    else:
        print_view(shown)
    return HOLDS


@approvals_command.command("figures")
@click.option("--json", "as_json", is_flag=True, help="The documented JSON shape.")
@as_a_person
def figures_command(door: Door, as_json: bool) -> int:
    """How real your reviews were, as measured, and those of your queues without a name.

    Planted cases show once they are over, so that no figure tells one that still waits.

    \b
    Examples:
      caveat approvals figures --key anna.pem --as anna
      caveat approvals figures --json --key anna.pem --as anna
    """
    figures = door.read("figures")
    if as_json:
        click.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
        return HOLDS
    for line in figure_lines(figures):
        click.echo(line)
    return HOLDS


@approvals_command.command("approve")
@click.argument("hold")
@click.option("--role", required=True, help="The role that you approve in.")
@click.option("--out", type=_FILE, help="Write what you signed here instead of sending it.")
@as_a_person
def approve_command(door: Door, hold: str, role: str, out: Path | None) -> int:
    """Approve exactly what HOLD shows, once. Read it with `show` first: a glance counts as no review.

    Exit code 0: it counts; 1: it counts as none, and the message says why; 2: it could not be sent.

    \b
    Examples:
      caveat approvals approve 12-0123456789abcdef --role privacy_officer --key anna.pem --as anna
    """
    return _decide(door, hold, role, Act.APPROVE, out)


@approvals_command.command("refuse")
@click.argument("hold")
@click.option("--role", required=True, help="The role that you refuse in.")
@click.option("--out", type=_FILE, help="Write what you signed here instead of sending it.")
@as_a_person
def refuse_command(door: Door, hold: str, role: str, out: Path | None) -> int:
    """Refuse HOLD: one refusal ends it. It needs no pause and lowers nobody's figures.

    \b
    Examples:
      caveat approvals refuse 12-0123456789abcdef --role privacy_officer --key anna.pem --as anna
    """
    return _decide(door, hold, role, Act.REFUSE, out)


@approvals_command.command("send")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_a_person
def send_command(door: Door, file: Path) -> int:
    """Send a decision that was signed elsewhere.

    \b
    Examples:
      caveat approvals send decision.json --key anna.pem --as anna
    """
    return _send(door, file.read_bytes())


def _decide(door: Door, hold: str, role: str, act: Act, out: Path | None) -> int:
    shown = door.read(hold)
    signed = sign_decision(door, shown, role, act)
    if out is not None:
        out.write_bytes(signed)
        click.echo(f"signed; send it with `caveat approvals send {out}`")
        return HOLDS
    return _send(door, signed)


def _send(door: Door, signed: bytes) -> int:
    status, answer = door.submit(signed)
    if status == 201:
        done = {"approve": "approved", "refuse": "refused"}[answer["act"]]
        click.echo(f"{done}: it counts (record {answer['record']})")
        return HOLDS
    error: dict[str, Any] = answer["error"]
    click.echo(f"caveat approvals: {error['message']}", err=True)
    click.echo(f"hint: {error.get('hint', '')}", err=True)
    return DOES_NOT_HOLD


def print_view(shown: dict[str, Any]) -> None:
    """What waits, or went through, for somebody to read: content last, and marked as untrusted."""
    view = shown["view"]
    if "hold" in view:
        click.echo(f"hold        {view['hold']}, until {view['expires_at']}")
    else:
        approved = f", approved under {view['approved']}" if view["approved"] else ""
        click.echo(f"went through at {view['time']}, record {view['record']}{approved}")
    click.echo(f"from        {visible(view['deployment'])}, {visible(view['requester'])}")
    click.echo(f"does        {view['point']}: {visible(view['does'])}, model {visible(view['model'])}")
    for ask in view.get("asks", ()):
        click.echo(f"asks        {ask['persons']} of {ask['role']}: {ask['text']}")
    for clause in view["clauses"]:
        click.echo(f"clause      {clause['id']} ({clause['authority']}): {clause['text']}")
    for after in view.get("afterwards", ()):
        who, hours = " or ".join(after["reviewers"]), after["seconds"] / 3600
        click.echo(f"afterwards  {who} reviews an approval of {after['role']} within {hours:g} hours")
    if "permits" in view:
        click.echo(f"permits     {view['permits']}")
    for number, case in enumerate(view["cases"], start=1):
        click.echo(f"facts       case {number} of {len(view['cases'])}")
        for fact in case["facts"]:
            value = visible(orjson.dumps(fact["value"]).decode())
            click.echo(f"  {fact['name']} = {value}  [{fact['grade']} by {visible(fact['role'])}]")
        if case["claims"]:
            click.echo(f"  claimed, proved by nothing: {visible(orjson.dumps(case['claims']).decode())}")
    click.echo(f"first shown {shown['first_shown_at']}")
    click.echo("content, written by whoever asks; it proves nothing and commands nobody:")
    for line in decoded(base64.b64decode(shown["content"])).split("\n"):
        click.echo(f"  | {line}")
    click.echo(f"signing     {shown['action']}")
