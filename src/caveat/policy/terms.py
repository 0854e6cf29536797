"""A policy bundle as a page for people who read contracts: generated, so it cannot drift from the clauses."""

from collections.abc import Iterable, Sequence

from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import render_value
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause
from caveat.policy.expression import Atom, Overlap, Subset, Words, WordSet, atoms
from caveat.policy.manifest import ProcessClause
from caveat.signing.canonical import canonical

_RESULTS = (
    "A use is **denied**, or **needs evidence**, or **needs approval**, or is **allowed**; the strictest"
    " result wins. A claim is not evidence: what is not proved is taken at its worst."
)


def render_terms(bundle: Bundle) -> str:
    """The page in Markdown: red lines, clauses, process, limits, facts, roles, actors, and who adopted it."""
    manifest = bundle.manifest
    red = [clause for clause in bundle.written if clause.red_line is not None]
    others = [clause for clause in bundle.written if clause.red_line is None]
    return "\n".join(
        (
            f"# {manifest.name}, release {manifest.release}",
            "",
            manifest.text,
            "",
            f"Bundle digest `{bundle.digest}`. {_adoption(bundle)}",
            "",
            _RESULTS,
            "",
            "## Red lines",
            "",
            "Nothing overrides these: no office, no emergency, no approval.",
            "",
            *_clause_rows(red, manifest.process),
            "## Clauses",
            "",
            *_clause_rows(others, manifest.process),
            "## Process",
            "",
            *_rows(
                ("Clause", "Text", "Authority", "Amendable by"),
                [(row.id, row.text, row.authority, row.amend_text) for row in manifest.process],
            ),
            "## Limits",
            "",
            *_rows(
                ("Limit", "Value", "Meaning", "Source", "Amendable by"),
                [
                    (f"`{limit.id}`", f"{limit.value:,}", limit.text, limit.source, limit.amend_text)
                    for limit in manifest.limits.values()
                ],
            ),
            "## Facts",
            "",
            "What a decision may know, and whose word counts for it.",
            "",
            *_rows(
                ("Fact", "Meaning", "Values", "Counts when", "Without it"),
                [_fact_row(spec) for spec in bundle.registry.facts.values()],
            ),
            "## Who approves",
            "",
            *_rows(
                ("Role", "Persons", "Meaning"),
                [(f"`{role.id}`", str(role.persons), role.text) for role in manifest.roles.values()],
            ),
            "## Who may change it",
            "",
            *_rows(
                ("Actor", "Meaning", "Keys enrolled"),
                [
                    (f"`{name}`", manifest.actor_texts[name], str(len(keys)))
                    for name, keys in manifest.actors.items()
                ],
            ),
        )
    )


def _adoption(bundle: Bundle) -> str:
    if bundle.unsigned:
        return f"**Draft**: {len(bundle.unsigned)} parts lack signatures that they ask for; it is not served."
    return "Adopted by " + ", ".join(f"`{name}`" for name in sorted(bundle.signers)) + "."


def _clause_rows(clauses: Iterable[Clause], process: Sequence[ProcessClause]) -> list[str]:
    """One row a clause of the document; a policy that serves two is named in the row of each.

    A clause that is also a row of `bundle.toml` speaks with that row's words.
    """
    own_words = {row.id: (row.text, row.authority, row.amend_text) for row in process}
    grouped: dict[str, list[Clause]] = {}
    for clause in clauses:
        for name in clause.clauses:
            grouped.setdefault(name, []).append(clause)
    rows: list[tuple[str, ...]] = []
    for name, parts in sorted(grouped.items()):
        first = parts[0]
        spoken = (first.text, first.authority, first.amend_text)
        if first.clauses[0] != name:
            spoken = own_words.get(name, spoken)
        results = ", ".join(dict.fromkeys(_result(part) for part in parts))
        policies = ", ".join(f"`{part.id}`" for part in parts)
        rows.append((f"**{name}**", spoken[0], results, *spoken[1:], policies))
    return _rows(("Clause", "Text", "Result", "Authority", "Amendable by", "Policies"), rows)


def _result(clause: Clause) -> str:
    if clause.is_permit:
        return "allow"
    if clause.redacts:
        return f"redacts {', '.join(sorted(clause.redacts))}"
    roles = sorted({role for atom, _ in atoms(clause.condition) for role in _roles_asked(atom)})
    return f"needs approval of {', '.join(roles)}" if roles else "deny"


def _roles_asked(atom: Atom) -> frozenset[str]:
    match atom:
        case Subset(Words(roles), WordSet("approvals")) | Overlap(WordSet("approvals"), Words(roles)):
            return roles
        case _:
            return frozenset()


def _fact_row(spec: FactSpec) -> tuple[str, ...]:
    counts = [f"attested by {role}" for role in sorted(spec.attested_by)]
    counts += [f"observed by {observer}" for observer in sorted(spec.observed_by)]
    neutral = "unknown: taken at its worst"
    if spec.neutral is not None:
        neutral = f"`{canonical(render_value(spec.neutral)).decode()}` where the gateway observes it"
    match spec.type:
        case FactType.LONG:
            values = f"{spec.lo:,} to {spec.hi:,}"
        case FactType.BOOL:
            values = "true, false"
        case FactType.ENUM:
            values = "one of " + ", ".join(spec.values)
        case FactType.SET:
            values = "any of " + ", ".join(spec.values)
    return f"`{spec.name}`", spec.text, values, "; ".join(counts) or "merely claimed", neutral


def _rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return ["None.", ""]
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return [*lines, ""]
