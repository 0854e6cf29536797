"""A signed report: an in-toto statement about one policy bundle and one journal, which verifies for no other.

The predicate is the report as `caveat assay report --json` writes it, all of it. A signature says who vouches
for the figures; that they are those of the journal is shown by making them again from it.
Source: in-toto Statement v1 in DSSE, ADR-0035.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.assay.errors import AssayError
from caveat.signing.canonical import JsonObject, StrictJsonError, parse_strict
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import IN_TOTO, EnvelopeParseError, parse_envelope, sign_envelope, verify_signers
from caveat.signing.keys import PrivateKey, PublicKey

REPORT = "https://caveat.invalid/predicate/assay-report/v1"
MAX_BYTES = 1 << 26
_STATEMENT = "https://in-toto.io/Statement/v1"
_HEX = r"^[0-9a-f]{64}$"


class CertificateError(AssayError):
    """The envelope does not verify, or is about something else."""


class _Digest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    sha256: Annotated[str, Field(pattern=_HEX)]


class _Subject(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: Literal["bundle", "journal"]
    digest: _Digest


class Counted(BaseModel):
    """So many of so many."""

    model_config = ConfigDict(extra="ignore", strict=True)
    count: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=1)]


class ArmClaim(BaseModel):
    """The headline figures of one arm; None where it was not measured."""

    model_config = ConfigDict(extra="ignore", strict=True)
    unsafe: Counted | None
    twins_passed: Counted | None


class _Run(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    bundle: Annotated[str, Field(pattern=_HEX)]
    seed: int


class _Report(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    version: Literal[1]
    partial: bool
    digest: Annotated[str, Field(pattern=_HEX)]
    journal: Annotated[str, Field(pattern=_HEX)]
    run: _Run
    arms: dict[str, ArmClaim]
    unmeasured_arms: dict[str, str]


class _Statement(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[list[_Subject], Field(min_length=2, max_length=2)]
    predicateType: Literal["https://caveat.invalid/predicate/assay-report/v1"]  # noqa: N815 - in-toto's
    predicate: dict[str, object]


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report whose signature held. `envelope`: the digest of the bytes. `key`: who signed.

    `bundle`, `journal`: what it is about. `run`: of all verdicts. `arms`: the headline figures by arm.
    """

    envelope: Digest
    key: Digest
    bundle: Digest
    journal: Digest
    run: Digest
    seed: int
    partial: bool
    arms: Mapping[str, ArmClaim]
    unmeasured_arms: Mapping[str, str]
    document: JsonObject

    def check_bundle(self, bundle: Digest) -> None:
        """Returns only if the report measured exactly this bundle; raises `CertificateError`."""
        if bundle != self.bundle:
            raise CertificateError(
                (f"the report is about bundle `{self.bundle[:16]}…`, not about `{bundle[:16]}…`",),
                "measure this bundle: `caveat assay run --bundle FOLDER`",
            )

    def check_report(self, data: bytes) -> None:
        """Returns only if this JSON is the report that was signed; raises `CertificateError`."""
        if _rendered(_strict(data, "the report")) != _rendered(self.document):
            raise CertificateError(("the report is not the one that was signed",), "ask for it again")


def sign_report(document: JsonObject, key: PrivateKey) -> bytes:
    """The envelope over the report of a run; raises `CertificateError` for one without a journal."""
    report = _report(document)
    subjects = {"bundle": report.run.bundle, "journal": report.journal}
    statement = {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects.items()],
        "predicateType": REPORT,
        "predicate": document,
    }
    return sign_envelope(_rendered(statement), IN_TOTO, [key])


def verify_report(data: bytes, key: PublicKey) -> SignedReport:
    """The report that this key signed; raises `CertificateError` and nothing else."""
    try:
        envelope = parse_envelope(data, max_bytes=MAX_BYTES)
    except EnvelopeParseError as error:
        raise CertificateError((str(error),), "`caveat assay report --sign` writes one") from error
    if envelope.payload_type != IN_TOTO:
        raise CertificateError(("the envelope holds no in-toto statement",))
    if key.keyid not in verify_signers(envelope, {key.keyid: key}).verified:
        raise CertificateError(
            ("the signature is not of this key over these bytes",),
            "the envelope was altered, or another key signed it",
        )
    try:
        statement = _Statement.model_validate(_strict(envelope.payload, "the statement"))
    except ValidationError as error:
        raise CertificateError(("the statement is no report of the assay",)) from error
    document = cast("JsonObject", statement.predicate)
    report = _report(document)
    about = {one.name: one.digest.sha256 for one in statement.subject}
    if about != {"bundle": report.run.bundle, "journal": report.journal}:
        raise CertificateError(("the statement is about something else than its report",))
    return SignedReport(
        envelope=sha256(data),
        key=key.keyid,
        bundle=Digest(report.run.bundle),
        journal=Digest(report.journal),
        run=Digest(report.digest),
        seed=report.run.seed,
        partial=report.partial,
        arms=report.arms,
        unmeasured_arms=report.unmeasured_arms,
        document=document,
    )


def _report(document: object) -> _Report:
    try:
        return _Report.model_validate(document)
    except ValidationError as error:
        place = ".".join(map(str, error.errors(include_input=False, include_url=False)[0]["loc"]))[:80]
        raise CertificateError((f"this is no report of a journal: `{place}`",)) from error


def _strict(data: bytes, what: str) -> JsonObject:
    try:
        value = parse_strict(data.strip(), max_bytes=MAX_BYTES, floats=True)
    except StrictJsonError as error:
        raise CertificateError((f"{what} is {error}",)) from error
    if not isinstance(value, dict):
        raise CertificateError((f"{what} is no object",))
    return value


def _rendered(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
