"""`@always_enforced` binds where a clause certainly forbids, and nothing that evidence does frees from it."""

from caveat.call.call import Point
from caveat.decision.binding import binding_clauses
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.policy.bundle import Policy, parse_bundle
from tests.support.small_bundle import SmallBundle


def policy(mark: str = "@always_enforced") -> Policy:
    bundle = SmallBundle()
    bundle.clauses = bundle.clauses.replace('@id("C2")', f'@id("C2") {mark}')
    return parse_bundle(bundle.files()).policy


BOUND = policy()
BULK = Fact("acquisition_channel", "bulk_purchased", Grade.ATTESTED, "data_owner", "a")
FIRST = Fact("acquisition_channel", "first_party", Grade.ATTESTED, "data_owner", "b")


def binding(*facts: Fact, of: Policy = BOUND, **more: object) -> tuple[str, ...]:
    return binding_clauses(of, Point.PROMPT, (Facts(facts, **more),))  # type: ignore[arg-type]


def test_a_marked_clause_binds_where_it_certainly_holds() -> None:
    assert binding(BULK) == ("C2",)
    assert binding(BULK, of=policy("")) == ()


def test_what_is_only_possible_does_not_bind() -> None:
    assert binding() == ()
    assert binding(FIRST) == ()


def test_a_claim_against_ones_own_interest_binds_and_one_in_it_does_not_free() -> None:
    assert binding(claims={"acquisition_channel": "bulk_purchased"}) == ("C2",)
    assert binding(BULK, claims={"acquisition_channel": "first_party"}) == ("C2",)


def test_an_unmarked_clause_that_certainly_holds_does_not_bind() -> None:
    many = Fact("subject_count", 5000, Grade.ATTESTED, "data_owner", "a")
    assert binding(FIRST, many) == ()


def test_faults_of_the_evidence_free_nothing() -> None:
    assert binding(BULK, findings=frozenset({Finding.FORGED})) == ("C2",)
    assert binding(BULK, FIRST) == ("C2",)
    assert binding(FIRST, BULK) == ("C2",)


def test_one_bound_case_among_several_binds() -> None:
    cases = (Facts((FIRST,)), Facts((BULK,)))
    assert binding_clauses(BOUND, Point.PROMPT, cases) == ("C2",)
