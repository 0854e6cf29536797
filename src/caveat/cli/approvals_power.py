"""`caveat approvals halt | release | halts | dissent | dissents`: what an overseer stops and objects to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import orjson

from caveat.cli.approvals import DOES_NOT_HOLD, HOLDS, approvals_command, as_a_person
from caveat.cli.approving import Door
from caveat.cli.exit import CannotRunError
from caveat.evidence.instants import StatementParseError
from caveat.evidence.overseers import mint_saying
from caveat.evidence.predicates import Predicate
from caveat.oversight.dissents import FIRST, link_of, text_of
from caveat.oversight.halts import Scope, Stopped
from caveat.oversight.untrusted import visible
from caveat.signing.canonical import CanonicalError, JsonObject
from caveat.signing.digest import Digest

_LIFE = timedelta(hours=1)
_HALTS, _DISSENTS = "/v1/halts", "/v1/dissents"


@approvals_command.command("halt")
@click.argument("scope", type=click.Choice([scope.value for scope in Scope]))
@click.argument("target", default="")
@click.option("--caller", default="", help="Of a conversation: whose, as records name them.")
@click.option("--reason", required=True, help="Why, in your words; at most 500 characters.")
@as_a_person
def halt_command(door: Door, scope: str, target: str, caller: str, reason: str) -> int:
    """Stop TARGET at once: new uses are refused, and running streams end with their next window.

    TARGET is the record of a prompt or of a hold, a deployment, or a model; `everything` takes none. A
    `conversation` is all that one caller does at the deployment TARGET.

    \b
    Examples:
      caveat approvals halt use 12-0123456789abcdef --reason "wrong data" --key anna.pem --as anna
      caveat approvals halt conversation chat --caller key:0123456789abcdef --reason "…" \\
        --key anna.pem --as anna
      caveat approvals halt everything --reason "the model is compromised" --key anna.pem --as anna
    """
    stopped = Stopped(Scope(scope), target, caller)
    if not stopped.is_whole:
        raise CannotRunError(
            "the scope takes something else",
            "`everything` takes no target, `conversation` takes --caller too",
        )
    answer = send_saying(door, _HALTS, Predicate.HALT, _said(door, "halt", stopped, "", reason))
    if answer is None:
        return DOES_NOT_HOLD
    click.echo(f"halted: record {answer['halt']}; two persons can release it")
    return HOLDS


@approvals_command.command("release")
@click.argument("halt")
@click.option("--reason", required=True, help="Why, in your words; at most 500 characters.")
@as_a_person
def release_command(door: Door, halt: str, reason: str) -> int:
    """Agree that HALT ends. It does once two persons have, each with their own key.

    \b
    Examples:
      caveat approvals release 12-0123456789abcdef --reason "the data was exchanged" --key anna.pem --as anna
    """
    found = [row for row in door.look(_HALTS)["halts"] if row["halt"] == halt]
    if not found:
        raise CannotRunError("there is no such halt", "`caveat approvals halts` lists them")
    stopped = Stopped(Scope(found[0]["scope"]), found[0]["target"], found[0]["caller"])
    answer = send_saying(door, _HALTS, Predicate.HALT, _said(door, "release", stopped, halt, reason))
    if answer is None:
        return DOES_NOT_HOLD
    click.echo("on record; it waits for another person" if answer["in_force"] else "released")
    return HOLDS


@approvals_command.command("halts")
@click.option("--json", "as_json", is_flag=True, help="The documented JSON shape.")
@as_a_person
def halts_command(door: Door, as_json: bool) -> int:
    """Every halt there was, and whether it is in force.

    \b
    Examples:
      caveat approvals halts --key anna.pem --as anna
      caveat approvals halts --json --key anna.pem --as anna
    """
    listed = door.look(_HALTS)
    if as_json:
        click.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2))
        return HOLDS
    in_force = sum(row["released"] is None for row in listed["halts"])
    click.echo(f"{in_force} in force" if in_force else "nothing is halted")
    for row in listed["halts"]:
        what = visible(" ".join(word for word in (row["scope"], row["target"], row["caller"]) if word))
        state = f"released {row['released']}" if row["released"] else "in force"
        if row["released_by"] and not row["released"]:
            state += f", released by {', '.join(row['released_by'])} alone"
        click.echo(f"  {row['halt']}  {what}  by {row['person']} at {row['time']}  {state}")
    return HOLDS


@approvals_command.command("dissent")
@click.argument("record")
@click.option("--text", required=True, help="What you object to, in your words; at most 2,000 characters.")
@as_a_person
def dissent_command(door: Door, record: str, text: str) -> int:
    """Object to what RECORD says, for good: nobody can remove, hide or reorder it.

    Keep the number and link that it prints: they show whether it is still there.

    \b
    Examples:
      caveat approvals dissent 12-0123456789abcdef --text "the source was not asked" --key anna.pem --as anna
    """
    answer = send_saying(
        door, _DISSENTS, Predicate.DISSENT, {"issuer": door.issuer, "about": record, "text": text}
    )
    if answer is None:
        return DOES_NOT_HOLD
    click.echo(f"on record: {answer['dissent']}, number {answer['number']}, link {answer['link']}")
    return HOLDS


@approvals_command.command("dissents")
@click.option("--json", "as_json", is_flag=True, help="The documented JSON shape.")
@as_a_person
def dissents_command(door: Door, as_json: bool) -> int:
    """Every dissent, in the order of their chain; one that is left out is noticed.

    Exit code 1 where the chain is broken.

    \b
    Examples:
      caveat approvals dissents --key anna.pem --as anna
      caveat approvals dissents --json --key anna.pem --as anna
    """
    listed = door.look(_DISSENTS)
    if as_json:
        click.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2))
    broken = first_break(listed["dissents"])
    if not as_json:
        click.echo(f"{len(listed['dissents'])} dissents" if listed["dissents"] else "nobody objected")
        for row in listed["dissents"]:
            click.echo(f"  {row['number']}  {row['dissent']}  about {row['about']}  by {row['person']}")
            click.echo(f"     {visible(text_of(row['statement']))}")
    if broken is not None:
        click.echo(f"caveat approvals: a dissent is missing before the one at place {broken}", err=True)
        click.echo("hint: verify the ledger folder, and tell the auditor", err=True)
        return DOES_NOT_HOLD
    return HOLDS


def _said(door: Door, act: str, stopped: Stopped, halt: str, reason: str) -> JsonObject:
    return {
        "issuer": door.issuer,
        "act": act,
        "scope": stopped.scope.value,
        "target": stopped.target,
        "caller": stopped.caller,
        "halt": halt,
        "reason": reason,
    }


def send_saying(door: Door, path: str, predicate: Predicate, said: JsonObject) -> dict[str, Any] | None:
    """The gateway's answer; None where it does not hold, which is then on standard error."""
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        signed = mint_saying(predicate, door.origin, said, now, now + _LIFE, door.key)
    except (StatementParseError, CanonicalError) as error:
        raise CannotRunError("this cannot be signed", "write text in Unicode, and shorter") from error
    status, answer = door.submit(signed, path)
    if status == 201:
        return answer
    error_said: dict[str, Any] = answer["error"]
    click.echo(f"caveat approvals: {error_said['message']}", err=True)
    click.echo(f"hint: {error_said.get('hint', '')}", err=True)
    return None


def first_break(rows: list[dict[str, Any]]) -> int | None:
    """The place of the first dissent before which one is missing; None where the chain is whole."""
    link = FIRST
    for number, row in enumerate(rows, start=1):
        follows = row["number"] == number and row["previous"] == link
        link = Digest(row["link"])
        if not follows or link != link_of(number, Digest(row["previous"]), Digest(row["said"])):
            return number
    return None
