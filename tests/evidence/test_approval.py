"""Approvals as far as they go in this release: written, read, verified, and never evidence."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.evidence.approval import (
    Act,
    Approval,
    VerifiedApproval,
    mint_approval,
    parse_approval,
    verify_approval,
)
from caveat.evidence.defects import DefectCode, Outcome
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.instants import StatementParseError
from caveat.signing.digest import sha256
from caveat.signing.dsse import parse_envelope
from tests.evidence.world import ACTION, APPROVER, DAY, NOW, OWNER, STRANGER, TRUST, check, resigned

APPROVAL = Approval(
    issuer="approver",
    role="data_owner",
    act=Act.APPROVE,
    hold="7-0123456789abcdef",
    action=ACTION,
    policy=sha256(b"the bundle"),
    requester="person:1",
    deployment="agency-desk",
    issued_at=NOW,
    expires_at=NOW + DAY,
)


def payload() -> dict[str, Any]:
    said: dict[str, Any] = json.loads(
        parse_envelope(mint_approval(APPROVAL, [APPROVER]), max_bytes=1 << 20).payload
    )
    return said


def refused(raw: bytes) -> DefectCode:
    found = verify_approval(raw, TRUST)
    assert isinstance(found, RejectedEnvelope)
    return found.code


def test_an_approval_is_read_back_as_it_was_signed() -> None:
    found = verify_approval(mint_approval(APPROVAL, [APPROVER]), TRUST)
    assert isinstance(found, VerifiedApproval)
    assert (found.approval, found.approver.id) == (APPROVAL, "approver")


@pytest.mark.parametrize("member", ["policy", "requester", "deployment", "expires_at", "hold", "act", "role"])
def test_an_approval_without_what_it_is_bound_to_is_refused(member: str) -> None:
    """74, 81"""
    said = payload()
    del said["predicate"][member]
    assert refused(resigned(said, APPROVER)) is DefectCode.SCHEMA


def test_an_approval_is_of_exactly_one_action() -> None:
    """74"""
    said = payload()
    for subjects in (
        [],
        said["subject"] * 2,
        [{"name": "anything", "digest": {"sha256": ACTION}}],
        [{"name": "action", "digest": {"sha256": "*"}}],
    ):
        assert refused(resigned(said | {"subject": subjects}, APPROVER)) is DefectCode.SCHEMA


def test_an_approval_carries_no_facts() -> None:
    """42"""
    said = payload()
    said["predicate"]["facts"] = {"acquisition_channel": "first_party"}
    assert refused(resigned(said, APPROVER)) is DefectCode.SCHEMA


def test_an_approval_is_never_evidence() -> None:
    """42"""
    for key in (APPROVER, OWNER):
        found = check(mint_approval(replace(APPROVAL, issuer="owner"), [key]))
        assert (found.outcome, found.code, found.facts) == (Outcome.DEFECT, DefectCode.APPROVAL, ())


def test_only_a_key_enrolled_for_approvals_approves() -> None:
    """15"""
    owner = replace(APPROVAL, issuer="owner")
    assert refused(mint_approval(owner, [OWNER])) is DefectCode.PURPOSE
    assert refused(mint_approval(APPROVAL, [OWNER])) is DefectCode.ISSUER
    assert refused(mint_approval(APPROVAL, [STRANGER])) is DefectCode.UNKNOWN_KEY


def test_an_approver_approves_in_its_own_role_alone() -> None:
    assert refused(mint_approval(replace(APPROVAL, role="officer"), [APPROVER])) is DefectCode.NOT_ENTITLED


def test_an_approval_that_ends_before_it_begins_is_not_written() -> None:
    with pytest.raises(StatementParseError):
        mint_approval(replace(APPROVAL, expires_at=NOW), [APPROVER])


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reading_of_an_approval_raise(raw: bytes) -> None:
    assert isinstance(verify_approval(raw, TRUST), RejectedEnvelope)
    with pytest.raises(StatementParseError):
        parse_approval(raw)
