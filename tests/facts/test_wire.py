"""Facts as JSON: read back as they were, whatever they are, and refused where they are malformed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.facts.value import Interval
from caveat.facts.wire import FactsParseError, facts_digest, parse_facts, render_facts
from caveat.signing.canonical import JsonObject, canonical, parse_strict

whole = st.integers(-(2**53) + 1, 2**53 - 1)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
values = st.one_of(
    words,
    st.booleans(),
    whole,
    st.frozensets(words, max_size=3),
    st.tuples(whole, whole).map(lambda pair: Interval(min(pair), max(pair))),
)
claims = st.dictionaries(
    names, st.one_of(words, st.booleans(), whole, st.lists(words, max_size=3)), max_size=3
)
facts = st.builds(
    Facts,
    st.lists(st.builds(Fact, names, values, st.sampled_from(Grade), words, words), max_size=4).map(tuple),
    claims,
    st.frozensets(words, max_size=3),
    st.frozensets(st.sampled_from(Finding)),
)


@given(facts)
def test_facts_are_read_back_exactly(some: Facts) -> None:
    assert parse_facts(render_facts(some)) == some


@given(facts)
def test_facts_survive_their_own_canonical_bytes_and_keep_their_digest(some: Facts) -> None:
    again = parse_facts(parse_strict(canonical(render_facts(some)), max_bytes=1 << 20))
    assert again == some
    assert facts_digest(again) == facts_digest(some)


@given(facts, facts)
def test_different_facts_have_different_digests(one: Facts, other: Facts) -> None:
    assert (facts_digest(one) == facts_digest(other)) is (render_facts(one) == render_facts(other))


def test_facts_without_claims_are_facts_with_none() -> None:
    assert parse_facts({}) == Facts(claims={})
    assert render_facts(Facts()) == render_facts(Facts(claims={}))


FACT: JsonObject = {"name": "n", "value": 1, "grade": "attested"}


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([], ""),
        ({"more": 1}, "more"),
        ({"facts": [FACT | {"grade": "sworn"}]}, "facts.0.grade"),
        ({"facts": [FACT | {"value": 1.5}]}, "facts.0.value"),
        ({"facts": [{"name": "n"}]}, "facts.0"),
        ({"claims": []}, "claims"),
        ({"approvals": [1]}, "approvals.0"),
        ({"findings": ["rude"]}, "findings.0"),
    ],
)
def test_malformed_facts_are_refused_with_the_place(value: Any, place: str) -> None:
    with pytest.raises(FactsParseError, match=f"facts are malformed at `{place}"):
        parse_facts(value)


def test_an_empty_interval_is_refused() -> None:
    with pytest.raises(FactsParseError, match="at least one value"):
        parse_facts({"facts": [FACT | {"value": {"lo": 2, "hi": 1}}]})
