"""Calls of tools in chat completions: `tool_calls` and the earlier `function_call`, whole and in streams.

A member of either name is a call wherever it stands: outside its place it is one that cannot be read.
Source: the published API reference of chat completions, as its official Python client speaks it.
"""

import re
from collections.abc import Iterator

import orjson

from caveat.gateway.wire.tool_calls import (
    Arguments,
    Fragments,
    Progress,
    ToolCall,
    call_of_text,
    event_data,
    member,
    parsed,
    place,
    rows,
    unreadable,
)
from caveat.signing.canonical import Json, JsonObject

_MEMBERS = ("tool_calls", "function_call")
_MARK = re.compile(rb"tool_calls|function_call|\\u00[4-7]")
"""No call is without one of these bytes; an escaped letter could spell the rest."""
_STRAY = (-1, "")


def tool_calls(body: bytes) -> tuple[ToolCall, ...]:
    """The calls that a whole answer asks for; never none where a client could see one."""
    if _MARK.search(body) is None:
        return ()
    value = parsed(body)
    if not isinstance(value, dict):
        return (unreadable("", body),)
    found: list[ToolCall] = []
    read = 0
    for at, choice in enumerate(rows(value.get("choices"))):
        message = member(choice, "message")
        read += sum(bool(member(message, name)) for name in _MEMBERS)
        found += _calls(f"/choices/{at}/message", message)
    if _count(value) != read:
        found.append(unreadable("", body))
    return tuple(found)


def _calls(pointer: str, message: Json) -> Iterator[ToolCall]:
    listed = member(message, "tool_calls")
    if isinstance(listed, list):
        for at, item in enumerate(listed):
            yield _call(f"{pointer}/tool_calls/{at}", item)
    elif listed:
        yield unreadable(f"{pointer}/tool_calls", _bytes(listed))
    function = member(message, "function_call")
    if function:
        yield _function(f"{pointer}/function_call", function)


def _call(pointer: str, item: Json) -> ToolCall:
    kind = member(item, "type")
    function, custom = member(item, "function"), member(item, "custom")
    if function is not None and custom is None and kind in (None, "function"):
        return _function(f"{pointer}/function", function)
    name, text = member(custom, "name"), member(custom, "input")
    if function is None and kind == "custom" and isinstance(name, str) and isinstance(text, str):
        return ToolCall(f"{pointer}/custom/input", name, text.encode(errors="replace"), Arguments.TEXT)
    return unreadable(pointer, _bytes(item))


def _function(pointer: str, function: Json) -> ToolCall:
    name, text = member(function, "name"), member(function, "arguments")
    if isinstance(name, str) and (text is None or isinstance(text, str)):
        return call_of_text(f"{pointer}/arguments", name, text or "")
    return unreadable(pointer, _bytes(function))


def _bytes(value: Json) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _count(value: Json) -> int:
    """How many members that hold calls stand anywhere in an answer."""
    if isinstance(value, list):
        return sum(_count(item) for item in value)
    if isinstance(value, dict):
        here = sum(bool(value.get(name)) for name in _MEMBERS)
        return here + sum(_count(item) for name, item in value.items() if name not in _MEMBERS)
    return 0


class ChatReader:
    """Holds back from a call's first piece until its choice has finished.

    So all calls of one choice are decided before any of them is released.
    """

    def __init__(self) -> None:
        """Nothing under way."""
        self._calls: dict[tuple[int, str], Fragments] = {}
        self._undecided: dict[tuple[int, str], None] = {}

    def concerns(self, window: bytes) -> bool:
        """Whether a call could begin here, or is under way."""
        return bool(self._undecided) or _MARK.search(window) is not None

    def read(self, event: bytes) -> Progress:
        """Takes in the pieces in these events."""
        finished: set[int] = set()
        for data in event_data(event):
            if data.strip() == b"[DONE]":
                finished |= {choice for choice, _ in self._undecided}
                continue
            value = parsed(data)
            if isinstance(value, dict):
                finished |= self._take(value, data)
            elif _MARK.search(data) is not None:
                self._stray(data)
        if any(choice not in finished for choice, _ in self._undecided):
            return Progress(held=True)
        calls = tuple(self._calls[key].call() for key in self._undecided)
        self._undecided.clear()
        return Progress(calls=calls)

    def _take(self, value: JsonObject, data: bytes) -> set[int]:
        """The choices that this event finishes."""
        finished: set[int] = set()
        read = 0
        for at, choice in enumerate(rows(value.get("choices"))):
            index = place(choice.get("index"), at)
            for name in ("delta", "message"):
                piece = choice.get(name)
                if index is not None and (taken := self._pieces(index, piece)) is not None:
                    read += taken
            if index is not None and choice.get("finish_reason") is not None:
                finished.add(index)
        if _count(value) != read:
            self._stray(data)
        return finished

    def _pieces(self, choice: int, delta: Json) -> int | None:
        """How many members that hold pieces of calls were read; None where one cannot be."""
        listed, function = member(delta, "tool_calls"), member(delta, "function_call")
        if listed and not (isinstance(listed, list) and all(isinstance(item, dict) for item in listed)):
            return None
        for at, item in enumerate(rows(listed)):
            index = place(item.get("index"), at)
            if index is None:
                return None
            self._piece(choice, index, item)
        if function:
            call = self._at(choice, "/function_call", "/arguments")
            self._function_piece(call, function)
        return bool(listed) + bool(function)

    def _piece(self, choice: int, index: int, item: JsonObject) -> None:
        call = self._at(choice, f"/tool_calls/{index}", "/function/arguments")
        function, custom = item.get("function"), item.get("custom")
        if item.get("type", "function") not in ("function", "custom", None):
            call.sound = False
        if custom is not None:
            call.sound = call.sound and isinstance(custom, dict) and function is None
            call.is_text = True
            call.add_name(member(custom, "name"))
            call.add_arguments(member(custom, "input"))
        if function is not None:
            call.sound = call.sound and not call.is_text
            self._function_piece(call, function)

    @staticmethod
    def _function_piece(call: Fragments, function: Json) -> None:
        call.sound = call.sound and isinstance(function, dict)
        call.add_name(member(function, "name"))
        call.add_arguments(member(function, "arguments"))

    def _stray(self, data: bytes) -> None:
        """A call that nobody can place is one of its own, and waits for the end of the stream."""
        self._undecided[_STRAY] = None
        stray = self._calls.setdefault(_STRAY, Fragments("", sound=False))
        stray.add_arguments(data.decode(errors="replace"))

    def _at(self, choice: int, pointer: str, below: str) -> Fragments:
        key = (choice, pointer)
        self._undecided[key] = None
        if key not in self._calls:
            self._calls[key] = Fragments(f"/choices/{choice}/message{pointer}{below}")
        return self._calls[key]


tool_reader = ChatReader
