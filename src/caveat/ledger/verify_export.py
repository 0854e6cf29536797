"""An audit export verified: who signed it, that it follows the one before, and the part of the log in it.

Steps: 1 every file is the manifest's, or it does not open at all. 2 The manifest is signed by the exporter
that the auditor knows. 3 It follows the export before it, without a gap. 4 Its checkpoint is the one in it.
5 The part of the log verifies as a folder does. Source: EVIDENCE attacks 68 to 70.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from caveat.ledger.checkpoint import Checkpoint
from caveat.ledger.export import Export, Manifest, TreeHead, head_of, open_export
from caveat.ledger.finding import Code, Finding, RecordCheck
from caveat.ledger.tar_disk import ROOT
from caveat.ledger.verify import Progress, Report, verify_folder
from caveat.signing.keys import PublicKey
from caveat.signing.merkle import verify_consistency
from caveat.signing.note import NoteKey


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was verified of an export. `manifest` says what it is: its number, and what came before."""

    report: Report
    manifest: Manifest


def verify_export(
    path: Path,
    key: NoteKey,
    *,
    exporter: PublicKey | None,
    previous: Manifest | None,
    checks: Sequence[RecordCheck] = (),
    earlier: bytes | None = None,
    progress: Progress | None = None,
) -> ExportReport:
    """What holds of the export in `path`; raises `ExportParseError` for what is none, `OSError`.

    `previous`: the manifest of the export before it, which was verified when it came. Without it, and
    without `exporter`, that much stays unknown and a note says so.
    """
    with open_export(path) as export:
        manifest = export.manifest
        notes, findings = _follows(manifest, previous)
        notes += _signer(export, exporter, findings)
        since = None if manifest.previous is None else _head(manifest.origin, manifest.previous)
        report = verify_folder(
            ROOT, key, checks=checks, earlier=earlier, progress=progress, disk=export.view.disk, since=since
        )
        if report.checkpoint is not None and report.checkpoint != head_of(manifest):
            findings.append(Finding(Code.EXPORT_DIFFERS, None, "its checkpoint is not the manifest's"))
    without_wal = tuple(note for note in report.notes if "write-ahead log" not in note)
    whole = replace(report, findings=(*findings, *report.findings), notes=(*notes, *without_wal))
    return ExportReport(whole, manifest)


def _signer(export: Export, exporter: PublicKey | None, findings: list[Finding]) -> list[str]:
    if exporter is None:
        return ["who made the export was not checked (--exporter FILE takes the exporter's public key)"]
    if not export.is_signed_by(exporter):
        findings.append(Finding(Code.EXPORT_NOT_SIGNED, None, "the exporter's key did not sign its manifest"))
    return []


def _follows(manifest: Manifest, previous: Manifest | None) -> tuple[list[str], list[Finding]]:
    before = manifest.previous
    if before is None:
        lost = previous is not None or manifest.number != 1
        text = "it begins anew, although there was an export before it"
        return [], [Finding(Code.EXPORT_GAP, None, text)] if lost else []
    new = manifest.checkpoint
    path = [bytes.fromhex(node) for node in manifest.consistency]
    roots = bytes.fromhex(before.root), bytes.fromhex(new.root)
    findings: list[Finding] = []
    if not verify_consistency(before.size, new.size, path, *roots):
        findings.append(Finding(Code.EXPORT_DIFFERS, None, "its proof does not lead on from the one before"))
    if previous is None:
        return [f"it follows export {manifest.number - 1}, which was not given (--previous FILE)"], findings
    if (previous.origin, previous.checkpoint, previous.number + 1) != (
        manifest.origin,
        before,
        manifest.number,
    ):
        text = f"it is export {manifest.number} and does not follow the one given, number {previous.number}"
        findings.append(Finding(Code.EXPORT_GAP, None, text))
    return [], findings


def _head(origin: str, head: TreeHead) -> Checkpoint:
    return Checkpoint(origin, head.size, bytes.fromhex(head.root))
