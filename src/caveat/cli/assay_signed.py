"""`caveat assay verify` and `record`: a signed report checked offline, and taken into a gateway's ledger."""

from datetime import UTC, datetime
from pathlib import Path

import click
import orjson

from caveat.assay.account import render_account
from caveat.assay.certificate import ArmClaim, CertificateError, Counted, SignedReport, verify_report
from caveat.assay.errors import AssayError
from caveat.assay.journal import Journal
from caveat.assay.measured import measure
from caveat.cli.assay_shown import explain
from caveat.cli.bundle import load_bundle
from caveat.cli.data_folder import LEDGER, bundle_in_force, open_log
from caveat.cli.exit import CannotRunError
from caveat.cli.keys import read_private_key, read_public_key
from caveat.ledger import Ledger
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import LedgerError
from caveat.ledger.record import ArmFigures, AssayRecord, not_before, render_time
from caveat.ledger.rotate import key_in_force
from caveat.ledger.wire import render_record
from caveat.policy.bundle import Bundle

HOLDS, DOES_NOT_HOLD = 0, 1
MOST_ARMS = 256
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_KEY = "log.pem"


@click.command("verify")
@click.argument("envelope", type=_FILE)
@click.option(
    "--key", "key_file", type=_FILE, required=True, help="The signer's public line, as you hold it."
)
@click.option("--bundle", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Its policy.")
@click.option("--report", type=_FILE, help="The JSON that is to be what was signed.")
@click.option("--journal", type=_FILE, help="The run's journal: makes every figure again from it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/assay.md).")
def verify_command(
    envelope: Path,
    key_file: Path,
    *,
    bundle: Path | None,
    report: Path | None,
    journal: Path | None,
    as_json: bool,
) -> int:
    """Verify a signed report, offline, and say what it covers.

    Exit code 0: it verifies, and is about what you name; 1: not so; 2: it could not be checked.

    \b
    Examples:
      caveat assay verify report.json.sig --key auditor.pub
      caveat assay verify report.json.sig --key auditor.pub --journal run.jsonl
      caveat assay verify report.json.sig --key auditor.pub --bundle policies/government-analytics
    """
    key = read_public_key(key_file)
    about = None if bundle is None else load_bundle(bundle).digest
    finding, signed = "", None
    try:
        signed = verify_report(envelope.read_bytes(), key)
        if about is not None:
            signed.check_bundle(about)
        if report is not None:
            signed.check_report(report.read_bytes())
    except CertificateError as error:
        finding = error.findings[0]
    if signed is not None and journal is not None and not finding:
        finding = _differs(signed, journal)
    if as_json:
        click.echo(orjson.dumps(_document(signed, finding), option=orjson.OPT_INDENT_2).decode())
    elif finding:
        click.echo(f"✗ {finding}")
    elif signed is not None:
        _say(signed, journal is not None)
    return DOES_NOT_HOLD if finding else HOLDS


def _differs(signed: SignedReport, journal: Path) -> str:
    """Why the journal is not that of the report; empty where it gives every figure of it."""
    try:
        read = Journal.read(journal)
        if read.sha256 != signed.journal:
            return f"the report is about journal `{signed.journal[:16]}…`, not about `{read.sha256[:16]}…`"
        signed.check_report(orjson.dumps(render_account(measure(read))))
    except CertificateError:
        return "the journal gives other figures than the report"
    except AssayError as error:
        raise CannotRunError(error.findings[0], error.hint or "name the journal of the run") from error
    return ""


def _say(signed: SignedReport, remade: bool) -> None:
    click.echo(f"✓ signed by {signed.key[:16]}…, byte for byte")
    click.echo(f"  policy bundle  {signed.bundle}")
    click.echo(f"  journal        {signed.journal}{' (every figure made again from it)' if remade else ''}")
    click.echo(f"  verdicts       {signed.run}, seed {signed.seed}")
    for name, arm in signed.arms.items():
        unsafe, twins = _counted(arm.unsafe), _counted(arm.twins_passed)
        click.echo(f"  {name}: unsafe uses let through {unsafe}; benign twins passed {twins}")
    for name, why in signed.unmeasured_arms.items():
        click.echo(f"  {name}: unmeasured: {why}")
    if signed.partial:
        click.echo("  the run did not come to its end: the figures are of a part of it")


def _counted(share: Counted | None) -> str:
    return "unmeasured" if share is None else f"{share.count} of {share.of}"


def _document(signed: SignedReport | None, finding: str) -> dict[str, object]:
    return {
        "version": 1,
        "verifies": not finding,
        "finding": finding or None,
        "covers": None
        if signed is None
        else {
            "envelope": signed.envelope,
            "key": signed.key,
            "bundle": signed.bundle,
            "journal": signed.journal,
            "digest": signed.run,
            "seed": signed.seed,
            "partial": signed.partial,
            "arms": [*signed.arms],
            "unmeasured_arms": dict(signed.unmeasured_arms),
        },
    }


@click.command("record")
@click.argument("envelope", type=_FILE)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="Data folder.")
@click.option(
    "--key", "key_file", type=_FILE, required=True, help="The signer's public line, as you hold it."
)
def record_command(envelope: Path, data: Path, key_file: Path) -> int:
    """Record a signed report in the ledger of the gateway whose data folder is DATA. It must be stopped.

    The report has to verify, and to be about the bundle that the ledger says is in force. The record holds
    digests and the headline figures of each arm; keep the envelope, whose digest it names.

    Exit code 0: recorded; 1: it does not verify, or is about another bundle; 2: it could not be recorded.

    \b
    Example:
      caveat assay record report.json.sig --data var/caveat --key auditor.pub
    """
    key = read_public_key(key_file)
    log = open_log(data)
    in_force = bundle_in_force(log)
    if in_force is None:
        raise CannotRunError(
            "the ledger names no bundle in force", "`caveat ledger verify` says what is wrong"
        )
    try:
        signed = verify_report(envelope.read_bytes(), key)
        signed.check_bundle(in_force.digest)
    except CertificateError as error:
        explain(error)
        return DOES_NOT_HOLD
    receipt = _append(data, signed, in_force)
    click.echo(f"recorded as {receipt}: report {signed.envelope[:16]}…, signed by {signed.key[:16]}…")
    return HOLDS


