"""The acts of a negotiation: what a party says at once, as an in-toto Statement v1 in a DSSE envelope.

Nothing of a payload is believed before the signature of the party that it names has been verified, by a key
that is pinned for that party and over the exact bytes. An unknown member is refused, never dropped.
Source: in-toto Statement v1, DSSE 1.0, POLICY section 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.ledger.errors import RecordParseError
from caveat.ledger.record import parse_time, render_time
from caveat.ledger.wire import MAX_ACT_BYTES
from caveat.negotiation.document import Attachment, Check, CheckKind, Document, Grade, Outcome
from caveat.negotiation.errors import ActParseError, RefusedActError, Rule
from caveat.negotiation.parties import PARTY, Parties
from caveat.signing.canonical import Json, JsonObject, StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import (
    IN_TOTO,
    EnvelopeParseError,
    UnverifiedEnvelope,
    parse_envelope,
    sign_envelope,
    verify_signers,
)
from caveat.signing.keys import PrivateKey

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://caveat.invalid/predicate/terms/v1"
MAX_NOTE_CHARACTERS = 2000


class ActKind(StrEnum):
    """What a party does."""

    OFFER = "offer"
    COUNTER = "counter"
    ACCEPT = "accept"
    REFUSE = "refuse"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Act:
    """One act as its party signs it.

    `parties`: digest of the parties document. `terms`: the digest of a policy bundle, or of an imported
    document. `answers`: the hash of the record that it answers. `time`: by the party's own clock.
    """

    kind: ActKind
    negotiation: str
    parties: Digest
    party: str
    to: tuple[str, ...]
    terms: Digest
    answers: Digest | None
    note: str
    time: str
    document: Document | None = None

    @property
    def puts_terms(self) -> bool:
        """Whether it offers terms: an offer, or a counter-offer."""
        return self.kind in (ActKind.OFFER, ActKind.COUNTER)

    @property
    def kept(self) -> Digest:
        """The digest of the files that are kept beside the log for it."""
        if self.document is None:
            return self.terms
        parts = {f"attachments/{part.digest}": part.digest for part in self.document.attachments}
        return sha256(canonical({"document": self.terms, **parts}))


_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]
_Name = Annotated[str, Field(pattern=PARTY)]
_Short = Annotated[str, Field(max_length=320)]
_Word = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}\z")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _DigestModel(_Strict):
    sha256: _Hex


class _SubjectModel(_Strict):
    name: Literal["terms", "document"]
    digest: _DigestModel


class _CheckModel(_Strict):
    kind: CheckKind = Field(strict=False)
    outcome: Outcome = Field(strict=False)
    reason: _Word
    by: _Short
    covers: Annotated[list[_Word], Field(max_length=16)]


class _AttachmentModel(_Strict):
    sha256: _Hex
    bytes: Annotated[int, Field(ge=0)]
    media: _Short
    grade: Grade = Field(strict=False)


class _DocumentModel(_Strict):
    media: _Short
    bytes: Annotated[int, Field(ge=0)]
    grade: Grade = Field(strict=False)
    author: _Short
    date: _Short
    message_id: _Short
    checks: Annotated[list[_CheckModel], Field(max_length=32)]
    attachments: Annotated[list[_AttachmentModel], Field(max_length=64)]


class _PredicateModel(_Strict):
    act: ActKind = Field(strict=False)
    negotiation: Annotated[str, Field(min_length=1, max_length=256)]
    parties: _Hex
    party: _Name
    to: Annotated[list[_Name], Field(max_length=64)]
    answers: _Hex | None
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARACTERS)]
    time: Annotated[str, Field(pattern=r"^[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z\z")]
    document: _DocumentModel | None = None


class _StatementModel(_Strict):
    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    predicateType: Literal["https://caveat.invalid/predicate/terms/v1"]  # noqa: N815 - in-toto's spelling
    subject: Annotated[list[_SubjectModel], Field(min_length=1, max_length=1)]
    predicate: _PredicateModel


def render_act(act: Act) -> bytes:
    """The canonical payload that is signed; raises `ActParseError` for an act that nobody would read back."""
    predicate: JsonObject = {
        "act": act.kind.value,
        "negotiation": act.negotiation,
        "parties": act.parties,
        "party": act.party,
        "to": list(act.to),
        "answers": act.answers,
        "note": act.note,
        "time": act.time,
    }
    if act.document is not None:
        predicate["document"] = _render_document(act.document)
    name = "terms" if act.document is None else "document"
    payload = canonical(
        {
            "_type": STATEMENT,
            "subject": [{"name": name, "digest": {"sha256": act.terms}}],
            "predicateType": PREDICATE,
            "predicate": predicate,
        }
    )
    _parse_payload(payload)
    return payload


def sign_act(act: Act, key: PrivateKey) -> bytes:
    """The signed envelope; raises as `render_act` does."""
    envelope = sign_envelope(render_act(act), IN_TOTO, [key])
    if len(envelope) > MAX_ACT_BYTES:
        raise ActParseError("the act is larger than 32 KiB", "shorten the note, or import fewer attachments")
    return envelope


def verify_act(data: bytes, parties: Parties) -> Act:
    """The act in an envelope that the party it names has signed, as a party to this very negotiation.

    Raises `ActParseError` for bytes that are no act, `RefusedActError` for one whose signature, party,
    negotiation or parties are others.
    """
    envelope = _parse_envelope(data)
    act = _parse_payload(envelope.payload)
    if act.party not in parties.keys:
        raise RefusedActError(Rule.UNKNOWN_PARTY, f"`{act.party}` is no party to this negotiation")
    signers = verify_signers(envelope, {key.keyid: key for key in parties.keys[act.party]})
    if signers.failed:
        raise RefusedActError(Rule.FORGED, f"the act names a key of `{act.party}` and fails under it")
    if not signers.verified:
        raise RefusedActError(
            Rule.NOT_SIGNED, f"the act is not signed by a key that is pinned for `{act.party}`"
        )
    if act.negotiation != parties.negotiation:
        raise RefusedActError(Rule.OTHER_NEGOTIATION, "the act belongs to another negotiation")
    if act.parties != parties.digest:
        raise RefusedActError(Rule.OTHER_PARTIES, "the act was signed towards other parties or other keys")
    if render_act(act) != envelope.payload:
        raise ActParseError("the act is not in its canonical form")
    return act


def _parse_envelope(data: bytes) -> UnverifiedEnvelope:
    try:
        envelope = parse_envelope(data, max_bytes=MAX_ACT_BYTES)
    except EnvelopeParseError as error:
        raise ActParseError(str(error)) from error
    if envelope.payload_type != IN_TOTO:
        raise ActParseError("the envelope holds no in-toto statement")
    return envelope


def _parse_payload(payload: bytes) -> Act:
    try:
        value = parse_strict(payload, max_bytes=MAX_ACT_BYTES, max_depth=8)
        model = _StatementModel.model_validate(value)
    except StrictJsonError as error:
        raise ActParseError(f"the act is {error}") from error
    except ValidationError as error:
        place = ".".join(str(step) for step in error.errors(include_input=False)[0]["loc"][:2])
        raise ActParseError(f"no act of a negotiation: malformed at `{place[:80]}`") from error
    said = model.predicate
    subject = model.subject[0]
    _check_time(said.time)
    if (said.document is None) != (said.act is not ActKind.IMPORTED):
        raise ActParseError("exactly an imported act carries a document")
    if (subject.name == "document") != (said.document is not None) or len(set(said.to)) != len(said.to):
        raise ActParseError("the act's subject or recipients are malformed")
    return Act(
        kind=said.act,
        negotiation=said.negotiation,
        parties=Digest(said.parties),
        party=said.party,
        to=tuple(said.to),
        terms=Digest(subject.digest.sha256),
        answers=None if said.answers is None else Digest(said.answers),
        note=said.note,
        time=said.time,
        document=None if said.document is None else _document(said.document),
    )


def _check_time(text: str) -> None:
    try:
        moment = parse_time(text)
    except RecordParseError as error:
        raise ActParseError("the act's time is no moment") from error
    if render_time(moment) != text:
        raise ActParseError("the act's time is not in UTC to the millisecond")


def _document(model: _DocumentModel) -> Document:
    return Document(
        media=model.media,
        bytes=model.bytes,
        grade=model.grade,
        author=model.author,
        date=model.date,
        message_id=model.message_id,
        checks=tuple(Check(c.kind, c.outcome, c.reason, c.by, tuple(c.covers)) for c in model.checks),
        attachments=tuple(
            Attachment(Digest(part.sha256), part.bytes, part.media, part.grade) for part in model.attachments
        ),
    )


def _render_document(document: Document) -> JsonObject:
    checks: list[Json] = [render_check(check) for check in document.checks]
    attachments: list[Json] = [
        {"sha256": part.digest, "bytes": part.bytes, "media": part.media, "grade": part.grade.value}
        for part in document.attachments
    ]
    return {
        "media": document.media,
        "bytes": document.bytes,
        "grade": document.grade.value,
        "author": document.author,
        "date": document.date,
        "message_id": document.message_id,
        "checks": checks,
        "attachments": attachments,
    }


def render_check(check: Check) -> JsonObject:
    """The check as records and reports carry it."""
    return {
        "kind": check.kind.value,
        "outcome": check.outcome.value,
        "reason": check.reason,
        "by": check.by,
        "covers": list(check.covers),
    }


def is_act(data: bytes) -> bool:
    """Whether these bytes are an envelope with an act, signed or not: `import` takes it as one."""
    try:
        value = parse_strict(_parse_envelope(data).payload, max_bytes=MAX_ACT_BYTES, max_depth=8)
    except (ActParseError, StrictJsonError):
        return False
    return isinstance(value, Mapping) and value.get("predicateType") == PREDICATE
