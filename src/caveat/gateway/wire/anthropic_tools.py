"""Calls of tools in messages: every content block that is no known sort of content, whole and in streams.

A block of a type that nobody here knows is a call of a tool by its name, else by its type: a new sort of
call is decided before this list knows it. Source: the published API reference of messages, as its official
Python client speaks it.
"""

import re

import orjson

from caveat.gateway.wire.tool_calls import (
    Arguments,
    Fragments,
    Progress,
    ToolCall,
    event_data,
    member,
    parsed,
    place,
    rows,
    unreadable,
)
from caveat.signing.canonical import Json, JsonObject

_CONTENT = frozenset({"text", "thinking", "redacted_thinking", "container_upload", "compaction"})
_RESULT = "_tool_result"
_PIECE = "input_json_delta"
_CLIENT_RUN = "tool_use"
_MARK = re.compile(rb"content_block_start|message_start|tool|input_json|\\u00[4-7]")
"""No call begins or goes on without one of these bytes; an escaped letter could spell the rest."""
_WHOLE_MARK = re.compile(rb'"type"\s*:\s*"(?!(?:message|text|thinking|redacted_thinking)")|tool|\\u00[4-7]')
"""No whole message holds a call without one of these."""


def tool_calls(body: bytes) -> tuple[ToolCall, ...]:
    """The calls that a whole message asks for; never none where a client could see one."""
    if _WHOLE_MARK.search(body) is None:
        return ()
    value = parsed(body)
    if not isinstance(value, dict):
        return (unreadable("", body),)
    blocks = rows(value.get("content"))
    return tuple(_call(f"/content/{at}", block) for at, block in enumerate(blocks) if is_call(block))


def is_call(block: JsonObject) -> bool:
    """Whether a content block is a call, or may be one."""
    kind = block.get("type")
    return not (isinstance(kind, str) and (kind in _CONTENT or kind.endswith(_RESULT)))


def _name(block: JsonObject) -> str:
    name = block.get("name", block.get("type"))
    return name if isinstance(name, str) else ""


def _call(pointer: str, block: JsonObject) -> ToolCall:
    name, given = _name(block), block.get("input")
    if isinstance(given, dict) and name:
        content = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
        return ToolCall(f"{pointer}/input", name, content, Arguments.OBJECT)
    return unreadable(pointer, orjson.dumps(block, option=orjson.OPT_SORT_KEYS))


class MessageReader:
    """Holds back from a call's first event until it is complete.

    A call that the caller is to run is complete at the end of the message, so all such calls are decided
    before any of them is released; one that the endpoint runs by itself, at the end of its block.
    """

    def __init__(self) -> None:
        """Nothing begun."""
        self._begun = 0
        self._calls: dict[int, Fragments] = {}
        self._undecided: dict[int, None] = {}
        self._until_end: set[int] = set()

    def concerns(self, window: bytes) -> bool:
        """Whether a call could begin here, or is under way."""
        return bool(self._undecided) or _MARK.search(window) is not None

    def read(self, event: bytes) -> Progress:
        """Takes in the pieces in these events."""
        complete: set[int] = set()
        for data in event_data(event):
            value = parsed(data)
            if isinstance(value, dict):
                complete |= self._take(value, data)
            elif _MARK.search(data) is not None:
                self._stray(data)
        if any(index not in complete for index in self._undecided):
            return Progress(held=True)
        calls = tuple(self._calls[index].call() for index in self._undecided)
        self._undecided.clear()
        return Progress(calls=calls)

    def _take(self, value: JsonObject, data: bytes) -> set[int]:
        """The calls that this event completes."""
        index = place(value.get("index"), -1)
        match value.get("type"):
            case "message_start":
                for block in rows(member(value.get("message"), "content")):
                    self._begin(self._begun, block)
            case "content_block_start":
                begun = value.get("content_block")
                if index == self._begun and isinstance(begun, dict):
                    self._begin(self._begun, begun)
                else:
                    self._stray(data)  # a client that appends and one that places would differ
            case "content_block_delta":
                self._piece(index, value.get("delta"), data)
            case "content_block_stop":
                return {index} - self._until_end if index is not None else set()
            case "message_delta" | "message_stop":
                return set(self._undecided)
            case _:
                pass
        return set()

    def _begin(self, index: int, block: JsonObject) -> None:
        self._begun += 1
        if not is_call(block):
            return
        call = self._calls[index] = Fragments(f"/content/{index}/input", [_name(block)])
        self._undecided[index] = None
        if block.get("type") == _CLIENT_RUN:
            self._until_end.add(index)
        given = block.get("input")
        if given:
            call.add_arguments(orjson.dumps(given).decode())

    def _piece(self, index: int | None, delta: Json, data: bytes) -> None:
        call = None if index is None else self._calls.get(index)
        is_piece = member(delta, "type") == _PIECE
        if call is not None and index is not None:
            self._undecided[index] = None
            call.sound = call.sound and is_piece
            call.add_arguments(member(delta, "partial_json"))
        elif is_piece:
            self._stray(data)

    def _stray(self, data: bytes) -> None:
        """A call that nobody can place is one of its own, and waits for the end of the message."""
        self._undecided[-1] = None
        self._until_end.add(-1)
        stray = self._calls.setdefault(-1, Fragments("", sound=False))
        stray.add_arguments(data.decode(errors="replace"))


tool_reader = MessageReader
