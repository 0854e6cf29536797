"""A stream with values replaced and placeholders restored, wherever its events cut them.

Laws: events leave whole, in the order in which they came, and those that nothing changes byte for byte; a
value that is cut over events stands in the event where it begins; no part of one leaves before the whole of
it is settled; arguments of a call are read when they are complete, as their tool will; no more waits than
the cap; what cannot be read ends the stream. Source: ADR-0031.
"""

import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import orjson

from caveat.gateway.errors import UpstreamError
from caveat.gateway.redacting import AnswerRedaction
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.redacted import UnreadableError
from caveat.gateway.wire.texts import EventTexts, Path, Text, event_texts, put_texts
from caveat.gateway.wire.tool_calls import event_data, read_alike
from caveat.screens.redaction import Answering, Change, Following, OpenError, changed
from caveat.signing.canonical import Json, JsonObject

MAX_HELD_BYTES = 8 * 1024 * 1024
MAX_TEXTS = 4096
_EVENT = re.compile(rb"(?<=\n\n)|(?<=\r\r)|(?<=\r\n\r\n)")
_HOLDS_CALLS = frozenset({"function", "custom", "function_call", "content_block"})


class _Arguments:
    """The arguments of one call: nothing of them is settled before all of them are there."""

    def __init__(self, redaction: AnswerRedaction, name: str, *, is_text: bool) -> None:
        self._redaction = redaction
        self._name = name
        self._is_text = is_text
        self._pieces: list[str] = []
        self.length = self.settled = 0
        self.changes: list[Change] = []

    def feed(self, text: str, *, last: bool = False) -> None:
        self._pieces.append(text)
        self.length += len(text)
        if not last:
            return
        given = "".join(self._pieces)
        texts = self._redaction.texts
        said = (
            texts.text_arguments(self._name, given) if self._is_text else texts.arguments(self._name, given)
        )
        if said != given:
            self.changes.append(Change(0, len(given), str(said), "", restores=True))
        self.settled = self.length

    def forget(self, until: int) -> None:
        """There is one change, and it is needed to the end."""


_Channel = Following | _Arguments


@dataclass(slots=True)
class _Piece:
    """A piece of a channel's text, from `start` on, at `path` of its event."""

    channel: _Channel
    path: Path
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def said(self) -> str:
        return changed(self.text, self.start, self.channel.changes)


@dataclass(slots=True)
class _Event:
    """An event that waits. `value`: as it was; `said`: with everything but its pieces as it will be."""

    data: bytes
    value: Json
    said: Json
    pieces: list[_Piece] = field(default_factory=list[_Piece])

    @property
    def is_settled(self) -> bool:
        return all(piece.channel.settled >= piece.end for piece in self.pieces)

    def render(self) -> bytes:
        """The event as it leaves: the very bytes where nothing changed."""
        put = {piece.path: said for piece in self.pieces if (said := piece.said()) != piece.text}
        for piece in self.pieces:
            piece.channel.forget(piece.end)
        if not put and self.said is self.value:
            return self.data
        return _with_data(self.data, orjson.dumps(put_texts(self.said, put)))


class _Reading:
    """All texts of one stream."""

    def __init__(self, redaction: AnswerRedaction) -> None:
        self._redaction = redaction
        self._channels: dict[str, _Channel] = {}
        self._names: dict[str, str] = {}

    def take(self, data: bytes, value: Json) -> _Event:
        """The event with these data, with all that is known of it so far."""
        texts = event_texts(value)
        self._note_names(value, texts)
        channels = [text for text in texts.texts if text.channel]
        own = [text for text in channels if not _is_name(text.path)]
        said = self._redaction.texts.value(self._with_name(value), frozenset(text.path for text in channels))
        event = _Event(data, value, self._without_name(value, said))
        for text in own:
            channel = self._channel(value, text)
            event.pieces.append(_Piece(channel, text.path, text.text, channel.length))
            channel.feed(text.text)
        self._end(texts)
        return event

    def end(self, beginning: str = "") -> None:
        """Nothing follows on the channels whose names begin so."""
        for name in [name for name in self._channels if name.startswith(beginning)]:
            self._channels.pop(name).feed("", last=True)

    def _end(self, texts: EventTexts) -> None:
        for beginning in texts.ended:
            self.end(beginning)

    def _channel(self, value: Json, text: Text) -> _Channel:
        channel = self._channels.get(text.channel)
        if channel is None:
            if len(self._channels) >= MAX_TEXTS:
                raise too_large("more texts at once than this gateway follows")
            channel = self._channels[text.channel] = self._new(value, text)
        return channel

    def _new(self, value: Json, text: Text) -> _Channel:
        kind = value.get("type") if isinstance(value, dict) else None
        last = text.path[-1]
        sort = kind if isinstance(kind, str) else ""
        of_response = sort.startswith("response.") and sort.endswith((".delta",))
        if (of_response and "_call_input" in sort) or (text.path[-2:] == ("custom", "input")):
            return _Arguments(self._redaction, self._name_of(text.channel), is_text="custom" in text.channel)
        if last in ("arguments", "partial_json") or (of_response and "arguments" in sort):
            return _Arguments(self._redaction, self._name_of(text.channel), is_text=False)
        words: Answering = self._redaction.words
        return words.follow()

    def _note_names(self, value: Json, texts: EventTexts) -> None:
        """Which tool a call is of, said before its arguments, or with the first of them."""
        for key, name in _names(value, texts):
            self._names.setdefault(key, name)

    def _name_of(self, channel: str) -> str:
        """A channel goes by the place of its call: what stands before its last step."""
        for key in (channel.rpartition("/")[0], channel.rpartition(" ")[0], " ".join(channel.split(" ")[:2])):
            if key in self._names:
                return self._names[key]
        return ""

    def _with_name(self, value: Json) -> Json:
        """An event that repeats the arguments of a call, with the name of its tool."""
        if not isinstance(value, dict) or "name" in value:
            return value
        if not any(isinstance(value.get(member), str) for member in ("arguments", "input")):
            return value
        return {**value, "name": self._names.get(f"item {value.get('output_index')}", "")}

    @staticmethod
    def _without_name(value: Json, said: Json) -> Json:
        """Without the name that was added."""
        if isinstance(value, dict) and isinstance(said, dict) and "name" in said and "name" not in value:
            bare: JsonObject = {key: item for key, item in said.items() if key != "name"}
            return value if all(bare[key] is item for key, item in value.items()) else bare
        return said


