"""An amendment: the signed statement by which one bundle follows another, and the check of one such step.

A statement names both digests, its number, and every part that changed with who has to sign for it. It is
believed in nothing: the changes are computed again from both bundles, and a statement that differs from them
is refused. Signatures count by the keys of the bundle that is replaced, so that no bundle brings the keys
that let it in. Source: in-toto Statement v1 in DSSE, POLICY section 5, ADR-0019.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.policy.amend import missing, render_amend
from caveat.policy.bundle import Bundle
from caveat.policy.changes import Change, changes
from caveat.signing.canonical import CanonicalError, JsonObject, StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import (
    IN_TOTO,
    EnvelopeParseError,
    UnverifiedEnvelope,
    parse_envelope,
    verify_signers,
)

AMENDMENT = "https://caveat.invalid/predicate/bundle-amendment/v1"
MAX_BYTES = 2 * 1024 * 1024
MAX_SEQUENCE = 999_999_999
MAX_SIGNATURES = 64
_STATEMENT = "https://in-toto.io/Statement/v1"
_HEX = r"^[0-9a-f]{64}\z"


class AmendmentParseError(ValueError):
    """The bytes are no amendment; the message says why and repeats nothing of them."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a statement says; nothing of it is proved yet. `digest`: SHA-256 of the statement itself.

    `changes`: as listed, for people. `diff`: the uses that it opens and closes, as its signers had it.
    """

    name: str
    old: Digest
    new: Digest
    sequence: int
    changes: tuple[JsonObject, ...]
    reason: str
    issued_at: str
    diff: JsonObject | None
    envelope: UnverifiedEnvelope = field(repr=False)

    @property
    def digest(self) -> Digest:
        """By which records name it: over the statement, so that one more signature changes nothing."""
        return sha256(self.envelope.payload)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _DigestModel(_Strict):
    sha256: Annotated[str, Field(pattern=_HEX)]


class _SubjectModel(_Strict):
    name: str
    digest: _DigestModel


class _ChangeModel(_Strict):
    kind: str
    id: str
    action: Literal["added", "changed", "removed"]
    needs: str


class _PredicateModel(_Strict):
    old: _DigestModel
    sequence: Annotated[int, Field(ge=1, le=MAX_SEQUENCE)]
    changes: list[_ChangeModel]
    reason: Annotated[str, Field(max_length=4000)]
    issued_at: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\z")]
    diff: dict[str, object] | None = None


class _StatementModel(_Strict):
    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[list[_SubjectModel], Field(min_length=1, max_length=1)]
    predicate_type: Annotated[
        Literal["https://caveat.invalid/predicate/bundle-amendment/v1"], Field(alias="predicateType")
    ]
    predicate: _PredicateModel


def amendment_statement(
    old: Bundle, new: Bundle, sequence: int, reason: str, issued_at: str, diff: JsonObject | None = None
) -> bytes:
    """The statement by which `new` follows `old`; raises `CanonicalError` where `diff` has no one form."""
    return _statement(
        new.manifest.name,
        old.digest,
        new.digest,
        sequence,
        [change.render() for change in changes(old, new)],
        reason,
        issued_at,
        diff,
    )


def _statement(
    name: str,
    old: str,
    new: str,
    sequence: int,
    rows: list[JsonObject],
    reason: str,
    issued_at: str,
    diff: object,
) -> bytes:
    predicate: dict[str, object] = {
        "old": {"sha256": old},
        "sequence": sequence,
        "changes": rows,
        "reason": reason,
        "issued_at": issued_at,
    }
    return canonical(
        {
            "_type": _STATEMENT,
            "subject": [{"name": name, "digest": {"sha256": new}}],
            "predicateType": AMENDMENT,
            "predicate": predicate if diff is None else predicate | {"diff": diff},
        }
    )


def parse_amendment(data: bytes, *, draft: bool = False) -> Amendment:
    """The amendment in an envelope, strictly: exact members, one spelling; raises `AmendmentParseError`.

    `draft`: it may lack signatures altogether, as one that goes round does.
    """
    try:
        envelope = parse_envelope(data, max_bytes=MAX_BYTES, least=0 if draft else 1, most=MAX_SIGNATURES)
        value = parse_strict(envelope.payload, max_bytes=MAX_BYTES)
        model = _StatementModel.model_validate(value)
    except (EnvelopeParseError, StrictJsonError) as error:
        raise AmendmentParseError(f"not an amendment: {error.code}") from error
    except ValidationError as error:
        place = ".".join(str(step) for step in error.errors(include_input=False)[0]["loc"])
        raise AmendmentParseError(f"not an amendment: malformed at `{place[:80]}`") from error
    if envelope.payload_type != IN_TOTO:
        raise AmendmentParseError("not an amendment: its payload is of another type")
    subject, said = model.subject[0], model.predicate
    rows: list[JsonObject] = [dict(row.model_dump()) for row in said.changes]
    try:
        again = _statement(
            subject.name,
            said.old.sha256,
            subject.digest.sha256,
            said.sequence,
            rows,
            said.reason,
            said.issued_at,
            said.diff,
        )
    except CanonicalError as error:
        raise AmendmentParseError("not an amendment: it has no canonical form") from error
    if again != envelope.payload:
        raise AmendmentParseError("not an amendment: it is not in its canonical form")
    return Amendment(
        name=subject.name,
        old=Digest(said.old.sha256),
        new=Digest(subject.digest.sha256),
        sequence=said.sequence,
        changes=tuple(rows),
        reason=said.reason,
        issued_at=said.issued_at,
        diff=said.diff,  # type: ignore[arg-type]  # JSON by construction: it came out of strict JSON
        envelope=envelope,
    )


@dataclass(frozen=True, slots=True)
class Step:
    """One amendment held against both bundles.

    `changes`: what really changed. `signers`: the actors who signed. `untrue`: where the statement does not
    say what it does, and what no signature could mend.
    """

    amendment: Amendment
    old: Bundle
    new: Bundle
    changes: tuple[Change, ...]
    signers: frozenset[str]
    untrue: tuple[str, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """Why the step does not hold; empty exactly where it does."""
        nobody = () if self.signers else ("no actor of the bundle that it replaces has signed it",)
        return (*self.untrue, *nobody, *lacking(self.changes, self.signers))


def check_step(amendment: Amendment, old: Bundle, new: Bundle) -> Step:
    """The amendment held against the two bundles: what really changed, who signed, what does not hold."""
    if (amendment.old, amendment.new) != (old.digest, new.digest):
        return Step(amendment, old, new, (), frozenset(), ("it leads from or to another bundle",))
    real = changes(old, new)
    listed = [tuple(row.items()) for row in amendment.changes]
    computed = [tuple(change.render().items()) for change in real]
    rows = zip(real, computed, strict=True)
    untrue = [f"it hides that {change.describe()}" for change, row in rows if row not in listed]
    if not untrue and listed != computed:
        untrue.append("it lists a change that was not made")
    if amendment.name != new.manifest.name:
        untrue.append("it names another bundle")
    untrue += _moved_keys(old, new)
    return Step(amendment, old, new, real, signers_of(amendment, old, new), tuple(untrue))


def lacking(rows: tuple[Change, ...], signers: frozenset[str]) -> list[str]:
    """Each change that these signatures do not suffice for, with whose are missing."""
    wanted = [(row, missing(row.needs, signers)) for row in rows]
    return [
        f"{row.describe()}: needs {render_amend(formula)}"
        for row, formula in wanted
        if render_amend(formula) != "nobody"
    ]


def signers_of(amendment: Amendment, old: Bundle, new: Bundle) -> frozenset[str]:
    """The actors who signed, by the keys that the old bundle has for them.

    An actor whom the old bundle does not know at all signs by the key that it brings, and stands in no
    formula of the old bundle; one that the old bundle knows without a key cannot sign.
    """
    enrolled = dict(old.manifest.actors)
    for name, keys in new.manifest.actors.items():
        enrolled.setdefault(name, keys)
    names = (*old.manifest.actors, *(name for name in enrolled if name not in old.manifest.actors))
    pairs = [(key, name) for name in reversed(names) for key in enrolled[name]]
    owners = {key.keyid: name for key, name in pairs}  # whose key it is in the old bundle wins
    verified = verify_signers(amendment.envelope, {key.keyid: key for key, _ in pairs}).verified
    return frozenset(owners[keyid] for keyid in verified)


def _moved_keys(old: Bundle, new: Bundle) -> list[str]:
    owners = {key: name for name, keys in old.manifest.actors.items() for key in keys}
    return [
        f"actor {name} takes over a key of {owners[key]}; two names would be one office"
        for name, keys in sorted(new.manifest.actors.items())
        for key in keys
        if owners.get(key, name) != name
    ]
