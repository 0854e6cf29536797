"""`caveat decide`: the verdict on one use from a file, with what decided it and what would change it."""

import json
from pathlib import Path

import click

from caveat.cli.bundle import is_draft, load_bundle
from caveat.cli.deciding import CHANGE, show_deciding, show_facts, what_changes
from caveat.cli.use_file import UseFile, read_use
from caveat.decision.decide import decide
from caveat.decision.verdict import Decision, Verdict
from caveat.facts.wire import facts_digest
from caveat.policy.bundle import Bundle


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
    changes = what_changes(loaded, use.point, use.facts, decision)
    if as_json:
        click.echo(json.dumps(_document(loaded, use, decision, changes), indent=2))
    else:
        _show(loaded, use, decision, changes, explain=explain)
    return 0 if decision.verdict is Verdict.ALLOW else 1


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
        "draft": is_draft(bundle),
        "facts": facts_digest(use.facts),
    }


def _show(
    bundle: Bundle, use: UseFile, decision: Decision, changes: tuple[str, ...], *, explain: bool
) -> None:
    click.echo(f"{decision.verdict.value}  ({decision.reason.value})")
    show_deciding(bundle, decision)
    if explain:
        if changes:
            click.echo(f"  {CHANGE[decision.verdict]}: {', '.join(changes)}")
        show_facts(bundle, use.facts)
    if is_draft(bundle):
        click.echo("  under a draft: this bundle lacks consent, and is not served")
