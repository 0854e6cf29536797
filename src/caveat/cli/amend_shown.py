"""An amendment shown: in words for a terminal, and as JSON."""

import json

import click

from caveat.policy.amend import is_satisfied, missing, render_amend
from caveat.policy.amendment import Amendment, Step
from caveat.policy.opened import closed, diff_digest, opened


def report(step: Step, as_json: bool, *, asked: bool = True) -> int:
    """Prints what changes, who has to sign, who has. `asked`: whether a missing consent makes the code 1."""
    holds = not step.findings
    if as_json:
        click.echo(json.dumps(document(step.amendment) | held(step), indent=2))
        return 0 if holds or not asked else 1
    say_head(step.amendment)
    for change in step.changes:
        done = is_satisfied(change.needs, step.signers)
        rest = "" if done else f", lacks {render_amend(missing(change.needs, step.signers))}"
        click.echo(f"  {'✓' if done else '✗'} {change.describe()}: needs {render_amend(change.needs)}{rest}")
    for finding in step.untrue:
        click.echo(f"  ✗ {finding}")
    say_uses(step.amendment)
    click.echo(f"  signed by {', '.join(sorted(step.signers)) or 'nobody'}")
    if holds:
        click.echo("  every consent is there")
    return 0 if holds or not asked else 1


def say_head(amendment: Amendment) -> None:
    """Prints which amendment it is."""
    click.echo(f"amendment {amendment.sequence} of {amendment.name}, {amendment.issued_at}")
    click.echo(f"  from {amendment.old}")
    click.echo(f"  to   {amendment.new}")
    if amendment.reason:
        click.echo(f"  reason: {json.dumps(amendment.reason, ensure_ascii=False)}")


def say_uses(amendment: Amendment) -> None:
    """Prints the uses that it says it opens and closes."""
    if amendment.diff is None:
        click.echo("  which uses it opens or closes: not stated")
        return
    for what, uses in (("opens", opened(amendment.diff)), ("closes", closed(amendment.diff))):
        click.echo(f"  {what} {uses.count} uses that it lists")
        for use in uses.first:
            click.echo(f"    {use}")


def document(amendment: Amendment) -> dict[str, object]:
    """What the amendment says, as JSON."""
    return {
        "version": 1,
        "name": amendment.name,
        "old": amendment.old,
        "new": amendment.new,
        "sequence": amendment.sequence,
        "amendment": amendment.digest,
        "changes": list(amendment.changes),
        "reason": amendment.reason,
        "issued_at": amendment.issued_at,
        "diff": amendment.diff,
        "diff_digest": diff_digest(amendment.diff),
        "signatures": [each.keyid for each in amendment.envelope.signatures],
    }


def held(step: Step) -> dict[str, object]:
    """How it stands against both bundles, as JSON."""
    return {
        "holds": not step.findings,
        "signers": sorted(step.signers),
        "missing": [
            {"kind": row.kind.value, "id": row.id, "needs": render_amend(missing(row.needs, step.signers))}
            for row in step.changes
            if not is_satisfied(row.needs, step.signers)
        ],
        "findings": list(step.findings),
    }
