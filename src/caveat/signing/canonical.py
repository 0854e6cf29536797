"""JSON in and out, without the places where two parsers read one text differently.

`canonical` renders the subset of JSON on which RFC 8785 and a sorted compact rendering agree: objects with
ASCII keys, strings, integers below 2^53, Booleans, null and lists. `parse_strict` refuses what parsers
disagree about: duplicate keys, NaN and infinities, large integers, lone surrogates, deep nesting, trailing
bytes. Source: RFC 8785, RFC 8259, ADR-0012.
"""

import json
import re
from collections.abc import Collection
from typing import NoReturn, TypeAlias, Union

import orjson

# `Union`, since a recursive alias written with `|` would be a plain string at run time.
Json: TypeAlias = Union[bool, int, float, str, list["Json"], dict[str, "Json"], None]  # noqa: UP007
JsonObject: TypeAlias = dict[str, Json]

MAX_INTEGER = 2**53 - 1
_CANONICAL = orjson.OPT_SORT_KEYS
# One rendering, whatever the value. A fragment has been rendered already; only `fragment` makes them here.
_PLAIN = frozenset({str, bool, type(None), orjson.Fragment})
# A string, skipped whole, or one bracket. Possessive, so that no text makes it backtrack.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class StrictJsonError(ValueError):
    """The bytes are not JSON that every parser reads alike. `code` is one of a closed set."""

    def __init__(self, code: str) -> None:
        """`code`: too_large, not_utf8, malformed, duplicate_key, number, surrogate, too_deep."""
        super().__init__(f"not strict JSON: {code}")
        self.code = code


class CanonicalError(ValueError):
    """The value lies outside the subset that has one rendering."""


def canonical(value: object) -> bytes:
    """The one rendering of `value` under RFC 8785; raises `CanonicalError` where there is none.

    Nothing else is raised, and nothing is rendered that a second implementation might render otherwise.
    """
    try:
        _check_canonical(value)
    except RecursionError as error:
        raise CanonicalError("nested too deep, or within itself") from error
    return canonical_unchecked(value)


def canonical_unchecked(value: object) -> bytes:
    """As `canonical`, of a value of which the caller knows that it has one rendering."""
    try:
        return orjson.dumps(value, option=_CANONICAL)
    except orjson.JSONEncodeError as error:
        raise CanonicalError("a string that is not Unicode, or nested too deep") from error


def fragment(value: object) -> orjson.Fragment:
    """The canonical rendering of `value`, to stand as it is within another; raises `CanonicalError`.

    For what is rendered again and again: `canonical` neither looks into it nor renders it again.
    """
    return orjson.Fragment(canonical(value))


def _check_canonical(value: object) -> None:
    kind = type(value)
    if kind in _PLAIN:
        return
    if isinstance(value, dict):  # not Mapping: the renderer takes no other, and an ABC check costs ten times
        try:
            ascii_keys = "".join(value).isascii()  # pyright: ignore[reportUnknownArgumentType] - a TypeError tells
        except TypeError:
            ascii_keys = False
        if not ascii_keys:
            raise CanonicalError("object keys are ASCII strings")
        _check_members(value.values())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    elif isinstance(value, (list, tuple)):
        _check_members(value)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise CanonicalError("integers of 2^53 and above have no one rendering")
    elif not isinstance(value, str):
        raise CanonicalError(f"no canonical rendering of a `{kind.__name__}`")


def _check_members(members: Collection[object]) -> None:
    # One pass in C settles what most objects are: texts, Booleans and nulls only.
    if not _PLAIN.issuperset(map(type, members)):
        for member in members:
            if type(member) not in _PLAIN:
                _check_canonical(member)


def parse_strict(data: bytes, *, max_bytes: int, max_depth: int = 64, floats: bool = False) -> Json:
    """The value that every JSON parser reads in `data`, or `StrictJsonError`; nothing else is raised.

    With `floats`, finite numbers with a fraction and integers of 64 bits are read too: chat requests
    carry them, signed objects never do.
    """
    if len(data) > max_bytes:
        raise StrictJsonError("too_large")
    try:
        text = data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        raise StrictJsonError("not_utf8") from error
    if _deeper_than(max_depth, text):
        raise StrictJsonError("too_deep")
    try:
        value: Json = (_WIDE if floats else _NARROW).decode(text)
    except StrictJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise StrictJsonError("malformed") from error
    if "\\u" in text and _has_lone_surrogate(value):
        raise StrictJsonError("surrogate")
    return value


def _object_without_duplicates(pairs: list[tuple[str, Json]]) -> JsonObject:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise StrictJsonError("duplicate_key")
    return result


def _refuse_constant(_text: str) -> NoReturn:
    raise StrictJsonError("number")


def _finite_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise StrictJsonError("number")
    return value


def _bounded_integer(text: str) -> int:
    if len(text) > 17 or text == "-0":  # minus zero is an integer to some parsers and a float to others
        raise StrictJsonError("number")
    value = int(text)
    if abs(value) > MAX_INTEGER:
        raise StrictJsonError("number")
    return value


def _wide_integer(text: str) -> int:
    """Integers of 64 bits, as seeds are; what renders them again renders exactly these."""
    if len(text) > 20 or text == "-0":
        raise StrictJsonError("number")
    value = int(text)
    if not -(2**63) <= value < 2**64:
        raise StrictJsonError("number")
    return value


# Made once: `json.loads` would make a decoder for each text.
_NARROW = json.JSONDecoder(
    object_pairs_hook=_object_without_duplicates,
    parse_constant=_refuse_constant,
    parse_float=_refuse_constant,
    parse_int=_bounded_integer,
)
_WIDE = json.JSONDecoder(
    object_pairs_hook=_object_without_duplicates,
    parse_constant=_refuse_constant,
    parse_float=_finite_float,
    parse_int=_wide_integer,
)


def _deeper_than(limit: int, text: str) -> bool:
    """Whether the text nests deeper, found out before parsing so that a deep text costs no stack."""
    if text.count("[") + text.count("{") <= limit:
        return False  # that many brackets cannot nest deeper, wherever they stand
    depth = 0
    for token in _STRING_OR_BRACKET.findall(text):
        if token in ("[", "{"):
            depth += 1
            if depth > limit:
                return True
        elif token in ("]", "}"):
            depth -= 1
    return False


def _has_lone_surrogate(value: Json) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, list):
        return any(_has_lone_surrogate(item) for item in value)
    if isinstance(value, dict):
        return any(_has_lone_surrogate(key) or _has_lone_surrogate(item) for key, item in value.items())
    return False
