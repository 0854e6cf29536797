"""The report of `caveat observe report`: for people, and as JSON (docs/reference/observe.md)."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from caveat.cli.deciding import clause_texts
from caveat.cli.observed import Traffic, Watched
from caveat.cli.settling import Settlement, Step
from caveat.decision.verdict import Verdict
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json, JsonObject, canonical
from caveat.signing.digest import Digest

Found = Sequence[tuple[Watched, Settlement]]
BundleOf = Callable[[Digest], Bundle | None]


def render_report(
    traffic: Traffic, found: Found, since: str | None, size: int, written: Path | None
) -> JsonObject:
    """The report as JSON, version 1."""
    return {
        "version": 1,
        "records": size,
        "since": since,
        "first": traffic.first,
        "last": traffic.last,
        "uses": sum(watched.uses for watched, _ in found),
        "would_refuse": sum(watched.refused for watched, _ in found),
        "deployments": [_deployment(watched, settlement) for watched, settlement in found],
        "written": None if written is None else str(written),
    }


def _deployment(watched: Watched, settlement: Settlement) -> JsonObject:
    rows: list[Json] = [
        {"verdict": verdict, "reason": reason, "clauses": list[Json](clauses), "uses": uses}
        for (verdict, reason, clauses), uses in watched.rows.most_common()
    ]
    steps: list[Json] = [
        {
            "fact": step.fact,
            "how": step.how,
            "by": list[Json](step.by),
            "value": step.value,
            "uses": step.uses,
            "parts": step.parts,
        }
        for step in settlement.steps
    ]
    return {
        "deployment": watched.deployment,
        "bundle": watched.bundle,
        "uses": watched.uses,
        "would_refuse": watched.refused,
        "held": watched.held,
        "rows": rows,
        "settle": {"steps": steps, "uses": settlement.settled, "exact": settlement.exact},
        "approvals": [{"roles": list[Json](roles), "uses": uses} for roles, uses in _approvals(watched)],
        "remaining": watched.refused - settlement.settled,
    }


def _approvals(watched: Watched) -> list[tuple[tuple[str, ...], int]]:
    counted: dict[tuple[str, ...], int] = {}
    for situation in watched.situations.values():
        roles = situation.decision.approvals
        if roles:
            counted[roles] = counted.get(roles, 0) + situation.uses
    return sorted(counted.items(), key=lambda entry: -entry[1])


def show_report(traffic: Traffic, found: Found, bundle_of: BundleOf, written: Path | None) -> None:
    """The report for people."""
    uses = sum(watched.uses for watched, _ in found)
    refused = sum(watched.refused for watched, _ in found)
    click.echo(
        f"{_uses(uses)} observed, {refused} would have been refused ({traffic.first} to {traffic.last})"
    )
    for watched, settlement in found:
        click.echo("")
        _show_deployment(watched, settlement, None if watched.bundle is None else bundle_of(watched.bundle))
    if written is not None:
        click.echo(f"\ndrafts for signature in {written}")


def _show_deployment(watched: Watched, settlement: Settlement, bundle: Bundle | None) -> None:
    name = watched.deployment
    click.echo(f"{name}: {_uses(watched.uses)}, {watched.refused} would have been refused")
    if watched.held:
        click.echo(f"  {watched.held} of them were held back: a clause that is always enforced forbids them")
    if not watched.refused:
        click.echo(f"  ready to enforce: `caveat observe enforce BUNDLE {name} --key ACTOR=FILE`")
        return
    for (verdict, reason, clauses), uses in watched.rows.most_common():
        click.echo(f"  {uses:>6}  {verdict:<14}  {reason:<22}  {', '.join(clauses)}".rstrip())
    texts: dict[str, str] = {}
    for verdict, _, clauses in watched.rows:
        known = {} if bundle is None else clause_texts(bundle, Verdict(verdict))
        texts.update((clause, known.get(clause, "")) for clause in clauses)
    for clause, text in sorted(texts.items()):
        click.echo(f"          {clause}: {text}")
    if settlement.steps:
        least = "the shortest list that settles" if settlement.exact else "a list that settles"
        click.echo(f"  {least} {settlement.settled} of them:")
        for step in settlement.steps:
            click.echo(f"    {_line(step)}")
    for roles, uses in _approvals(watched):
        click.echo(f"  {uses} wait for approval by {', '.join(roles)}")
    remaining = watched.refused - settlement.settled
    if remaining:
        click.echo(f"  {remaining} no proof would settle: the clauses above say why")


def _line(step: Step) -> str:
    many = "" if step.parts == 0 else f" over {step.parts} piece{'s' * (step.parts != 1)} of data"
    settles = f"(settles {step.uses}{many})"
    who = " or ".join(step.by)
    match step.how:
        case "register":
            value = "?" if step.value is None else canonical(step.value).decode()
            return f"register  {step.fact} = {value}  {settles}"
        case "attest":
            return f"attest    {step.fact} by {who}  {settles}"
        case "observe":
            return f"observe   {step.fact} with the observer {who}  {settles}"


def _uses(count: int) -> str:
    return "1 use" if count == 1 else f"{count} uses"
