"""Cases that are rendered once make the same leaves as cases that are rendered each time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import Interval, Value
from caveat.ledger.errors import RecordParseError
from caveat.ledger.wire import CasesMemo, check_shape, parse_record, render_record
from caveat.signing.canonical import CanonicalError, canonical
from tests.ledger.logs import decision_record

VALUES = st.one_of(
    st.booleans(),
    st.integers(0, 2**40),
    st.text(max_size=5),
    st.frozensets(st.text(max_size=3)),
    st.just(Interval(1, 3)),
)
FACTS = st.builds(Fact, st.sampled_from("abc"), VALUES, st.sampled_from(list(Grade)), st.just("role"))
CLAIMS = st.dictionaries(st.sampled_from("ab"), st.integers(0, 9))


@given(st.lists(st.builds(Facts, st.lists(FACTS, max_size=4).map(tuple), CLAIMS), max_size=3).map(tuple))
def test_the_leaf_is_the_same_and_reads_back(cases: tuple[Facts, ...]) -> None:
    memo = CasesMemo()
    record = decision_record(0, cases=cases)
    leaf = canonical(render_record(record))
    for _ in range(2):
        rendered = render_record(record, memo)
        check_shape(rendered)
        assert canonical(rendered) == leaf
    assert parse_record(leaf).cases == cases  # type: ignore[union-attr]  # it is a decision


def test_other_cases_are_never_taken_for_known_ones() -> None:
    memo = CasesMemo(limit=2)
    for number in range(50):
        cases = (Facts((Fact("a", number, Grade.ATTESTED, "role"),)),)
        assert canonical({"c": memo(cases)}) == canonical({"c": memo(cases)})
        assert b'"value":%d' % number in canonical({"c": memo(cases)})
        del cases


@pytest.mark.parametrize("value", [1.5, 2**60, "\ud800"])
def test_what_has_no_one_rendering_is_refused_as_ever(value: Value) -> None:
    cases = (Facts((), {"a": value}),)  # type: ignore[dict-item]  # claims are any JSON
    with pytest.raises(CanonicalError):
        canonical(render_record(decision_record(0, cases=cases), CasesMemo()))


def test_a_record_of_another_shape_is_refused_whatever_its_cases() -> None:
    rendered = render_record(decision_record(0), CasesMemo())
    with pytest.raises(RecordParseError):
        check_shape({**rendered, "verdict": "perhaps"})
