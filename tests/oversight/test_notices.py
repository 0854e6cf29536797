"""What people are told of a record: a decision that counts as none for want of vigilance is told twice."""

import pytest

from caveat.ledger.record import ReviewRecord
from caveat.oversight.notices import Event, notices_of
from caveat.oversight.review import Defect
from caveat.signing.digest import sha256


def review(defect: str) -> ReviewRecord:
    return ReviewRecord(
        "2030-01-01T00:00:00.000Z",
        "7-0123456789abcdef",
        "approve",
        "officer",
        "ben",
        sha256(b"key"),
        sha256(b"envelope"),
        "{}",
        None,
        defect,
    )


@pytest.mark.parametrize("defect", ["", *Defect])
def test_a_floor_that_is_broken_is_told_without_a_name(defect: str) -> None:
    told = list(notices_of(review(defect), "9-0123456789abcdef"))
    expected = [Event.HOLD_DECIDED] + [Event.FLOORS_BROKEN] * (defect == Defect.VIGILANCE)
    assert [one.event for one in told] == expected
    assert len({one.id for one in told}) == len(told)
    assert "ben" not in str([one.said for one in told])
