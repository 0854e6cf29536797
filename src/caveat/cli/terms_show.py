"""`caveat terms show`: who offered which terms to whom, when, and what became of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from caveat.cli.exit import CannotRunError
from caveat.cli.negotiation import (
    DoesNotHoldError,
    at_the_edge,
    describe,
    print_json,
    read_verifier,
    say_refused,
    show_document,
)
from caveat.cli.terms_meaning import Meaning, compare_meaning
from caveat.ledger.verify import Report, verify_folder
from caveat.negotiation.clauses import Change, Difference, compare_bundles
from caveat.negotiation.folder import Opened, read_negotiation
from caveat.negotiation.protocol import Recorded, Standing
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.note import NoteKey

_RECORD = re.compile(r"[0-9]+-[0-9a-f]{16}\Z")


@dataclass(frozen=True, slots=True)
class _Compared:
    """Two drafts side by side."""

    changes: tuple[Change, ...]
    meaning: Meaning

    @property
    def equal(self) -> bool:
        """Nothing that binds differs, or the difference is proved to change no use."""
        return not self.changes or self.meaning.equivalent is True


@click.command("show")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--key", "key_text", metavar="VKEY", help="The log's verifier key that you hold, or its file.")
@click.option(
    "--compare",
    nargs=2,
    metavar="A B",
    help="Two offers: a record, a recipient (the last offer to it), or another negotiation's folder.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/terms.md).")
def show_command(
    folder: Path, key_text: str | None, compare: tuple[str, str] | None, *, as_json: bool
) -> int:
    """Show the negotiation FOLDER: every act, where it stands, and what each counter-offer changed.

    The log and every act are verified first. Exit codes: 0 they hold (with --compare: the terms are equal),
    1 they do not, 2 it could not be read.

    \b
    Examples:
      caveat terms show talks
      caveat terms show talks --compare customer_a customer_b
      caveat terms show talks --compare 0-0123456789abcdef 1-fedcba9876543210 --json
      caveat terms show talks --compare customer ../other-talks
    """
    key = None if key_text is None else read_verifier(key_text)
    try:
        opened, report = _verified(folder, key)
        if compare is not None:
            return _compare(opened, compare, as_json=as_json)
        if as_json:
            print_json(_document(opened, report))
        else:
            _print(opened, report)
    except DoesNotHoldError as error:
        return say_refused(error, as_json=as_json, member="holds")
    return 0


def _verified(folder: Path, key: NoteKey | None) -> tuple[Opened, Report]:
    with at_the_edge():
        opened = read_negotiation(folder, key)
    report = verify_folder(folder, opened.key)
    if not report.holds:
        first = report.findings[0]
        raise DoesNotHoldError("broken_log", f"{first.code.value}: {first.text}")
    return opened, report


def _document(opened: Opened, report: Report) -> JsonObject:
    negotiation = opened.negotiation
    acts: list[Json] = []
    for recorded in negotiation.acts:
        state: JsonObject = {
            name: standing.value for name, standing in negotiation.standing(recorded).items()
        }
        compared = _against_answered(opened, recorded)
        shown: JsonObject = {**describe(recorded), "state": state, **_describe_compared(compared)}
        acts.append(shown)
    parties: JsonObject = {
        name: [*sorted(key.render() for key in keys)] for name, keys in negotiation.parties.keys.items()
    }
    notes: list[Json] = list(report.notes)
    return {
        "version": 1,
        "holds": True,
        "negotiation": negotiation.parties.negotiation,
        "key": opened.key.render(),
        "parties": parties,
        "size": len(opened.leaves),
        "acts": acts,
        "notes": notes,
    }


def _print(opened: Opened, report: Report) -> None:
    negotiation = opened.negotiation
    click.echo(f"negotiation {negotiation.parties.negotiation}: {', '.join(negotiation.parties.keys)}")
    for recorded in negotiation.acts:
        _print_act(opened, recorded)
    click.echo(f"the log holds: {len(opened.leaves)} records, every act signed by its party")
    for note in report.notes:
        click.echo(f"  note: {note}")


def _print_act(opened: Opened, recorded: Recorded) -> None:
    act = recorded.act
    to = f" → {', '.join(act.to)}" if act.to else ""
    click.echo(f"\n{recorded.id}  {recorded.time}  {act.kind.value}  {act.party}{to}")
    click.echo(f"  {'terms' if act.document is None else 'document'} {act.terms}")
    if act.time != recorded.time:
        click.echo(f"  dated {act.time} by its party")
    answered = opened.negotiation.answered(recorded)
    if answered is not None:
        click.echo(f"  answers {answered.id}")
    for name, standing in opened.negotiation.standing(recorded).items():
        click.echo(f"  {'stands for' if standing is Standing.STANDING else f'{standing.value} by'} {name}")
    if act.note:
        click.echo(f"  note: {act.note!a}")
    if act.document is not None:
        show_document(act.document)
    compared = _against_answered(opened, recorded)
    if compared is not None:
        _print_compared(compared)


def _against_answered(opened: Opened, recorded: Recorded) -> _Compared | None:
    """What a counter-offer changed against what it answers."""
    answered = opened.negotiation.answered(recorded)
    if answered is None or not recorded.act.puts_terms:
        return None
    return _compared(_bundle(opened, answered), _bundle(opened, recorded))


def _compared(old: Bundle, new: Bundle) -> _Compared:
    return _Compared(compare_bundles(old, new), compare_meaning(old, new))


def _bundle(opened: Opened, recorded: Recorded) -> Bundle:
    with at_the_edge():
        files = opened.files(recorded.act.terms)
    try:
        return parse_bundle(files)
    except BundleError as error:
        raise DoesNotHoldError("broken_log", f"the terms of record {recorded.id} do not load") from error


def _describe_compared(compared: _Compared | None) -> JsonObject:
    if compared is None:
        return {"changes": None, "meaning": None}
    changes: list[Json] = [
        {"kind": change.kind, "id": change.id, "difference": change.difference.value, "to": change.to}
        for change in compared.changes
    ]
    return {"changes": changes, "meaning": compared.meaning.render()}


def _print_compared(compared: _Compared) -> None:
    if not compared.changes:
        click.echo("  by structure: no part that binds differs")
    for change in compared.changes:
        click.echo(f"  {_sentence(change)}")
    for line in compared.meaning.lines():
        click.echo(f"  {line}")


_SAID = {
    Difference.ADDED: "added",
    Difference.REMOVED: "removed",
    Difference.RENUMBERED: "renumbered",
    Difference.CONDITION: "another condition",
    Difference.TEXT: "another wording",
    Difference.FORMALITIES: "another authority, source, amender or mark",
    Difference.CHANGED: "changed",
}


def _sentence(change: Change) -> str:
    to = "" if change.to is None else f" to {change.to}"
    return f"{change.kind} {change.id}: {_SAID[change.difference]}{to}"


def _compare(opened: Opened, names: Sequence[str], *, as_json: bool) -> int:
    sides = [_side(opened, name) for name in names]
    (first, old), (second, new) = sides
    compared = _compared(old, new)
    if as_json:
        document: JsonObject = {
            "version": 1,
            "equal": compared.equal,
            "a": describe(first),
            "b": describe(second),
        }
        print_json(document | _describe_compared(compared))
    else:
        for recorded in (first, second):
            act = recorded.act
            click.echo(f"{recorded.id}  {recorded.time}  {act.party} → {', '.join(act.to)}  {act.terms}")
        _print_compared(compared)
        click.echo("equal" if compared.equal else "not equal")
    return 0 if compared.equal else 1


def _side(opened: Opened, name: str) -> tuple[Recorded, Bundle]:
    """The offer that `name` means: a record, the last offer to a party, or the last of another folder."""
    negotiation = opened.negotiation
    if _RECORD.match(name) is not None:
        found = negotiation.find(name)
        offers = [] if found is None or not found.act.puts_terms else [found]
    elif name in negotiation.parties.keys:
        offers = [act for act in negotiation.acts if act.act.puts_terms and name in act.act.to]
    elif Path(name).is_dir():
        opened, _ = _verified(Path(name), None)
        offers = [act for act in opened.negotiation.acts if act.act.puts_terms]
    else:
        offers = []
    if not offers:
        raise CannotRunError(
            f"`{name}` is no offer of this negotiation",
            "name a record, a recipient, or the folder of another negotiation",
        )
    return offers[-1], _bundle(opened, offers[-1])
