"""Approvals and refusals: one person's signed decision about one exact action, and no facts.

Read and verified here, under keys that are enrolled for approvals alone. Whether one counts as a review, and
what it lets through, is for the room `oversight`. Source: attacks 15, 42, 74, 75, 81 and 85 in
`THREAT_MODEL.md`, ADR-0021, ADR-0037.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import RejectedEnvelope, SignedPayload
from caveat.evidence.instants import Period, StatementParseError, read_life, render_time
from caveat.evidence.life import out_of_life
from caveat.evidence.personal import open_personal
from caveat.evidence.predicates import ApprovalModel, Predicate
from caveat.evidence.revocation import Revocations, standing_of_key
from caveat.evidence.statement import STATEMENT_TYPE, Subject, read_payload, read_shape, render_payload
from caveat.evidence.trust import Issuer, Overseer, Purpose, Trust
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import PrivateKey
from caveat.signing.passkey import Asserted


class Act(StrEnum):
    """What a person decides about a hold."""

    APPROVE = "approve"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Approval:
    """What `issuer` decides, in `role`: about the action with this digest, under this policy, for this
    requester here.

    `action` is the digest of everything that was shown of the hold. `hold` names the one use that it is for.
    """

    issuer: str
    role: str
    act: Act
    hold: str
    action: Digest
    policy: Digest
    requester: str
    deployment: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class VerifiedApproval:
    """An approval that `approver` signed, with a key enrolled for approvals; made by `verify_approval` alone.

    It says nothing about time, nor whether it was used. `asserted`: what the authenticator said, where the
    key is a passkey.
    """

    digest: Digest
    approver: Issuer
    overseer: Overseer
    approval: Approval
    asserted: Asserted | None = None


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
        Act(said.act),
        said.hold,
        subjects[0].digest,
        Digest(said.policy),
        said.requester,
        said.deployment,
        life.begin,
        life.end,
    )


def render_approval(approval: Approval) -> bytes:
    """The payload that a person signs; raises `StatementParseError` for one that nobody would read."""
    payload = render_payload(
        Predicate.APPROVAL,
        [Subject("action", approval.action)],
        {
            "issuer": approval.issuer,
            "role": approval.role,
            "act": approval.act.value,
            "hold": approval.hold,
            "requester": approval.requester,
            "deployment": approval.deployment,
            "policy": approval.policy,
            "issued_at": render_time(approval.issued_at),
            "expires_at": render_time(approval.expires_at),
        },
    )
    parse_approval(payload)
    return payload


def mint_approval(approval: Approval, keys: Sequence[PrivateKey]) -> bytes:
    """The signed envelope of an approval; raises `StatementParseError` as `render_approval` does."""
    return sign_envelope(render_approval(approval), IN_TOTO, keys)


def verify_approval(raw: bytes, trust: Trust) -> VerifiedApproval | RejectedEnvelope:
    """The verified approval in `raw`, or why there is none; total over all bytes."""
    opened = open_personal(raw, trust)
    if not isinstance(opened, SignedPayload):
        return opened
    try:
        approval = parse_approval(opened.payload)
    except StatementParseError as error:
        return opened.rejected(error)
    approver = opened.signer(approval.issuer)
    if approver is None:
        return RejectedEnvelope(opened.digest, DefectCode.ISSUER, opened.anyone)
    if approver.purpose is not Purpose.APPROVAL or approver.overseer is None:
        return RejectedEnvelope(opened.digest, DefectCode.PURPOSE, approver.keyid)
    if approval.role not in approver.overseer.roles:
        return RejectedEnvelope(opened.digest, DefectCode.NOT_ENTITLED, approver.keyid)
    return VerifiedApproval(opened.digest, approver, approver.overseer, approval, opened.asserted)


def admit_approval(
    raw: bytes,
    trust: Trust,
    revocations: Revocations,
    first_logged: Callable[[Digest], datetime | None],
    now: datetime,
) -> VerifiedApproval | RejectedEnvelope:
    """The approval in `raw` if it may count now: verified, in its time, under a key that is not revoked.

    Asked when it is given and again when it is used, so that a role or a key that is gone by then counts no
    more. `first_logged`: when the log first shows an envelope.
    """
    found = verify_approval(raw, trust)
    if isinstance(found, RejectedEnvelope):
        return found
    life = Period(found.approval.issued_at, found.approval.expires_at)
    code = out_of_life(life, found.approver, trust, now) or standing_of_key(
        found.approver, found.digest, now, trust, revocations, first_logged
    )
    return found if code is None else RejectedEnvelope(found.digest, code, found.approver.keyid)
