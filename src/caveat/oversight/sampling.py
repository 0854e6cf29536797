"""Which of the uses that went through people review: by a secret that is told afterwards. Pure.

Laws: nobody without the secret can tell which; whoever has the log and the secret, which the record of the
next period reveals, finds exactly the same ones again, so that none is picked or left out; of each stratum at
least as many as the bundle says. A stratum is a deployment and a clause that permitted the use.
Source: ADR-0042.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heappushpop

from caveat.call.call import Point
from caveat.decision.verdict import Verdict
from caveat.ledger.record import DecisionRecord, Record, SamplingRecord, Share, parse_record_id
from caveat.signing.digest import Digest, sha256

_MARK = b"caveat sampling v1\n"
SEED_BYTES = 32
_TICKETS = 1 << 64


@dataclass(frozen=True, slots=True)
class Candidate:
    """A use that went through, by the id of its record."""

    id: str
    deployment: str
    clauses: tuple[str, ...]

    @property
    def strata(self) -> tuple[tuple[str, str], ...]:
        """Where it counts: its deployment under each clause; under none, where no clause spoke."""
        return tuple((self.deployment, clause) for clause in self.clauses or ("",))


def candidate_of(record: Record, record_id: str) -> Candidate | None:
    """The use that this record let through; None for any other record."""
    if (
        not isinstance(record, DecisionRecord)
        or record.point is not Point.PROMPT
        or record.decision.verdict is not Verdict.ALLOW
    ):
        return None
    return Candidate(record_id, record.deployment, record.decision.clauses)


def commitment(seed: bytes) -> Digest:
    """What stands for this secret until it is told; raises `ValueError` for another size."""
    if len(seed) != SEED_BYTES:
        raise ValueError("the secret of a period has 32 bytes")
    return sha256(_MARK + seed)


def seed_message(origin: str, number: int) -> bytes:
    """What the secret of the period with this number is the HMAC of, under the gateway's audit key."""
    return _MARK + f"{origin}\n{number}".encode()


def ticket(seed: bytes, use: str) -> int:
    """The number that this use draws, from 0 to 2^64 - 1; low ones are reviewed."""
    return int.from_bytes(hmac.digest(seed, use.encode(), "sha256")[:8])


def share_of(stratum: tuple[str, str], shares: Iterable[Share]) -> tuple[int, int]:
    """How many per cent of this stratum, and how many at least: the greatest of all rows that fit."""
    deployment, clause = stratum
    fitting = [one for one in shares if one.deployment in ("", deployment) and one.clause in ("", clause)]
    return max((one.percent for one in fitting), default=0), max((one.least for one in fitting), default=0)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a use: drawn at once, or `kept` because it may be at the end; `dropped`: those that
    cannot be any more."""

    drawn: bool
    kept: bool
    dropped: tuple[str, ...] = ()


@dataclass(slots=True)
class Period:
    """The draw of one period. Remembers no more than the least of each stratum."""

    number: int
    seed: bytes
    shares: Sequence[Share]
    _lowest: dict[tuple[str, str], list[tuple[int, str]]] = field(
        default_factory=dict[tuple[str, str], list[tuple[int, str]]]
    )
    _drawn: dict[str, None] = field(default_factory=dict[str, None])
    _kept: dict[str, int] = field(default_factory=dict[str, int])
    uses: int = 0

    def add(self, one: Candidate) -> Taken:
        """Takes in a use, in any order."""
        self.uses += 1
        number, dropped = ticket(self.seed, one.id), list[str]()
        drawn = False
        for stratum in one.strata:
            percent, least = share_of(stratum, self.shares)
            drawn = drawn or number * 100 < percent * _TICKETS
            if least:
                dropped += self._keep(stratum, least, (-number, one.id))
        if drawn:
            self._drawn[one.id] = None
        kept = one.id in self._kept
        return Taken(drawn, kept, tuple(old for old in dropped if old != one.id and old not in self._drawn))

    def _keep(self, stratum: tuple[str, str], least: int, mine: tuple[int, str]) -> Iterator[str]:
        lowest = self._lowest.setdefault(stratum, [])
        if len(lowest) < least:
            heappush(lowest, mine)
        else:
            out = heappushpop(lowest, mine)
            if out == mine:
                return
            self._kept[out[1]] -= 1
            if not self._kept[out[1]]:
                del self._kept[out[1]]
                yield out[1]
        self._kept[mine[1]] = self._kept.get(mine[1], 0) + 1

    def drawn(self) -> tuple[str, ...]:
        """All that are to be reviewed, if the period ended here."""
        return tuple(sorted({*self._drawn, *self._kept}))


def drawn(candidates: Iterable[Candidate], shares: Sequence[Share], seed: bytes) -> tuple[str, ...]:
    """The ids of those that are reviewed of a whole period: what an auditor derives again."""
    period = Period(0, seed, shares)
    for one in candidates:
        period.add(one)
    return period.drawn()


@dataclass(frozen=True, slots=True)
class Begun:
    """A period by the record that began it, which has this index."""

    record: SamplingRecord
    index: int


class Periods:
    """The last two periods of a log: the one that draws, and the one whose draw may not be recorded whole."""

    def __init__(self) -> None:
        """None yet."""
        self.last: Begun | None = None
        self.before: Begun | None = None

    def fold(self, record: Record, record_id: str) -> None:
        """Takes in a record, which has this id."""
        if isinstance(record, SamplingRecord):
            self.before, self.last = self.last, Begun(record, parse_record_id(record_id)[0])