def _names(value: Json, texts: EventTexts) -> Iterator[tuple[str, str]]:
    """The place of each call in an event, as channels begin, with the name of its tool."""
    if not isinstance(value, dict):
        return
    for text in texts.texts:
        if text.channel and _is_name(text.path):
            yield text.channel.rpartition("/")[0], text.text
    for member, at in (("content_block", "index"), ("item", "output_index")):
        held = value.get(member)
        if isinstance(held, dict) and isinstance(name := held.get("name"), str):
            yield f"item {value.get(at)}", name


def _is_name(path: Path) -> bool:
    """Whether a text is the name of the tool that is called."""
    return len(path) > 1 and path[-1] == "name" and path[-2] in _HOLDS_CALLS


async def redact_stream(
    arriving: AsyncIterator[bytes], wire: Wire, redaction: AnswerRedaction
) -> AsyncIterator[bytes]:
    """The windows of a stream as they may leave.

    Raises `UpstreamError` for what cannot be read, and where more waits than may.
    """
    reading = _Reading(redaction)
    waiting: deque[_Event] = deque()
    held = 0
    async for window in arriving:
        with _Limits():
            for event in _EVENT.split(window):
                if event:
                    waiting.append(_read(reading, wire, event))
                    held += len(event)
            leaving: list[bytes] = []
            while waiting and waiting[0].is_settled:
                held -= len(waiting[0].data)
                leaving.append(waiting.popleft().render())
        if held > MAX_HELD_BYTES:
            raise too_large("more of an answer than this gateway holds back")
        if leaving:
            yield b"".join(leaving)
    with _Limits():
        reading.end()
        rest = b"".join(event.render() for event in waiting)
    if rest:
        yield rest


def redact_whole(body: bytes, redaction: AnswerRedaction | None) -> bytes:
    """A whole answer as it may leave; the very bytes where nothing changes. Raises `UpstreamError`."""
    if redaction is None:
        return body
    with _Limits():
        return redaction.texts.whole(body)


class _Limits:
    """Says in the words of an upstream's fault what an answer must not be."""

    def __enter__(self) -> None:
        """Nothing to open."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Lets every other error through as it is."""
        if isinstance(error, OpenError):
            raise too_large("a value without an end, and it may have to be redacted") from error
        if isinstance(error, UnreadableError):
            raise unreadable() from error


def _read(reading: _Reading, wire: Wire, event: bytes) -> _Event:
    found = list(event_data(event))
    if len(found) > 1:
        raise _invalid(wire)  # clients could take it for one event or for several
    if not found or found[0].strip() == b"[DONE]":
        return _Event(event, None, None)
    try:
        value = read_alike(found[0])
    except ValueError as error:
        raise _invalid(wire) from error
    return reading.take(event, value)


def _with_data(event: bytes, data: bytes) -> bytes:
    """The event with other data, and every other line as it is."""
    lines: list[bytes] = []
    put = False
    for line in event.splitlines(keepends=True):
        name, colon, _ = line.partition(b":")
        if (name if colon else name.strip()).removeprefix(b"\xef\xbb\xbf") != b"data":
            lines.append(line)
        elif not put:
            lines.append(b"data: " + data + line[len(line.rstrip(b"\r\n")) :])
            put = True
    return b"".join(lines)


def unreadable() -> UpstreamError:
    """The answer holds what nobody here can read, and a clause has content of it replaced."""
    return UpstreamError(
        502,
        "answer_unreadable",
        "the answer holds sound or pictures, in which nobody can find what the policy has replaced",
        "ask for text alone",
    )


def too_large(what: str) -> UpstreamError:
    """The answer keeps more waiting than may."""
    return UpstreamError(502, "upstream_too_large", f"the model's endpoint sent {what}")


def _invalid(wire: Wire) -> UpstreamError:
    return UpstreamError(
        502, "upstream_invalid", f"the model's endpoint sent an event that is not {wire.NAME}'s"
    )
