"""Records of what is drawn for a review afterwards, of what is found, and of what follows from that."""

from dataclasses import dataclass
from typing import Literal

from caveat.signing.digest import Digest


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
