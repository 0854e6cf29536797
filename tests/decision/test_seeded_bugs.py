"""Each bug that a decision could have, put in on purpose, is seen by the comparison with the naive rule.

A mutant that nobody notices would mean that the comparison does not look at that step.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from caveat.decision import compile as compiling
from caveat.decision import decide as deciding
from caveat.decision import regions, search, terms, world
from caveat.decision.compile import Answers, Compiler
from caveat.decision.proof import ProofSearch
from caveat.decision.resolve import Resolved, resolve
from caveat.decision.search import Budget, Program
from caveat.decision.use import Use, make_use
from caveat.decision.verdict import Reason, Verdict
from caveat.facts.fact import Grade
from caveat.facts.registry import FactSpec, Registry
from caveat.policy.bundle import Policy
from caveat.policy.clause import Clause
from caveat.policy.expression import Condition
from tests.oracle.compare import disagreements

BUNDLES, USES = range(20_000, 20_160), 10
Patch = pytest.MonkeyPatch


def _no_short_circuit(patch: Patch) -> None:
    def chain(parts: Sequence[Answers]) -> Answers:
        error = " or ".join(f"({part.error})" for part in parts)
        fine = " and ".join(f"(({part.true}) or ({part.false}))" for part in parts)
        true = " and ".join(f"({part.true})" for part in parts)
        false = " or ".join(f"({part.false})" for part in parts)
        return Answers(true, f"({false}) and {fine}", error)

    patch.setattr(compiling, "_chain", chain)


def _lost_unknown(patch: Patch) -> None:
    box = Use.box

    def filled(self: Use, values: Any, approvals: frozenset[str], *, pinned: bool = False) -> list[int]:
        severest = {name: spec.severest for name, spec in self.policy.registry.facts.items()}
        return box(self, {**severest, **values}, approvals, pinned=pinned)

    patch.setattr(Use, "box", filled)


def _lost_overflow(patch: Patch) -> None:
    arithmetic = terms._arithmetic

    def endless(op: str, left: Any, right: Any) -> Any:
        ranger = arithmetic(op, left, right)
        return lambda box: (*ranger(box)[:2], False, False)

    patch.setattr(terms, "_arithmetic", endless)


def _forbid_ignored(patch: Patch) -> None:
    compile_policy = compiling.compile_policy

    def permits_only(compiler: Compiler, clauses: Sequence[Clause]) -> Any:
        return compile_policy(compiler, [clause for clause in clauses if clause.is_permit])

    patch.setattr(search, "compile_policy", permits_only)


def _error_fires(patch: Patch) -> None:
    _patch_clauses(patch, lambda a: Answers(f"({a.true}) or ({a.error})", a.false, "0"))


def _error_skipped(patch: Patch) -> None:
    _patch_clauses(patch, lambda a: Answers(a.true, f"({a.false}) or ({a.error})", "0"))


class _Changed:
    """A compiler whose clauses, as wholes, compile to something else."""

    def __init__(self, compiler: Compiler, change: Callable[[Answers], Answers]) -> None:
        self.compiler, self.change = compiler, change
        self.test = compiler.test

    def answers(self, condition: Condition) -> Answers:
        return self.change(self.compiler.answers(condition))


def _patch_clauses(patch: Patch, change: Callable[[Answers], Answers]) -> None:
    compile_policy = compiling.compile_policy
    patch.setattr(
        search,
        "compile_policy",
        lambda compiler, clauses: compile_policy(cast("Compiler", _Changed(compiler, change)), clauses),
    )


def _claims_in_step_four(patch: Patch) -> None:
    verdict = Use.verdict
    patch.setattr(
        Use, "verdict", lambda self, budget: verdict(replace(self, known=dict(self.admitted)), budget)
    )


def _claims_nowhere(patch: Patch) -> None:
    _patch_use(patch, lambda made: replace(made, claims={}))


def _approvals_ignored(patch: Patch) -> None:
    _patch_use(patch, lambda made: replace(made, approvals=frozenset()))


def _approvals_assumed(patch: Patch) -> None:
    _patch_use(patch, lambda made: replace(made, approvals=made.all_roles))


def _patch_use(patch: Patch, change: Callable[[Use], Use]) -> None:
    def make(policy: Policy, program: Program, resolved: Resolved, approvals: frozenset[str]) -> Use:
        return change(make_use(policy, program, resolved, approvals))

    patch.setattr(deciding, "make_use", make)


def _representative_dropped(patch: Patch) -> None:
    representatives = regions._representatives

    def fewer(members: list[int], marks: list[int]) -> dict[int, int]:
        found = representatives(members, marks)
        return dict.fromkeys(found, members[0]) if len(set(found.values())) == 2 else found

    patch.setattr(regions, "_representatives", fewer)


def _conflict_removed(patch: Patch) -> None:
    patch.setattr(deciding, "find_conflict", lambda _use, _verdict, _budget: None)


def _patch_resolve(patch: Patch, change: Callable[[Resolved], Resolved]) -> None:
    patch.setattr(deciding, "resolve", lambda registry, facts: change(resolve(registry, facts)))


def _contradiction_ignored(patch: Patch) -> None:
    def forgiving(resolved: Resolved) -> Resolved:
        ignored = resolved.fault is Reason.CONTRADICTORY_EVIDENCE
        return replace(resolved, fault=None) if ignored else resolved

    _patch_resolve(patch, forgiving)


def _misfits_ignored(patch: Patch) -> None:
    def forgiving(resolved: Resolved) -> Resolved:
        ignored = resolved.fault is Reason.VALUE_OUT_OF_RANGE
        return replace(resolved, fault=None) if ignored else resolved

    _patch_resolve(patch, forgiving)


def _interval_as_point(patch: Patch) -> None:
    box = Use.box
    patch.setattr(Use, "box", lambda self, values, approvals, **_: box(self, values, approvals, pinned=True))


def _anyone_may_attest(patch: Patch) -> None:
    patch.setattr(Registry, "counts", lambda _self, _name, grade, _role: grade is not Grade.CLAIMED)


def _unknown_is_known(patch: Patch) -> None:
    patch.setattr(FactSpec, "is_unknown", lambda _self, _value: False)


def _first_need_only(patch: Patch) -> None:
    smallest = ProofSearch.smallest
    patch.setattr(ProofSearch, "smallest", lambda self: (smallest(self) or ())[:1] or None)


def _everything_needed(patch: Patch) -> None:
    smallest = ProofSearch.smallest
    patch.setattr(ProofSearch, "smallest", lambda self: smallest(self) and tuple(self.candidates))


def _search_gives_up(patch: Patch) -> None:
    def first_look(self: Program, box: list[int], _budget: Budget) -> list[int] | None:
        return box if not self.can_allow(box) else None

    patch.setattr(Program, "find_denied", first_look)


def _kleene_alone_denies_less(patch: Patch) -> None:
    def first_look(self: Program, box: list[int], _budget: Budget) -> list[int] | None:
        return box if self.can_allow(box) else None

    patch.setattr(Program, "find_allowed", first_look)


def _kleene_alone_asks_more(patch: Patch) -> None:
    def first_look(self: Program, box: list[int], _budget: Budget) -> list[int] | None:
        return box if self.can_deny(box) else None

    patch.setattr(Program, "find_denied", first_look)


def _points_ignored(patch: Patch) -> None:
    build = search.build_program
    patch.setattr(
        deciding,
        "build_program",
        lambda layout, clauses, _point: build(
            layout, [replace(clause, points=frozenset({"prompt"})) for clause in clauses], "prompt"
        ),
    )


def _empty_set_is_a_world(patch: Patch) -> None:
    layout_of = world.build_layout
    patch.setattr(
        deciding, "build_layout", lambda specs, roles: replace(layout_of(specs, roles), never_empty=())
    )


def _deny_becomes_asking(patch: Patch) -> None:
    verdict = Use.verdict

    def softer(self: Use, budget: Budget) -> Verdict:
        found = verdict(self, budget)
        return Verdict.NEEDS_EVIDENCE if found is Verdict.DENY and self.claims else found

    patch.setattr(Use, "verdict", softer)


MUTANTS: dict[str, Callable[[Patch], None]] = {
    "no short circuit": _no_short_circuit,
    "lost unknown": _lost_unknown,
    "lost overflow": _lost_overflow,
    "forbid ignored": _forbid_ignored,
    "error counted as fired": _error_fires,
    "error skipped as Cedar does": _error_skipped,
    "claims used in step 4": _claims_in_step_four,
    "claims used nowhere": _claims_nowhere,
    "approvals ignored": _approvals_ignored,
    "approvals assumed": _approvals_assumed,
    "representative dropped": _representative_dropped,
    "conflict step removed": _conflict_removed,
    "contradiction of attestations ignored": _contradiction_ignored,
    "values out of range ignored": _misfits_ignored,
    "interval treated as a point": _interval_as_point,
    "anyone may attest": _anyone_may_attest,
    "unknown counted as known": _unknown_is_known,
    "only the first need named": _first_need_only,
    "every open fact named as a need": _everything_needed,
    "search for a denied world gives up": _search_gives_up,
    "Kleene alone in step 3": _kleene_alone_denies_less,
    "Kleene alone in step 4": _kleene_alone_asks_more,
    "points of control ignored": _points_ignored,
    "empty set taken for a world": _empty_set_is_a_world,
    "denied on claims asked instead": _deny_becomes_asking,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_seeded_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    caught = next(disagreements(BUNDLES, USES), None)
    assert caught is not None, f"{len(BUNDLES) * USES} uses did not show it: {name}"


@pytest.mark.slow
def test_without_a_seeded_bug_the_same_uses_show_nothing() -> None:
    assert list(disagreements(BUNDLES, USES)) == []
