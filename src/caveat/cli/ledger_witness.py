"""`caveat ledger witness`: be a witness of other people's logs, over HTTP or by files that are carried."""

from pathlib import Path

import click
from aiohttp import web

from caveat.cli.exit import CannotRunError
from caveat.cli.keys import read_private_key
from caveat.cli.ledger_view import FILE, open_view, posix_seconds, why
from caveat.cli.witness_app import witness_app
from caveat.ledger.checkpoint import verify_checkpoint
from caveat.ledger.errors import CheckpointParseError, LedgerError, TileParseError
from caveat.ledger.folder import CHECKPOINT, Folder
from caveat.ledger.handover import known_keys, read_handovers
from caveat.ledger.tiles import nodes_of
from caveat.ledger.witness import Outcome, Submission, Witness, render_submission
from caveat.signing.merkle import consistency_proof
from caveat.signing.note import NoteKey, NoteParseError, parse_note_key

HOLDS, DOES_NOT_HOLD = 0, 1
_MEANING = {
    Outcome.NOT_SIGNED: "the checkpoint is not signed by a key of the log that this witness knows",
    Outcome.UNKNOWN_LOG: "this witness does not know the log; add its key with --log",
    Outcome.CONFLICT: "the log holds less than, or something else than, what was cosigned before",
    Outcome.INCONSISTENT: "the log does not continue what was cosigned before: it was forked or rolled back",
    Outcome.MALFORMED: "the log holds less than what was cosigned before, or its checkpoint is malformed",
}


@click.command("witness")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), required=True, help="The witness's memory."
)
@click.option("--name", required=True, help="The name under which it signs, as witness.example/w1.")
@click.option("--signing-key", type=FILE, required=True, help="Its private key, which signs nothing else.")
@click.option(
    "--log", "logs", type=FILE, multiple=True, help="Verifier key of a log, as in `log.pub`; may be repeated."
)
@click.option("--out", type=FILE, help="With PATH: where the cosigned checkpoint goes.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Without PATH: the address to listen on."
)
@click.option("--port", type=click.IntRange(1, 65535), default=8710, show_default=True, help="The port.")
def witness_command(
    path: Path | None,
    *,
    state: Path,
    name: str,
    signing_key: Path,
    logs: tuple[Path, ...],
    out: Path | None,
    host: str,
    port: int,
) -> int:
    """Cosign checkpoints of logs that continue what was cosigned before, and of no others.

    With PATH, a ledger folder or an audit export, one checkpoint is cosigned into --out. Without it the
    witness serves `add-checkpoint` (C2SP tlog-witness) until it is stopped.

    Exit codes: 0 cosigned, 1 the log contradicts what was cosigned before, 2 it could not be run.

    \b
    Examples:
      caveat ledger witness --state w1 --name w.example --signing-key w1.pem --log log.pub
      caveat ledger witness 3.tar --state w1 --name w.example --signing-key w1.pem --log log.pub --out c
    """
    key = read_private_key(signing_key)
    if not logs:
        raise CannotRunError("a witness knows its logs: --log is missing", "get the log's `log.pub`")
    try:
        keys = [_log_key(file) for file in logs]
        witness = Witness.open(state, name, key, keys, posix_seconds)
    except (LedgerError, NoteParseError, OSError) as error:
        hint = getattr(error, "hint", "") or "check the key files and the state folder"
        raise CannotRunError(why(error), hint) from error
    click.echo(f"witness     {witness.verifier.render()}", err=True)
    if path is None:
        web.run_app(witness_app(witness), host=host, port=port, print=None)
        return HOLDS
    try:
        with open_view(path, None) as view:
            return _cosign(witness, view.folder, keys, out)
    except (LedgerError, TileParseError, FileNotFoundError) as error:
        hint = getattr(error, "hint", "") or "name a ledger folder or an audit export"
        raise CannotRunError(f"the log cannot be read: {why(error)}", hint) from error
    finally:
        witness.close()


def _cosign(witness: Witness, view: Folder, keys: list[NoteKey], out: Path | None) -> int:
    if out is None:
        raise CannotRunError("--out is missing", "name the file for the cosigned checkpoint")
    data = view.disk.read(view.root / CHECKPOINT)
    checkpoint = None
    for key in keys:
        newest = known_keys(read_handovers(view), key)[-1]
        try:
            checkpoint = verify_checkpoint(data, newest)
        except CheckpointParseError:
            continue
    if checkpoint is None:
        click.echo(f"does not hold: {_MEANING[Outcome.NOT_SIGNED]}", err=True)
        return DOES_NOT_HOLD
    old = witness.last(checkpoint.origin).size
    path = (
        consistency_proof(old, checkpoint.size, nodes_of(checkpoint.size, view.tile))
        if old <= checkpoint.size
        else ()
    )
    answer = witness.add_checkpoint(render_submission(Submission(old, path, data)))
    cosigned = witness.cosigned(checkpoint.origin)
    if answer.outcome is not Outcome.COSIGNED or cosigned is None:
        click.echo(f"does not hold: {_MEANING[answer.outcome]}", err=True)
        return DOES_NOT_HOLD
    out.write_bytes(cosigned)
    click.echo(f"cosigned {checkpoint.size} records of {checkpoint.origin} into {out}", err=True)
    return HOLDS


def _log_key(file: Path) -> NoteKey:
    return parse_note_key(file.read_text("utf-8", errors="replace").removesuffix("\n"))
