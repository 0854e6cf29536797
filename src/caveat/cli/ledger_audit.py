"""`caveat ledger audit`: questions to a log, answered from drawn leaves that were proven, or from all."""

from dataclasses import dataclass, field
from pathlib import Path

import click
import orjson

from caveat.cli.exit import CannotRunError
from caveat.cli.ledger_view import (
    ANY,
    DOES_NOT_HOLD,
    FILE,
    HOLDS,
    SHOWN,
    LedgerView,
    open_view,
    print_findings,
    render_finding,
)
from caveat.cli.progress import Bar
from caveat.ledger.audit import (
    MAX_SAMPLE,
    Followed,
    Gap,
    Kinds,
    Question,
    Reading,
    Releases,
    Sampled,
    Silence,
    newest_checkpoint,
    parse_releases,
    sample,
    tally,
)
from caveat.ledger.checkpoint import Checkpoint
from caveat.ledger.errors import FolderError, RecordParseError
from caveat.ledger.finding import Finding
from caveat.ledger.folder import Folder
from caveat.ledger.hindsight import Assumed, Differs, Hindsight
from caveat.ledger.read import Entry
from caveat.ledger.record import DecisionRecord, kind_of
from caveat.ledger.replay import Bundles
from caveat.signing.canonical import Json, StrictJsonError, parse_strict

_MAX_RELEASES_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class _Concerned:
    """One record that a question means, and how it would be decided now."""

    id: str
    time: str
    kind: str
    deployment: str | None
    verdict: str | None
    released: bool | None
    differs: Differs | None = None


@dataclass(slots=True)
class _Audit:
    """All answers of one audit."""

    checkpoint: Checkpoint
    sampled: tuple[Sampled, ...] = ()
    kinds: Kinds = field(default_factory=Kinds)
    gaps: tuple[Gap, ...] = ()
    concerned: list[_Concerned] = field(default_factory=list["_Concerned"])
    undecided: int = 0
    findings: tuple[Finding, ...] = ()
    read_all: bool = False

    @property
    def holds(self) -> bool:
        """Nothing was found, and nothing would have been decided otherwise."""
        return not self.findings and all(one.differs is None for one in self.concerned)


