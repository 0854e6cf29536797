"""A decision in words: the clauses that decided, the facts behind it, and what would change it."""

import click

from caveat.call.call import Point
from caveat.cli.fitted import show_rows
from caveat.decision.explain import facts_behind_allow, facts_behind_denial
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Facts
from caveat.facts.value import render_value
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json, canonical

CHANGE = {
    Verdict.DENY: "would not be denied if these were otherwise, truthfully",
    Verdict.ALLOW: "would not be allowed without these",
    Verdict.NEEDS_EVIDENCE: "nothing would be denied once these are attested as claimed",
    Verdict.NEEDS_APPROVAL: "would be allowed once these roles approve",
}
WORDS = {
    Reason.FORGED_EVIDENCE: "evidence in the request names an enrolled key, and is not signed by it",
    Reason.REPLAYED_EVIDENCE: "evidence for one use was presented for a second, different use",
    Reason.VALUE_OUT_OF_RANGE: "a value was stated that the registry does not declare",
    Reason.CONTRADICTORY_EVIDENCE: "pieces of evidence contradict each other",
    Reason.CONFLICT: "what the caller claimed contradicts what an issuer attests, and it matters",
    Reason.CLAUSE: "a clause forbids it on what is known and admitted, whatever the rest may be",
    Reason.NO_PERMIT: "no clause permits it on what is known and admitted",
    Reason.UNVERIFIED: "it depends on facts that nobody proved; at their worst it would be denied",
    Reason.UNATTESTABLE: "it depends on a fact that nobody may attest or observe",
    Reason.BUDGET: "deciding would take more steps than the policy allows",
    Reason.COUNTED_INTERVAL: "a count is known only to lie around a limit, so a person has to settle it",
    Reason.APPROVAL: "the policy leaves it to people",
    Reason.PERMITTED: "a clause permits it, and no clause forbids it, whatever is still unknown",
    Reason.ENGINES_DISAGREE: "the second engine did not confirm it, so it is refused",
    Reason.OBLIGATION: "a clause has content replaced, and in this request it cannot be",
    Reason.HALTED: "an overseer has stopped it, whatever the policy says",
    Reason.EVALUATION_ERROR: "it could not be evaluated, so it is refused",
}


def what_changes(bundle: Bundle, point: Point, facts: Facts, decision: Decision) -> tuple[str, ...]:
    """The facts or roles that would change the decision, as `CHANGE` says; empty where nothing is known."""
    match decision.verdict:
        case Verdict.DENY:
            return facts_behind_denial(bundle.policy, point, facts) or ()
        case Verdict.ALLOW:
            return facts_behind_allow(bundle.policy, point, facts) or ()
        case Verdict.NEEDS_EVIDENCE:
            return decision.needs
        case Verdict.NEEDS_APPROVAL:
            return decision.approvals


def clause_texts(bundle: Bundle, verdict: Verdict) -> dict[str, str]:
    """The sentence of each clause of the policy document, as it bears on a verdict.

    A process clause asks for evidence; a clause with a condition that shares its id decided nothing then.
    """
    texts = {name: clause.text for clause in reversed(bundle.written) for name in clause.clauses}
    process = {row.id: row.text for row in bundle.manifest.process}
    return texts | process if verdict is Verdict.NEEDS_EVIDENCE else process | texts


def who_proves(bundle: Bundle, fact: str) -> str:
    """The issuer roles and observers that may make a fact known."""
    spec = bundle.registry.facts.get(fact)
    if spec is None:
        return "nobody"
    observers = (f"observer {name}" for name in sorted(spec.observed_by))
    return ", ".join([*sorted(spec.attested_by), *observers])


def show_deciding(bundle: Bundle, decision: Decision) -> None:
    """The clauses that decided, and whose word is asked for."""
    texts = clause_texts(bundle, decision.verdict)
    for name in decision.clauses:
        click.echo(f"  {name}: {texts.get(name, '')}")
    for role in decision.approvals:
        known = bundle.manifest.roles.get(role)
        click.echo(f"  approval of `{role}`" + (f" ({known.persons}): {known.text}" if known else ""))
    for need in decision.needs:
        click.echo(f"  proof of `{need}` by {who_proves(bundle, need)}")
    if decision.incident:
        click.echo("  an incident: somebody should look at this")


def fact_rows(bundle: Bundle, facts: Facts) -> list[dict[str, Json]]:
    """Each declared fact as it was known: value, grade, role, source, whether it counts, what was claimed."""
    claims = facts.claims or {}
    rows: list[dict[str, Json]] = []
    for name in bundle.registry.facts:
        said = [fact for fact in facts.facts if fact.name == name]
        common: dict[str, Json] = {"fact": name, "claimed": claims.get(name)}
        if not said:
            rows.append(
                {**common, "value": None, "grade": None, "role": None, "source": None, "counts": False}
            )
        rows += [
            {
                **common,
                "value": render_value(fact.value),
                "grade": fact.grade.value,
                "role": fact.role,
                "source": fact.source,
                "counts": bundle.registry.counts(name, fact.grade, fact.role),
            }
            for fact in said
        ]
    return rows


def show_facts(bundle: Bundle, facts: Facts, *, only_said: bool = False) -> None:
    """The facts as a table; `only_said`: without those of which nobody says anything."""
    rows: list[tuple[str, ...]] = []
    for row in fact_rows(bundle, facts):
        claimed = "" if row["claimed"] is None else _text(row["claimed"])
        if row["grade"] is None:
            if not only_said or claimed:
                rows.append((str(row["fact"]), "unknown", "", "", "", "", claimed))
            continue
        counts = "yes" if row["counts"] else "no"
        texts = [str(row[name]) for name in ("grade", "role", "source")]
        rows.append((str(row["fact"]), _text(row["value"]), *texts, counts, claimed))
    show_rows(("fact", "value", "grade", "by", "source", "counts", "claimed"), rows)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else canonical(value).decode()
