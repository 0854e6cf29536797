"""Approvals as they are written: one person's signed decision about one exact action, and no facts.

Read and verified here, under keys that are enrolled for approvals alone. Nothing in this release takes an
approval into a decision. Source: attacks 15, 42, 74, 75 and 81 in `THREAT_MODEL.md`, ADR-0021.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import RejectedEnvelope, SignedPayload, open_envelope
from caveat.evidence.instants import StatementParseError, read_life, render_time
from caveat.evidence.predicates import ApprovalModel, Predicate
from caveat.evidence.statement import STATEMENT_TYPE, Subject, read_payload, read_shape, render_payload
from caveat.evidence.trust import Issuer, Purpose, Trust
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import PrivateKey


@dataclass(frozen=True, slots=True)
class Approval:
    """What `issuer` approves: the action with this digest, under this policy, for this requester here.

    `id` names the one use that it is good for.
    """

    issuer: str
    role: str
    action: Digest
    policy: Digest
    requester: str
    deployment: str
    issued_at: datetime
    expires_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class VerifiedApproval:
    """An approval that `approver` signed, with a key enrolled for approvals; made by `verify_approval` alone.

    It says nothing about time, nor whether it was used.
    """

    digest: Digest
    approver: Issuer
    approval: Approval


def parse_approval(payload: bytes) -> Approval:
    """The approval in `payload`; raises `StatementParseError` and nothing else, whatever the bytes."""
    value = read_payload(payload)
    if value.get("_type") != STATEMENT_TYPE or value.get("predicateType") != Predicate.APPROVAL.value:
        raise StatementParseError("statement_type")
    subjects, said = read_shape(value, ApprovalModel)
    if len(subjects) != 1 or subjects[0].name != "action":
        raise StatementParseError("schema", "subject")
    life = read_life(said.issued_at, said.expires_at)
    return Approval(
        said.issuer,
        said.role,
        subjects[0].digest,
        Digest(said.policy),
        said.requester,
        said.deployment,
        life.begin,
        life.end,
        said.id,
    )


def mint_approval(approval: Approval, keys: Sequence[PrivateKey]) -> bytes:
    """The signed envelope of an approval; raises `StatementParseError` for one that nobody would read."""
    payload = render_payload(
        Predicate.APPROVAL,
        [Subject("action", approval.action)],
        {
            "issuer": approval.issuer,
            "role": approval.role,
            "requester": approval.requester,
            "deployment": approval.deployment,
            "policy": approval.policy,
            "issued_at": render_time(approval.issued_at),
            "expires_at": render_time(approval.expires_at),
            "id": approval.id,
        },
    )
    parse_approval(payload)
    return sign_envelope(payload, IN_TOTO, keys)


def verify_approval(raw: bytes, trust: Trust) -> VerifiedApproval | RejectedEnvelope:
    """The verified approval in `raw`, or why there is none; total over all bytes."""
    opened = open_envelope(raw, trust)
    if not isinstance(opened, SignedPayload):
        return opened
    try:
        approval = parse_approval(opened.payload)
    except StatementParseError as error:
        return opened.rejected(error)
    approver = opened.signer(approval.issuer)
    if approver is None:
        return RejectedEnvelope(opened.digest, DefectCode.ISSUER, opened.anyone)
    if approver.purpose is not Purpose.APPROVAL:
        return RejectedEnvelope(opened.digest, DefectCode.PURPOSE, approver.keyid)
    if approver.role != approval.role:
        return RejectedEnvelope(opened.digest, DefectCode.NOT_ENTITLED, approver.keyid)
    return VerifiedApproval(opened.digest, approver, approval)
