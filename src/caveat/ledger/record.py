"""Records: what one leaf of the log says. Digests, facts with grade and source, verdict: never content.

Time is text of one fixed width, so that it sorts, and never goes back from one record to the next.
Source: `docs/reference/ledger-format.md`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from caveat.call.call import Point
from caveat.call.history import HistoryState
from caveat.decision.verdict import Decision, Verdict
from caveat.facts.fact import Facts
from caveat.ledger.errors import RecordParseError
from caveat.signing.digest import Digest
from caveat.signing.merkle import leaf_hash

RECORD_ID = r"^(0|[1-9][0-9]{0,18})-[0-9a-f]{16}$"
_RECORD_ID = re.compile(r"(0|[1-9][0-9]{0,18})-[0-9a-f]{16}\Z")


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


@dataclass(frozen=True, slots=True)
class Share:
    """So many per cent of the uses that a deployment lets through under a clause, and at least so many in
    each period, are reviewed. An empty name is any.
    """

    deployment: str
    clause: str
    percent: int
    least: int


@dataclass(frozen=True, slots=True)
class SamplingRecord:
    """From here on a new secret says which uses are reviewed. `commitment`: its digest; `shares`: how many.

    `revealed`: the secret of the period before, in hex; None of the first, and where it is lost. `bundle`:
    whose shares these are. `review_seconds`: how soon a review is due.
    """

    time: str
    number: int
    commitment: Digest
    revealed: str | None
    bundle: Digest
    shares: tuple[Share, ...]
    review_seconds: int


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """The use of the record `about`, let through in the period with this number, is to be reviewed.

    `deployment`, `requester` and `clauses` are of that record; `hold`: what people approved of it, if they
    did.
    """

    time: str
    about: str
    period: int
    deployment: str
    requester: str
    clauses: tuple[str, ...]
    hold: str | None
    review_by: str


@dataclass(frozen=True, slots=True)
class PlantedSampleRecord:
    """What was shown in place of the use of record `about`, as drawn in this period, was planted: other words
    than were ever asked. The secret of the period draws no such use, so no real one can be called planted.
    """

    time: str
    about: str
    period: int


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """A person reviewed what had gone through. `about`: a sampled use, or the hold of an emergency.

    `shown`: the digest of what they were shown; `code`: what is wrong, empty where nothing is. `said`,
    `statement` and `bundle` as of a halt. `defect`: why it counts as none; empty where it counts.
    """

    time: str
    about: str
    kind: Literal["sample", "emergency"]
    finding: Literal["right", "wrong"]
    code: str
    role: str
    person: str
    key: Digest
    said: Digest
    shown: Digest
    statement: str
    bundle: Digest
    shown_at: str | None
    defect: str = ""


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """A review found something wrong, or was not made in time. `about`: what it was of; `cause`: the record
    of the finding, or `about` again where there is none.

    `affected`: the first records of uses and answers that went through and have to do with it, among all up
    to the record with the index `size`; `affected_count` of all, and `affected_digest` of all their ids.
    """

    time: str
    about: str
    cause: str
    reason: str
    affected: tuple[str, ...]
    affected_count: int
    affected_digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class OpenPath:
    """A path on which a planted use was not refused as it has to be. `direction`: request, answer or event.

    `what`: words, or a call of a tool. `why`: `undecided`, `unscanned`, or `unmeasured` where nothing could
    be planted; then `endpoint` is `*`.
    """

    endpoint: str
    direction: str
    what: str
    stream: bool
    why: str


@dataclass(frozen=True, slots=True)
class PathsRecord:
    """The gateway planted so many uses, one on each live path under `bundle`; those of `open` held not."""

    time: str
    bundle: Digest
    planted: int
    open: tuple[OpenPath, ...]


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
class StartRecord:
    """A process began to serve with this bundle; `version` is the product's, `origin` the log's."""

    time: str
    bundle: Digest
    version: str
    origin: str
    development: bool = False


@dataclass(frozen=True, slots=True)
class Follows:
    """How a bundle came to follow another.

    `previous` is None where a bundle is taken up that amendments lead to. `sequence`: the number that is in
    force from here on; an amendment up to it is used up. `amendment`: the digest of its statement; None where
    both bundles are the same law. `changes`, `opened`, `closed`: the first ones, in words; the counts are of
    all that it lists. `diff`: the digest of the canonical JSON of the uses that it opens and closes.
    """

    previous: Digest | None
    sequence: int
    amendment: Digest | None = None
    signers: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    changes_count: int = 0
    diff: Digest | None = None
    opened: tuple[str, ...] = ()
    opened_count: int = 0
    closed: tuple[str, ...] = ()
    closed_count: int = 0


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """From here on this bundle is in force. `follows`: by what right; None in records of older releases."""

    time: str
    bundle: Digest
    development: bool = False
    follows: Follows | None = None


@dataclass(frozen=True, slots=True)
class RoutesRecord:
    """From here on calls go to the upstreams that have this digest together. Verdicts do not depend on it."""

    time: str
    routes: Digest


@dataclass(frozen=True, slots=True)
class TrustRecord:
    """From here on this trust policy may be in force, with exactly these keys. Versions never go back."""

    time: str
    trust: Digest
    version: int
    keys: tuple[Digest, ...]
    development: bool = False


@dataclass(frozen=True, slots=True)
class RevocationsRecord:
    """From here on this list is the newest of its authority; it revokes these keys."""

    time: str
    authority: str
    envelope: Digest
    number: int
    revoked: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """An envelope was uploaded by a deployment, and verified before it was stored."""

    time: str
    deployment: str
    envelope: Digest
    key: str
    outcome: str


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


@dataclass(frozen=True, slots=True)
class TermsRecord:
    """An act of a negotiation. `envelope`: the DSSE envelope that its party signed, as text.

    `bundle`: what the act speaks of, kept with the log as a policy bundle is. Source: ADR-0020.
    """

    time: str
    bundle: Digest
    envelope: str


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """Of one arm: the uses let through to somebody without an issuer's key, and the twins that passed.

    None where it was not measured: never zero.
    """

    arm: str
    unsafe: int | None
    uses: int | None
    twins_passed: int | None
    twins: int | None


@dataclass(frozen=True, slots=True)
class AssayRecord:
    """A signed report of the assay was taken into this log.

    `bundle`: the policy that it measured. `envelope`: the digest of the signed file. `key`: the signer's id.
    `run`: the digest of all verdicts. `complete`: the run came to its end. Source: ADR-0035.
    """

    time: str
    bundle: Digest
    envelope: Digest
    key: Digest
    run: Digest
    complete: bool
    arms: tuple[ArmFigures, ...]


@dataclass(frozen=True, slots=True)
class HeartbeatRecord:
    """The process was alive, as it says every so many seconds.

    `witnessed`: records under a quorum by then.
    """

    time: str
    every_seconds: int
    witnessed: int


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The key `before` hands the log over to the key `after`. Both are verifier keys of this log."""

    time: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class StoppedRecord:
    """The ledger takes no further record from this process. `reason` is a code, as `disk_full`."""

    time: str
    reason: str


