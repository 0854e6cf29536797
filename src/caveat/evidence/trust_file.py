"""The shape of `trust.toml`, member by member; what its entries mean stands in `evidence.trust`. Pure."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from caveat.evidence.statement import ID_PATTERN

MAX_CLOCK_SKEW_SECONDS = 300
MAX_KEYS_OF_ISSUER = 16

_Id = Annotated[str, Field(pattern=ID_PATTERN)]
_Seconds = Annotated[int, Field(gt=0, le=10 * 366 * 86_400)]


class Strict(BaseModel):
    """Nothing stands beside what has a meaning."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RangeModel(Strict):
    """Numbers that may be attested."""

    lo: int | None = None
    hi: int | None = None


class KeyModel(Strict):
    """One key of an issuer, and when it stands."""

    key: str
    valid_from: str | None = None
    revoked_at: str | None = None


class AuthorityModel(Strict):
    """Who may revoke."""

    covers: Annotated[list[_Id], Field(min_length=1)]
    max_age_seconds: _Seconds


class PasskeyModel(Strict):
    """An authenticator that was enrolled."""

    credential: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22,1364}\z")]
    rp_id: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\z")]
    origin: Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?\z")]
    aaguid: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?\z")] = ""
    attestation: Literal["verified", "none"] = "none"


class SignInModel(Strict):
    """By which an organisation's sign-in knows the person."""

    issuer: Annotated[str, Field(pattern=r"^[!-~]{1,512}\z")]
    subject: Annotated[str, Field(pattern=r"^[ -~]{1,255}\z")]


class OverseerModel(Strict):
    """A person who decides."""

    person: _Id
    roles: list[_Id] = Field(default_factory=list[_Id])
    line: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127})?\z")
    callers: list[Annotated[str, Field(pattern=r"^[!-~]{1,256}\z")]] = Field(default_factory=list[str])
    passkey: PasskeyModel | None = None
    cleared: list[Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127})\z")]] = Field(
        default_factory=list[str]
    )
    sign_in: Annotated[list[SignInModel], Field(max_length=16)] = Field(default_factory=list[SignInModel])


class IssuerModel(Strict):
    """Who may say what."""

    role: _Id
    party: _Id
    deployment: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127})?\z")] = ""
    key: str | None = None
    keys: Annotated[list[KeyModel], Field(max_length=MAX_KEYS_OF_ISSUER)] = Field(
        default_factory=list[KeyModel]
    )
    purpose: str
    facts: list[_Id] = Field(default_factory=list[_Id])
    namespaces: Annotated[
        list[Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9][!-~]{0,127})\z")]], Field(min_length=1)
    ]
    max_age_seconds: _Seconds
    max_lifetime_seconds: _Seconds
    revoked_at: str | None = None
    values: dict[str, list[str | bool] | RangeModel] = Field(
        default_factory=dict[str, list[str | bool] | RangeModel]
    )
    overseer: OverseerModel | None = None


class TrustModel(Strict):
    """The whole file."""

    version: Annotated[int, Field(ge=1)]
    expires_at: str
    clock_skew_seconds: Annotated[int, Field(ge=0, le=MAX_CLOCK_SKEW_SECONDS)] = 60
    issuers: dict[_Id, IssuerModel] = Field(default_factory=dict[_Id, IssuerModel])
    revocations: dict[_Id, AuthorityModel] = Field(default_factory=dict[_Id, AuthorityModel])
