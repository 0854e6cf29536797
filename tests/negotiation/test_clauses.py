"""Drafts laid side by side: what decides is told apart from wording, numbering and formalities."""

import pytest

from caveat.negotiation.clauses import Change, Difference, compare_bundles, items
from caveat.policy.bundle import parse_bundle
from tests.negotiation.talks import DRAFT, STRICTER, WITHOUT_C5
from tests.oracle.example import example_bundle
from tests.policy.small import edited

CEDAR = "clauses/all.cedar"


def changes(old: dict[str, bytes], new: dict[str, bytes]) -> set[tuple[str, str, Difference, str | None]]:
    found = compare_bundles(parse_bundle(old), parse_bundle(new))
    return {(change.kind, change.id, change.difference, change.to) for change in found}


def test_equal_drafts_have_no_difference_however_they_are_laid_out() -> None:
    moved = dict(DRAFT)
    text = moved.pop(CEDAR).decode()
    at = text.index('@id("C3")')
    moved |= {"clauses/b.cedar": text[:at].encode(), "clauses/a.cedar": b"// first\n" + text[at:].encode()}
    assert changes(DRAFT, moved) == set()


def test_a_clause_that_was_added_or_removed_is_named() -> None:
    assert changes(WITHOUT_C5, DRAFT) == {("clause", "C5", Difference.ADDED, None)}
    assert changes(DRAFT, WITHOUT_C5) == {("clause", "C5", Difference.REMOVED, None)}


def test_a_clause_under_another_id_is_renumbered() -> None:
    renumbered = edited(CEDAR, '@id("C5")', '@id("C9")', DRAFT)
    assert changes(DRAFT, renumbered) == {("clause", "C5", Difference.RENUMBERED, "C9")}


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ('contains("b")', 'contains("a")', Difference.CONDITION),
        ('contains("b") }', 'contains("b") && context.persons > 5 }', Difference.CONDITION),
        ('@id("C5") @text("t")', '@id("C5") @text("another")', Difference.TEXT),
        (
            '@id("C5") @text("t") @authority("contract")',
            '@id("C5") @text("t") @authority("directive")',
            Difference.FORMALITIES,
        ),
    ],
)
def test_condition_wording_and_formalities_are_told_apart(old: str, new: str, difference: Difference) -> None:
    assert changes(DRAFT, edited(CEDAR, old, new, DRAFT)) == {("clause", "C5", difference, None)}


def test_a_lowered_limit_changes_every_clause_that_reads_it() -> None:
    found = changes(DRAFT, STRICTER)
    assert ("clause", "C1", Difference.CONDITION, None) in found
    assert ("limit", "many", Difference.CHANGED, None) in found


@pytest.mark.parametrize(
    ("path", "old", "new", "change"),
    [
        ("facts.toml", 'text = "kinds"', 'text = "sorts"', Change("fact", "kinds", Difference.CHANGED)),
        (
            "bundle.toml",
            "step_budget = 1000",
            "step_budget = 900",
            Change("setting", "step_budget", Difference.CHANGED),
        ),
        ("bundle.toml", 'text = "recorded"', 'text = "kept"', Change("clause", "P9", Difference.TEXT)),
        ("bundle.toml", 'text = "counsel"', 'text = "lawyer"', Change("role", "counsel", Difference.CHANGED)),
        (
            "deployments.toml",
            'operator = "customer"',
            'operator = "provider"',
            Change("deployment", "desk", Difference.CHANGED),
        ),
        ("red_lines/line.cedar", ">= 11", ">= 12", Change("red_line", "L1", Difference.CHANGED)),
        ("trust.toml", "version = 1", "version = 2", Change("file", "trust.toml", Difference.CHANGED)),
    ],
)
def test_every_other_part_that_binds_is_compared(path: str, old: str, new: str, change: Change) -> None:
    assert compare_bundles(parse_bundle(DRAFT), parse_bundle(edited(path, old, new, DRAFT))) == (change,)


def test_every_clause_of_the_example_is_an_item() -> None:
    bundle = example_bundle()
    names = {name for clause in bundle.clauses for name in clause.clauses}
    assert set(items(bundle)) == names | {row.id for row in bundle.manifest.process}
