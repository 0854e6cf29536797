"""`caveat explain evidence`: each check of an envelope in its order, and who can put right what failed."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click

from caveat.cli.bundle import load_bundle
from caveat.cli.data_folder import open_log
from caveat.cli.evidence import read_bytes, read_time
from caveat.cli.exit import CannotRunError, because
from caveat.evidence.check import Checked, EvidenceChecker, Use
from caveat.evidence.defects import EXPLANATIONS, DefectCode, Outcome, Stage
from caveat.evidence.envelope import MAX_ENVELOPE_BYTES, VerifiedCache
from caveat.evidence.explain import OF_A_USE, Result, Step, steps_of
from caveat.evidence.revocation import RevocationBook
from caveat.evidence.statement import render_time
from caveat.evidence.trust import TrustError, parse_trust
from caveat.facts.value import render_value
from caveat.gateway.revocations import RevocationLists
from caveat.ledger.errors import FolderError
from caveat.monitors.logged import Logged
from caveat.monitors.once import Once
from caveat.policy.registration import registration_digests
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest, sha256
from caveat.store.revocations import RevocationFiles

_MARKS = {Result.PASSED: "✓", Result.FAILED: "✗", Result.NOT_REACHED: "·", Result.NOT_ASKED: "?"}
_SAID = {Result.NOT_REACHED: " not reached", Result.NOT_ASKED: " not asked: nothing was said of the use"}
_FILE = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class _Known:
    """What a gateway's data folder tells: one-time ids used up, first times, lists of revocations."""

    consumer: Callable[[Digest], Digest | None] = lambda _once: None
    first_logged: Callable[[Digest], datetime | None] = lambda _envelope: None
    book: RevocationBook = field(default_factory=RevocationBook)


@click.command("evidence")
@click.argument("file", type=_FILE)
@click.option("--bundle", type=_FILE, required=True, help="Folder of the policy bundle.")
@click.option("--data", type=_FILE, help="The gateway's data folder: what was used up, logged and revoked.")
@click.option("--deployment", help="The deployment that would rely on it.")
@click.option("--part", "parts", type=_FILE, multiple=True, help="Data that would be sent; repeatable.")
@click.option("--target", "targets", multiple=True, help="A target that would be declared; repeatable.")
@click.option("--at", help="At this time, as 2030-01-31T12:00:00Z, instead of now.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/evidence.md).")
def evidence_command(
    file: Path,
    bundle: Path,
    data: Path | None,
    deployment: str | None,
    parts: tuple[Path, ...],
    targets: tuple[str, ...],
    at: str | None,
    *,
    as_json: bool,
) -> int:
    """Walk through the checks of the envelope in FILE: passed, failed, or not reached, and who can act.

    Without --deployment the checks that need a use are not asked. With --data the gateway's own log says
    which one-time statements are used up, what it showed before a revocation, and which lists it has.
    Exit codes: 0 it counts as far as was asked, 1 it does not, 2 it could not be checked.

    \b
    Examples:
      caveat explain evidence devices.dsse.json --bundle policies/mine
      caveat explain evidence devices.dsse.json --bundle policies/mine --data var/caveat \\
        --deployment analytics-desk --part devices.csv
    """
    loaded = load_bundle(bundle)
    if deployment is not None and deployment not in loaded.deployments:
        known = ", ".join(sorted(loaded.deployments)) or "none"
        raise CannotRunError(f"the bundle registers no deployment `{deployment}`", f"registered: {known}")
    try:
        trust = parse_trust(loaded.files["trust.toml"], loaded.registry)
    except TrustError as error:
        raise CannotRunError(
            f"trust.toml: {error}", f"`caveat check {bundle}` lists every finding"
        ) from error
    told, raw, now = (
        _Known() if data is None else _told(data),
        read_bytes(file, MAX_ENVELOPE_BYTES),
        read_time(at),
    )
    checker = EvidenceChecker(trust, loaded.registry, VerifiedCache(), told.book, told.first_logged)
    if deployment is None:
        found, not_asked = checker.check_alone(raw, now), OF_A_USE
    else:
        digests = frozenset(sha256(read_bytes(part)) for part in parts)
        registration = registration_digests(loaded.files)[deployment]
        use = Use(deployment, sha256(b"by hand"), digests, now, told.consumer, targets, registration)
        found, not_asked = checker.check(raw, use, presented=False), frozenset[Stage]()
    steps = steps_of(found, EXPLANATIONS, not_asked)
    first = told.first_logged(found.envelope)
    click.echo(json.dumps(_document(found, steps, first)) if as_json else _text(found, steps, first))
    return 0 if found.outcome is Outcome.ACCEPTED and not found.ignored else 1


def _told(data: Path) -> _Known:
    log = open_log(data)
    once, logged = Once(), Logged()
    lists = RevocationLists(RevocationFiles(data / "revocations"))
    try:
        for entry in log.entries():
            for fold in (once.fold, logged.fold, lists.fold):
                fold(entry.record)
        lists.open()
    except FolderError as error:
        raise CannotRunError(str(error), error.hint) from error
    except OSError as error:
        raise CannotRunError(
            f"a list of revocations cannot be read: {because(error)}", "check the path"
        ) from error

    def consumer(identity: Digest) -> Digest | None:
        action = once.consumed_by(identity)
        return None if action is None else Digest(action)

    return _Known(consumer, logged.first, lists.book)


def _text(found: Checked, steps: tuple[Step, ...], first: datetime | None) -> str:
    lines: list[str] = []
    for step in steps:
        head = f"{_MARKS[step.result]} {step.stage.value}"
        if step.code is None:
            lines.append(f"{head}{':' if step.result in _SAID else ''}{_SAID.get(step.result, '')}")
        else:
            lines += [f"{head}: {step.code.value}: {EXPLANATIONS[step.code].meaning}", _next(step.code)]
    for name, code in found.ignored:
        lines += [f"✗ `{name}`: {code.value}: {EXPLANATIONS[code].meaning}", _next(code)]
    lines += [f"  {fact.name} = {json.dumps(render_value(fact.value))}" for fact in found.facts]
    if first is not None:
        lines.append(f"  the log first shows it at {render_time(first)}")
    return "\n".join(lines)


def _next(code: DefectCode) -> str:
    return f"  next ({EXPLANATIONS[code].who}): {EXPLANATIONS[code].remedy}"


def _explained(code: DefectCode) -> JsonObject:
    said = EXPLANATIONS[code]
    return {"code": code.value, "meaning": said.meaning, "who": said.who, "how": said.remedy}


def _document(found: Checked, steps: tuple[Step, ...], first: datetime | None) -> JsonObject:
    rows: list[Json] = []
    for step in steps:
        row: JsonObject = {"check": step.stage.value, "result": step.result.value}
        rows.append(row if step.code is None else {**row, **_explained(step.code)})
    ignored: list[Json] = [{"fact": name, **_explained(code)} for name, code in found.ignored]
    return {
        "version": 1,
        "holds": found.outcome is Outcome.ACCEPTED and not found.ignored,
        "envelope": found.envelope,
        "outcome": found.outcome.value,
        "key": found.key,
        "issuer": found.issuer,
        "checks": rows,
        "facts": {fact.name: render_value(fact.value) for fact in found.facts},
        "ignored": ignored,
        "first_logged": None if first is None else render_time(first),
    }
