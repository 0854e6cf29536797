"""One-time ids: one action each, held before release, and remembered from records."""

from typing import Any

import pytest

from caveat.evidence.once import OnceIds
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import sha256

ONCE, MINE, OTHER = sha256(b"once"), sha256(b"mine"), sha256(b"other")


def record(**changes: Any) -> JsonObject:
    value: JsonObject = {
        "kind": "decision",
        "request": MINE,
        "verdict": "allow",
        "enforced": True,
        "evidence": [{"envelope": sha256(b"e"), "once": ONCE}, {"envelope": sha256(b"f"), "once": None}],
    }
    return value | changes


def test_an_id_serves_one_action_and_all_its_repetitions() -> None:
    ids = OnceIds()
    assert ids.consumer(ONCE) is None
    ids.consume([ONCE], MINE)
    ids.consume([ONCE], MINE)
    assert ids.consumer(ONCE) == MINE
    with pytest.raises(ValueError, match="one action"):
        ids.consume([ONCE], OTHER)


def test_what_was_not_released_is_given_back_and_only_that() -> None:
    ids = OnceIds()
    ids.consume([ONCE], MINE)
    ids.consume([ONCE], MINE)
    ids.give_back([ONCE], OTHER)
    ids.give_back([ONCE], MINE)
    assert ids.consumer(ONCE) == MINE
    ids.give_back([ONCE], MINE)
    assert ids.consumer(ONCE) is None
    ids.give_back([ONCE], MINE)
    assert ids.consumer(ONCE) is None


def test_a_restart_forgets_nothing_that_was_recorded() -> None:
    ids = OnceIds()
    ids.fold(record())
    assert ids.consumer(ONCE) == MINE
    ids.fold(record(request=OTHER))
    assert ids.consumer(ONCE) == MINE


def test_what_was_observed_and_not_enforced_was_released() -> None:
    ids = OnceIds()
    ids.fold(record(verdict="deny", enforced=False))
    assert ids.consumer(ONCE) == MINE


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "deny"},
        {"verdict": "needs_evidence"},
        {"kind": "start"},
        {"evidence": None},
        {"request": 1},
    ],
    ids=repr,
)
def test_records_of_what_was_not_released_consume_nothing(changes: dict[str, Any]) -> None:
    ids = OnceIds()
    ids.fold(record(**changes))
    assert ids.consumer(ONCE) is None
