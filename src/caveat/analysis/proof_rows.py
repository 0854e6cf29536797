"""What a proof says, row by row, as the JSON of `caveat prove` has it. Pure.

Law: what the solver left open stands as "unknown", and never as held. Source: `docs/reference/prove.md`.
"""

from collections.abc import Iterable
from typing import cast

from caveat.analysis.amended import Acts
from caveat.analysis.closing import smallest_sets
from caveat.analysis.holds import Held, RedLine
from caveat.analysis.solve import Answer
from caveat.analysis.value import Worths
from caveat.analysis.witness import Witness, live_decision, order_key
from caveat.policy.amend import is_satisfied
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause
from caveat.signing.canonical import Json, JsonObject


def as_json(value: object) -> Json:
    """JSON by construction: lists are invariant, so the checker cannot see it."""
    return cast("Json", value)


def held_as(holds: bool | None) -> bool | str:
    """Unknown is never held."""
    return "unknown" if holds is None else holds


def open_as(answer: Answer) -> bool | str:
    """Whether somebody gets through; what the solver left open is unknown."""
    return "unknown" if answer is Answer.UNKNOWN else answer is Answer.SATISFIABLE


def implied_as(answer: Answer) -> bool | str:
    """Whether nobody gets through; what the solver left open is unknown."""
    return "unknown" if answer is Answer.UNKNOWN else answer is Answer.UNSATISFIABLE


def listed(names: tuple[str, ...] | None) -> list[str] | None:
    """The names as a list."""
    return None if names is None else list(names)


def name_sets(sets: Iterable[frozenset[str]]) -> list[list[str]]:
    """Sets of names, smaller ones first."""
    return sorted((sorted(each) for each in sets), key=lambda names: (len(names), names))


def witness_rows(held: list[Held]) -> list[JsonObject]:
    """The use of each adversary that opens it, smallest first, each use once."""
    opened = sorted(
        ((each, each.witness) for each in held if each.witness is not None),
        key=lambda pair: order_key(pair[1]),
    )
    rows: list[JsonObject] = []
    seen: set[int] = set()
    for each, witness in opened:
        if id(witness) not in seen:
            seen.add(id(witness))
            rows.append({"adversary": each.adversary.value, "by": list(each.by), **witness.render()})
    return rows


def acts_row(acts: Acts) -> JsonObject:
    """What somebody did to the policy."""
    return {
        "removed": as_json(sorted(acts.removed)),
        "widened": as_json(sorted(acts.widened)),
        "limits": dict(sorted(acts.limits.items())),
        "claimed": as_json(sorted(acts.claimed)),
    }


def limbs(bundle: Bundle, line: RedLine) -> list[JsonObject]:
    """Each clause that carries the red line's name, and who could remove all its parts."""
    rows: list[JsonObject] = []
    named = [clause for clause in bundle.clauses if clause.red_line == line.name]
    for name in dict.fromkeys(name for clause in named for name in clause.clauses):
        parts = tuple(clause for clause in bundle.clauses if name in clause.clauses)
        sets = name_sets(together(bundle, parts))
        rows.append({"id": name, "consents": min(map(len, sets), default=None), "cut_sets": as_json(sets)})
    return rows


def together(bundle: Bundle, clauses: tuple[Clause, ...]) -> tuple[frozenset[str], ...]:
    """The minimal sets of actors who may amend all of these."""
    return smallest_sets(
        bundle.manifest.actors, lambda chosen: all(is_satisfied(each.amend, chosen) for each in clauses)
    )


def with_verdict(bundle: Bundle, witness: Witness) -> JsonObject:
    """The use with the verdict that it gets before anybody approved anything."""
    decision = live_decision(bundle, witness.point, witness.said, witness.truth, frozenset())
    rendered = witness.render()
    return {**rendered, "verdict": decision.verdict.value, "approvals": list(decision.approvals)}


def worth(value: Worths) -> JsonObject:
    """What each clause is worth over a scenario file."""
    return {
        "uses": value.uses,
        "held_back": value.held_back,
        "unshared": list(value.unshared),
        "clauses": [
            {"id": each.clause, "only": list(each.only), "share": round(float(each.share), 4)}
            for each in value.clauses
        ],
    }


def assumptions(bundle: Bundle) -> tuple[str, ...]:
    """What every "holds" rests on, in sentences."""
    role = bundle.policy.interval_role
    found = [
        "every fact has a value that the registry declares, and no set is empty that cannot be",
        "every approval that a role could give is given",
        "what an issuer attests is true, but for the insiders of `issuer` and `operator`",
        "what the gateway observes is true, but for the operator of `operator`",
        "an issuer attests for all its role may attest, unless the trust policy grants it less",
        "the verdict rule runs unchanged: the build of the gateway is none of the actors",
        "adding a clause takes the consent that amending one of its effect takes, so it opens no more",
    ]
    if role is not None:
        found.append(
            f"`{role}` settles counted intervals, and may settle them at their lower end as an insider"
        )
    return tuple(found)
