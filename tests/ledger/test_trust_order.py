"""A log shows when a gateway went back to an older trust policy."""

import pytest

from caveat.ledger.finding import Code
from caveat.ledger.record import TrustRecord
from caveat.ledger.trust_order import TrustOrderCheck
from caveat.signing.digest import Digest

TIME = "2030-01-01T00:00:00.000Z"
ONE, OTHER = Digest("a" * 64), Digest("b" * 64)


def trust(version: int, digest: Digest = ONE, *, development: bool = False) -> TrustRecord:
    return TrustRecord(TIME, digest, version, (), development)


def found(*records: TrustRecord) -> list[tuple[Code, int | None]]:
    check = TrustOrderCheck()
    return [
        (one.code, one.index) for index, record in enumerate(records) for one in check.check(index, record)
    ]


def test_newer_ones_and_the_same_one_again_are_in_order() -> None:
    assert found(trust(1), trust(1), trust(2, OTHER), trust(7)) == []


@pytest.mark.parametrize("later", [trust(1), trust(2, OTHER)])
def test_a_log_in_which_a_trust_policy_goes_back_does_not_verify(later: TrustRecord) -> None:
    assert found(trust(1), trust(2), later) == [(Code.TRUST_WENT_BACK, 2)]


def test_after_a_step_back_the_newest_is_still_the_measure() -> None:
    assert found(trust(3), trust(1), trust(2)) == [(Code.TRUST_WENT_BACK, 1), (Code.TRUST_WENT_BACK, 2)]


def test_development_bundles_are_passed_over() -> None:
    assert found(trust(3), trust(1, OTHER, development=True)) == []
