"""Records of people who decide, halt and object, and of what they were shown to see whether they look."""

from dataclasses import dataclass
from typing import Literal

from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """A person decided about a hold. `statement`: the envelope that they signed, as text.

    `envelope` is its digest, `shown_at` when the hold was first shown to them. `defect`: why the decision
    counts as none; empty where it counts.
    """

    time: str
    hold: str
    act: Literal["approve", "refuse"]
    role: str
    person: str
    key: Digest
    envelope: Digest
    statement: str
    shown_at: str | None
    defect: str = ""


@dataclass(frozen=True, slots=True)
class HaltRecord:
    """An overseer stopped something, or gave leave to release it. `statement`: the envelope that they signed.

    `scope` and `target` say what; `caller` is of a conversation. `halt`: the record of the halt which a
    release is about. `said`: the digest of the signed payload, by which decisions cite a halt. `second`: the
    release by another person with which this one takes effect; None where it still waits for one. `bundle`:
    under whose trust policy the statement was verified.
    """

    time: str
    act: Literal["halt", "release"]
    scope: Literal["use", "conversation", "deployment", "model", "everything"]
    target: str
    caller: str
    halt: str | None
    person: str
    key: Digest
    said: Digest
    statement: str
    bundle: Digest
    second: Digest | None = None


@dataclass(frozen=True, slots=True)
class DissentRecord:
    """An overseer objects to what a record says. `statement`: the envelope with their own words.

    `number` counts dissents from 1; `previous` is the link of the one before, and `link` of this one: each
    follows from all that came before it. `bundle`: under whose trust policy the statement was verified.
    """

    time: str
    about: str
    number: int
    previous: Digest
    link: Digest
    person: str
    key: Digest
    said: Digest
    statement: str
    bundle: Digest


@dataclass(frozen=True, slots=True)
class PlantedRecord:
    """The hold was planted: no use waited. `nonce`: the secret whose digest stands in its record, in hex."""

    time: str
    hold: str
    nonce: str