def _append(data: Path, signed: SignedReport, bundle: Bundle) -> str:
    folder = data / LEDGER
    current = key_in_force(RealDisk(), folder)
    if current is None:
        raise CannotRunError(
            f"`{data}` holds no ledger", "name the folder that `caveat serve --data` was given"
        )
    try:
        ledger = Ledger.open(folder, read_private_key(data / _KEY), origin=current.name)
        try:
            ledger.store_bundle(bundle.files)
            time = not_before(ledger.newest_time, render_time(datetime.now(UTC)))
            return ledger.append_blocking(render_record(_record(signed, time))).record_id
        finally:
            ledger.close()
    except LedgerError as error:
        raise CannotRunError(str(error), error.hint or "stop the gateway, then record it") from error


def _record(signed: SignedReport, time: str) -> AssayRecord:
    if len(signed.arms) > MOST_ARMS:
        raise CannotRunError(f"the report has more than {MOST_ARMS} arms", "record one of fewer arms")
    return AssayRecord(
        time=time,
        bundle=signed.bundle,
        envelope=signed.envelope,
        key=signed.key,
        run=signed.run,
        complete=not signed.partial,
        arms=tuple(_figures(name, arm) for name, arm in signed.arms.items()),
    )


def _figures(name: str, arm: ArmClaim) -> ArmFigures:
    unsafe, twins = arm.unsafe, arm.twins_passed
    return ArmFigures(
        arm=name[:256],
        unsafe=None if unsafe is None else unsafe.count,
        uses=None if unsafe is None else unsafe.of,
        twins_passed=None if twins is None else twins.count,
        twins=None if twins is None else twins.of,
    )
