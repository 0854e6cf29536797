"""Calls of tools in responses: every output item that is no known sort of content, whole and in streams.

An item of a type that nobody here knows is a call of a tool by its name, else by its type, so a new sort of
call is decided before this list knows it. A stream's last event repeats the whole response: what stands
there and was not announced is a call like any other. Source: the published API reference of responses, as its
official Python client speaks it.
"""

import orjson

from caveat.gateway.wire.tool_calls import (
    Arguments,
    Progress,
    ToolCall,
    call_of_text,
    event_data,
    member,
    parsed,
    rows,
    unreadable,
)
from caveat.signing.canonical import Json, JsonObject

_CONTENT = frozenset({"message", "reasoning", "compaction"})
_RESULT = "_call_output"
_BEGUN = frozenset({"response.output_item.added", "response.output_item.done"})
_WHOLE = frozenset(
    {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
    }
)
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
_IDLE = frozenset({"error", "keepalive"})
_WORDS = ("response.output_text.", "response.refusal.", "response.reasoning", "response.content_part.")
_TEXT_ARGUMENTS = "custom_tool_call"


def tool_calls(body: bytes) -> tuple[ToolCall, ...]:
    """The calls that a whole response asks for; never none where a client could see one."""
    value = parsed(body)
    if not isinstance(value, dict):
        return (unreadable("", body),)
    return tuple(_calls(value))


def _calls(response: JsonObject) -> list[ToolCall]:
    output = response.get("output")
    found = [_call(f"/output/{at}", item) for at, item in enumerate(rows(output)) if is_call(item)]
    if output is not None and (not isinstance(output, list) or len(rows(output)) != len(output)):
        found.append(unreadable("/output", _bytes(output)))
    return found


def is_call(item: JsonObject) -> bool:
    """Whether an output item is a call, or may be one."""
    kind = item.get("type")
    return not (isinstance(kind, str) and (kind in _CONTENT or kind.endswith(_RESULT)))


def _call(pointer: str, item: JsonObject) -> ToolCall:
    kind, name = item.get("type"), item.get("name", item.get("type"))
    if not isinstance(name, str) or not name:
        return unreadable(pointer, _bytes(item))
    arguments = item.get("arguments")
    if isinstance(arguments, str):
        return call_of_text(f"{pointer}/arguments", name, arguments)
    text = item.get("input")
    if kind == _TEXT_ARGUMENTS and isinstance(text, str):
        return ToolCall(f"{pointer}/input", name, text.encode(errors="replace"), Arguments.TEXT)
    if "name" in item:
        return unreadable(pointer, _bytes(item))
    # A call that the endpoint runs by itself has no arguments of one form: all of it is what is asked.
    return ToolCall(pointer, name, _bytes(item), Arguments.OBJECT)


def _bytes(value: Json) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


class ResponseReader:
    """Holds back from a call's first event until the response ends: only its last event says all of it.

    A call that was announced and never said in full is one that nobody can read.
    """

    def __init__(self) -> None:
        """Nothing begun."""
        self._calls: dict[ToolCall, None] = {}
        self._announced: dict[int, bytes] = {}  # by their place: calls of which nobody said yet what they are
        self._held = self._begun = False

    def concerns(self, window: bytes) -> bool:  # noqa: ARG002 - every event has its type inside
        """Always: an event says what it is in its data alone."""
        return True

    def read(self, event: bytes) -> Progress:
        """Takes in these events."""
        ended = False
        for data in event_data(event):
            value = parsed(data)
            kind = member(value, "type")
            if not isinstance(value, dict) or not isinstance(kind, str):
                self._stray(data)
            elif kind in _BEGUN:
                self._item(value, complete=kind.endswith("done"))
            elif kind in _WHOLE:
                response = value.get("response")
                self._add(_calls(response) if isinstance(response, dict) else [])
            elif kind not in _IDLE and not kind.startswith(_WORDS):
                self._held = True  # a piece of a call, or an event that nobody here knows
                self._unannounced(data)
            ended |= isinstance(kind, str) and kind in _ENDS
        if self._held and not ended:
            return Progress(held=True)
        for at, item in list(self._announced.items()):
            self._add([unreadable(f"/output/{at}", item)])
        calls = tuple(self._calls)
        self._calls.clear()
        self._announced.clear()
        self._held = False
        return Progress(calls=calls)

    def _item(self, value: JsonObject, *, complete: bool) -> None:
        item = value.get("item")
        if not isinstance(item, dict):
            self._stray(_bytes(value))
        elif is_call(item):
            self._held = self._begun = True
            if complete:
                self._add([_call(f"/output/{_place(value)}", item)])
            else:
                self._announced[_place(value)] = _bytes(item)

    def _unannounced(self, data: bytes) -> None:
        """A piece of a call that was never announced is a call that nobody can place."""
        if not self._begun:
            self._stray(data)

    def _add(self, calls: list[ToolCall]) -> None:
        """Each call once: the last event repeats what came before."""
        self._calls.update(dict.fromkeys(calls))
        self._held |= bool(calls)
        for call in calls:
            self._announced.pop(_output_index(call.pointer), None)

    def _stray(self, data: bytes) -> None:
        self._add([unreadable("", data)])


def _place(value: JsonObject) -> int:
    index = value.get("output_index")
    return index if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else 0


def _output_index(pointer: str) -> int:
    """The place that a call's pointer begins with; none for a call that nobody can place."""
    index = pointer.removeprefix("/output/").partition("/")[0]
    return int(index) if index.isdecimal() else -1


tool_reader = ResponseReader
