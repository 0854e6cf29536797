"""The strict parser: what parsers disagree about is refused, and only its own error is ever raised."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.signing.canonical import StrictJsonError, parse_strict

SPACES = [b" ", b"\n", b"\x00", b"\xff", b"\xef\xbb\xbf"]
WORDS = [*rb"""{ } [ ] " : , \ \u d800 1 -0 1e400 NaN null true a 0.5 - Infinity""".split(), *SPACES]
TOKENS = st.lists(st.sampled_from(WORDS), max_size=60).map(b"".join)


def refused(data: bytes, **limits: Any) -> str:
    with pytest.raises(StrictJsonError) as caught:
        parse_strict(data, max_bytes=limits.pop("max_bytes", 10_000), **limits)
    return caught.value.code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":1,"a":2}', "duplicate_key"),
        (b'{"a":{"b":1,"\\u0062":2}}', "duplicate_key"),
        (b"NaN", "number"),
        (b"[Infinity]", "number"),
        (b"[-Infinity]", "number"),
        (b"1e400", "number"),
        (b"0.5", "number"),
        (b"-0", "number"),
        (b"9007199254740992", "number"),
        (b"-9007199254740992", "number"),
        (b"1" * 5000, "number"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00":1}', "surrogate"),
        (b'[{"a":["\\udc00"]}]', "surrogate"),
        (b'"\xff"', "not_utf8"),
        (b'"\xed\xa0\x80"', "not_utf8"),
        (b'"\xc0\xaf"', "not_utf8"),
        (b"{} {}", "malformed"),
        (b"{}\x00", "malformed"),
        (b"[1,]", "malformed"),
        (b"{'a':1}", "malformed"),
        (b'"\n"', "malformed"),
        (b"\xef\xbb\xbf{}", "malformed"),
        (b"", "malformed"),
        (b"01", "malformed"),
        (b"[" * 65 + b"]" * 65, "too_deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep"),
        (b"[" * 100_000, "too_large"),
    ],
)
def test_what_parsers_disagree_about_is_refused_by_name(data: bytes, code: str) -> None:
    assert refused(data) == code


def test_a_very_deep_text_costs_no_stack() -> None:
    assert refused(b"[" * 200_000, max_bytes=1_000_000) == "too_deep"


def test_floats_are_read_only_where_asked_for_and_only_finite() -> None:
    assert parse_strict(b"[0.5,-1e3]", max_bytes=100, floats=True) == [0.5, -1000.0]
    assert refused(b"1e400", floats=True) == "number"
    assert parse_strict(b"[18446744073709551615,-9223372036854775808]", max_bytes=100, floats=True) == [
        2**64 - 1,
        -(2**63),
    ]
    for beyond in (b"18446744073709551616", b"-9223372036854775809", b"9" * 30, b"-0"):
        assert refused(beyond, floats=True) == "number"
    assert refused(b"-1e400", floats=True) == "number"


def test_brackets_in_strings_are_not_depth() -> None:
    text = json.dumps({"a": "[" * 500 + '\\"{{{' * 50, "b": [[1]]}).encode()
    assert parse_strict(text, max_bytes=10_000, max_depth=3) == json.loads(text)
    assert refused(text, max_depth=2) == "too_deep"


def test_surrogate_pairs_are_one_character() -> None:
    assert parse_strict(b'"\\ud83d\\ude00"', max_bytes=100) == "😀"


@given(st.binary(max_size=200) | TOKENS, st.booleans())
def test_no_bytes_raise_anything_but_the_parsers_own_error(data: bytes, floats: bool) -> None:
    try:
        value = parse_strict(data, max_bytes=150, max_depth=5, floats=floats)
    except StrictJsonError:
        return
    assert value == json.loads(data)


@given(st.recursive(st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=30))
def test_depth_is_that_of_the_value(value: Any) -> None:
    def depth(item: Any) -> int:
        return 1 + max(map(depth, item), default=0) if isinstance(item, list) else 0

    data = json.dumps(value).encode()
    deep = depth(value)
    assert parse_strict(data, max_bytes=10_000, max_depth=deep) == value
    if deep:
        assert refused(data, max_depth=deep - 1) == "too_deep"
