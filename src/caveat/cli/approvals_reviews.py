"""`caveat approvals reviews | look | finding`: what went through, reviewed afterwards."""

import base64
from typing import Any
from urllib.parse import quote

import click
import orjson

from caveat.cli.approvals import DOES_NOT_HOLD, HOLDS, approvals_command, as_a_person, print_view
from caveat.cli.approvals_power import send_saying
from caveat.cli.approving import Door
from caveat.cli.exit import CannotRunError
from caveat.evidence.predicates import Predicate
from caveat.oversight.finding import NO_VIEW, WRONG
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256

_REVIEWS = "/v1/reviews"


@approvals_command.command("reviews")
@click.option("--json", "as_json", is_flag=True, help="The documented JSON shape.")
@as_a_person
def reviews_command(door: Door, as_json: bool) -> int:
    """What went through and you are to review: sampled uses, and approvals in an emergency.

    Nothing of it counts as shown.

    \b
    Examples:
      caveat approvals reviews --key ida.pem --as ida
      caveat approvals reviews --json --key ida.pem --as ida
    """
    listed = door.look(_REVIEWS)
    if as_json:
        click.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2))
        return HOLDS
    rows = listed["reviews"]
    click.echo(f"{len(rows)} reviews are due" if rows else "no review is due")
    for row in rows:
        late = "  overdue" if row["overdue"] else ""
        clauses = " ".join(row["clauses"])
        click.echo(
            f"  {row['review']}  {row['kind']}  {row['deployment']}  {clauses}  by {row['review_by']}{late}"
        )
    return HOLDS


@approvals_command.command("look")
@click.argument("review")
@click.option("--json", "as_json", is_flag=True, help="The documented JSON shape.")
@as_a_person
def look_command(door: Door, review: str, as_json: bool) -> int:
    """Everything that a finding about REVIEW signs. The gateway notes when you first saw it.

    \b
    Examples:
      caveat approvals look 12-0123456789abcdef --key ida.pem --as ida
    """
    shown = _look(door, review)
    if as_json:
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
        return HOLDS
    click.echo(f"review      {shown['review']}, {shown['kind']}, by {shown['review_by']}")
    if shown["view"] is None:
        click.echo("what it was is not kept; it can be found wrong with `content_missing` alone")
    else:
        print_view(shown)
    return HOLDS


@approvals_command.command("finding")
@click.argument("review")
@click.argument("finding", type=click.Choice(["right", "wrong"]))
@click.option("--code", type=click.Choice([one.value for one in WRONG]), help="With `wrong`: what is wrong.")
@click.option("--role", required=True, help="The role that you review in.")
@as_a_person
def finding_command(door: Door, review: str, finding: str, code: str | None, role: str) -> int:
    """Say that what REVIEW shows went through rightly, or not. `wrong` opens an incident.

    Read it with `look` first: a glance counts as no review. `wrong` needs no pause.
    Exit code 0: it counts; 1: it counts as none, and the message says why; 2: it could not be sent.

    \b
    Examples:
      caveat approvals finding 12-0123456789abcdef right --role auditor --key ida.pem --as ida
      caveat approvals finding 12-0123456789abcdef wrong --code facts_untrue --role auditor \\
        --key ida.pem --as ida
    """
    if (finding == "wrong") != (code is not None):
        raise CannotRunError("`wrong` takes --code, and `right` none", f"codes: {', '.join(WRONG)}")
    shown = _look(door, review)
    answer = send_saying(
        door,
        _REVIEWS,
        Predicate.FINDING,
        {
            "issuer": door.issuer,
            "role": role,
            "about": review,
            "finding": finding,
            "code": code or "",
            "shown": shown["action"],
        },
    )
    if answer is None:
        return DOES_NOT_HOLD
    click.echo(f"found {finding}: it counts (record {answer['record']})")
    return HOLDS


def _look(door: Door, review: str) -> dict[str, Any]:
    """What is shown; raises `CannotRunError` where it is not what it claims to be."""
    shown = door.look(f"{_REVIEWS}/{quote(review, safe='')}")
    if shown["view"] is None:
        if shown["action"] != NO_VIEW:
            raise CannotRunError("the gateway asks to sign what it does not show", "tell the auditor")
        return shown
    view, content = shown["view"], base64.b64decode(shown["content"])
    if sha256(canonical(view)) != shown["action"] or sha256(content) != view["content"]["digest"]:
        raise CannotRunError("the gateway shows something else than it asks to sign", "tell the auditor")
    return shown
