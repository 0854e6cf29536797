"""What the shapes of records have in common: texts of a bounded length, times, digests, and their head."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from caveat.ledger.record import RECORD_ID
from caveat.signing.digest import Digest

MAX_DISSENT_BYTES = 32 * 1024
"""Of what a person signed about a halt or to object: 2,000 characters of any script, escaped, in base64."""

_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"

Text: TypeAlias = Annotated[str, Field(max_length=256)]
Time: TypeAlias = Annotated[str, Field(pattern=_TIME)]
Hex: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count: TypeAlias = Annotated[int, Field(ge=0)]
RecordId: TypeAlias = Annotated[str, Field(pattern=RECORD_ID)]
KeyText: TypeAlias = Annotated[str, Field(max_length=320)]  # a name of at most 256 characters, id and key
Mark: TypeAlias = Literal[True] | None


class Model(BaseModel):
    """Has exactly the members that it names, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class HeadModel(Model):
    """What every record begins with."""

    v: Literal[1]
    time: Time


class SignedModel(HeadModel):
    """What a person signed, who they are, and under which policy that was verified."""

    person: Text
    key: Hex
    said: Hex
    statement: Annotated[str, Field(max_length=MAX_DISSENT_BYTES)]
    bundle: Hex


def digest_or_none(text: str | None) -> Digest | None:
    """A member that may be absent."""
    return None if text is None else Digest(text)
