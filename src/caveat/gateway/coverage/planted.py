"""Planted uses: for each shape a request or answer that has to be refused, and its twin that has to pass.

The two differ in what is planted alone: in words, or, where nothing reads what stands there, in whether the
deployment lets it through. So neither letting everything pass nor refusing everything is coverage. Pure.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from caveat.gateway.coverage.planted_law import GUARDED_KEY, HARMLESS, PHRASE, WORDS_KEY
from caveat.gateway.coverage.shapes import SLOT, Direction, Shape, Shapes
from caveat.gateway.coverage.stage import PlantedAnswer
from caveat.gateway.wire.wire import find_wire
from caveat.signing.canonical import Json, JsonObject

AZURE = {
    "/openai/deployments/planted/chat/completions": "/v1/chat/completions",
    "/openai/deployments/planted/completions": "/v1/completions",
    "/openai/deployments/planted/embeddings": "/v1/embeddings",
    "/openai/responses": "/v1/responses",
    "/openai/v1/chat/completions": "/v1/chat/completions",
    "/openai/v1/completions": "/v1/completions",
    "/openai/v1/embeddings": "/v1/embeddings",
    "/openai/v1/responses": "/v1/responses",
}
"""Azure's paths, each with the endpoint whose shapes it has."""


@dataclass(frozen=True, slots=True)
class PlantedUse:
    """One use: whose key, which bytes, and what the endpoint would answer."""

    key: str
    body: bytes
    answer: PlantedAnswer


@dataclass(frozen=True, slots=True)
class Plant:
    """One cell's uses. `mark`: in everything that is planted. `points`: where it may be refused.

    `what`: `words`, `data` that nobody vouches for, or a `call` of a tool.
    """

    at: str
    shape: Shape
    what: str
    stream: bool
    mark: str
    points: frozenset[str]
    refused: PlantedUse
    passes: PlantedUse


def plants(shapes: Shapes) -> tuple[Plant, ...]:
    """Every planted use, of every endpoint."""
    by_path: dict[str, list[Shape]] = {}
    for shape in shapes.every:
        by_path.setdefault(shape.at, []).append(shape)
    planting = _Planting(shapes)
    found = [plant for path, own in by_path.items() for shape in own for plant in planting.of(path, shape)]
    for path, base in AZURE.items():
        # One reading serves all of these paths: that it is the same one shows in one shape of each kind.
        kinds = {(shape.direction, shape.unseen, shape.call): shape for shape in reversed(by_path[base])}
        found += [plant for shape in kinds.values() for plant in planting.of(path, shape)]
    return tuple(found)


