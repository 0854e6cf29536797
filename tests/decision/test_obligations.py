"""A clause with `@redact` binds unless it is shown not to hold, and changes no verdict."""

from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import Point
from caveat.decision.decide import decide_use
from caveat.decision.obligations import kinds_of, obligations, with_unreadable
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.policy.bundle import parse_bundle
from tests.policy.small import HEAD, added, small

CLAUSES = f"""
@id("M1") {HEAD} @redact("email, phone")
forbid (principal, action in [Action::"prompt", Action::"output"], resource)
when {{ context.channel == "bought" }}
unless {{ context.approvals.contains("counsel") }};
@id("M2") {HEAD} @redact("card")
forbid (principal, action, resource) when {{ context.persons + 9223372036854775800 > context.persons }};
@id("M3") {HEAD} @redact("code")
forbid (principal, action == Action::"tool", resource) when {{ !context.verified }};
"""
BUNDLE = parse_bundle(added("clauses/all.cedar", CLAUSES))
PLAIN = parse_bundle(small())


def fact(name: str, value: object, role: str = "issuer") -> Fact:
    return Fact(name, value, Grade.ATTESTED, role, f"{role}:1")  # type: ignore[arg-type]


BOUGHT, GIVEN, UNKNOWN = (fact("channel", value) for value in ("bought", "given", "unknown"))


def bound(*cases: Facts, point: Point = Point.PROMPT) -> list[str]:
    return [clause.id for clause in obligations(BUNDLE.policy, BUNDLE.redactions, point, cases)]


def test_a_clause_binds_where_it_holds_and_where_nobody_knows() -> None:
    assert "M1" in bound(Facts((BOUGHT,)))
    assert "M1" in bound(Facts())
    assert "M1" in bound(Facts((UNKNOWN,)))
    assert "M1" not in bound(Facts((GIVEN,)))


def test_one_case_is_enough_and_none_at_all_is_every_case() -> None:
    assert "M1" in bound(Facts((GIVEN,)), Facts((BOUGHT,)))
    assert bound() == ["M1", "M2"]


def test_no_claim_and_no_fault_of_the_evidence_lifts_it() -> None:
    assert "M1" in bound(Facts(claims={"channel": "given"}))
    assert "M1" in bound(Facts((GIVEN,), findings=frozenset({Finding.FORGED})))
    assert "M1" in bound(Facts((GIVEN, BOUGHT)))


def test_an_approval_lifts_it_and_an_overflow_does_not() -> None:
    assert "M1" not in bound(Facts((BOUGHT,), approvals=frozenset({"counsel"})))
    assert "M2" in bound(Facts((fact("persons", 100),)))


def test_it_binds_at_its_points_alone() -> None:
    assert "M3" not in bound(Facts())
    assert bound(Facts((GIVEN, fact("verified", value=True))), point=Point.TOOL) == ["M2"]
    assert kinds_of(obligations(BUNDLE.policy, BUNDLE.redactions, Point.TOOL, (Facts(),))) == {"card", "code"}


@given(
    st.lists(st.sampled_from([BOUGHT, GIVEN, UNKNOWN, fact("persons", 5), fact("verified", value=True)])),
    st.sampled_from([BOUGHT, GIVEN, fact("persons", 50), fact("verified", value=False)]),
    st.sampled_from(list(Point)),
)
def test_no_verdict_depends_on_it(said: list[Fact], more: Fact, point: Point) -> None:
    cases = (Facts(tuple(said)), Facts((*said, more)))
    assert decide_use(BUNDLE.policy, point, cases) == decide_use(PLAIN.policy, point, cases)


def test_what_cannot_be_replaced_is_refused_and_a_refusal_stands() -> None:
    allowed = Decision(Verdict.ALLOW, Reason.PERMITTED, ("C4",), steps=3)
    refused = Decision(Verdict.DENY, Reason.CLAUSE, ("C1",))
    assert with_unreadable(allowed, ("M1",), 2) == Decision(Verdict.DENY, Reason.OBLIGATION, ("M1",), steps=3)
    assert with_unreadable(allowed, ("M1",), 0) is allowed
    assert with_unreadable(refused, ("M1",), 2) is refused
