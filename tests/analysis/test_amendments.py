"""The fourteen edits of the example policy, each reported as its table of expectations has it."""

from functools import lru_cache

import pytest

from caveat.analysis.changed_use import ChangedUse, Replay, facts_for
from caveat.analysis.diff import diff_bundles
from caveat.analysis.difference import ClauseChange, Difference, RedLineChange
from caveat.analysis.solve import Session
from caveat.call.call import Point
from caveat.decision.decide import decide
from caveat.facts.fact import Grade
from caveat.policy.bundle import Bundle
from tests.analysis.amendments import AMENDMENTS, bundle, law_alone, without

pytestmark = pytest.mark.slow


@lru_cache(maxsize=1)
def example() -> Bundle:
    return bundle()


@lru_cache(maxsize=32)
def amended(name: str) -> Bundle:
    return bundle(AMENDMENTS[name]())


@lru_cache(maxsize=32)
def difference(name: str) -> Difference:
    return diff_bundles(Session(), example(), amended(name))


def line(found: Difference, name: str) -> RedLineChange:
    return next(each for each in found.red_lines if each.id == name)


def clause(found: Difference, name: str) -> ClauseChange:
    return next(each for each in found.clauses if each.id == name and each.kind == "clause")


def flips(use: ChangedUse, old: Bundle, new: Bundle) -> bool:
    """Whether both live engines, asked anew, say what the use says of them."""
    specs = Replay(new, old).specs
    verdicts = [
        decide(b.policy, Point(use.point), facts_for(b, use.said, use.truth, use.approvals, specs)).verdict
        for b in (old, new)
    ]
    return verdicts == [use.before.verdict, use.after.verdict] and verdicts[0] is not verdicts[1]


@pytest.mark.parametrize("name", AMENDMENTS)
def test_every_use_flips_on_the_live_engines(name: str) -> None:
    found = difference(name)
    assert all(flips(use, example(), amended(name)) for use in (*found.opened.uses, *found.closed.uses))


def test_without_r1b_bulk_acquired_data_are_let_through() -> None:
    found = difference("A1")
    assert {use.after.verdict.value for use in found.opened.uses} == {"allow", "needs_approval"} or all(
        use.after.verdict.value == "allow" for use in found.opened.uses
    )
    assert all("R1.b" in use.clauses and use.red_line == "R1" for use in found.opened.uses)
    assert all(
        use.truth["acquisition_channel"] in ("purchased", "bulk_purchased") for use in found.opened.uses
    )
    assert line(found, "R1").weaker
    assert not line(found, "R2").weaker
    assert not found.closed.uses
    assert found.closed.complete


def test_a_qualifier_is_the_deletion_of_the_clause_where_it_empties_it() -> None:
    found = difference("A2")
    assert clause(found, "R1.b").change == "changed"
    assert [each.where for each in clause(found, "R1.b").emptied] == [{"acquired_unlawfully": (False,)}]
    assert all(use.truth["acquired_unlawfully"] is False for use in found.opened.uses)
    assert line(found, "R1").weaker


def test_a_raised_limit_opens_deliveries_below_it_to_the_privacy_officer() -> None:
    found = difference("A3")
    officer = [use for use in found.opened.uses if use.after.approvals == ("privacy_officer",)]
    assert officer
    assert all("P13" in use.after.clauses and use.before.verdict.value == "deny" for use in officer)
    counts = ("subject_count", "cumulative_subject_count_12m")
    assert all(
        any(1_000 < value <= 5_000_000 for name in counts if isinstance(value := use.truth.get(name), int))
        for use in found.opened.uses
    )
    tracking = {
        "pattern_of_life",
        "individual_profile",
        "association_mapping",
        "geofence_query",
        "locate_person",
    }
    bought = [
        u for u in found.opened.uses if u.truth.get("acquisition_channel") in ("purchased", "bulk_purchased")
    ]
    assert all(
        use.truth.get("task") not in tracking or use.truth.get("legal_process") not in (None, "none")
        for use in bought
    )


def test_a_directive_needs_one_consent_where_the_contract_needed_two() -> None:
    found = difference("A4")
    assert found.equivalent
    assert not found.opened.uses
    assert not found.closed.uses
    assert (line(found, "R2").consents_before, line(found, "R2").consents_after) == (2, 1)
    assert line(found, "R2").weaker
    assert line(found, "R2").openers_after == (("department_head",),)
    assert not line(found, "R1").weaker


