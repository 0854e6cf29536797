"""Canonical JSON: one rendering, equal to RFC 8785, or an error of its own."""

import math
from types import MappingProxyType
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from caveat.signing.canonical import MAX_INTEGER, CanonicalError, canonical, parse_strict

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
ALLOWED = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@given(ALLOWED)
def test_canonical_equals_rfc_8785_on_every_allowed_value(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.slow
@given(ALLOWED)
def test_what_is_rendered_is_read_back_strictly_and_renders_alike(value: Any) -> None:
    rendered = canonical(value)
    again = parse_strict(rendered, max_bytes=len(rendered))
    assert again == value
    assert canonical(again) == rendered


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        math.nan,
        MAX_INTEGER + 1,
        -MAX_INTEGER - 1,
        {"schlüssel": 1},
        {1: "x"},
        {"nested": [{"a": 0.5}]},
        b"bytes",
        {"a", "b"},
        object(),
        "\ud800",
        {"a": "\udfff"},
        MappingProxyType({"a": 1}),
    ],
    ids=lambda value: type(value).__name__,  # a repr may differ from process to process
)
def test_a_value_with_more_than_one_rendering_has_none(value: Any) -> None:
    with pytest.raises(CanonicalError):
        canonical(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(CanonicalError):
        canonical(value)


def test_a_value_nested_beyond_the_renderer_is_refused() -> None:
    value: list[Any] = []
    for _ in range(400):
        value = [value]
    with pytest.raises(CanonicalError):
        canonical(value)
