"""`caveat observe`: what would have been refused, what would settle it, and the step to enforcing."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from caveat.cli.data_folder import open_log
from caveat.cli.duration import parse_duration
from caveat.cli.enforce import enforce
from caveat.cli.exit import CannotRunError
from caveat.cli.observe_draft import write_drafts
from caveat.cli.observe_show import render_report, show_report
from caveat.cli.observed import Traffic, read_traffic
from caveat.cli.progress import Bar, Progress
from caveat.cli.settling import settle
from caveat.ledger.errors import FolderError
from caveat.ledger.read import Entry, PublishedLog
from caveat.ledger.record import BundleRecord, StartRecord, render_time
from caveat.ledger.replay import Bundles

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,15}Z)?\Z")


@click.group("observe")
def observe_command() -> None:
    """Watch first, then enforce."""


@observe_command.command("report")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--deployment", multiple=True, help="Only this deployment; repeatable.")
@click.option(
    "--since",
    help="Only uses since then: 7d, 12h, a time like 2030-01-31T12:00:00Z, or `bundle` for the last change.",
)
@click.option("--write", type=click.Path(path_type=Path), help="Draft registrations into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON (docs/reference/observe.md).")
def report_command(
    data: Path, deployment: tuple[str, ...], since: str | None, write: Path | None, *, as_json: bool
) -> int:
    """List what the data folder DATA says would have been refused in observe mode, and what would settle it.

    Reads what the ledger has published, beside a running gateway or without one. Exit codes: 0 nothing
    would have been refused, 1 something would, 2 there was nothing to look at.

    \b
    Examples:
      caveat observe report var/caveat
      caveat observe report var/caveat --since 7d --json
      caveat observe report var/caveat --write drafts
    """
    log = open_log(data)
    try:
        traffic = _read(log, since, frozenset(deployment))
    except FolderError as error:
        raise CannotRunError(str(error), error.hint) from error
    if not traffic.deployments:
        raise CannotRunError(
            "the ledger has no use in observe mode" + (" in that time" if since else ""),
            'register the deployment with `mode = "observe"`, and send it some traffic',
        )
    bundles = Bundles(log.folder)
    found = [(watched, settle(watched, bundles.get)) for _, watched in sorted(traffic.deployments.items())]
    written = None if write is None else write_drafts(write, found, bundles.get)
    if as_json:
        click.echo(json.dumps(render_report(traffic, found, since, log.size, written), indent=2))
    else:
        show_report(traffic, found, bundles.get, written)
    return 1 if any(watched.refused for watched, _ in found) else 0


@observe_command.command("enforce")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("deployment")
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="ACTOR=FILE",
    help="An actor of the bundle and its private key; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the change as JSON (docs/reference/observe.md).")
def enforce_command(bundle: Path, deployment: str, keys: tuple[str, ...], *, as_json: bool) -> int:
    """Move DEPLOYMENT in the policy bundle BUNDLE from observe to enforce, and adopt the change.

    Changes `mode` in deployments.toml and signs the bundle with these actors' keys. Where their signatures
    do not suffice, nothing is written. A running gateway takes the change over at SIGHUP and records it.

    \b
    Examples:
      caveat observe enforce policies/mine intranet-chat --key provider=a.pem --key customer=b.pem
      caveat observe enforce policies/mine intranet-chat --key operator=operator.pem --json
    """
    change = enforce(bundle, deployment, keys)
    if as_json:
        click.echo(json.dumps({"version": 1, **change.render()}, indent=2))
        return 0
    if not change.changed:
        click.echo(f"{deployment} enforces already; nothing was changed")
        return 0
    click.echo(f"{deployment} enforces in the bundle {change.digest}")
    click.echo(f"  before: {change.before}")
    click.echo(f"  adopted by {', '.join(change.signers)}")
    click.echo("next: send the gateway SIGHUP (`kill -HUP PID`): it records the change, and enforces")
    return 0


def _read(log: PublishedLog, since: str | None, only: frozenset[str]) -> Traffic:
    with Bar("reading records") as progress:
        return read_traffic(_counted(log, progress), _since(since, log), only)


def _counted(log: PublishedLog, progress: Progress) -> Iterator[Entry]:
    for entry in log.entries():
        yield entry
        progress(entry.index + 1, log.size)


def _since(text: str | None, log: PublishedLog) -> str | None:
    """The time that `--since` means, as records have it."""
    if text is None:
        return None
    if text == "bundle":
        changes = (entry.record for entry in log.backwards())
        return next((one.time for one in changes if isinstance(one, (StartRecord, BundleRecord))), None)
    if _TIME.match(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise CannotRunError("`--since` is no time", "write 2030-01-31T12:00:00Z, or 7d") from error
        return render_time(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    return render_time(datetime.now(UTC) - parse_duration("--since", text))
