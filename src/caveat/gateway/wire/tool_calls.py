"""Calls of tools that an answer asks for, and what follows them through a stream.

Laws: whatever a client could take for a call is one; what two clients could read differently is a call of a
tool that nobody registered, never no call; nothing of a call, and nothing that comes after it, is passed on
before the call is complete and decided.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from caveat.signing.canonical import Json, JsonObject, StrictJsonError, parse_strict

MAX_ANSWER_DEPTH = 64
_CAP_BYTES = 64 * 1024 * 1024


class Arguments(Enum):
    """How the arguments of a call read: an object, a text that its tool defines, or in no one way."""

    OBJECT = "object"
    TEXT = "text"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call. `pointer`: where its arguments stand in the answer; in a stream, in the answer it adds up to.

    `name` is empty where no one name can be read; such a tool is never registered.
    """

    pointer: str
    name: str
    arguments: bytes
    reads: Arguments


def unreadable(pointer: str, content: bytes) -> ToolCall:
    """The call in what cannot be read in one way."""
    return ToolCall(pointer, "", content, Arguments.UNREADABLE)


def call_of_text(pointer: str, name: str, arguments: str) -> ToolCall:
    """The call with arguments that came as a JSON text. Without any it has an empty object."""
    content = arguments.encode(errors="replace")
    value = parsed(content) if arguments else {}
    return ToolCall(
        pointer, name, content, Arguments.OBJECT if isinstance(value, dict) else Arguments.UNREADABLE
    )


def parsed(content: bytes) -> Json | None:
    """The value that every JSON parser reads; None where there is none, as for `null`."""
    try:
        return parse_strict(content, max_bytes=_CAP_BYTES, max_depth=MAX_ANSWER_DEPTH, floats=True)
    except StrictJsonError:
        return None


class AmbiguousError(ValueError):
    """JSON that two parsers read differently, as with a member that stands twice."""


def read_alike(content: bytes) -> Json:
    """The value that every parser reads; raises `AmbiguousError`, or `ValueError` for what is no JSON."""
    try:
        return parse_strict(content, max_bytes=_CAP_BYTES, max_depth=MAX_ANSWER_DEPTH, floats=True)
    except StrictJsonError as error:
        if error.code in ("malformed", "not_utf8"):
            raise ValueError("no JSON") from error
        raise AmbiguousError from error


def member(value: Json | None, name: str) -> Json:
    """A member of what may be an object."""
    return value.get(name) if isinstance(value, dict) else None


def rows(value: Json) -> list[JsonObject]:
    """The objects of what may be a list of them."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def place(value: Json, otherwise: int) -> int | None:
    """A place that a stream names, `otherwise` where it names none; None for what is no place."""
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_PLACES:
        return None
    return value


MAX_PLACES = 4096


def event_data(events: bytes) -> Iterator[bytes]:
    """The data of each event in these bytes, as the event stream format has it; empty ones left out.

    Source: WHATWG HTML, section 9.2.6.
    """
    held: list[bytes] = []
    for line in (*events.splitlines(), b""):
        name, _, value = line.partition(b":")
        if name.removeprefix(b"\xef\xbb\xbf") == b"data":
            held.append(value.removeprefix(b" "))
        elif not line and held:
            yield b"\n".join(held)
            held = []


@dataclass(frozen=True, slots=True)
class Progress:
    """What an event means for what may be passed on.

    `held`: a call is under way, so this event and all that follow wait. `calls`: complete now, to be decided
    before anything that waited is passed on.
    """

    held: bool = False
    calls: tuple[ToolCall, ...] = ()


class ToolReader(Protocol):
    """Follows the calls of one stream."""

    def concerns(self, window: bytes) -> bool:
        """Whether these events could begin, continue or end a call. Cheap; wrong on the safe side only."""
        ...

    def read(self, event: bytes) -> Progress:
        """What this event changes. `event`: one event, or bytes that a client might take for several."""
        ...


class NoCalls:
    """The reader of a protocol whose answers ask for no tool."""

    def concerns(self, window: bytes) -> bool:  # noqa: ARG002 - the protocol's signature
        """Never."""
        return False

    def read(self, event: bytes) -> Progress:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return Progress()


def no_calls(body: bytes) -> tuple[ToolCall, ...]:  # noqa: ARG001 - the protocol's signature
    """The calls in an answer of a protocol whose answers ask for no tool."""
    return ()


@dataclass(slots=True)
class Fragments:
    """A call as it comes in over a stream. `sound` is false once two clients could read it differently."""

    pointer: str
    names: list[str] = field(default_factory=list[str])
    arguments: list[str] = field(default_factory=list[str])
    is_text: bool = False
    sound: bool = True

    def add_name(self, name: Json) -> None:
        """A piece of the name: one alone has one reading."""
        if isinstance(name, str):
            if name:
                self.names.append(name)
        elif name is not None:
            self.sound = False

    def add_arguments(self, text: Json) -> None:
        """The next piece of the arguments."""
        if isinstance(text, str):
            self.arguments.append(text)
        elif text is not None:
            self.sound = False

    def call(self) -> ToolCall:
        """The call that all pieces so far add up to."""
        text = "".join(self.arguments)
        name = self.names[0] if len(self.names) == 1 else ""
        if not self.sound or not name:
            return unreadable(self.pointer, f"{''.join(self.names)}\n{text}".encode(errors="replace"))
        if self.is_text:
            return ToolCall(self.pointer, name, text.encode(errors="replace"), Arguments.TEXT)
        return call_of_text(self.pointer, name, text)