def test_without_r2b_a_batch_counts_as_a_decision() -> None:
    found = difference("A5")
    assert all(use.after.clauses == ("P04",) and use.red_line == "R2" for use in found.opened.uses)
    assert all(use.truth["human_in_loop"] == "in_loop_per_action" for use in found.opened.uses)


def test_believing_the_deployer_is_deleting_what_the_facts_feed() -> None:
    found = difference("A6")
    assert line(found, "R1").weaker
    assert line(found, "R2").weaker
    assert {use.red_line for use in found.opened.uses} >= {"R1", "R2"}
    for use in found.opened.uses:
        assert any(said.grade is Grade.CLAIMED for said in use.said.values())
    undermined = {each.id for each in found.clauses if each.switched_off}
    assert {"R1.a", "R1.b", "R2.a", "R2.b", "P04", "P10", "P14", "P20"} <= undermined


def test_an_exception_for_verified_advice_opens_every_red_line_but_r2() -> None:
    found = difference("A7")
    assert line(found, "R1").weaker
    assert not line(found, "R2").weaker
    for name in ("R1.a", "R1.b", "P14", "P20"):
        where = [each.where for each in clause(found, name).emptied]
        assert where == [{"action_effect": ("advisory", "none"), "deployer_verified": (True,)}]


def test_other_words_of_the_same_meaning_make_no_difference() -> None:
    found = difference("A8")
    assert found.equivalent is True
    assert found.weaker is False
    assert clause(found, "R1.a").change == "reworded"


def test_without_p20_scoring_joins_protected_attributes() -> None:
    found = difference("A9")
    assert found.opened.uses
    assert all(use.clauses == ("P20",) for use in found.opened.uses)
    assert found.touched == ()


def test_without_the_total_split_deliveries_open_and_nothing_else() -> None:
    found = difference("A10")
    assert found.opened.uses
    assert line(found, "R1").weaker
    for use in found.opened.uses:
        total, once = use.truth["cumulative_subject_count_12m"], use.truth.get("subject_count", 0)
        assert isinstance(total, int)
        assert isinstance(once, int)
        assert total > 100 >= once


def test_without_r2a_the_commander_decides_by_a_directive_that_one_office_can_change() -> None:
    found = difference("A11")
    assert all(use.before.verdict.value == "deny" for use in found.opened.uses)
    assert {use.after.approvals for use in found.opened.uses} == {("responsible_commander",)}
    assert example().clauses
    assert all(each.amend_text == "department_head" for each in example().clauses if "P04" in each.clauses)


def test_the_office_alone_turns_approval_into_permission() -> None:
    found = diff_bundles(Session(), amended("A11"), amended("A12"))
    # The clause is the office's own; what `oversight.toml` asks of the role that goes with it is everybody's.
    everybody = sorted(set(example().manifest.actors) - {"auditor"})
    assert found.made_by == (tuple(everybody),)
    inside = [use for use in found.opened.uses if use.red_line == "R2"]
    assert inside
    assert all(use.after.verdict.value == "allow" and "P05" in use.after.clauses for use in inside)


def test_one_party_closes_a_purpose_and_touches_no_red_line() -> None:
    found = difference("A13")
    assert found.touched == ()
    assert found.weaker is False
    assert not found.opened.uses
    assert found.closed.uses
    assert all("P07" in use.clauses for use in found.closed.uses)
    assert found.made_by == (("provider",),)


def test_one_office_opens_selection_by_protected_activity() -> None:
    found = difference("A14")
    assert found.made_by == (("provider",),)
    assert all(use.truth["selection_criteria"] == "protected_activity" for use in found.opened.uses)
    assert found.touched == ()


def test_what_the_contract_adds_to_the_law_is_told_in_uses() -> None:
    found = diff_bundles(Session(), bundle(law_alone()), example(), uses=60)
    assert {use.red_line for use in found.closed.uses} >= {"R1", "R2"}
    bought = [use for use in found.closed.uses if "R1.b" in use.clauses]
    assert bought
    assert all(use.before.verdict.value == "allow" for use in bought)
    assert found.weaker is False


def test_a_limit_above_every_count_is_the_deletion_of_what_reads_it() -> None:
    from caveat.policy.edit import set_limit

    files = without("R1.a", "P13", "P19", "P21")
    for limit in example().manifest.limits:
        if not limit.startswith("review"):
            files = set_limit(files, limit, 10_000_000_000).files
    found = diff_bundles(Session(), bundle(without("R1.a", "P13", "P19", "P21")), bundle(files))
    assert [each.where for each in clause(found, "R1.b").emptied] == [{}]
