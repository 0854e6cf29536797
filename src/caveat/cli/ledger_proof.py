"""A proof of one record, verified with a key or a policy alone; no log has to be at hand."""

from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from caveat.cli.exit import CannotRunError
from caveat.cli.ledger_view import HINT, posix_seconds, why
from caveat.ledger.checkpoint import verify_checkpoint
from caveat.ledger.errors import CheckpointParseError, ProofParseError, RecordParseError
from caveat.ledger.proof import LogProof, parse_proof
from caveat.ledger.quorum import Policy
from caveat.ledger.record import record_id_of
from caveat.ledger.wire import parse_record, render_record
from caveat.signing.canonical import JsonObject
from caveat.signing.note import NoteParseError, parse_note_key

_HEADER = b"c2sp.org/tlog-proof@"
MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Shown:
    """What a proof shows. `defect` is None where it holds; `times`: who cosigned when, by the policy."""

    proof: LogProof
    record: JsonObject | None
    size: int | None
    times: dict[str, int]
    defect: str | None

    @property
    def holds(self) -> bool:
        """Whether the record is in the log, as the key or the policy asks."""
        return self.defect is None


def is_proof(path: Path) -> bool:
    """Whether the file begins as a proof does; raises `OSError`."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def proof_holds(
    path: Path, key_file: Path | None, policy: Policy | None, max_age_seconds: int | None
) -> Shown:
    """What the proof in this file shows to the holder of the key or the policy; raises `CannotRunError`."""
    if key_file is None and policy is None:
        raise CannotRunError(
            "a proof names no key that could be believed", "give --key FILE, --policy FILE or both"
        )
    try:
        with path.open("rb") as file:
            proof = parse_proof(file.read(MAX_FILE_BYTES))
        key = None if key_file is None else parse_note_key(key_file.read_text("utf-8").removesuffix("\n"))
    except (OSError, ProofParseError, NoteParseError, UnicodeDecodeError) as error:
        raise CannotRunError(why(error), HINT) from error
    size: int | None = None
    times: dict[str, int] = {}
    try:
        if policy is None:
            assert key is not None  # noqa: S101 - one of the two is there
            checkpoint, quorum = verify_checkpoint(proof.checkpoint, key), True
        else:
            found = policy.verify(
                proof.checkpoint, now_seconds=posix_seconds(), max_age_seconds=max_age_seconds, log=key
            )
            checkpoint, quorum, times = found.checkpoint, found.quorum, dict(found.times)
        size = checkpoint.size
        record = render_record(parse_record(proof.leaf))
    except (CheckpointParseError, RecordParseError) as error:
        return Shown(proof, None, size, times, str(error))
    if not proof.holds(checkpoint):
        return Shown(proof, record, size, times, "the record is not in the tree under this checkpoint")
    return Shown(proof, record, size, times, None if quorum else "too few witnesses have cosigned in time")


def print_proof(shown: Shown, *, as_json: bool) -> None:
    """What was found, as JSON or for people."""
    proof = shown.proof
    record_id = record_id_of(proof.index, proof.leaf)
    if as_json:
        document = {
            "version": 1,
            "holds": shown.holds,
            "id": record_id,
            "index": proof.index,
            "size": shown.size,
            "cosigned": shown.times,
            "defect": shown.defect,
            "record": shown.record,
        }
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    click.echo(f"record      {record_id}")
    click.echo(f"size        {shown.size}")
    for name, seconds in shown.times.items():
        click.echo(f"cosigned    by {name} at {seconds}")
    if shown.record is not None:
        told = {k: shown.record[k] for k in ("kind", "time", "deployment", "verdict") if k in shown.record}
        click.echo("says        " + " ".join(f"{k}={v}" for k, v in told.items()))
    click.echo("holds" if shown.defect is None else f"does not hold: {shown.defect}")
