"""What stands behind `previous_response_id`, where this gateway released that response to its deployment.

Laws: only content that was read here whole stands for an id, in the order in which the endpoint has it; with
one piece that nobody here could read, the id stays opaque; nothing but content is kept, so that its facts,
its evidence and its limits are worked out anew in the use that goes on from it. Bounded, and gone with the
process: an id that is not here is opaque. Source: the published API reference of responses; ADR-0029.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from caveat.call.parts import Declaration, Origin, RawPart
from caveat.gateway.errors import RequestError
from caveat.gateway.wire.items import item_parts
from caveat.gateway.wire.request import WireRequest
from caveat.gateway.wire.tool_calls import rows
from caveat.gateway.wire.utterance import Utterance, item_utterance
from caveat.signing.canonical import Json

MAX_BYTES = 64 * 1024 * 1024
_PART_BYTES = 800
_PLACE, _INPUT = "/previous_response_id", "/input"
_ENDED = frozenset({"completed", "incomplete"})


@dataclass(frozen=True, slots=True)
class Kept:
    """What a response and all before it say. `items`: how many places its pointers have."""

    parts: tuple[RawPart, ...]
    items: int
    utterances: tuple[Utterance, ...]
    declared: Mapping[str, Declaration]
    tools: frozenset[str]

    @property
    def weight(self) -> int:
        """About how many bytes it takes up, as if it shared nothing with those that it goes on from."""
        return sum(_PART_BYTES + len(part.content) for part in self.parts)


class KeptResponses:
    """Responses by deployment and id. Not for several threads: the gateway's event loop owns it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """None yet."""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """What all of them weigh."""
        return self._bytes

    def resolved(self, deployment: str, request: WireRequest) -> WireRequest:
        """The request with all that its `previous_response_id` stands for; itself where that is unknown."""
        kept = self._find(deployment, request)
        if kept is None:
            return request
        beside = [part for part in request.raw_parts[: request.settled] if part.pointer != _PLACE]
        before = [part for part in beside if not part.pointer.startswith(_INPUT)]
        new = [part for part in beside if part.pointer.startswith(_INPUT)]
        settled = (*before, *kept.parts, *new)
        return replace(
            request,
            raw_parts=(*settled, *request.raw_parts[request.settled :]),
            settled=len(settled),
            extension=replace(request.extension, declared={**kept.declared, **request.extension.declared}),
            form=replace(request.form, tools=request.form.tools | kept.tools),
            utterances=(*kept.utterances, *request.utterances),
        )

    def keep(self, deployment: str, whole: WireRequest, response: Json) -> None:
        """The response is released as the answer to `whole`, a resolved request."""
        if not isinstance(response, dict) or response.get("status") not in _ENDED:
            return
        response_id, output = response.get("id"), response.get("output")
        kept = None if not isinstance(output, list) else _kept(whole, output)
        if kept is None or not isinstance(response_id, str):
            return
        self._drop((deployment, response_id))
        self._kept[deployment, response_id] = kept
        self._bytes += kept.weight
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _find(self, deployment: str, request: WireRequest) -> Kept | None:
        for part in request.raw_parts[: request.settled]:
            if part.pointer == _PLACE and part.media_type == "text/plain":
                key = (deployment, part.content.decode())
                if key in self._kept:
                    self._kept.move_to_end(key)
                return self._kept.get(key)
        return None

    def _drop(self, key: tuple[str, str]) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.weight


def _kept(whole: WireRequest, output: Sequence[Json]) -> Kept | None:
    """What the next use goes on from; None where some of it is content that nobody here has read."""
    if any(part.origin is Origin.OPAQUE for part in whole.raw_parts) or len(rows([*output])) != len(output):
        return None
    earlier = [part for part in whole.raw_parts if part.pointer.startswith(_PLACE)]
    own = [part for part in whole.raw_parts[: whole.settled] if part.pointer.startswith(_INPUT)]
    start = _places(earlier)
    moved = {part.pointer: _moved(part.pointer, start) for part in own}
    parts = [*earlier, *(replace(part, pointer=moved[part.pointer]) for part in own)]
    place = max(start + 1, _places(parts))
    try:
        for item in output:
            parts += item_parts(f"{_PLACE}/{place}", item)
            place += 1
    except RequestError:
        return None
    if any(part.origin is Origin.OPAQUE for part in parts):
        return None
    declared = {
        moved.get(pointer, pointer): replace(one, pointer=moved.get(pointer, pointer))
        for pointer, one in whole.extension.declared.items()
        if pointer.startswith((_PLACE, _INPUT))
    }
    said = tuple(item_utterance(item) for item in output)
    return Kept(tuple(parts), place, (*whole.utterances, *said), declared, whole.form.tools)


def _moved(pointer: str, start: int) -> str:
    """`/input/2/content` at its place behind `start` others; a text alone is the first."""
    steps = pointer.removeprefix(_INPUT).split("/")[1:]
    if not steps:
        return f"{_PLACE}/{start}"
    return "/".join([_PLACE, str(start + int(steps[0])), *steps[1:]])


def _places(parts: Sequence[RawPart]) -> int:
    """The place behind the last of these."""
    return max((int(part.pointer.split("/")[2]) + 1 for part in parts), default=0)