@click.command("audit")
@click.argument("path", type=ANY)
@click.option("--key", "key_file", type=FILE, help="Verifier key that you hold.")
@click.option(
    "--random", "count", type=click.IntRange(1, MAX_SAMPLE), help="Draw so many records and prove each."
)
@click.option("--seed", help="What the draw depends on; choose it after you got the checkpoint.")
@click.option("--issuer-key", metavar="KEYID", help="Every record that relied on this issuer key.")
@click.option(
    "--dataset", metavar="DIGEST", help="Every record decided on this data digest or lineage source."
)
@click.option(
    "--assume", metavar="FACT=VALUE", help="Decide those again with this fact, as it came out later."
)
@click.option(
    "--disbelieve", is_flag=True, help="With --issuer-key: decide those again without what it said."
)
@click.option(
    "--releases", type=FILE, help="Record ids, or counts of calls, that callers or the upstream hold."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON (docs/reference/ledger-format.md).")
def audit_command(
    path: Path,
    *,
    key_file: Path | None,
    count: int | None,
    seed: str | None,
    issuer_key: str | None,
    dataset: str | None,
    assume: str | None,
    disbelieve: bool,
    releases: Path | None,
    as_json: bool,
) -> int:
    """Put questions to the log in PATH: a ledger folder, a data folder or an audit export.

    With --random alone only the drawn records are read, each with its proof. Every other question reads all
    records and the root over them; it also counts kinds and lists silences.

    Exit codes: 0 nothing was found, 1 something does not hold or would have been decided otherwise,
    2 it could not be run.

    \b
    Examples:
      caveat ledger audit var/caveat --key log.pub --random 500 --seed "dice: 4 2 6 1 1 3"
      caveat ledger audit var/caveat --issuer-key 0123abcd --disbelieve
      caveat ledger audit var/caveat --dataset 9f86d081 --assume acquisition_channel=purchased
      caveat ledger audit var/caveat --releases ids-of-our-callers.txt --json
    """
    if (count is None) != (seed is None):
        raise CannotRunError("--random and --seed go together", "throw dice, and write down what they show")
    if disbelieve and issuer_key is None:
        raise CannotRunError("--disbelieve goes with --issuer-key", "name the key that is not believed")
    question = Question(issuer_key, dataset)
    assumed = None if assume is None else _parse_assumed(assume)
    if assumed is not None and issuer_key is None and dataset is None:
        raise CannotRunError("--assume goes with --dataset or --issuer-key", "name what the fact is about")
    listed = None if releases is None else _read_releases(releases)
    with open_view(path, key_file) as view:
        try:
            checkpoint = newest_checkpoint(view.folder, view.key)
        except FolderError as error:
            raise CannotRunError(str(error), error.hint) from error
        found = _Audit(checkpoint)
        if count is not None and seed is not None:
            found.sampled, found.findings = sample(view.folder, checkpoint, count, seed)
        if count is None or issuer_key or dataset or listed is not None:
            hindsight = Hindsight(Bundles(view.folder), assumed, issuer_key if disbelieve else None)
            _read_all(view.folder, found, question, hindsight if assumed or disbelieve else None, listed)
        _report(found, view, as_json=as_json)
    return HOLDS if found.holds else DOES_NOT_HOLD


def _read_all(
    view: Folder, found: _Audit, question: Question, hindsight: Hindsight | None, listed: Releases | None
) -> None:
    silence, followed = Silence(), Followed(question.dataset)
    with Bar("reading records") as progress:
        reading = Reading(view, found.checkpoint, progress)
        for entry in reading:
            found.kinds.see(entry)
            silence.see(entry)
            if listed is not None:
                listed.see(entry)
            by_history = followed.see(entry) and isinstance(entry.record, DecisionRecord)
            if question.concerns(entry.record, by_history=by_history):
                found.concerned.append(_concerned(entry, found, hindsight))
    told = () if listed is None else tuple(listed.findings())
    found.gaps = tuple(silence.gaps)
    found.findings = (*found.findings, *reading.findings, *silence.findings(), *told)
    found.read_all = True


def _concerned(entry: Entry, found: _Audit, hindsight: Hindsight | None) -> _Concerned:
    record = entry.record
    if not isinstance(record, DecisionRecord):
        return _Concerned(entry.id, record.time, kind_of(record), None, None, None)
    was = record.decision.verdict
    one = _Concerned(entry.id, record.time, kind_of(record), record.deployment, was.value, record.released)
    if hindsight is not None:
        now = hindsight.decide(record)
        if now is None:
            found.undecided += 1
        elif now is not was:
            one.differs = Differs(was, now)
    return one


def _parse_assumed(text: str) -> Assumed:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CannotRunError("--assume is written FACT=VALUE", "as in acquisition_channel=purchased")
    try:
        parsed: Json = parse_strict(value.encode(), max_bytes=65_536)
    except StrictJsonError:
        parsed = value  # a bare word is that word
    return Assumed(name, parsed)


def _read_releases(path: Path) -> Releases:
    try:
        data = path.read_bytes()
        if len(data) > _MAX_RELEASES_BYTES:
            raise CannotRunError(f"`{path}` is too large", "split it")
        return parse_releases(data.decode("utf-8"))
    except (UnicodeDecodeError, RecordParseError) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise CannotRunError(f"`{path}`: {why}", "write a record id a line, or `calls N FROM TO`") from error


def _report(found: _Audit, view: LedgerView, *, as_json: bool) -> None:
    notes = [*view.notes]
    if found.undecided:
        notes.append(f"{found.undecided} records could not be decided again: no such bundle, fact or value")
    if as_json:
        click.echo(orjson.dumps(_render(found, view, notes), option=orjson.OPT_INDENT_2))
        return
    click.echo(f"log         {view.key.name}")
    click.echo(f"size        {found.checkpoint.size}")
    for kind, number in tally(found.kinds.counts).items():
        click.echo(f"  {number:>9}  {kind}")
    if found.sampled:
        proven = sum(one.id is not None for one in found.sampled)
        click.echo(f"drawn       {len(found.sampled)} records, {proven} proven to be in the tree")
    for gap in found.gaps:
        click.echo(f"{'silence' if gap.silent else 'down':<11} from {gap.start} to {gap.end}")
    _print_concerned(found.concerned)
    print_findings(found.findings, tuple(notes))


def _print_concerned(concerned: list[_Concerned]) -> None:
    if not concerned:
        return
    differing = [one for one in concerned if one.differs is not None]
    click.echo(f"concerned   {len(concerned)} records, {len(differing)} would have been decided otherwise")
    for one in [*differing, *(each for each in concerned if each.differs is None)][:SHOWN]:
        changed = "" if one.differs is None else f"  would have been {one.differs.now.value}"
        click.echo(f"  {one.id}  {one.time}  {one.deployment or one.kind}  {one.verdict or ''}{changed}")
    if len(concerned) > SHOWN:
        click.echo(f"  and {len(concerned) - SHOWN} more (--json lists them)")


def _render(found: _Audit, view: LedgerView, notes: list[str]) -> dict[str, object]:
    return {
        "version": 1,
        "holds": found.holds,
        "origin": view.key.name,
        "size": found.checkpoint.size,
        "root": found.checkpoint.root.hex(),
        "records": tally(found.kinds.counts) if found.read_all else None,
        "first_time": found.kinds.first,
        "last_time": found.kinds.last,
        "sampled": [{"index": one.index, "id": one.id, "kind": one.kind} for one in found.sampled],
        "gaps": [
            {"start": gap.start, "end": gap.end, "before": gap.before, "silent": gap.silent}
            for gap in found.gaps
        ],
        "concerned": [
            {
                "id": one.id,
                "time": one.time,
                "kind": one.kind,
                "deployment": one.deployment,
                "verdict": one.verdict,
                "released": one.released,
                "would_be": None if one.differs is None else one.differs.now.value,
            }
            for one in found.concerned
        ],
        "undecided": found.undecided,
        "findings": [render_finding(finding) for finding in found.findings],
        "notes": notes,
    }
