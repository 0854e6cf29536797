"""`caveat tour`: the same words with different facts, played against a real gateway, then audited offline."""

import asyncio
import base64
import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click
import orjson
from rich.console import Console
from rich.table import Table

from caveat.cli.development import Development, example_bundle, open_development, read_development
from caveat.cli.exit import CannotRunError
from caveat.cli.tour_approval import approve
from caveat.cli.tour_gateway import running_gateway
from caveat.cli.tour_proof import CLAUSE, Proved, prove_policy
from caveat.cli.tour_steps import DEPLOYMENT, FIRST_USE, STEPS, WORDS, Request, Step, step_request
from caveat.evidence.manifest import MEDIA_TYPE
from caveat.gateway.coverage import measure_coverage
from caveat.signing.canonical import Json

_ANSWER_SECONDS = 120
_PUBLISH_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a step, and whether it is what must come out.

    `counted`: why an approval did not. `contradictions`: of content with what was said of it.
    """

    title: str
    verdict: str
    reason: str
    clauses: tuple[str, ...]
    needs: tuple[str, ...]
    approvals: tuple[str, ...]
    record: str
    answer: str
    right: bool
    counted: str = ""
    contradictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """What the offline verifier said of the ledger."""

    holds: bool
    records: int
    replayed: int


@dataclass(frozen=True, slots=True)
class Covered:
    """The planted uses of this process, and how many of them were decided where they must be."""

    planted: int
    decided: int
    endpoints: int

    @property
    def holds(self) -> bool:
        """Whether each was."""
        return 0 < self.planted == self.decided


@click.command("tour")
@click.option("--gateway", metavar="URL", help="Play against this development gateway instead of an own one.")
@click.option("--data", type=click.Path(path_type=Path), help="Its data folder, with --gateway.")
@click.option("--upstream", metavar="URL", help="The model for the tour's own gateway; else the local one.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON (docs/reference/cli.md).")
def tour_command(gateway: str | None, data: Path | None, upstream: str | None, *, as_json: bool) -> int:
    """Watch one question being allowed, refused, proved and audited.

    Exit codes: 0 every step came out right, 1 one did not, 2 the tour could not be played.

    \b
    Examples:
      caveat tour
      caveat tour --json
      caveat tour --upstream http://127.0.0.1:8000
    """
    if (gateway is None) is not (data is None):
        raise CannotRunError(
            "--gateway and --data go together", "without both, the tour starts its own gateway"
        )
    with contextlib.ExitStack() as stack:
        if gateway is None or data is None:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="caveat-tour-")))
            world = open_development(data / "development", example_bundle())
            gateway = stack.enter_context(running_gateway(data, upstream))
        else:
            world = read_development(data / "development")
        with _quiet_status(quiet=as_json):
            _keep_first_use(world, gateway, data)
            outcomes = [_play(step, world, gateway, data, number) for number, step in enumerate(STEPS, 1)]
            audit = _audit(data / "ledger", outcomes)
            covered = _cover()
            proved = prove_policy()
    right = all(outcome.right for outcome in outcomes) and audit.holds and covered.holds
    right = right and (proved is None or proved.right)
    if as_json:
        document = {"version": 1, "right": right, "words": WORDS, "steps": [asdict(o) for o in outcomes]}
        proofs = None if proved is None else asdict(proved)
        looks = {"audit": asdict(audit), "coverage": asdict(covered), "proofs": proofs}
        click.echo(json.dumps(document | looks, indent=2))
    else:
        _show(outcomes, audit)
        _show_coverage(covered)
        _show_proofs(proved)
    return 0 if right else 1


@contextlib.contextmanager
def _quiet_status(*, quiet: bool) -> Generator[None]:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status("playing the tour"):
        yield


def _play(step: Step, world: Development, gateway: str, data: Path, number: int) -> Outcome:
    """Sends one step, and keeps what was sent below `DATA/tour`, so that any client can send it again."""
    request = step_request(step, world, datetime.now(UTC), "local")
    extra: dict[str, str] = {}
    if request.manifest:
        _upload(world, gateway, request)
    elif request.envelopes:
        encoded = [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in request.envelopes]
        extra["x-caveat-evidence"] = ",".join(encoded)
    kept = data / "tour"
    kept.mkdir(exist_ok=True)
    (kept / f"step-{number}.json").write_bytes(request.body)
    (kept / f"step-{number}.evidence").write_text(extra.get("x-caveat-evidence", ""))
    key = world.api_keys[DEPLOYMENT]
    status, headers, body = _send(gateway, "/v1/chat/completions", request.body, key, extra)
    counted = ""
    if step.approve:
        counted = _approve(step, world, gateway, _json_object(body))
        status, headers, body = _send(gateway, "/v1/chat/completions", request.body, key, extra)
    document = _json_object(body)
    if status == 200:
        return _outcome(step, headers, "allow", {}, _answer_text(document))
    error = document.get("error")
    if status != 403 or not isinstance(error, dict):
        raise CannotRunError(
            f"`{step.title}` got status {status} and no verdict", "look at the gateway's log"
        )
    return _outcome(step, headers, str(error.get("code")), error, "", counted)


def _approve(step: Step, world: Development, gateway: str, document: dict[str, Json]) -> str:
    """Has the persons who are asked approve; why that counted as none, if it did."""
    error = document.get("error")
    hold = error.get("hold") if isinstance(error, dict) else None
    roles = hold.get("roles") if isinstance(hold, dict) else None
    if not isinstance(hold, dict) or not isinstance(roles, dict):
        raise CannotRunError(f"`{step.title}` waits for nobody", "look at the gateway's log")
    codes = [
        approve(world, gateway, str(hold["id"]), role, read=step.approve == "after reading") for role in roles
    ]
    return ", ".join(filter(None, codes))


def _keep_first_use(world: Development, gateway: str, data: Path) -> None:
    """Uploads the evidence of the first step and keeps its body, so that anyone can send it again."""
    request = step_request(STEPS[0], world, datetime.now(UTC), "local")
    _upload(world, gateway, request)
    (data / FIRST_USE).write_bytes(request.body)


def _upload(world: Development, gateway: str, request: Request) -> None:
    """Uploads the evidence of a step: its envelopes, and then the manifest that they speak of."""
    uploads = [(envelope, "application/json") for envelope in request.envelopes]
    if request.manifest:
        uploads.append((request.manifest, MEDIA_TYPE))
    for body, media_type in uploads:
        extra = {"content-type": media_type}
        status, _, _ = _send(gateway, "/v1/evidence", body, world.api_keys[DEPLOYMENT], extra)
        if status >= 300:
            raise CannotRunError(f"the evidence store answered {status}", "look at the gateway's log")


def _outcome(
    step: Step,
    headers: dict[str, str],
    verdict: str,
    error: dict[str, Json],
    answer: str,
    counted: str = "",
) -> Outcome:
    clauses = tuple(filter(None, headers.get("x-caveat-clauses", "").split(",")))
    needs, approvals = _names(error.get("needs")), _names(error.get("approvals"))
    right = (
        verdict == step.verdict
        and set(step.clauses) <= set(clauses)
        and (not step.needs or needs == step.needs)
        and (verdict != "allow" or bool(answer))
        and (step.approve != "at a glance" or counted == "approval_too_fast")
    )
    return Outcome(
        title=step.title,
        verdict=verdict,
        reason=str(error.get("reason", "permitted")),
        clauses=clauses,
        needs=needs,
        approvals=approvals,
        record=headers.get("x-caveat-record", ""),
        answer=answer,
        right=right,
        counted=counted,
        contradictions=_names(error.get("contradictions")),
    )


def _names(value: Json) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, list) else ()


def _json_object(body: bytes) -> dict[str, Json]:
    try:
        document: Json = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CannotRunError("the gateway answered something else than JSON", "is it a gateway?") from error
    return document if isinstance(document, dict) else {}


def _answer_text(document: dict[str, Json]) -> str:
    choices = document.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    return " ".join(content.split()) if isinstance(content, str) else ""


def _send(
    gateway: str, path: str, body: bytes, api_key: str, extra: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    place = urlsplit(gateway)
    headers = {"authorization": f"Bearer {api_key}", "content-type": "application/json", **extra}
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise CannotRunError(f"no gateway answers at {gateway}", "start one with `make run`") from error
    finally:
        connection.close()


def _audit(ledger: Path, outcomes: list[Outcome]) -> Audit:
    """Verifies the folder as an auditor would, in a process that shares nothing with the gateway."""
    last = max(int(outcome.record.partition("-")[0]) for outcome in outcomes)
    deadline = time.monotonic() + _PUBLISH_SECONDS
    while True:
        report = _verify(ledger)
        size = report.get("size")
        if isinstance(size, int) and size > last:
            break
        if time.monotonic() > deadline:
            raise CannotRunError("the ledger was not published in time", "look at the gateway's log")
        time.sleep(0.3)
    replayed = report.get("replayed")
    return Audit(report.get("holds") is True, size, replayed if isinstance(replayed, int) else 0)


def _verify(ledger: Path) -> dict[str, Json]:
    command = [sys.executable, "-m", "caveat", "ledger", "verify", str(ledger), "--replay", "--json"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own interpreter and module
    return _json_object(done.stdout) if done.stdout else {}


def _table(console: Console) -> Table:
    table = Table(box=None, pad_edge=False)
    for header, width in (("", 1), ("about which table", 39), ("verdict", 14), ("clauses", 13)):
        table.add_column(header, width=width)
    table.add_column("what is missing, or the answer", no_wrap=True, max_width=max(24, console.width - 76))
    return table


_STYLE = {"allow": "green", "needs_approval": "yellow", "needs_evidence": "yellow", "deny": "red"}


def _show(outcomes: list[Outcome], audit: Audit) -> None:
    console = Console(width=None if sys.stdout.isatty() else 118, highlight=False)
    console.print(f'The same words each time: "{WORDS}"')
    table = _table(console)
    for outcome in outcomes:
        table.add_row(
            "✓" if outcome.right else "✗",
            outcome.title,
            f"[{_STYLE.get(outcome.verdict, 'red')}]{outcome.verdict}[/]",
            " ".join(outcome.clauses),
            _remark(outcome),
        )
    console.print(table)
    state = "holds" if audit.holds else "DOES NOT HOLD"
    console.print(
        f"The ledger {state}, verified offline: {audit.records} records, "
        f"{audit.replayed} verdicts derived again."
    )


def _cover() -> Covered:
    """As at every start: a use in each shape of each endpoint, with something in it that must be refused."""
    matrix = asyncio.run(measure_coverage(every_twin=False))
    endpoints = {cell.plant.at for cell in matrix.cells}
    return Covered(len(matrix.cells), len(matrix.cells) - len(matrix.open), len(endpoints))


def _show_coverage(covered: Covered) -> None:
    console = Console(width=None if sys.stdout.isatty() else 118, highlight=False, markup=False)
    refused = f"{covered.decided:,} of {covered.planted:,} uses refused"
    console.print(f"Planted in every shape of {covered.endpoints} endpoints: {refused}.")


def _show_proofs(proved: Proved | None) -> None:
    console = Console(width=None if sys.stdout.isatty() else 118, highlight=False, markup=False)
    if proved is None:
        console.print("Nothing is proved of the policy: pip install 'caveat[analysis]' brings the solver.")
        return
    state = "holds" if proved.holds else "DOES NOT HOLD"
    console.print(f"Proved: every red line {state} against honest, silent, lying callers and evaded screens.")
    console.print(f"Without {CLAUSE}, which takes {' and '.join(proved.consents)}, this opens:", end=" ")
    console.print(proved.opened)


def _remark(outcome: Outcome) -> str:
    if outcome.answer:
        return f'"{outcome.answer}"'
    if outcome.needs:
        return "proof of " + ", ".join(outcome.needs)
    if outcome.counted:
        return "counts as none: " + outcome.counted.removeprefix("approval_").replace("_", " ")
    if outcome.contradictions:
        return outcome.contradictions[0].partition(", ")[2]
    if outcome.approvals:
        return "approval of " + ", ".join(outcome.approvals)
    return outcome.reason.replace("_", " ")
