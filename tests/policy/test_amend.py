"""`@amend` formulas: read as written, monotone, and refused where they are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.policy.amend import Actor, AmendError, Both, Either, Formula, actors_of, is_satisfied, parse_amend

NAMES = ("a", "b", "c", "d1", "e_f")


def _render(formula: Formula) -> str:
    match formula:
        case Actor(name):
            return name
        case Both(parts):
            return "(" + " & ".join(_render(part) for part in parts) + ")"
        case Either(parts):
            return "(" + " | ".join(_render(part) for part in parts) + ")"


formulas: st.SearchStrategy[Formula] = st.recursive(
    st.builds(Actor, st.sampled_from(NAMES)),
    lambda inner: st.one_of(
        st.builds(Both, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
signers = st.frozensets(st.sampled_from(NAMES))


@given(formulas)
def test_a_formula_is_read_back_as_it_was_written(formula: Formula) -> None:
    assert parse_amend(_render(formula)) == formula


@given(formulas, signers, signers)
def test_one_more_signature_never_takes_consent_away(
    formula: Formula, some: frozenset[str], more: frozenset[str]
) -> None:
    assert is_satisfied(formula, some | more) >= is_satisfied(formula, some)
    assert is_satisfied(formula, actors_of(formula))
    assert not is_satisfied(formula, frozenset())


def test_and_binds_tighter_than_or() -> None:
    assert parse_amend("a & b | c") == Either((Both((Actor("a"), Actor("b"))), Actor("c")))
    assert parse_amend("a&(b|c)") == Both((Actor("a"), Either((Actor("b"), Actor("c")))))


@pytest.mark.parametrize(
    "text", ["", " ", "a &", "& a", "a b", "(a", "a)", "a || b", "A", "a & (b | )", "a, b", "!a"]
)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(AmendError, match="amend formula"):
        parse_amend(text)


@given(st.text(alphabet="ab &|()!", max_size=12))
def test_no_text_makes_the_parser_fail_in_another_way(text: str) -> None:
    try:
        formula = parse_amend(text)
    except AmendError:
        return
    assert actors_of(formula)
