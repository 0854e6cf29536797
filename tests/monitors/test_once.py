"""One-time ids: the first released action keeps them, and an auditor finds the second."""

from hypothesis import given
from hypothesis import strategies as st

from caveat.ledger.finding import Code
from caveat.ledger.record import DecisionRecord, Record
from caveat.monitors.once import Once, OnceCheck, fold_once
from caveat.signing.digest import Digest, sha256
from tests.ledger.logs import DENIED, decision_record, records

ACTIONS = [sha256(b"%d" % n) for n in range(3)]
USES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(ACTIONS), st.booleans()), max_size=12)


def use(number: int, once: str | None, action: int, *, released: bool = True) -> DecisionRecord:
    if released:
        return decision_record(number, once=once, request=ACTIONS[action])
    return decision_record(number, once=once, request=ACTIONS[action], decision=DENIED)


@given(USES)
def test_the_first_released_action_keeps_an_id(uses: list[tuple[str, Digest, bool]]) -> None:
    items = [
        use(n, once, ACTIONS.index(action), released=released)
        for n, (once, action, released) in enumerate(uses)
    ]
    folded = fold_once(items)
    for once in "abc":
        first = next((action for id_, action, released in uses if id_ == once and released), None)
        assert folded.consumed_by(once) == first


def test_an_id_serves_its_action_again_and_no_other() -> None:
    once = Once()
    assert once.consume("a", "one")
    assert once.consume("a", "one")
    assert not once.consume("a", "two")
    assert once.consumed_by("a") == "one"
    assert once.consumed_by("b") is None


def found(*items: Record) -> list[tuple[Code, int | None]]:
    check = OnceCheck()
    return [
        (finding.code, finding.index)
        for index, item in enumerate(items)
        for finding in check.check(index, item)
    ]


def test_a_second_action_is_found_even_where_it_was_refused() -> None:
    assert found(use(0, "a", 0), use(1, "a", 0), use(2, "b", 1), *records(2)) == []
    assert found(use(0, "a", 0), use(1, "a", 1)) == [(Code.ONCE_REUSED, 1)]
    assert found(use(0, "a", 0), use(1, "a", 1, released=False)) == [(Code.ONCE_REUSED, 1)]


def test_a_refused_use_consumes_nothing() -> None:
    assert found(use(0, "a", 0, released=False), use(1, "a", 1)) == []