class _Planting:
    """Makes planted uses, each with a mark of its own."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._made = 0
        self._streamed: set[tuple[str, str]] = set()

    def of(self, at: str, shape: Shape) -> Iterator[Plant]:
        if shape.direction is Direction.REQUEST:
            yield from self._in_request(at, shape)
        elif shape.direction is Direction.ANSWER:
            yield from self._in_answer(at, shape)
        elif shape.at in _FRAMES:
            yield from self._in_event(at, shape)

    def _mark(self) -> str:
        self._made += 1
        return f"m{self._made:04d}x"

    def _in_request(self, at: str, shape: Shape) -> Iterator[Plant]:
        base, points = self._shapes.requests[shape.at], frozenset({"prompt"})
        first = (at, shape.group) not in self._streamed
        self._streamed.add((at, shape.group))
        # Whether it asks for a stream changes nothing of how a request is read: one of each group shows it.
        for stream in (False, True) if first and shape.at in _FRAMES else (False,):
            mark, answer = self._mark(), self._harmless(shape.at, stream=stream)
            asked: JsonObject = {**base, **_asked_for(shape.json), **({"stream": True} if stream else {})}
            bad, good = (_rendered(asked, _words(mark, words, shape.leaf)) for words in (PHRASE, HARMLESS))
            yield Plant(
                at,
                shape,
                "words",
                stream,
                mark,
                points,
                PlantedUse(WORDS_KEY, bad, answer),
                PlantedUse(WORDS_KEY, good, answer),
            )
        if shape.unseen:
            mark, answer = self._mark(), self._harmless(shape.at, stream=False)
            body = _rendered({**base, **_asked_for(shape.json)}, _payload(mark, shape.leaf))
            yield _guarded(at, shape, mark, "data", points, body, answer)

    def _in_answer(self, at: str, shape: Shape) -> Iterator[Plant]:
        body = orjson.dumps(self._shapes.requests[shape.at])
        said: JsonObject = {**self._shapes.answers[shape.at], **shape.json}
        mark = self._mark()
        bad, good = (
            PlantedAnswer((_rendered(said, _words(mark, words, shape.leaf)),), stream=False)
            for words in (PHRASE, HARMLESS)
        )
        yield _answered(at, shape, mark, body, bad, good)
        if shape.call:
            mark = self._mark()
            answer = PlantedAnswer((_rendered(said, _words(mark, HARMLESS, shape.leaf)),), stream=False)
            yield _guarded(at, shape, mark, "call", frozenset({"tool"}), body, answer)

    def _in_event(self, at: str, shape: Shape) -> Iterator[Plant]:
        body = orjson.dumps({**self._shapes.requests[shape.at], "stream": True})
        mark = self._mark()
        bad, good = (
            PlantedAnswer(self._stream(shape, [_words(mark, words, shape.leaf)]), stream=True)
            for words in (PHRASE, HARMLESS)
        )
        yield _answered(at, shape, mark, body, bad, good)
        if shape.split:
            mark = self._mark()
            bad, good = (
                PlantedAnswer(self._stream(shape, _halves(_words(mark, words, shape.leaf))), stream=True)
                for words in (PHRASE, HARMLESS)
            )
            yield _answered(at, shape, mark, body, bad, good)
        if shape.call:
            mark = self._mark()
            answer = PlantedAnswer(self._stream(shape, [_words(mark, HARMLESS, shape.leaf)]), stream=True)
            yield _guarded(at, shape, mark, "call", frozenset({"tool"}), body, answer)

    def _harmless(self, at: str, *, stream: bool) -> PlantedAnswer:
        if stream:
            begin, end = self._frame(at)
            return PlantedAnswer((*begin, *end), stream=True)
        return PlantedAnswer((orjson.dumps(self._shapes.answers[at]),), stream=False)

    def _stream(self, shape: Shape, texts: list[str]) -> tuple[bytes, ...]:
        begin, end = self._frame(shape.at)
        events = tuple(_event(shape.at, _filled(shape.json, text)) for text in texts)
        wire = find_wire(shape.at)
        ends = wire is not None and wire.ends_stream(events[-1])
        return (*begin, *events, *(() if ends else end))

    def _frame(self, at: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        answer = self._shapes.answers[at]
        begin, end = _FRAMES[at]
        return (
            tuple(_event(at, _filled(event, answer)) for event in begin),
            tuple(_event(at, _filled(event, answer)) for event in end),
        )


def _asked_for(members: JsonObject) -> JsonObject:
    """The members with a call before each result of a tool: a result that answers nothing is an error."""
    found: JsonObject = dict(members)
    messages, items = members.get("messages"), members.get("input")
    if isinstance(messages, list):
        found["messages"] = [each for one in messages for each in _message_after_its_call(one)]
    if isinstance(items, list):
        found["input"] = [each for one in items for each in _item_after_its_call(one)]
    return found


def _message_after_its_call(message: Json) -> Iterator[Json]:
    if isinstance(message, dict):
        content = message.get("content")
        blocks = content if isinstance(content, list) else []
        calls: list[Json] = [
            {"type": "tool_use", "id": block["tool_use_id"], "name": "find", "input": {}}
            for block in blocks
            if isinstance(block, dict) and block.get("type") == "tool_result"
        ]
        if message.get("role") == "tool":
            call: Json = {"id": message["tool_call_id"], "type": "function", "function": {"name": "find"}}
            yield {"role": "assistant", "tool_calls": [call]}
        elif calls and message.get("role") == "assistant":
            message = {**message, "content": [*calls, *blocks]}  # within one turn of the model's
        elif calls:
            yield {"role": "assistant", "content": calls}
    yield message


def _item_after_its_call(item: Json) -> Iterator[Json]:
    kind = item.get("type") if isinstance(item, dict) else None
    if isinstance(item, dict) and isinstance(kind, str) and kind.endswith("_call_output"):
        item = {"call_id": "call", **item}
        yield {"type": "function_call", "call_id": item["call_id"], "name": "find", "arguments": "{}"}
    yield item


def _guarded(
    at: str, shape: Shape, mark: str, what: str, points: frozenset[str], body: bytes, answer: PlantedAnswer
) -> Plant:
    """The same bytes where such a thing is refused, and where it is not."""
    return Plant(
        at,
        shape,
        what,
        answer.stream,
        mark,
        points,
        PlantedUse(GUARDED_KEY, body, answer),
        PlantedUse(WORDS_KEY, body, answer),
    )


def _answered(
    at: str, shape: Shape, mark: str, body: bytes, bad: PlantedAnswer, good: PlantedAnswer
) -> Plant:
    points = frozenset({"output", "tool"})  # what may be a call is read at both
    return Plant(
        at,
        shape,
        "words",
        bad.stream,
        mark,
        points,
        PlantedUse(WORDS_KEY, body, bad),
        PlantedUse(WORDS_KEY, body, good),
    )


def _words(mark: str, words: str, leaf: str) -> str:
    text = f"{mark} {words} {mark}"
    return orjson.dumps({"say": text}).decode() if leaf in _JSON_TEXTS else text


_JSON_TEXTS = frozenset({"arguments", "partial_json"})


def _halves(text: str) -> list[str]:
    """Cut within a word of the phrase."""
    at = text.index("heron") + 3
    return [text[:at], text[at:]]


def _payload(mark: str, leaf: str) -> str:
    """A file in line, or the name of something that is kept elsewhere."""
    encoded = base64.b64encode(f"a planted file {mark}".encode()).decode()
    if leaf in ("url", "image_url", "file_data"):
        return f"data:image/png;base64,{encoded}"
    return encoded if leaf == "data" else f"planted-{mark}"


def _rendered(value: JsonObject, text: str) -> bytes:
    return orjson.dumps(_filled(value, text))


def _filled(value: Json, content: Json) -> Json:
    """The value with `content` in its slot."""
    if isinstance(value, str):
        return content if value == SLOT else value
    if isinstance(value, list):
        return [_filled(item, content) for item in value]
    if isinstance(value, dict):
        return {
            content if name == SLOT and isinstance(content, str) else name: _filled(item, content)
            for name, item in value.items()
        }
    return value


def _event(at: str, event: Json) -> bytes:
    if isinstance(event, str):
        return b"data: " + event.encode() + b"\n\n"
    kind = event.get("type") if isinstance(event, dict) else None
    head = b"event: " + kind.encode() + b"\n" if isinstance(kind, str) and at.startswith(_NAMING) else b""
    return head + b"data: " + orjson.dumps(event) + b"\n\n"


_NAMING = ("/v1/messages", "/v1/responses")
_DONE: tuple[Json, ...] = ("[DONE]",)
_FRAMES: Mapping[str, tuple[tuple[Json, ...], tuple[Json, ...]]] = {
    "/v1/chat/completions": ((), _DONE),
    "/v1/completions": ((), _DONE),
    "/v1/responses": ((), ({"type": "response.completed", "sequence_number": 0, "response": SLOT},)),
    "/v1/messages": (({"type": "message_start", "message": SLOT},), ({"type": "message_stop"},)),
}
"""What a stream of each protocol has before and after the planted event: no more than its end asks for."""
