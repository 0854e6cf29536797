"""What passed between each caller and the models, by keyed digests, and what a request's history is by it.

Laws: only what was released to a caller, or decided and let through for it, is known of it; a history that
was once worse than known stays so however it goes on; what is forgotten can only make a history
`unrecognised`, never better. Nothing here decides: the state is a fact that clauses may read.
Source: LABELS R0, ADR-0029.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from caveat.call.history import HistoryState, Node, worse
from caveat.gateway.wire.answered import Answered
from caveat.gateway.wire.utterance import Utterance

_ID_BYTES = 16
_ALIKE, _WALK = 8, 2048
"""How many places of one message are looked at, and how many messages before them in all."""

Owner = tuple[str, str]
"""Deployment and principal."""


class TranscriptStore(Protocol):
    """Nodes and released messages, all by keyed digests. Fails towards forgetting, and then says so."""

    def state(self, chain: bytes) -> HistoryState | None:
        """The state of the history that ends at this node; None where nothing is known of it."""
        ...

    def places(self, message: bytes, limit: int) -> Sequence[Node]:
        """Where a message stood, the newest first."""
        ...

    def node(self, chain: bytes) -> Node | None:
        """One node."""
        ...

    def released(self, messages: Sequence[bytes]) -> bool:
        """Whether every one of these was released."""
        ...

    def unsure(self, owner: bytes) -> bool:
        """Whether something of this owner may have been forgotten lately."""
        ...

    def add(self, owner: bytes, nodes: Sequence[Node], released: Sequence[bytes] = ()) -> None:
        """Keeps these. A node keeps the state that it has, unless it is `released` now with a better one."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """How far a conversation was compared: so many messages, up to this node.

    `ended`: how many of them its history has, up to the last turn of the model; `history`: the node there.
    """

    count: int
    chain: bytes
    ended: int
    history: bytes
    state: HistoryState


@dataclass(frozen=True, slots=True)
class Passage:
    """A request beside what is known of its caller. `nodes`: what is new if it goes through."""

    owner: bytes
    heard: Heard
    nodes: tuple[Node, ...]

    @property
    def state(self) -> HistoryState:
        """What its history is."""
        return self.heard.state


class Transcripts:
    """The memory of all callers."""

    def __init__(self, store: TranscriptStore, audit_hmac: Callable[[], hmac.HMAC]) -> None:
        """`audit_hmac`: a running HMAC under the audit key, so that nobody can test a guess at a message."""
        self._store = store
        self._fresh = audit_hmac

    def compare(self, owner: Owner, utterances: Sequence[Utterance], before: Heard | None = None) -> Passage:
        """What the history of a request with these messages is. `before`: of a request that began alike."""
        mark = self._keyed(b"owner", *(part.encode() for part in owner))
        start = 0 if before is None else before.count
        chain = mark if before is None else before.chain
        ended, history = (0, mark) if before is None else (before.ended, before.history)
        nodes: list[Node] = []
        settled = 0
        for place, one in enumerate(utterances[start:], start=start):
            if one.said is not None:
                parent, chain = chain, self._keyed(b"chain", chain, one.said)
                nodes.append(Node(chain, parent, self._message(mark, one.said), HistoryState.KNOWN))
            if one.by_model:
                ended, history, settled = place + 1, chain, len(nodes)
        state, exact = self._state(mark, utterances[start:ended], utterances[:ended], history, before)
        heard = Heard(len(utterances), chain, ended, history, state)
        return Passage(mark, heard, _new_nodes(nodes, settled, worse(state, HistoryState.KNOWN), exact=exact))

    def passed(self, passage: Passage) -> None:
        """The request goes through: its messages are known from now on."""
        self._store.add(passage.owner, passage.nodes)

    def answered(self, passage: Passage, answered: Answered) -> None:
        """This is released to the caller, as an answer to the request."""
        mark, state = passage.owner, worse(passage.state, HistoryState.KNOWN)
        nodes: list[Node] = []
        released = [self._message(mark, name) for name in answered.names]
        for messages in answered.alternatives:
            chain = passage.heard.chain
            for one in messages:
                released += [self._message(mark, note) for note in one.beside]
                if one.said is not None:
                    parent, chain = chain, self._keyed(b"chain", chain, one.said)
                    message = self._message(mark, one.said)
                    nodes.append(Node(chain, parent, message, state))
                    released.append(message)
        if released:
            self._store.add(mark, nodes, released)

    def _state(
        self,
        mark: bytes,
        new: Sequence[Utterance],
        whole: Sequence[Utterance],
        history: bytes,
        before: Heard | None,
    ) -> tuple[HistoryState, bool]:
        """The state of the history `whole`, whose last node is `history`, and whether just that is known.

        `new`: those of its messages that were not compared in `before`.
        """
        if not whole:
            return HistoryState.NONE, False
        known = self._store.state(history)
        if before is not None and before.state is HistoryState.INVENTED:
            return before.state, known is not None
        own = [one for one in new if one.by_model]
        said = [one.said for one in own if one.said is not None and known is None]
        notes = [note for one in own for note in one.beside]
        if not self._store.released([self._message(mark, digest) for digest in (*said, *notes)]):
            return self._unless_unsure(mark, HistoryState.INVENTED), known is not None
        if known is not None:
            return known, True
        state = self._cut(mark, whole) or self._unless_unsure(mark, HistoryState.CHANGED)
        return state if before is None else worse(state, before.state), False

    def _unless_unsure(self, mark: bytes, state: HistoryState) -> HistoryState:
        return HistoryState.UNRECOGNISED if self._store.unsure(mark) else state

    def _cut(self, mark: bytes, whole: Sequence[Utterance]) -> HistoryState | None:
        """The best state of a known sequence that has all these messages in their order; None if none has."""
        wanted = [self._message(mark, one.said) for one in whole if one.said is not None]
        best: HistoryState | None = None
        budget = _WALK
        for place in self._store.places(wanted[-1], _ALIKE) if wanted else ():
            left, at = len(wanted) - 1, self._store.node(place.parent)
            while left and at is not None and budget:
                budget -= 1
                left -= at.message == wanted[left - 1]
                at = self._store.node(at.parent)
            if not left:
                state = worse(HistoryState.TRIMMED, place.state or HistoryState.CHANGED)
                best = state if best is None or state.rank < best.rank else best
        return best

    def _message(self, mark: bytes, said: bytes) -> bytes:
        return self._keyed(b"message", mark, said)

    def _keyed(self, *parts: bytes) -> bytes:
        """The HMAC over these parts, each with its length."""
        running = self._fresh()
        running.update(b"".join(len(part).to_bytes(4, "big") + part for part in (b"transcript", *parts)))
        return running.digest()[:_ID_BYTES]


def _new_nodes(nodes: Sequence[Node], settled: int, state: HistoryState, *, exact: bool) -> tuple[Node, ...]:
    """The nodes to keep, the first `settled` of which reach to the end of the history.

    Where the history is known as a whole they are there; otherwise nothing was compared before its end.
    """
    inner = max(0, settled - 1)
    first = settled if exact else inner
    before = () if exact else tuple(replace(one, state=None) for one in nodes[:inner])
    return (*before, *(replace(one, state=state) for one in nodes[first:]))
