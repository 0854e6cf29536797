"""`diff` against enumeration, and the answers that it must not give."""

import random
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import tomli_w

from caveat.analysis.diff import diff_bundles
from caveat.analysis.solve import Answer, Session, Solver, Term
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.policy.clause_text import policy_texts
from tests.analysis.amendments import FILES, bundle, replaced
from tests.analysis.enumerate_uses import differences, uses, verdicts
from tests.oracle.generate import Shape, generate_bundle

SHAPE = Shape(facts=3, clauses=4, depth=2, worlds=30)
USES = 3_000
Facts = dict[str, dict[str, Any]]


def _drop(rng: random.Random, policies: list[str], _: Facts) -> None:
    policies.pop(rng.randrange(len(policies)))


def _turn(rng: random.Random, policies: list[str], _: Facts) -> None:
    at = rng.randrange(len(policies))
    one, other = ("forbid (", "permit (") if "forbid (" in policies[at] else ("permit (", "forbid (")
    policies[at] = policies[at].replace(one, other)


def _shuffle(rng: random.Random, policies: list[str], _: Facts) -> None:
    rng.shuffle(policies)


def _claimed(rng: random.Random, _: list[str], facts: Facts) -> None:
    facts[rng.choice(list(facts))]["grade"] = "claimed"


def _other_role(rng: random.Random, _: list[str], facts: Facts) -> None:
    facts[rng.choice(list(facts))]["attested_by"] = ["notary"]


def _silence(rng: random.Random, _: list[str], facts: Facts) -> None:
    fact = facts[rng.choice(list(facts))]
    fact.pop("observed_by", None)
    fact |= {"neutral": fact["severest"], "attested_by": ["issuer"], "grade": "attested"}


def _unknown(rng: random.Random, _: list[str], facts: Facts) -> None:
    fact = facts[rng.choice(list(facts))]
    if fact["type"] == "enum":
        fact["unknown"] = [fact["values"][0]]
    if fact["type"] == "set":
        fact["empty_is_unknown"] = not fact.get("empty_is_unknown")


def _range(rng: random.Random, _: list[str], facts: Facts) -> None:
    for fact in facts.values():
        if fact["type"] == "long" and rng.random() < 0.7:
            fact["hi"] += 1


EDITS: tuple[Callable[[random.Random, list[str], Facts], None], ...] = (
    _drop,
    _turn,
    _shuffle,
    _claimed,
    _other_role,
    _silence,
    _unknown,
    _range,
)


def edited(rng: random.Random, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """One or two random edits; either of the two bundles may be the old one."""
    path = next(path for path in files if path.startswith("clauses/"))
    table = tomllib.loads(files["facts.toml"].decode())
    policies = policy_texts(files[path].decode())
    for _ in range(rng.choice([1, 1, 2])):
        rng.choice(EDITS)(rng, policies, table["facts"])
    return {**files, path: "".join(policies).encode(), "facts.toml": tomli_w.dumps(table).encode()}


def pair(seed: int) -> tuple[Bundle, Bundle] | None:
    """Two small bundles, or None where the edit does not load or has too many uses to list."""
    rng = random.Random(seed)
    files = generate_bundle(rng, SHAPE)
    try:
        old, new = parse_bundle(files), parse_bundle(edited(rng, files))
    except BundleError:
        return None
    if rng.random() < 0.5:
        old, new = new, old
    return (old, new) if sum(1 for _ in zip(range(USES + 1), uses(old, new), strict=False)) <= USES else None


def _agrees(old: Bundle, new: Bundle) -> tuple[bool, bool]:
    found = diff_bundles(Session(), old, new, uses=3)
    expected = differences(old, new)
    assert (found.opened.exists, found.closed.exists) == expected
    for use in (*found.opened.uses, *found.closed.uses):
        answers = verdicts(old, new, use.point, use.said, use.approvals)
        assert answers == (use.before.verdict, use.after.verdict)
        assert answers[0] is not answers[1]
    return expected


@pytest.mark.slow
def test_random_amendments_are_told_apart_exactly_where_enumeration_does() -> None:
    pairs = [each for seed in range(60) if (each := pair(seed)) is not None]
    answers = [_agrees(*each) for each in pairs]
    assert len(pairs) >= 30
    assert {(False, False), (True, False), (False, True)} <= set(answers)


@pytest.mark.long
def test_many_random_amendments_are_told_apart_exactly_where_enumeration_does() -> None:
    for seed in range(60, 400):
        each = pair(seed)
        if each is not None:
            _agrees(*each)


class _Silent(Solver):
    """A solver that never answers in time, once the pair is encoded."""

    def ask(self, *assumptions: Term) -> Answer:
        return super().ask() if not assumptions else Answer.UNKNOWN


@pytest.mark.slow
def test_an_answer_that_does_not_come_in_time_is_never_equivalent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "solver", _silent_solver)
    found = diff_bundles(Session(), bundle(), bundle())
    assert found.equivalent is None
    assert found.weaker is None
    assert found.render()["equivalent"] == "unknown"


def _silent_solver(session: Session, *terms: Term) -> Solver:
    solver = _Silent(session)
    solver.require(*terms)
    return solver


@pytest.mark.slow
def test_moving_and_renumbering_clauses_makes_no_difference() -> None:
    moved = {path: data for path, data in FILES.items() if path != "clauses/P14-protected-activity.cedar"}
    moved["clauses/A-first.cedar"] = FILES["clauses/P14-protected-activity.cedar"].replace(b'"P14"', b'"Q99"')
    found = diff_bundles(Session(), bundle(), bundle(moved))
    assert found.equivalent is True
    assert found.weaker is False
    assert [(each.id, each.change) for each in found.clauses] == [("P14", "renumbered")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("bundle.toml", "persons = 2", "persons = 3"),
        ("bundle.toml", "step_budget = 50000", "step_budget = 100"),
        ("bundle.toml", 'interval_role = "privacy_officer"', 'interval_role = "legal_counsel"'),
        ("bundle.toml", "typed_text_max_bytes = 16384", "typed_text_max_bytes = 1"),
        ("deployments.toml", "deployer_verified = true", "deployer_verified = false"),
        ("facts.toml", 'join = "total"', 'join = "greatest"'),
    ],
)
def test_what_no_clause_shows_is_never_equivalent(path: str, old: str, new: str) -> None:
    found = diff_bundles(Session(), bundle(), bundle(replaced(path, (old, new))))
    assert found.equivalent is False
    assert any(other.verdicts for other in found.others)
    assert not found.opened.uses
    assert not found.closed.uses


@pytest.mark.slow
def test_a_use_that_only_the_approver_separates_is_told_both_ways() -> None:
    asks = 'context.approvals.contains("privacy_officer")'
    counsel = 'context.approvals.contains("legal_counsel")'
    found = diff_bundles(Session(), bundle(), bundle(replaced("clauses/P13-acquired.cedar", (asks, counsel))))
    assert found.opened.uses
    assert found.closed.uses
    assert all(use.approvals == {"legal_counsel"} for use in found.opened.uses)
    assert all(use.approvals == {"privacy_officer"} for use in found.closed.uses)


@pytest.mark.slow
def test_a_red_line_that_says_less_is_weaker_though_no_use_changes() -> None:
    less = replaced("red_lines/R2.cedar", ('context.deployment_type == "weapon_system" || ', ""))
    found = diff_bundles(Session(), bundle(), bundle(less))
    assert found.touched == ("R2",)
    assert not found.opened.uses
