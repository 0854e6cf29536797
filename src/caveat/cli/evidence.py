"""`caveat evidence`: say whether an attestation would count, and if not, why and who can put it right."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from caveat.cli.bundle import load_bundle
from caveat.cli.evidence_store import list_command, put_command
from caveat.cli.exit import CannotRunError, because
from caveat.evidence.check import Checked, EvidenceChecker, Use
from caveat.evidence.defects import EXPLANATIONS, Outcome
from caveat.evidence.envelope import MAX_ENVELOPE_BYTES
from caveat.evidence.statement import parse_time
from caveat.evidence.trust import TrustError, parse_trust
from caveat.facts.value import render_value
from caveat.policy.registration import registration_digests
from caveat.signing.canonical import Json
from caveat.signing.digest import Digest, sha256


@click.group("evidence")
def evidence_command() -> None:
    """Look at evidence, and check it."""


@evidence_command.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--bundle", type=click.Path(path_type=Path), required=True, help="Folder of the policy bundle.")
@click.option("--deployment", required=True, help="The deployment that would rely on it.")
@click.option(
    "--data", type=click.Path(path_type=Path), multiple=True, required=True, help="Data that is sent."
)
@click.option("--at", help="At this time, as 2030-01-31T12:00:00Z, instead of now.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/evidence.md).")
def check_command(
    file: Path, bundle: Path, deployment: str, data: tuple[Path, ...], at: str | None, *, as_json: bool
) -> int:
    """Check the envelope in FILE as the gateway would for a use of the data by the deployment.

    Exit codes: 0 it counts, 1 it does not (every reason is explained), 2 it could not be checked. Whether a
    one-time statement was used up is known to the gateway alone.

    \b
    Example:
      caveat evidence check devices.dsse.json --bundle policies/government-analytics \\
        --deployment analytics-desk --data devices.csv
    """
    loaded = load_bundle(bundle)
    if deployment not in loaded.deployments:
        known = ", ".join(sorted(loaded.deployments)) or "none"
        raise CannotRunError(f"the bundle registers no deployment `{deployment}`", f"registered: {known}")
    try:
        trust = parse_trust(loaded.files["trust.toml"], loaded.registry)
    except TrustError as error:
        raise CannotRunError(
            f"trust.toml: {error}", f"`caveat check {bundle}` lists every finding"
        ) from error
    parts = frozenset(sha256(read_bytes(part)) for part in data)
    registration = registration_digests(loaded.files)[deployment]
    use = Use(
        deployment, sha256(b"checked by hand"), parts, read_time(at), _nobody, registration=registration
    )
    found = EvidenceChecker(trust, loaded.registry).check(read_bytes(file, MAX_ENVELOPE_BYTES), use)
    click.echo(json.dumps(_document(found)) if as_json else _text(found))
    return 0 if found.outcome is Outcome.ACCEPTED and not found.ignored else 1


evidence_command.add_command(put_command)
evidence_command.add_command(list_command)


def _nobody(_once: Digest) -> Digest | None:
    return None


def read_time(text: str | None) -> datetime:
    """The time of an `--at`, or now; raises `CannotRunError`."""
    if text is None:
        return datetime.now(UTC)
    try:
        return parse_time(text)
    except ValueError as error:
        raise CannotRunError(f"`--at`: {error}", "write it like 2030-01-31T12:00:00Z") from error


def read_bytes(file: Path, most: int | None = None) -> bytes:
    """The bytes of a file, at most one more than `most`; raises `CannotRunError`."""
    try:
        with file.open("rb") as opened:
            return opened.read() if most is None else opened.read(most + 1)
    except OSError as error:
        raise CannotRunError(f"`{file}` cannot be read: {because(error)}", "check the path") from error


def _text(found: Checked) -> str:
    lines: list[str] = []
    if found.outcome is Outcome.ACCEPTED:
        lines.append(f"✓ it counts, on the word of `{found.issuer}`:")
        lines += [f"  {fact.name} = {json.dumps(render_value(fact.value))}" for fact in found.facts]
    elif found.outcome is Outcome.DEFECT:
        lines.append("✗ it does not count; a use would be decided as if it were not there")
    else:
        lines.append("✗ a use that presents it is denied")
    if found.code is not None:
        explained = EXPLANATIONS[found.code]
        lines.append(f"  {found.code.value}: {explained.meaning}")
        lines.append(f"  next ({explained.who}): {explained.remedy}")
    for name, code in found.ignored:
        explained = EXPLANATIONS[code]
        lines.append(f"✗ `{name}`: {code.value}: {explained.meaning}")
        lines.append(f"  next ({explained.who}): {explained.remedy}")
    if found.once is not None:
        lines.append("  good for one action only")
    return "\n".join(lines)


def _document(found: Checked) -> dict[str, Json]:
    ignored: list[Json] = [{"fact": name, "code": code.value} for name, code in found.ignored]
    return {
        "version": 1,
        "holds": found.outcome is Outcome.ACCEPTED and not found.ignored,
        "envelope": found.envelope,
        "outcome": found.outcome.value,
        "code": None if found.code is None else found.code.value,
        "key": found.key,
        "issuer": found.issuer,
        "facts": {fact.name: render_value(fact.value) for fact in found.facts},
        "ignored": ignored,
        "parts": list[Json](sorted(found.parts)),
        "single_use": found.once is not None,
    }
