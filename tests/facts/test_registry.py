"""The registry is closed: what it does not declare is refused, and a malformed one does not load."""

from typing import Any

import pytest

from caveat.facts.fact import Grade
from caveat.facts.observers import ABSENT, OBSERVERS
from caveat.facts.registry import FactSpec, Registry, RegistryError, parse_registry
from caveat.facts.value import Interval, render_value

ENUM: dict[str, Any] = {
    "type": "enum",
    "values": ["x", "y", "unknown"],
    "unknown": ["unknown"],
    "attested_by": ["issuer"],
    "severest": "x",
    "amend": "a",
    "text": "t",
}
SET: dict[str, Any] = {
    "type": "set",
    "values": ["x", "y"],
    "attested_by": ["issuer"],
    "empty_is_unknown": True,
    "severest": ["x"],
    "amend": "a",
    "text": "t",
}
LONG: dict[str, Any] = {
    "type": "long",
    "observed_by": ["counter"],
    "lo": -5,
    "hi": 5,
    "severest": 5,
    "amend": "a",
    "text": "t",
}
BOOL: dict[str, Any] = {
    "type": "bool",
    "attested_by": ["issuer"],
    "severest": False,
    "amend": "a",
    "text": "t",
}


def _spec(entry: dict[str, Any]) -> FactSpec:
    return parse_registry({"fact": entry}).facts["fact"]


MALFORMED: dict[str, tuple[str, Any, str]] = {
    "a name that is no identifier": ("not a name", ENUM, "a name is an ASCII identifier"),
    "a name beyond ASCII": ("façt", ENUM, "a name is an ASCII identifier"),
    "the name of the approvals": ("approvals", ENUM, "other than `approvals`"),
    "the name of the limits": ("limits", ENUM, "other than `approvals`, `limits`"),
    "an entry that is no table": ("fact", 1, "fact `fact`"),
    "a type that does not exist": ("fact", ENUM | {"type": "date"}, "`type`"),
    "an unknown member": ("fact", ENUM | {"mood": 1}, "`mood`"),
    "words without values": ("fact", ENUM | {"values": [], "unknown": []}, "`values` are declared for"),
    "values of a count": ("fact", LONG | {"values": ["x"]}, "`values` are declared for"),
    "a value twice": ("fact", ENUM | {"values": ["x", "x", "unknown"]}, "declared twice"),
    "an unknown that is no value": ("fact", ENUM | {"unknown": ["z"]}, "not declared"),
    "nothing that can be known": ("fact", ENUM | {"unknown": ["x", "y", "unknown"]}, "can be known"),
    "an unknown word of a set": ("fact", SET | {"unknown": ["x"]}, "`unknown` is for enums"),
    "an empty word": ("fact", ENUM | {"empty_is_unknown": True}, "is for sets"),
    "a range the wrong way round": ("fact", LONG | {"lo": 6}, "ordered pair"),
    "a range beyond 64 bits": ("fact", LONG | {"hi": 2**63}, "64-bit"),
    "a severest that is no value": ("fact", ENUM | {"severest": "z"}, "`severest` is not"),
    "a neutral that is no value": ("fact", LONG | {"neutral": 9}, "`neutral` is not"),
    "a union of counts": ("fact", LONG | {"join": "union"}, "only sets join"),
    "a total of words": ("fact", ENUM | {"join": "total"}, "only counts join"),
    "a fact that nobody can make known": ("fact", ENUM | {"attested_by": []}, "nobody may attest"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_registry_does_not_load_with(what: str) -> None:
    name, entry, expected = MALFORMED[what]
    with pytest.raises(RegistryError) as caught:
        parse_registry({name: entry})
    assert any(expected in finding for finding in caught.value.findings), caught.value.findings


def test_an_empty_registry_is_none() -> None:
    with pytest.raises(RegistryError, match="declares no fact"):
        parse_registry({})


@pytest.mark.parametrize(
    ("entry", "value", "typed"),
    [
        (ENUM, "x", "x"),
        (ENUM, "z", None),
        (ENUM, 1, None),
        (SET, ["y", "x"], frozenset({"x", "y"})),
        (SET, frozenset({"x"}), frozenset({"x"})),
        (SET, [], frozenset()),
        (SET, ["x", "x"], None),
        (SET, ["z"], None),
        (SET, [1], None),
        (SET, "x", None),
        (LONG, 5, 5),
        (LONG, 6, None),
        (LONG, True, None),
        (LONG, 1.0, None),
        (LONG, Interval(-5, 5), Interval(-5, 5)),
        (LONG, Interval(-6, 5), None),
        (LONG, Interval(0, 6), None),
        (BOOL, True, True),
        (BOOL, 1, None),
        (BOOL, None, None),
    ],
)
def test_a_value_is_typed_or_refused_and_never_guessed(entry: dict[str, Any], value: Any, typed: Any) -> None:
    assert _spec(entry).parse(value) == typed
    assert type(_spec(entry).parse(value)) is type(typed)


def test_an_unknown_word_and_an_empty_set_are_no_knowledge() -> None:
    assert _spec(ENUM).is_unknown("unknown")
    assert not _spec(ENUM).is_unknown("x")
    assert _spec(SET).is_unknown(frozenset())
    assert not _spec(SET).is_unknown(frozenset({"x"}))
    assert not _spec(SET | {"empty_is_unknown": False}).is_unknown(frozenset())
    assert not _spec(LONG).is_unknown(0)


def _registry() -> Registry:
    return parse_registry(
        {
            "both": LONG | {"attested_by": ["issuer"]},
            "score": LONG | {"grade": "estimated", "observed_by": []},
            "said": BOOL | {"grade": "claimed", "attested_by": []},
        }
    )


@pytest.mark.parametrize(
    ("name", "grade", "role", "counts"),
    [
        ("both", Grade.ATTESTED, "issuer", True),
        ("both", Grade.ATTESTED, "counter", False),
        ("both", Grade.OBSERVED, "counter", True),
        ("both", Grade.OBSERVED, "issuer", False),
        ("both", Grade.CLAIMED, "issuer", False),
        ("both", Grade.ESTIMATED, "issuer", False),
        ("score", Grade.ESTIMATED, "screen", True),
        ("score", Grade.CLAIMED, "", False),
        ("said", Grade.CLAIMED, "", True),
        ("said", Grade.ATTESTED, "issuer", False),
    ],
)
def test_a_fact_counts_only_by_the_grade_and_the_source_that_the_registry_names(
    name: str, grade: Grade, role: str, counts: bool
) -> None:
    assert _registry().counts(name, grade, role) is counts


def test_facts_keep_their_declared_order_and_say_whether_anybody_can_make_them_known() -> None:
    registry = _registry()
    assert list(registry.facts) == ["both", "score", "said"]
    assert [spec.attestable for spec in registry.facts.values()] == [True, False, False]


def test_an_empty_interval_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        Interval(1, 0)
    assert render_value(Interval(1, 1)) == {"lo": 1, "hi": 1}


def test_a_neutral_value_without_an_observer_counts_for_nobody_who_exists() -> None:
    registry = parse_registry({"fact": ENUM | {"neutral": "y"}})
    assert registry.facts["fact"].neutral_unobserved
    assert registry.counts("fact", Grade.OBSERVED, ABSENT)  # as an analysis of the draft reads it
    assert not any(registry.counts("fact", Grade.OBSERVED, observer) for observer in OBSERVERS)
    watched = parse_registry({"fact": ENUM | {"neutral": "y", "observed_by": ["destinations"]}})
    assert not watched.facts["fact"].neutral_unobserved
    assert not watched.counts("fact", Grade.OBSERVED, ABSENT)
