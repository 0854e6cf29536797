"""What is measured of reviews, and that nothing which is no review makes it better."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import Call, Point
from caveat.call.parts import Origin, classify_parts, raw_part
from caveat.decision.verdict import Verdict
from caveat.evidence.check import EvidenceChecker
from caveat.evidence.trust import parse_trust
from caveat.facts.fact import Fact, Facts, Grade
from caveat.gateway.decisions import Decisions
from caveat.gateway.ports import Found
from caveat.gateway.revocations import RevocationLists
from caveat.gateway.witnesses import BundleWitnesses
from caveat.monitors.monitors import Monitors
from caveat.monitors.once import Once
from caveat.oversight.figures import MODE_FACT, SECONDS_FACT, WINDOW, Windows
from caveat.oversight.past import PastReview
from caveat.oversight.review import Act, Defect
from caveat.signing.digest import Digest
from caveat.store.evidence import MemoryEvidenceStore
from caveat.store.manifests import SqliteManifestStore
from caveat.store.revocations import RevocationFiles
from tests.oracle.example import example_bundle

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DESK = "benefits-office"


def review(seconds: float = 40, act: Act = Act.APPROVE, defect: str = "", **said: Any) -> PastReview:
    at = said.pop("at", NOW)
    about = {"hold": "1-0", "deployment": DESK, "person": "anna", "role": "officer"} | said
    return PastReview(act=act, at=at, shown_at=at - timedelta(seconds=seconds), defect=defect, **about)


def measured(*reviews: PastReview, now: datetime = NOW) -> dict[str, Any]:
    windows = Windows()
    for one in reviews:
        windows.add(one)
    return dict(windows.measured(DESK, now).by_fact)


def test_nothing_is_measured_where_nobody_decided() -> None:
    assert measured() == {}
    assert measured(review(deployment="another")) == {}


def test_single_approvals_give_a_median_and_count_as_single() -> None:
    assert measured(review(20), review(41), review(90)) == {MODE_FACT: "per_item", SECONDS_FACT: 41}


def test_a_batch_among_the_newest_is_a_batch_and_improves_no_median() -> None:
    found = measured(review(31), review(9_000, defect=Defect.BATCH.value))
    assert found == {MODE_FACT: "batch", SECONDS_FACT: 31}
    assert measured(review(9_000, defect=Defect.BATCH.value)) == {MODE_FACT: "batch"}


@given(st.lists(st.sampled_from([one for one in Defect if one is not Defect.BATCH]), max_size=60))
def test_what_counts_as_none_moves_no_figure(defects: list[Defect]) -> None:
    others = [review(5_000, defect=one.value) for one in defects]
    assert measured(*others) == {}
    assert measured(review(31), *others) == measured(review(31))


@given(st.lists(st.floats(0, 10_000), max_size=60), st.lists(st.floats(0, 10_000), min_size=1, max_size=30))
def test_refusals_neither_lower_nor_raise_what_approvals_measured(
    refusals: list[float], approvals: list[float]
) -> None:
    alone = [review(seconds) for seconds in approvals[: WINDOW - 20]]
    beside = [review(seconds, Act.REFUSE) for seconds in refusals[:20]]
    assert measured(*alone, *beside) == measured(*alone)


def test_refusals_alone_are_measured_as_they_were() -> None:
    assert measured(review(45, Act.REFUSE)) == {MODE_FACT: "per_item", SECONDS_FACT: 45}


def test_only_the_newest_fifty_of_thirty_days_are_looked_at() -> None:
    assert measured(*[review(10)] * 60, *[review(100)] * 50)[SECONDS_FACT] == 100
    old = review(100, at=NOW - timedelta(days=30))
    assert measured(old) == {}
    assert measured(old, review(12)) == {MODE_FACT: "per_item", SECONDS_FACT: 12}


def test_a_figure_ages_without_any_new_decision() -> None:
    windows = Windows()
    windows.add(review(100, at=NOW - timedelta(days=29)))
    windows.add(review(11))
    assert windows.measured(DESK, NOW).by_fact[SECONDS_FACT] == 55
    assert windows.measured(DESK, NOW + timedelta(days=2)).by_fact[SECONDS_FACT] == 11
    assert windows.measured(DESK, NOW + timedelta(days=31)).by_fact == {}


# What clauses of the example policy make of it -----------------------------------------------------------

BUNDLE = example_bundle()
LEGAL = {
    "action_effect": "legal_effect",
    "deployment_type": "benefits_agency",
    "task": "benefits_eligibility",
}
KINETIC = {"action_effect": "kinetic", "deployment_type": "weapon_system"}
COMMON: dict[str, Any] = {
    "task": "weapon_engagement",
    "data_category": frozenset({"none"}),
    "acquisition_channel": "first_party",
    "subjects_jurisdiction": "none",
    "consent_basis": "not_applicable",
    "attributes_joined": frozenset[str](),
    "selection_criteria": "specific_selector",
    "human_in_loop": "in_loop_per_action",
    "legal_process": "rules_of_engagement",
    "deployer_verified": True,
    "purpose_compatible": True,
    "target_class": "materiel",
    "target_authorization": "rules_of_engagement",
    "attribution": "attributed",
    "sensitive_location": False,
    "subject_count": 0,
}


def verdict(
    attested: dict[str, Any], reviews: Iterable[PastReview], folder: Path
) -> tuple[Verdict, set[str]]:
    """Of a use of typed words with everything else attested, from the decisions about holds alone."""
    windows, manifests = Windows(), SqliteManifestStore(folder / "manifests.db")
    checker = EvidenceChecker(parse_trust(BUNDLE.files["trust.toml"]), BUNDLE.registry)
    lists = RevocationLists(RevocationFiles(folder))
    witnesses = BundleWitnesses(
        BUNDLE, checker, MemoryEvidenceStore(), Monitors(), Once(), lists, manifests, windows.measured
    )
    raw = (raw_part("/messages/0/content", "user", Origin.TEXT, "text/plain", b"now"),)
    parts = classify_parts(raw, {}, frozenset(), 10_000)
    call = Call(Point.PROMPT, "openai", DESK, "m", parts, {}, stream=False, action_digest=Digest("0" * 64))
    decision = None
    for one in [None, *reviews]:
        if one is not None:
            windows.add(one)
        # Gathered after each, so that what was remembered of the last must not stand.
        (case,) = witnesses.gather(call, BUNDLE.deployments[DESK], Found(), NOW).cases
        observed = tuple(fact for fact in case.facts if fact.grade is Grade.OBSERVED)
        said = [
            Fact(name, value, Grade.ATTESTED, sorted(BUNDLE.registry.facts[name].attested_by)[0])
            for name, value in (COMMON | attested).items()
        ]
        decision = Decisions(BUNDLE.policy).decide(Point.PROMPT, (Facts((*said, *observed)),))
    manifests.close()
    assert decision is not None
    return decision.verdict, set(decision.clauses)


@pytest.mark.parametrize(
    "reviews",
    [
        [],
        [review(29)],
        [review(29), review(29.9), review(500)],
        [review(31, defect=Defect.BATCH.value)],
        [review(31), review(31, defect=Defect.BATCH.value)],
        [review(31), review(10), review(10)],
    ],
    ids=["unmeasured", "too short", "median too short", "batch", "some in a batch", "short since"],
)
def test_a_kinetic_use_is_denied_while_no_real_review_is_measured(
    reviews: list[PastReview], tmp_path: Path
) -> None:
    found, clauses = verdict(KINETIC, reviews, tmp_path)
    assert (found, "R2.b" in clauses) == (Verdict.DENY, True)


def test_a_kinetic_use_goes_to_people_once_real_reviews_are_measured(tmp_path: Path) -> None:
    found, clauses = verdict(KINETIC, [review(31), review(30)], tmp_path)
    assert (found, "P04" in clauses) == (Verdict.NEEDS_APPROVAL, True)


def test_a_legal_effect_is_denied_while_reviews_are_unmeasured_or_short_and_passes_p09_after(
    tmp_path: Path,
) -> None:
    for reviews in ([], [review(9)], [review(30, defect=Defect.BATCH.value)]):
        found, clauses = verdict(LEGAL, reviews, tmp_path)
        assert (found, "P09" in clauses) == (Verdict.DENY, True)
    found, clauses = verdict(LEGAL, [review(10)], tmp_path)
    assert found in {Verdict.ALLOW, Verdict.NEEDS_APPROVAL}
    assert "P09" not in clauses
