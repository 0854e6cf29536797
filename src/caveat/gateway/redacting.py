"""What the clauses of one bundle have replaced, and what that makes of a request and of an answer.

Legal order: the clauses that bind follow from facts alone, so they are known before anything is read;
content is replaced before the record says how much of it was, and before any byte of it goes on. Source:
ADR-0031.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from caveat.call.call import Point
from caveat.decision.obligations import ids_of, kinds_of, obligations
from caveat.facts.fact import Facts
from caveat.gateway.wire.redacted import AnswerTexts, UnreadableError, request_with, unreadable_parts
from caveat.gateway.wire.request import WireRequest
from caveat.ledger.record import Redaction, Replaced
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause
from caveat.policy.redaction import PHRASES
from caveat.screens.placeholders import CollisionError, Placeholders, Table
from caveat.screens.redaction import Answering, Counts, Finder, Replacing


class Redacting:
    """The clauses of a bundle that have content replaced, with what finds it."""

    def __init__(self, bundle: Bundle) -> None:
        """Of a bundle that may have no such clause: then nothing binds, and placeholders are restored."""
        self._policy = bundle.policy
        self._clauses = bundle.redactions
        self.finder = Finder({f"{PHRASES}{one.name}": one.phrases for one in bundle.phrases.lists})

    def bound(self, point: Point, cases: Sequence[Facts]) -> tuple[Clause, ...]:
        """The clauses that bind a use with these facts."""
        return obligations(self._policy, self._clauses, point, cases)


def redacting_of(bundle: Bundle) -> Redacting | None:
    """What a bundle has replaced; None where it has no clause for that."""
    return Redacting(bundle) if bundle.redactions else None


def redacts_alike(one: Bundle, other: Bundle) -> bool:
    """Whether the same is replaced under both bundles, whatever the use."""
    if not (one.redactions or other.redactions):
        return True
    return (one.redactions, one.phrases, one.tools, one.registry.facts) == (
        other.redactions,
        other.phrases,
        other.tools,
        other.registry.facts,
    )


@dataclass(frozen=True, slots=True)
class Redacted:
    """A prompt in which content was replaced. `forward`: what goes to the endpoint.

    `table`: what its placeholders stand for, for as long as the use lasts.
    """

    record: Redaction
    forward: bytes | None = None
    table: Table = field(default_factory=Table)


def record_of(bound: Sequence[Clause], counts: Counts | None, unreadable: int = 0) -> Redaction | None:
    """What a record says of the clauses that bind; None where none does."""
    if not bound:
        return None
    kinds = tuple(sorted(kinds_of(bound)))
    return Redaction(ids_of(bound), kinds, None if counts is None else counted(counts), unreadable)


def counted(counts: Counts) -> Replaced:
    """The counts as a record has them."""
    return Replaced(_rows(counts.replaced), _rows(counts.restored))


def _rows(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items()))


def redact_request(
    redacting: Redacting, bound: tuple[Clause, ...], names: Placeholders, request: WireRequest | None
) -> Redacted | None:
    """What becomes of a prompt to which these clauses apply; None where none does.

    Without the request itself nothing can be replaced, which counts as one piece that nobody can read.
    """
    if not bound:
        return None
    table = Table()
    replacing = Replacing(redacting.finder, names, kinds_of(bound), table)
    unreadable = 1 if request is None else unreadable_parts(request.raw_parts)
    forward = None
    if request is not None and not unreadable:
        try:
            forward = request_with(request.forward, replacing)
        except (CollisionError, UnreadableError):
            unreadable = 1
    record = record_of(bound, replacing.counts, unreadable)
    return None if record is None else Redacted(record, forward, table)


class AnswerRedaction:
    """What becomes of one answer. `kinds`: what is replaced in its words."""

    def __init__(
        self,
        finder: Finder,
        names: Placeholders,
        table: Table,
        kinds: frozenset[str],
        of_tool: Callable[[str], frozenset[str]],
        size: int | None = None,
    ) -> None:
        """`of_tool`: the kinds that are replaced in a call of the tool with this name.

        `size`: of the answer as the endpoint gave it; None of a stream.
        """
        self.size = size
        self.kinds = kinds
        self.counts = Counts()
        self._parts = (finder, names)
        self._table = table
        self._of_tool = of_tool
        self._tools: dict[str, Answering] = {}
        self.words = Answering(finder, names, self.kinds, table, self.counts)
        self.texts = AnswerTexts(self.words, self._arguments, self._unread, strict=bool(self.kinds))

    def _arguments(self, name: str) -> Answering:
        found = self._tools.get(name)
        if found is None:
            found = self._tools[name] = self._answering(self._of_tool(name), self._table)
        return found

    def _unread(self, name: str) -> Answering:
        """Of arguments that nobody can read in one way: nothing is restored in them."""
        return self._answering(self._of_tool(name) | self._of_tool(""), Table())

    def _answering(self, kinds: frozenset[str], table: Table) -> Answering:
        finder, names = self._parts
        return Answering(finder, names, kinds, table, self.counts)
