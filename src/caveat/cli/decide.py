"""`caveat decide`: the verdict on one use from a file, with what decided it and what would change it."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from caveat.cli.bundle import load_bundle
from caveat.cli.use_file import UseFile, read_use
from caveat.decision.decide import decide
from caveat.decision.explain import facts_behind_allow, facts_behind_denial
from caveat.decision.verdict import Decision, Verdict
from caveat.facts.value import Value, render_value
from caveat.facts.wire import facts_digest
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json, canonical


@click.command("decide")
@click.option("--bundle", type=click.Path(path_type=Path), required=True, help="Folder of the policy bundle.")
@click.option(
    "--use",
    "use_path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The use, as JSON.",
)
@click.option(
    "--explain", is_flag=True, help="Show every fact with grade and source, and what would change it."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the decision as JSON (docs/reference/decide.md)."
)
def decide_command(bundle: Path, use_path: Path, *, explain: bool, as_json: bool) -> int:
    """Decide one use under a policy bundle, a draft included.

    Exit codes: 0 the use is allowed, 1 it is not, 2 it could not be decided.

    \b
    Examples:
      caveat decide --bundle policies/government-analytics --use use.json
      caveat decide --bundle policies/government-analytics --use use.json --explain
      echo '{"version": 1, "facts": {"task": "data_cleaning"}}' > use.json
    """
    loaded = load_bundle(bundle)
    use = read_use(use_path, loaded)
    decision = decide(loaded.policy, use.point, use.facts)
    changes = _changes(loaded, use, decision)
    if as_json:
        click.echo(json.dumps(_document(loaded, use, decision, changes), indent=2))
    else:
        _show(loaded, use, decision, changes, explain=explain)
    return 0 if decision.verdict is Verdict.ALLOW else 1


def _changes(bundle: Bundle, use: UseFile, decision: Decision) -> tuple[str, ...]:
    match decision.verdict:
        case Verdict.DENY:
            return facts_behind_denial(bundle.policy, use.point, use.facts) or ()
        case Verdict.ALLOW:
            return facts_behind_allow(bundle.policy, use.point, use.facts) or ()
        case Verdict.NEEDS_EVIDENCE:
            return decision.needs
        case Verdict.NEEDS_APPROVAL:
            return decision.approvals


def _document(
    bundle: Bundle, use: UseFile, decision: Decision, changes: tuple[str, ...]
) -> dict[str, object]:
    return {
        "version": 1,
        "verdict": decision.verdict.value,
        "reason": decision.reason.value,
        "clauses": list(decision.clauses),
        "needs": list(decision.needs),
        "approvals": list(decision.approvals),
        "incident": decision.incident,
        "steps": decision.steps,
        "changes": list(changes),
        "bundle": bundle.digest,
        "facts": facts_digest(use.facts),
    }


_CHANGE = {
    Verdict.DENY: "would not be denied if these were otherwise, truthfully",
    Verdict.ALLOW: "would not be allowed without these",
    Verdict.NEEDS_EVIDENCE: "nothing would be denied once these are attested as claimed",
    Verdict.NEEDS_APPROVAL: "would be allowed once these roles approve",
}


def _show(
    bundle: Bundle, use: UseFile, decision: Decision, changes: tuple[str, ...], *, explain: bool
) -> None:
    click.echo(f"{decision.verdict.value}  ({decision.reason.value})")
    texts = {name: clause.text for clause in bundle.clauses for name in reversed(clause.clauses)}
    process = {row.id: row.text for row in bundle.manifest.process}
    # A process clause asks for evidence; a clause with a condition that shares its id decided nothing then.
    texts = texts | process if decision.verdict is Verdict.NEEDS_EVIDENCE else process | texts
    for name in decision.clauses:
        click.echo(f"  {name}: {texts.get(name, '')}")
    for role in decision.approvals:
        known = bundle.manifest.roles.get(role)
        click.echo(f"  approval of `{role}`" + (f" ({known.persons}): {known.text}" if known else ""))
    for need in decision.needs:
        spec = bundle.registry.facts[need]
        who = ", ".join(
            [*sorted(spec.attested_by), *(f"observer {name}" for name in sorted(spec.observed_by))]
        )
        click.echo(f"  proof of `{need}` by {who}")
    if decision.incident:
        click.echo("  an incident: somebody should look at this")
    if not explain:
        return
    if changes:
        click.echo(f"  {_CHANGE[decision.verdict]}: {', '.join(changes)}")
    _show_facts(bundle, use)


def _show_facts(bundle: Bundle, use: UseFile) -> None:
    claims = use.facts.claims or {}
    stated = {fact.name: fact for fact in use.facts.facts}
    table = Table("fact", "value", "grade", "by", "source", "counts", "claimed", box=None, pad_edge=False)
    for name in bundle.registry.facts:
        fact = stated.get(name)
        claimed = _text(claims[name]) if name in claims else ""
        if fact is None:
            table.add_row(name, "unknown", "", "", "", "", claimed)
        else:
            counts = "yes" if bundle.registry.counts(name, fact.grade, fact.role) else "no"
            table.add_row(name, _text(fact.value), fact.grade.value, fact.role, fact.source, counts, claimed)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _text(value: Value | Json) -> str:
    rendered = value if isinstance(value, (list, dict)) or value is None else render_value(value)  # type: ignore[arg-type]
    return rendered if isinstance(rendered, str) else canonical(rendered).decode()
