"""Generated uses: enough of them, about every clause, and each with a twin in the same words."""

from pathlib import Path

import pytest

from caveat.assay.cores import TARGETS
from caveat.assay.generator import Pair, generate_pairs
from caveat.assay.oracle import CLAUSES, SCORED, label
from caveat.assay.scenario import parse_scenarios
from caveat.assay.world import registry_of
from caveat.signing.canonical import canonical
from caveat.store.folder import read_folder

BUNDLE = Path(__file__).parents[2] / "policies" / "government-analytics"


@pytest.fixture(scope="module")
def pairs() -> tuple[Pair, ...]:
    return generate_pairs(7, 1000)


@pytest.mark.slow
def test_two_thousand_uses_meet_every_clause(pairs: tuple[Pair, ...]) -> None:
    met = {clause for pair in pairs for truth in (pair.truth, pair.twin) for clause in label(truth).clauses}
    assert met == set(CLAUSES) - SCORED
    assert {(pair.clause, pair.right) for pair in pairs} == set(TARGETS)
    distinct = {canonical(dict(truth)) for pair in pairs for truth in (pair.truth, pair.twin)}
    assert len(distinct) > 1800


def test_the_twin_is_allowed_and_is_asked_for_in_the_same_way(pairs: tuple[Pair, ...]) -> None:
    for pair in pairs:
        assert label(pair.truth).result == pair.right
        assert label(pair.twin).result == "allow"
        assert pair.truth.keys() == pair.twin.keys()
        assert pair.truth["task"] == pair.twin["task"]


def test_equal_seeds_begin_with_equal_pairs(pairs: tuple[Pair, ...]) -> None:
    assert generate_pairs(7, 40) == pairs[:40]
    assert generate_pairs(8, 40) != pairs[:40]


def test_generated_uses_are_of_the_bundles_words(pairs: tuple[Pair, ...]) -> None:
    rows = b"\n".join(
        canonical(
            {
                "request_text": pair.text,
                "claimed_facts": dict(truth),
                "true_facts": dict(truth),
                "evidence_available": list(truth),
            }
        )
        for pair in pairs[:200]
        for truth in (pair.truth, pair.twin)
    )
    assert len(parse_scenarios(rows, registry_of(read_folder(BUNDLE)))) == 400
