"""The reference names every finding, record kind and member that there is."""

from pathlib import Path

import pytest

from caveat.ledger.finding import Code
from caveat.ledger.record import Follows
from caveat.ledger.wire import render_record
from tests.ledger.logs import decision_record

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "ledger-format.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", Code)
def test_every_finding_is_explained(code: Code) -> None:
    assert f"`{code.value}`" in PAGE


@pytest.mark.parametrize("member", sorted(render_record(decision_record(1))))
def test_every_member_of_a_decision_is_explained(member: str) -> None:
    assert f"`{member}`" in PAGE


@pytest.mark.parametrize("member", Follows.__slots__)
def test_every_member_of_what_a_bundle_follows_is_explained(member: str) -> None:
    assert f"`{member}`" in PAGE
