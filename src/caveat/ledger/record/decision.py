"""Records of what was decided at a point of control, and of what then went through."""

from dataclasses import dataclass
from typing import Literal

from caveat.call.call import Point
from caveat.call.history import HistoryState
from caveat.decision.verdict import Decision, Verdict
from caveat.facts.fact import Facts
from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class DataPart:
    """A data part of a use by its digest. `pointer` is its place in the request (RFC 6901)."""

    pointer: str
    digest: Digest
    bytes: int


@dataclass(frozen=True, slots=True)
class EvidenceCited:
    """One envelope that came with a use. `once`: the one-time id that the use consumes, if any."""

    envelope: Digest
    key: str
    outcome: str
    once: str | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Persons that a released use adds to a source. `hi` is None where their number is unknown.

    `contribution`: the commitment of what tells `known` of them apart, kept beside the log.
    """

    source: str
    digest: Digest
    lo: int
    hi: int | None
    contribution: Digest | None = None
    known: int = 0

    def __post_init__(self) -> None:
        """Raises `ValueError` for a count that no number of persons satisfies."""
        if self.lo < 0 or (self.hi is not None and self.hi < self.lo):
            raise ValueError("a reservation counts at least `lo` and at most `hi` persons")
        if not 0 <= self.known <= self.lo or (self.known > 0 and self.contribution is None):
            raise ValueError("a reservation knows apart at most the persons that it counts")


@dataclass(frozen=True, slots=True)
class Counted:
    """Where the persons of a use are counted beside its source and deployment.

    `purpose` is what the use is for, as its facts say; `protected`: it picks persons by something protected.
    """

    owner: str
    purpose: str
    protected: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """The first `parts` data parts of the use of another record are parts of this one, at the same places.

    A use's data parts are, in this order, those of its history and those that its own record lists.
    """

    record: str
    parts: int


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """Data parts of a use that is decided next: more than fit into the record of its decision."""

    time: str
    deployment: str
    parts: tuple[DataPart, ...]
    history: History | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """How many values became placeholders, and how many placeholders values again, by kind. Never which."""

    replaced: tuple[tuple[str, int], ...] = ()
    restored: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Redaction:
    """What was to be replaced at a point of control. `clauses`: those that bind, by the ids of the document.

    `counts` is None where nothing has been read yet, as at the beginning of a stream. `unreadable`: how many
    pieces nobody here can read; with one the use is refused.
    """

    clauses: tuple[str, ...]
    kinds: tuple[str, ...]
    counts: Replaced | None = None
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Afterwards:
    """A review is demanded after this approval. `role`: whose approval it is, and `reviewers` the roles that
    review it within so many seconds. `blocks`: what becomes overdue keeps further ones from counting.
    """

    role: str
    reviewers: tuple[str, ...]
    seconds: int
    blocks: bool


@dataclass(frozen=True, slots=True)
class Held:
    """The use waits for people until `expires_at`. `roles`: how many distinct persons of each.

    `of`: the record under whose id it waits already; None where it waits under this record's own.
    `afterwards`: the review that an approval of it demands; empty where none does.
    """

    roles: tuple[tuple[str, int], ...]
    expires_at: str
    of: str | None = None
    afterwards: tuple[Afterwards, ...] = ()


@dataclass(frozen=True, slots=True)
class Approved:
    """The use was let through by what people approved of this hold: the digests of what they signed."""

    hold: str
    envelopes: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision at one point of control. `request` is the HMAC, under the audit key, of its action digest.

    `enforced`: whether the verdict took effect; in observe mode a use is released whatever it is. `of`: the
    prompt decision that an output decision answers. `reserve` stands in records of released uses only.
    `development`: the bundle says of itself that its keys are for trying out. `parts`: data parts that stand
    in no record which `history` leads to. `redaction`: None where no clause has anything replaced; in observe
    mode it says what would have been. `history_state`: what the earlier messages of a prompt are; None in
    other records, and where nobody compared them. `hold`: of a use that waits for people; `approved`: of one
    that they let through. `halted`: the signed statement by which an overseer has stopped it. `counted`: of a
    released use that told persons apart.
    """

    time: str
    point: Point
    protocol: str
    deployment: str
    principal: str
    model: str
    action: str
    request: str
    bundle: Digest
    parts: tuple[DataPart, ...]
    cases: tuple[Facts, ...]
    decision: Decision
    evidence: tuple[EvidenceCited, ...]
    reserve: tuple[Reservation, ...]
    mode: Literal["enforce", "observe"]
    enforced: bool
    of: str | None = None
    development: bool = False
    history: History | None = None
    redaction: Redaction | None = None
    history_state: HistoryState | None = None
    hold: Held | None = None
    approved: Approved | None = None
    halted: Digest | None = None
    counted: Counted | None = None

    @property
    def released(self) -> bool:
        """Whether the use went through: it was allowed, or nothing was held back."""
        return self.decision.verdict is Verdict.ALLOW or not self.enforced


@dataclass(frozen=True, slots=True)
class OutputEndRecord:
    """A released stream ended. `released` is the HMAC of the bytes let through; `complete`: to their end.

    `counts`: what was replaced and restored in it; None where nothing was to be.
    """

    time: str
    of: str
    released: str
    bytes: int
    complete: bool
    counts: Replaced | None = None
