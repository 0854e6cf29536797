"""`caveat terms prove`: that terms were offered, or a clause was not; and the offline check of it."""

from datetime import UTC, datetime
from pathlib import Path

import click

from caveat.cli.bundle import load_bundle
from caveat.cli.exit import CannotRunError
from caveat.cli.negotiation import (
    DoesNotHoldError,
    at_the_edge,
    print_json,
    read_capped,
    read_party_keys,
    read_verifier,
    say_refused,
)
from caveat.ledger.record import render_time
from caveat.negotiation.clauses import items
from caveat.negotiation.errors import PartiesParseError, ProofError
from caveat.negotiation.folder import read_negotiation
from caveat.negotiation.parties import Parties, make_parties
from caveat.negotiation.proof import MAX_PROOF_BYTES, Proved, Sought
from caveat.negotiation.prove import prove_absent, prove_offered
from caveat.negotiation.verify import verify_proof
from caveat.signing.digest import Digest, parse_digest
from caveat.signing.note import NoteKey

_MAX_CHECKPOINT_BYTES = 64 * 1024


@click.command("prove")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--offered", metavar="DIGEST|BUNDLE", help="Prove that these terms were offered.")
@click.option("--to", metavar="PARTY", help="With --offered: to this party.")
@click.option("--absent", is_flag=True, help="Prove that a clause stood in no offer of the log.")
@click.option(
    "--never-before", metavar="TIME", help="Prove that a clause stood in no offer before this time."
)
@click.option("--clause", metavar="ID", help="The clause, by its id.")
@click.option(
    "--like",
    type=click.Path(path_type=Path),
    help="With --clause: also whatever says the same as in this bundle.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File for the proof.")
@click.option("--verify", "proof_file", type=click.Path(path_type=Path), help="Verify this proof, offline.")
@click.option("--key", "key_text", metavar="VKEY", help="The log's verifier key that you hold, or its file.")
@click.option(
    "--parties", "parties_file", type=click.Path(path_type=Path), help="The parties' keys that you hold."
)
@click.option(
    "--held", type=click.Path(path_type=Path), help="A checkpoint of this log that another party keeps."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/terms.md).")
def prove_command(
    folder: Path | None,
    offered: str | None,
    to: str | None,
    never_before: str | None,
    clause: str | None,
    like: Path | None,
    out: Path | None,
    proof_file: Path | None,
    key_text: str | None,
    parties_file: Path | None,
    held: Path | None,
    *,
    absent: bool,
    as_json: bool,
) -> int:
    """Make a proof from the negotiation FOLDER, or verify one. Each is one file that needs nothing else.

    What a proof shows and what it assumes is printed. Exit codes: 0 proved, 1 not so, 2 it could not be run.

    \b
    Examples:
      caveat terms prove talks --offered draft --clause P04 --out offered.json
      caveat terms prove talks --absent --clause P04 --like draft --out absent.json
      caveat terms prove talks --never-before 2030-01-31T00:00:00Z --clause P04 --out before.json
      caveat terms prove --verify offered.json --key log.pub --parties parties.toml --held checkpoint
    """
    try:
        if proof_file is not None:
            if folder is not None or offered or absent or never_before or key_text is None:
                raise CannotRunError(
                    "--verify takes a proof and the log's key", "caveat terms prove --verify FILE --key VKEY"
                )
            return _verify(proof_file, read_verifier(key_text), parties_file, held, as_json=as_json)
        if folder is None or out is None or (offered is None) == (not absent and never_before is None):
            raise CannotRunError(
                "name a folder, --out, and one of --offered, --absent and --never-before",
                "`caveat terms prove --help` shows examples",
            )
        key = None if key_text is None else read_verifier(key_text)
        proof, key = _make(folder, key, (offered, to), never_before, clause, like)
        proved = verify_proof(proof, key)
    except ProofError as error:
        return say_refused(DoesNotHoldError(error.code.value, str(error)), as_json=as_json, member="holds")
    except DoesNotHoldError as error:
        return say_refused(error, as_json=as_json, member="holds")
    out.write_bytes(proof)
    _show(proved, as_json=as_json)
    if not as_json:
        click.echo(f"wrote {out}, {len(proof):,} bytes")
    return 0


def _make(
    folder: Path,
    key: NoteKey | None,
    wanted: tuple[str | None, str | None],
    before: str | None,
    clause: str | None,
    like: Path | None,
) -> tuple[bytes, NoteKey]:
    with at_the_edge():
        opened = read_negotiation(folder, key)
    offered, to = wanted
    if offered is not None:
        return prove_offered(opened, _terms(offered), clause, to), opened.key
    if clause is None:
        raise CannotRunError("which clause?", "name it with --clause ID")
    moment = None if before is None else _moment(before)
    return prove_absent(opened, _sought(clause, like), moment), opened.key


def _sought(clause: str, like: Path | None) -> Sought:
    if like is None:
        return Sought(clause, None)
    found = items(load_bundle(like)).get(clause)
    if found is None:
        raise CannotRunError(
            f"the bundle has no clause `{clause}`", f"`caveat check --json {like}` lists them"
        )
    return Sought(clause, found.content)


def _terms(text: str) -> Digest:
    try:
        return parse_digest(text)
    except ValueError:
        return load_bundle(Path(text)).digest


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        return render_time(moment.astimezone(UTC) if moment.tzinfo else moment)
    except ValueError as error:
        raise CannotRunError("that is no time with a zone", "write it as 2030-01-31T12:00:00Z") from error


def _verify(file: Path, key: NoteKey, parties_file: Path | None, held: Path | None, *, as_json: bool) -> int:
    parties = None if parties_file is None else _own_parties(key, parties_file)
    kept = None if held is None else read_capped(held, _MAX_CHECKPOINT_BYTES)
    _show(verify_proof(read_capped(file, MAX_PROOF_BYTES), key, parties=parties, held=kept), as_json=as_json)
    return 0


def _own_parties(key: NoteKey, file: Path) -> Parties:
    try:
        return make_parties(key.name, read_party_keys(file))
    except PartiesParseError as error:
        raise CannotRunError(str(error), "docs/reference/terms.md shows the form of the file") from error


def _show(proved: Proved, *, as_json: bool) -> None:
    if as_json:
        sentences = {"shows": list(proved.shows), "assumes": list(proved.assumes)}
        print_json({"version": 1, "holds": True, "claim": proved.claim, **sentences})
        return
    for line in proved.shows:
        click.echo(f"✓ {line}")
    for line in proved.assumes:
        click.echo(f"  assuming: {line}")
