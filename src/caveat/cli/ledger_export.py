"""`caveat ledger export`: a proof of one record to keep, or an audit export to carry to an auditor."""

import os
from pathlib import Path

import click

from caveat.cli.exit import CannotRunError
from caveat.cli.keys import read_private_key
from caveat.cli.ledger_view import ANY, FILE, open_view
from caveat.ledger.errors import ExportParseError, FolderError, RecordParseError
from caveat.ledger.export import open_export, write_export
from caveat.ledger.proof import render_proof
from caveat.ledger.prove import prove
from caveat.ledger.record import parse_record_id, record_id_of


@click.command("export")
@click.argument("path", type=ANY)
@click.option("--out", type=FILE, required=True, help="The file to write; one that is there is not replaced.")
@click.option("--record", help="Export the proof of this record alone (C2SP tlog-proof).")
@click.option("--key", "key_file", type=FILE, help="Verifier key that you hold.")
@click.option("--signing-key", type=FILE, help="Private key that signs the manifest of an audit export.")
@click.option("--previous", type=FILE, help="The audit export before this one: export only what is new.")
def export_command(
    path: Path,
    *,
    out: Path,
    record: str | None,
    key_file: Path | None,
    signing_key: Path | None,
    previous: Path | None,
) -> int:
    """Export from the ledger folder PATH: all of it, what is new, or the proof of one record.

    An audit export is a plain tar archive with a signed manifest; each names the one before it, so that a
    missing one shows. `caveat ledger verify FILE` verifies both forms.

    \b
    Examples:
      caveat ledger export var/caveat --record 17-0123456789abcdef --out answer.tlog-proof
      caveat ledger export var/caveat --signing-key site.pem --out 1.tar
      caveat ledger export var/caveat --signing-key site.pem --previous 1.tar --out 2.tar
    """
    with open_view(path, key_file) as view:
        try:
            if record is not None:
                index, _ = parse_record_id(record)
                proof = prove(view.folder, index)
                if record_id_of(index, proof.leaf) != record:
                    raise CannotRunError("this log has no such record", "copy the id from the answer")
                _write_new(out, render_proof(proof))
                click.echo(f"{out}: record {record} under {proof.checkpoint.split()[1].decode()} records")
                return 0
            if signing_key is None:
                raise CannotRunError(
                    "an audit export is signed: --signing-key is missing", "`caveat keys new` makes a key"
                )
            before = None
            if previous is not None:
                with open_export(previous) as export:
                    before = export.manifest
            descriptor = _open_new(out)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    manifest = write_export(
                        view.folder, view.key, read_private_key(signing_key), file, before
                    )
                    file.flush()
                    os.fsync(descriptor)
            except BaseException:
                out.unlink()  # half an export is none
                raise
        except (FolderError, ExportParseError, RecordParseError) as error:
            raise CannotRunError(str(error), getattr(error, "hint", "") or "check the path") from error
    since = 0 if manifest.previous is None else manifest.previous.size
    click.echo(f"{out}: export {manifest.number}, records {since} to {manifest.checkpoint.size}")
    return 0


def _open_new(out: Path) -> int:
    try:
        return os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError as error:
        raise CannotRunError(f"`{out}` is there already", "choose another --out") from error


def _write_new(out: Path, data: bytes) -> None:
    with os.fdopen(_open_new(out), "wb") as file:
        file.write(data)
