"""Text between its endpoint and the caller: read as it arrives, released once what follows cannot change it.

Laws: events leave whole, unchanged and in the order in which they came; of a text that turns out to be
refused, nothing leaves from the first character on that was still held back; no more waits than the bundle
says, and no more than the cap; what cannot be read ends the stream. Source: DESIGN section 4, ADR-0027.
"""

import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

from caveat.gateway.errors import GatewayError, UpstreamError
from caveat.gateway.refusal import refusal_message
from caveat.gateway.ruling import Ruling
from caveat.gateway.screening import CONTEXT_CHARS, Scores, Screening, phrase_scores
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.texts import NO_TEXTS, EventTexts, event_texts
from caveat.gateway.wire.tool_calls import event_data, read_alike
from caveat.screens.phrases import PhraseScan
from caveat.signing.canonical import Json

MAX_HELD_BYTES = 8 * 1024 * 1024
MAX_TEXTS = 4096
_EVENT = re.compile(rb"(?<=\n\n)|(?<=\r\r)|(?<=\r\n\r\n)")


class OutputRefusedError(GatewayError):
    """What a stream was about to say was refused. The caller gets the refusal of `ruling`."""

    def __init__(self, ruling: Ruling) -> None:
        """Of a ruling that is not released."""
        super().__init__(403, "output_refused", refusal_message(ruling.decision))
        self.ruling = ruling


Decide = Callable[[Scores], Awaitable[Ruling]]


@dataclass(slots=True)
class _Channel:
    """One text under way. `length`: characters so far. `read_to`: how many of them the panel has read.

    `unread`: what it has not. `context`: as much before it as is read with it again.
    """

    scan: PhraseScan
    length: int = 0
    ended: bool = False
    read_to: int = 0
    unread: str = ""
    context: str = ""

    def clear_to(self, hold_back: int) -> int:
        """How many characters may leave: none of what may yet be noticed, or of as much before it."""
        return min(self.read_to, self.length if self.ended else self.scan.waits_from - hold_back)

    def window(self) -> str:
        """What the panel is to read now; from here on it counts as read."""
        text = self.context + self.unread
        self.context, self.unread, self.read_to = text[-CONTEXT_CHARS:], "", self.length
        return text


class _Reading:
    """All texts of one stream, with what was found in them."""

    def __init__(self, screening: Screening) -> None:
        self._screening = screening
        self._channels: dict[str, _Channel] = {}
        self._loose: list[str] = []
        self.scores = screening.nothing_found()
        self.rose = False

    def take(self, texts: EventTexts) -> list[tuple[_Channel, int]]:
        """Reads the texts of an event; returns how far each must be clear before the event may leave."""
        waits: list[tuple[_Channel, int]] = []
        for text in texts.texts:
            if not text.channel:
                self._found(self._screening.phrases_in(text.text))
                self._loose.append(text.text)
                continue
            channel = self._channels.get(text.channel)
            if channel is None or channel.ended:
                if len(self._channels) >= MAX_TEXTS:
                    raise _too_large("more texts at once than this gateway follows")
                channel = self._channels[text.channel] = _Channel(self._screening.screen.follow())
            channel.length += len(text.text)
            channel.unread += text.text
            self._found(phrase_scores(channel.scan.feed(text.text)))
            waits.append((channel, channel.length))
        for beginning in texts.ended:
            self.end(beginning)
        return waits

    def end(self, beginning: str = "") -> None:
        """Nothing follows on the channels whose names begin so."""
        for name, channel in self._channels.items():
            if not channel.ended and name.startswith(beginning):
                self._found(phrase_scores(channel.scan.feed("", last=True)))
                channel.ended = True

    async def read(self) -> None:
        """Has the panel read each text of which a window came or which ended, and each that stands alone."""
        panel = self._screening.panel
        for text in self._loose if panel.seats else ():
            self._found(await panel.read(text))
        self._loose.clear()
        for channel in self._channels.values():
            if not panel.seats:
                channel.read_to, channel.unread = channel.length, ""
            elif channel.unread and (channel.ended or len(channel.unread) >= self._screening.window_chars):
                self._found(await panel.read(channel.window()))

    def _found(self, found: Scores) -> None:
        for fact, score in found.items():
            if score.value > self.scores[fact].value:
                self.scores[fact], self.rose = score, True


async def hold_texts(
    arriving: AsyncIterator[bytes], wire: Wire, screening: Screening | None, decide: Decide
) -> AsyncIterator[bytes]:
    """The windows of a stream, each as soon as what it says can no longer belong to anything noticed.

    Whenever a score rises, `decide` rules before anything more leaves; raises `OutputRefusedError` where the
    ruling is not released, and `UpstreamError` for events that are no JSON. Without a screening nothing is
    read, so nothing waits.
    """
    if screening is None:
        async for window in arriving:
            yield window
        return
    reading = _Reading(screening)
    waiting: deque[tuple[bytes, list[tuple[_Channel, int]]]] = deque()
    held = 0
    async for window in arriving:
        for event in _EVENT.split(window):
            if not event:
                continue
            waiting.append((event, [wait for texts in _texts(wire, event) for wait in reading.take(texts)]))
            held += len(event)
        if held > MAX_HELD_BYTES:
            raise _too_large("more text without an end than this gateway holds back")
        await reading.read()
        await _rule(reading, decide)
        clear = list(_clear(waiting, screening.hold_back_chars))
        if clear:
            held -= sum(map(len, clear))
            yield b"".join(clear)
    reading.end()
    await reading.read()
    await _rule(reading, decide)
    if waiting:
        yield b"".join(event for event, _ in waiting)


async def _rule(reading: _Reading, decide: Decide) -> None:
    if reading.rose:
        reading.rose = False
        ruling = await decide(dict(reading.scores))
        if not ruling.released:
            raise OutputRefusedError(ruling)


def _clear(waiting: deque[tuple[bytes, list[tuple[_Channel, int]]]], hold_back: int) -> Iterator[bytes]:
    while waiting and all(channel.clear_to(hold_back) >= end for channel, end in waiting[0][1]):
        yield waiting.popleft()[0]


def _texts(wire: Wire, event: bytes) -> Iterator[EventTexts]:
    """The texts in an event, or in all that a client might take for one."""
    for data in event_data(event):
        value = _parsed(wire, data)
        yield NO_TEXTS if value is None else event_texts(value)


def _parsed(wire: Wire, data: bytes) -> Json:
    """The JSON of an event; None for the end mark. What nobody can read, nobody has decided."""
    if data.strip() == b"[DONE]":
        return None
    try:
        return read_alike(data)
    except ValueError as error:
        raise UpstreamError(
            502, "upstream_invalid", f"the model's endpoint sent an event that is not {wire.NAME}'s"
        ) from error


def _too_large(what: str) -> UpstreamError:
    return UpstreamError(502, "upstream_too_large", f"the model's endpoint sent {what}")
