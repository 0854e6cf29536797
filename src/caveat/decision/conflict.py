"""Step 2 of the verdict rule: claims against attested facts, where the difference matters."""

from dataclasses import dataclass, replace
from itertools import combinations

from caveat.decision.search import Budget, BudgetExhausted
from caveat.decision.use import Use
from caveat.decision.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Conflict:
    """Claims that contradict attested facts and would change the verdict.

    `clauses`: what denies on the attested facts, if anything does. `loosened`: some combination of the
    claims would have got a better verdict, or none could be ruled out.
    """

    clauses: tuple[str, ...]
    loosened: bool


def find_conflict(use: Use, honest: Verdict, budget: Budget) -> Conflict | None:
    """The conflict, if any combination of contradicting claims in place of the facts changes `honest`, the
    verdict on the facts.

    Combinations are tried from all at once down to single ones, so the plain lie is found first. Raises
    `BudgetExhausted` where the budget ends before a change was found or ruled out, unless the facts alone
    deny: a claim never softens that.
    """
    names = _contradicting(use)
    if not names:
        return None
    clauses = use.denying_clauses() if honest is Verdict.DENY else ()
    changed = False
    try:
        for size in range(len(names), 0, -1):
            for chosen in combinations(names, size):
                claimed = {name: use.claims[name] for name in chosen}
                verdict = replace(use, known={**use.known, **claimed}).verdict(budget)
                changed |= verdict is not honest
                if verdict.strictness < honest.strictness:
                    return Conflict(clauses, loosened=True)
                if changed and honest is Verdict.ALLOW:
                    return Conflict(clauses, loosened=False)
    except BudgetExhausted:
        if changed or honest is Verdict.DENY:
            return Conflict(clauses, loosened=True)
        raise
    return Conflict(clauses, loosened=False) if changed else None


def _contradicting(use: Use) -> list[str]:
    """Attested facts of which the caller says what the clauses tell apart from them, in registry order."""
    facts = use.policy.registry.facts
    region = use.program.regions.of
    return [
        name
        for name, spec in facts.items()
        if name in use.attested
        and name in use.program.reads
        and name in use.claims
        and not spec.is_unknown(use.claims[name])
        and region(name, use.claims[name]) != region(name, use.known[name])
    ]
