"""`caveat ledger`: what an outsider does with a log.

Nothing of ours has to run, and nobody has to be believed.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
import orjson

from caveat.cli.approved import SignedStatements
from caveat.cli.exit import CannotRunError
from caveat.cli.ledger_audit import audit_command
from caveat.cli.ledger_export import export_command
from caveat.cli.ledger_oversight import oversight_command
from caveat.cli.ledger_proof import is_proof, print_proof, proof_holds
from caveat.cli.ledger_query import query_command
from caveat.cli.ledger_rotate import rotate_command
from caveat.cli.ledger_view import (
    ANY,
    DOES_NOT_HOLD,
    FILE,
    HINT,
    HOLDS,
    LedgerView,
    open_view,
    posix_seconds,
    print_findings,
    read_exporter,
    read_policy,
    render_finding,
    why,
)
from caveat.cli.ledger_witness import witness_command
from caveat.cli.monitors_store import opened
from caveat.cli.progress import Bar
from caveat.ledger.checkpoint import Checkpoint, verify_checkpoint
from caveat.ledger.disk import RealDisk, replace_durably
from caveat.ledger.errors import (
    CheckpointParseError,
    ExportParseError,
    LedgerError,
    RecordParseError,
    TileParseError,
)
from caveat.ledger.export import Manifest, is_export, open_export
from caveat.ledger.finding import Code, Finding, RecordCheck
from caveat.ledger.folder import CHECKPOINT, COSIGNED, Folder
from caveat.ledger.handover import known_keys, read_handovers
from caveat.ledger.quorum import Cosigned, Policy
from caveat.ledger.record import Record, parse_record_id, record_id_of
from caveat.ledger.replay import Bundles, ReplayCheck
from caveat.ledger.trust_order import TrustOrderCheck
from caveat.ledger.verify import Report, verify_folder
from caveat.ledger.verify_export import verify_export
from caveat.ledger.wire import parse_record
from caveat.ledger.witness import with_signatures
from caveat.monitors.once import OnceCheck
from caveat.monitors.persons_check import PersonsCheck
from caveat.monitors.totals import TotalsCheck
from caveat.oversight.check import ApprovalCheck
from caveat.oversight.power_check import DissentCheck, HaltCheck
from caveat.oversight.review_check import ReviewCheck, SamplingCheck
from caveat.policy.oversight import Oversight
from caveat.service.contribution_files import ContributionFiles
from caveat.signing.digest import Digest
from caveat.signing.note import NoteKey, NoteParseError, parse_note

_POLICY_HELP = "Logs, witnesses and quorum (C2SP tlog-policy): the cosigned checkpoint must satisfy it."
_AGE_HELP = "With --policy: a cosignature older than this many seconds does not count."


@click.group(name="ledger")
def ledger_group() -> None:
    """Verify, prove, export, witness and audit the log of decisions, without trust in the gateway."""


for _command in (
    audit_command,
    export_command,
    oversight_command,
    query_command,
    rotate_command,
    witness_command,
):
    ledger_group.add_command(_command)


@ledger_group.command()
@click.argument("path", type=ANY)
@click.option("--replay", is_flag=True, help="Derive every verdict again from its bundle and facts.")
@click.option("--key", "key_file", type=FILE, help="Verifier key that you hold.")
@click.option(
    "--checkpoint",
    "earlier_file",
    type=FILE,
    help="A checkpoint that someone outside has kept; the log must continue it.",
)
@click.option("--policy", "policy_file", type=FILE, help=_POLICY_HELP)
@click.option("--max-age", "max_age_seconds", type=click.IntRange(1), help=_AGE_HELP)
@click.option("--exporter", type=FILE, help="Public line of the key that signs audit exports.")
@click.option("--previous", type=FILE, help="The audit export before this one.")
@click.option("--monitors", type=ANY, help="The gateway's data folder: totals to the person.")
@click.option("--subject-key", metavar="FILE|unix:SOCKET", help="With --monitors: the chain of keys.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the report as JSON (docs/reference/ledger-format.md)."
)
def verify(
    path: Path,
    *,
    replay: bool,
    key_file: Path | None,
    earlier_file: Path | None,
    policy_file: Path | None,
    max_age_seconds: int | None,
    exporter: Path | None,
    previous: Path | None,
    monitors: Path | None,
    subject_key: str | None,
    as_json: bool,
) -> int:
    """Verify PATH: a ledger folder, an audit export (.tar) or a proof of one record (.tlog-proof).

    Exit codes: 0 it holds, 1 it does not, 2 it could not be verified.

    \b
    Examples:
      caveat ledger verify var/ledger --replay
      caveat ledger verify var/ledger --key auditor/log.pub --checkpoint auditor/checkpoint
      caveat ledger verify 2.tar --key log.pub --exporter site.pub --previous 1.tar
      caveat ledger verify answer.tlog-proof --policy auditor/policy --max-age 3600
    """
    policy = None if policy_file is None else read_policy(policy_file)
    try:
        if is_proof(path):
            shown = proof_holds(path, key_file, policy, max_age_seconds)
            print_proof(shown, as_json=as_json)
            return HOLDS if shown.holds else DOES_NOT_HOLD
        earlier = None if earlier_file is None else earlier_file.read_bytes()
        with open_view(path, key_file) as view, _told_apart(monitors, subject_key) as found:
            bundles = Bundles(view.folder)
            replaying = ReplayCheck(bundles) if replay else None
            checks: tuple[RecordCheck, ...] = (
                TotalsCheck(bundles.greatest),
                OnceCheck(),
                TrustOrderCheck(),
                *_of_people(view, SignedStatements(bundles)),
                *_of_reviews(view, bundles),
            )
            persons = None if found is None else PersonsCheck(found.find, bundles.greatest)
            if persons is not None:
                checks = (*checks, persons)
            if replaying is not None:
                checks = (*checks, replaying)
            with Bar("verifying records") as progress:
                if is_export_file(path):
                    report = verify_export(
                        path,
                        view.key,
                        exporter=read_exporter(exporter),
                        previous=_previous(previous),
                        checks=checks,
                        earlier=earlier,
                        progress=progress,
                    ).report
                else:
                    report = verify_folder(
                        view.folder.root, view.key, checks=checks, earlier=earlier, progress=progress
                    )
            findings = (*report.findings, *_quorum_findings(view, policy, max_age_seconds))
    except (OSError, NoteParseError, ExportParseError) as error:
        raise CannotRunError(why(error), HINT) from error
    notes = (*report.notes, *view.notes)
    if persons is not None:
        notes = (*notes, f"totals were derived to the person; {persons.missing:,} contributions are missing")
    replayed = None if replaying is None else replaying.replayed
    if as_json:
        document = _render(report, view.key, findings, notes, replayed)
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        _print(report, view.key, findings, notes, replayed)
    return DOES_NOT_HOLD if findings else HOLDS


@contextmanager
def _told_apart(data: Path | None, subject_key: str | None) -> Generator[ContributionFiles | None]:
    """The contributions, where a data folder is given."""
    if data is None:
        yield None
        return
    with opened(data, subject_key) as files:
        yield files


def _of_people(view: LedgerView, signed: SignedStatements) -> tuple[RecordCheck, ...]:
    """What people approved, stopped and objected to."""
    by_overseer = partial(signed.of_overseer, origin=view.key.name)

    def has_record(name: str) -> bool:
        return view.folder.has_record(*parse_record_id(name))

    return ApprovalCheck(signed), HaltCheck(by_overseer), DissentCheck(by_overseer, has_record)


def _of_reviews(view: LedgerView, bundles: Bundles) -> tuple[RecordCheck, ...]:
    """What people reviewed after it had gone through."""
    signed = partial(SignedStatements(bundles).of_overseer, origin=view.key.name)

    def oversight_of(digest: Digest) -> Oversight | None:
        bundle = bundles.get(digest)
        return None if bundle is None else bundle.oversight

    def read(start: int, end: int) -> Iterator[tuple[str, Record]]:
        try:
            for offset, leaf in enumerate(view.folder.entries(start, end)):
                yield record_id_of(start + offset, leaf), parse_record(leaf)
        except (FileNotFoundError, TileParseError, RecordParseError):
            return  # what cannot be read again is not what was said, and is found as such

    return SamplingCheck(oversight_of, read), ReviewCheck(signed, oversight_of, read)


@ledger_group.command()
@click.argument("path", type=ANY)
@click.option("--key", "key_file", type=FILE, help="Verifier key that you hold.")
@click.option("--cosigned", is_flag=True, help="The newest that witnesses cosigned, with their lines.")
@click.option(
    "--policy", "policy_file", type=FILE, help="Say on standard error who cosigned, by this policy."
)
@click.option("--add", "added", type=FILE, help="Keep the cosignatures in this file with the log.")
def checkpoint(
    path: Path, *, key_file: Path | None, cosigned: bool, policy_file: Path | None, added: Path | None
) -> int:
    """Print the newest checkpoint of the ledger folder PATH, if it is signed: keep it outside.

    Exit codes: 0 printed, 1 it is not rightly signed or lacks its quorum, 2 it could not be read.

    \b
    Examples:
      caveat ledger checkpoint var/caveat/ledger > auditor/checkpoint
      caveat ledger checkpoint var/caveat/ledger --cosigned --policy witnesses.policy
      caveat ledger checkpoint var/caveat/ledger --add from-the-witness.checkpoint
    """
    policy = None if policy_file is None else read_policy(policy_file)
    with open_view(path, key_file) as view:
        folder = view.folder
        try:
            keys = known_keys(read_handovers(folder), view.key)
            if added is not None:
                _add(folder, keys, added.read_bytes())
            data = folder.disk.read(folder.root / (COSIGNED if cosigned or added else CHECKPOINT))
            _signed_by_any(data, keys)
        except (CheckpointParseError, LedgerError) as error:
            click.echo(f"does not hold: {error}", err=True)
            return DOES_NOT_HOLD
        except OSError as error:
            raise CannotRunError(why(error), HINT) from error
        click.echo(data, nl=False)
        if policy is None:
            return HOLDS
        found = policy.verify(data, now_seconds=posix_seconds(), log=keys[-1])
        _print_cosigned(found)
        return HOLDS if found.quorum else DOES_NOT_HOLD


def _add(folder: Folder, keys: tuple[NoteKey, ...], data: bytes) -> None:
    """Keeps what a witness signed elsewhere; a checkpoint of another history is refused by verification."""
    kept = _signed_by_any(data, keys)
    root = folder.root
    newest = verify_checkpoint(folder.disk.read(root / CHECKPOINT), keys[-1])
    if kept.size > newest.size:
        raise CheckpointParseError("the cosigned checkpoint is of more records than the log has")
    try:
        before = folder.disk.read(root / COSIGNED)
        if parse_note(before).text == parse_note(data).text:
            data = with_signatures(before, parse_note(data).signatures)
    except FileNotFoundError:
        pass  # none was kept before
    replace_durably(RealDisk(), {root / COSIGNED: data})


def _signed_by_any(data: bytes, keys: tuple[NoteKey, ...]) -> Checkpoint:
    for key in keys[:-1]:
        try:
            return verify_checkpoint(data, key)
        except CheckpointParseError:
            continue
    return verify_checkpoint(data, keys[-1])


def is_export_file(path: Path) -> bool:
    """Whether PATH is an audit export; raises `OSError`."""
    return path.is_file() and is_export(path)


def _previous(path: Path | None) -> Manifest | None:
    if path is None:
        return None
    with open_export(path) as export:
        return export.manifest


def _quorum_findings(
    view: LedgerView, policy: Policy | None, max_age_seconds: int | None
) -> tuple[Finding, ...]:
    if policy is None:
        return ()
    try:
        data = view.folder.disk.read(view.folder.root / COSIGNED)
        found = policy.verify(data, now_seconds=posix_seconds(), max_age_seconds=max_age_seconds)
    except FileNotFoundError:
        return (Finding(Code.NO_QUORUM, None, "no witness has cosigned a checkpoint of this log"),)
    except CheckpointParseError as error:
        return (Finding(Code.NO_QUORUM, None, str(error)),)
    if found.quorum:
        return ()
    text = f"{len(found.times)} witnesses of the policy have cosigned in time: too few"
    return (Finding(Code.NO_QUORUM, None, text),)


def _print_cosigned(found: Cosigned) -> None:
    for name, seconds in found.times.items():
        click.echo(f"cosigned by {name} at {seconds}, of {found.checkpoint.size} records", err=True)
    click.echo("the quorum is reached" if found.quorum else "the quorum is not reached", err=True)


def _render(
    report: Report,
    key: NoteKey,
    findings: tuple[Finding, ...],
    notes: tuple[str, ...],
    replayed: int | None,
) -> dict[str, object]:
    checkpoint = report.checkpoint
    return {
        "version": 1,
        "holds": not findings,
        "origin": key.name,
        "key": key.render(),
        "size": None if checkpoint is None else checkpoint.size,
        "root": None if checkpoint is None else checkpoint.root.hex(),
        "records": dict(sorted(report.kinds.items())),
        "replayed": replayed,
        "unpublished": report.unpublished,
        "findings": [render_finding(finding) for finding in findings],
        "notes": list(notes),
    }


def _print(
    report: Report,
    key: NoteKey,
    findings: tuple[Finding, ...],
    notes: tuple[str, ...],
    replayed: int | None,
) -> None:
    checkpoint = report.checkpoint
    click.echo(f"log         {key.name}")
    if checkpoint is not None:
        click.echo(f"size        {checkpoint.size}")
        click.echo(f"root        {checkpoint.root.hex()}")
    for kind, count in sorted(report.kinds.items()):
        click.echo(f"  {count:>9}  {kind}")
    if replayed is not None:
        click.echo(f"replayed    {replayed} decisions")
    print_findings(findings, notes)
