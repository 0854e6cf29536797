"""What the gateway keeps of conversations between their turns, so that a turn costs what is new in it.

Laws: whatever is kept is a function of bytes that are compared before it is used, or is checked against what
it was made from; it is kept for one caller of one deployment; losing any of it costs time and changes
nothing. Bounded in bytes and in number: the one unused for longest goes first. Source: ADR-0029.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from caveat.call.call import Part, PartKind
from caveat.call.parts import Classified, RawPart, Terms, classify_after
from caveat.gateway.naming import Begun
from caveat.gateway.transcripts import Heard
from caveat.gateway.wire.history import MIN_BYTES, Known
from caveat.gateway.wire.request import WireRequest
from caveat.signing.digest import Digest

MAX_BYTES = 64 * 1024 * 1024
"""Of all conversations together, as `_weight` estimates them."""
_STEP, _SAMPLE, _ALIKE = 256, 64, 32
_PART_BYTES = 800  # of a piece and its part, with pointer and digest, without content

Owner = tuple[str, str, str, str]
"""Deployment, principal, protocol and action."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record that lists the data parts of `settled`, itself or by the record that it cites: the first
    `data` of its use."""

    record_id: str
    settled: tuple[Part, ...]
    data: int


@dataclass(slots=True)
class Conversation:
    """One conversation as far as it was read. `digests`: of the pieces in `classified`."""

    known: Known
    classified: Classified
    digests: frozenset[Digest] = frozenset()
    begun: Begun | None = None
    recorded: Recorded | None = None
    heard: Heard | None = None

    def weight(self) -> int:
        """About how many bytes it takes up: the body's beginning, its contents, a rendering."""
        rendered = 0 if self.known.rendered is None else 2 * len(self.known.rendered)
        return 2 * self.known.prefix.size + rendered + _PART_BYTES * len(self.known.parts)


@dataclass(slots=True)
class Turn:
    """Where a use stands in its conversation. `settled`: its parts up to the end of its messages.

    `cited`: the record that lists how they begin, if there is one. `conversation`: where the use's own record
    is noted for the next turn.
    """

    settled: tuple[Part, ...] = ()
    cited: Recorded | None = None
    conversation: Conversation | None = None

    def note(self, record_id: str) -> None:
        """The use's data parts are in this record now, or in what it cites."""
        if self.conversation is not None:
            done, data = (0, 0) if self.cited is None else (len(self.cited.settled), self.cited.data)
            data += sum(part.kind is PartKind.DATA for part in self.settled[done:])
            self.conversation.recorded = Recorded(record_id, self.settled, data)


def digests_of(pieces: Sequence[RawPart], before: Conversation | None) -> frozenset[Digest]:
    """The digests of these pieces."""
    if before is not None and tuple(pieces[: len(before.classified.raw)]) == before.classified.raw:
        return before.digests.union([one.digest for one in pieces[len(before.classified.raw) :]])
    return frozenset([one.digest for one in pieces])


def classify_settled(request: WireRequest, terms: Terms, before: Conversation | None) -> Classified:
    """The parts of a request up to the end of its messages, told apart once in a conversation."""
    earlier = None if before is None else before.classified
    settled = request.raw_parts[: request.settled]
    if earlier is not None and not earlier.goes_before(settled, terms):
        earlier = None
    return classify_after(earlier, settled, terms)


def turn_of(settled: Classified, before: Conversation | None) -> Turn:
    """The turn that goes on from `before`, where its record speaks of the same parts."""
    cited = None if before is None else before.recorded
    if cited is not None and settled.parts[: len(cited.settled)] != cited.settled:
        cited = None
    return Turn(settled.parts, cited)


_Place = tuple[Owner, int, bytes]


def _place_of(owner: Owner, conversation: Conversation) -> _Place:
    """Where a conversation is found: at the last step of its beginning, by the bytes before it."""
    prefix = conversation.known.prefix
    over = prefix.size % _STEP
    end = len(prefix.last) - over
    return owner, prefix.size - over, prefix.last[end - _SAMPLE : end]


class Conversations:
    """Conversations by how they begin. Not for several threads: the gateway's event loop owns it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """None yet."""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._places: dict[_Place, list[int]] = {}
        self._kept: OrderedDict[int, tuple[_Place, Conversation]] = OrderedDict()
        self._next = 0

    def find(self, owner: Owner, body: bytes) -> Conversation | None:
        """The conversation of this owner with which `body` begins, the longest that a sample leads to."""
        for length in range(len(body) - len(body) % _STEP, MIN_BYTES - _STEP, -_STEP):
            alike = self._places.get((owner, length, body[length - _SAMPLE : length]))
            found = [number for number in alike or () if self._kept[number][1].known.prefix.begins(body)]
            if found:
                number = max(found, key=lambda one: self._kept[one][1].known.prefix.size)
                self._kept.move_to_end(number)
                return self._kept[number][1]
        return None

    def keep(self, owner: Owner, conversation: Conversation, instead: Conversation | None) -> None:
        """Keeps a conversation, in place of the shorter one that it goes on from."""
        place = _place_of(owner, conversation)
        alike = self._places.setdefault(place, [])
        gone = [] if instead is None else self._numbers(owner, instead)
        gone += alike[: max(0, len(alike) - _ALIKE + 1)]
        for number in dict.fromkeys(gone):
            self._drop(number)
        self._next += 1
        self._kept[self._next] = (place, conversation)
        self._places.setdefault(place, []).append(self._next)
        self._bytes += conversation.weight()
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    @property
    def size_bytes(self) -> int:
        """What all of them weigh."""
        return self._bytes

    def _numbers(self, owner: Owner, conversation: Conversation) -> list[int]:
        alike = self._places.get(_place_of(owner, conversation), [])
        return [number for number in alike if self._kept[number][1] is conversation]

    def _drop(self, number: int) -> None:
        place, conversation = self._kept.pop(number)
        self._bytes -= conversation.weight()
        self._places[place].remove(number)
        if not self._places[place]:
            del self._places[place]
