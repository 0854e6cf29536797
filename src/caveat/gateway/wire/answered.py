"""What an answer adds to its conversation: of a whole one, and of what a client puts together from a stream.

Laws: only bytes that go to the caller are read here; what cannot be read is not remembered, so that it is
unknown when it comes back. Source: the published references of the protocols, as their official clients put
streams together; ADR-0029.
"""

from dataclasses import dataclass

import orjson

from caveat.gateway.wire.tool_calls import event_data, member, rows
from caveat.gateway.wire.utterance import (
    Utterance,
    chat_utterance,
    item_utterance,
    message_utterance,
    name_of_item,
)
from caveat.signing.canonical import Json, JsonObject

MAX_BYTES = 16 * 1024 * 1024
"""Of a stream. A longer one could not be sent back: its request would be too large."""
_RESPONSE_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_ONE_PIECE = frozenset({"id", "type", "role", "index", "finish_reason"})
_Path = tuple[str | int, ...]
_DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """`alternatives`: the messages that a client may go on with, one sequence for each choice.

    `names`: digests of its items' ids.
    """

    alternatives: tuple[tuple[Utterance, ...], ...] = ()
    names: tuple[bytes, ...] = ()


def answered_in(value: Json) -> Answered:
    """What a parsed answer adds, of any of the protocols; nothing where it adds no message."""
    if not isinstance(value, dict):
        return Answered()
    if isinstance(value.get("choices"), list):
        messages = [member(choice, "message") for choice in rows(value["choices"])]
        said = (chat_utterance({"role": "assistant", **one}) for one in messages if isinstance(one, dict))
        return Answered(tuple((one,) for one in said))
    if isinstance(value.get("output"), list):
        items = rows(value["output"])
        ids = [item["id"] for item in items if isinstance(item.get("id"), str)]
        names = tuple(name_of_item(str(one)) for one in ids)
        return Answered((tuple(item_utterance(item) for item in items),), names)
    if isinstance(value.get("content"), list):
        message: JsonObject = {"role": value.get("role", "assistant"), "content": value["content"]}
        return Answered(((message_utterance(message),),))
    return Answered()


@dataclass(frozen=True, slots=True)
class _Value:
    """A leaf that is no text."""

    value: Json


class _Branch:
    """An object or a list under way."""

    def __init__(self) -> None:
        self.below: dict[str | int, Json | _Branch] = {}


def text_answer(text: str) -> JsonObject:
    """An answer that is this text alone."""
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


class StreamedAnswer:
    """The answer that the events of a stream add up to so far."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._leaves: dict[_Path, list[str] | _Value] = {}
        self._whole: JsonObject | None = None
        self._bytes = 0
        self.ended = False

    def feed(self, window: bytes) -> None:
        """Takes in whole events. `ended` is then true once the last of them came."""
        self._bytes += len(window)
        if self._bytes > MAX_BYTES:
            self._leaves.clear()
            return
        for data in event_data(window):
            if data.strip() == b"[DONE]":
                self.ended = True
                continue
            try:
                event: Json = orjson.loads(data)
            except orjson.JSONDecodeError:
                continue
            if isinstance(event, dict):
                self._take(event)

    def value(self) -> Json:
        """The answer as if it had come whole; None where there is none."""
        if self._whole is not None:
            return self._whole
        if self._bytes > MAX_BYTES or not self._leaves:
            return None
        built = _built(self._leaves)
        for block in rows(built.get("content")):
            _read_input(block)
        return built

    def _take(self, event: JsonObject) -> None:
        said = event.get("type")
        kind = said if isinstance(said, str) else ""
        if isinstance(event.get("choices"), list):
            for at, choice in enumerate(rows(event["choices"])):
                index = choice.get("index")
                place = index if isinstance(index, int) else at
                self._put(("choices", place, "message"), choice.get("delta"))
                self._put(("choices", place, "message"), choice.get("message"))
        elif kind in _RESPONSE_ENDS:
            response = event.get("response")
            self._whole, self.ended = response if isinstance(response, dict) else None, True
        elif kind.startswith("response."):
            self._take_item(event, kind)
        else:
            self._take_block(event, kind)

    def _take_item(self, event: JsonObject, kind: str) -> None:
        """Of a response that is cut: its items as far as they came."""
        at, part = event.get("output_index"), event.get("content_index")
        if not isinstance(at, int):
            return
        if kind in ("response.output_item.added", "response.output_item.done"):
            for path in [path for path in self._leaves if path[:2] == ("output", at)]:
                del self._leaves[path]
            self._put(("output", at), event.get("item"))
        elif kind == "response.output_text.delta" and isinstance(part, int):
            self._put(("output", at, "content", part), {"type": "output_text", "text": event.get("delta")})

    def _take_block(self, event: JsonObject, kind: str) -> None:
        index = event.get("index")
        if kind == "message_start":
            self._put(("role",), member(event.get("message"), "role"))
            self._put(("content",), member(event.get("message"), "content"))
        elif kind == "content_block_start" and isinstance(index, int):
            self._put(("content", index), event.get("content_block"))
        elif kind == "content_block_delta" and isinstance(index, int):
            delta = event.get("delta")
            name = _DELTAS.get(str(member(delta, "type")))
            if name is not None:
                self._put(("content", index, name), member(delta, name))
            else:
                count = sum(path[:3] == ("content", index, "citations") for path in self._leaves)
                self._put(("content", index, "citations", count), member(delta, "citation"))
        elif kind == "message_stop":
            self.ended = True

    def _put(self, path: _Path, value: Json) -> None:
        """Texts go on from one another; anything else takes the place of what was there."""
        if isinstance(value, dict):
            for name, item in value.items():
                self._put((*path, name), item)
        elif isinstance(value, list):
            for at, item in enumerate(value):
                index = member(item, "index")
                self._put((*path, index if isinstance(index, int) else at), item)
        elif isinstance(value, str):
            texts = self._leaves.get(path)
            if not isinstance(texts, list) or path[-1] in _ONE_PIECE:
                texts = self._leaves[path] = []
            texts.append(value)
        elif value is not None:
            self._leaves[path] = _Value(value)


def _read_input(block: JsonObject) -> None:
    """The arguments of a call come as pieces of JSON beside the empty ones that it began with."""
    text = block.pop("partial_json", None)
    if isinstance(text, str) and text:
        try:
            block["input"] = orjson.loads(text)
        except orjson.JSONDecodeError:
            block["input"] = text
    elif block.get("type") == "tool_use":
        block.setdefault("input", {})


def _built(leaves: "dict[_Path, list[str] | _Value]") -> JsonObject:
    """The JSON with these leaves: a step that is a number is a place in a list."""
    root = _Branch()
    for path, leaf in leaves.items():
        at: _Branch | None = root
        for step in path[:-1]:
            below = at.below.setdefault(step, _Branch()) if at is not None else None
            at = below if isinstance(below, _Branch) else None
        if at is not None:
            at.below[path[-1]] = leaf.value if isinstance(leaf, _Value) else "".join(leaf)
    return {str(name): _listed(value) for name, value in root.below.items()}


def _listed(value: "Json | _Branch") -> Json:
    if not isinstance(value, _Branch):
        return value
    if all(isinstance(step, int) for step in value.below):
        return [_listed(value.below[step]) for step in sorted(value.below, key=int)]
    return {str(name): _listed(item) for name, item in value.below.items()}