Record: TypeAlias = (
    DecisionRecord
    | HistoryRecord
    | StartRecord
    | BundleRecord
    | RoutesRecord
    | TrustRecord
    | RevocationsRecord
    | EvidenceRecord
    | OutputEndRecord
    | TermsRecord
    | ReviewRecord
    | AssayRecord
    | HaltRecord
    | DissentRecord
    | PlantedRecord
    | SamplingRecord
    | SampleRecord
    | PlantedSampleRecord
    | FindingRecord
    | IncidentRecord
    | PathsRecord
    | HeartbeatRecord
    | KeyRecord
    | StoppedRecord
)


def kind_of(record: Record) -> str:
    """The kind as reports name it: `decision/prompt`, `start`, `output_end`, ..."""
    if isinstance(record, DecisionRecord):
        return f"decision/{record.point.value}"
    name = type(record).__name__.removesuffix("Record")
    return {"OutputEnd": "output_end"}.get(name, name.lower())


def record_id(index: int, leaf_digest: str) -> str:
    """The id of the record at `index`: it names the leaf too, so that an id of another log finds nothing."""
    return f"{index}-{leaf_digest[:16]}"


def record_id_of(index: int, leaf: bytes) -> str:
    """The id of the record `leaf` at `index`."""
    return record_id(index, leaf_hash(leaf).hex())


def parse_record_id(text: str) -> tuple[int, str]:
    """Index and first 16 digits of the leaf hash; raises `RecordParseError`."""
    if _RECORD_ID.match(text) is None:
        raise RecordParseError("a record id is `index-16 hexadecimal digits`")
    index, _, prefix = text.partition("-")
    return int(index), prefix


def render_time(moment: datetime) -> str:
    """RFC 3339 in UTC to the millisecond, 24 characters; raises `ValueError` for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time has a zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def parse_time(text: str) -> datetime:
    """The moment of a record's time; raises `RecordParseError`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise RecordParseError("the record's time is no moment") from error
    if moment.tzinfo is None:
        raise RecordParseError("the record's time has no zone")
    return moment


def not_before(last: str, moment: str) -> str:
    """`moment`, or `last` if the clock went back: time in the log never does. As `render_time` writes."""
    return max(last, moment)
