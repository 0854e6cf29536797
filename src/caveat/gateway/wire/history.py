"""The messages of a request that were read before, so that reading costs what is new.

A conversation is sent whole each time. Where a body begins with the very bytes of one that was read, up to
the end of a message of the same list, those messages are what they were: the rest is parsed with one
placeholder in their stead. Laws, each a property test: whatever is known, reading gives what reading alone
gives, the same request or the same error; what is known of a message is a function of its bytes and its
place alone. Source: ADR-0029.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import orjson

from caveat.call.parts import RawPart
from caveat.gateway.wire.pairing import NOTHING, Exchanged, Pairing
from caveat.gateway.wire.utterance import Utterance
from caveat.signing.canonical import Json, JsonObject

LAST_BYTES = 512
MIN_BYTES = 4096
"""A shorter body is read whole: there is nothing to save."""
_PLACEHOLDER = b"{}"
"""Ends as a message does, so that what follows can be no part of it."""
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as its protocol reads it.

    `plain`: it is a role and text. `tools`: names of tools that it defines.
    """

    parts: tuple[RawPart, ...]
    plain: bool = False
    tools: frozenset[str] = frozenset()
    exchanged: Exchanged = NOTHING
    utterance: Utterance | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first `size` bytes of something, in pieces that are shared with what it goes on from. `last`: the
    last of the bytes."""

    pieces: tuple[bytes, ...]
    size: int
    last: bytes

    @classmethod
    def of(cls, whole: bytes, size: int, before: "Beginning | None" = None) -> "Beginning":
        """The first `size` bytes of `whole`, which begins with `before`."""
        start, pieces = (0, ()) if before is None else (before.size, before.pieces)
        more = (whole[start:size],) if size > start else ()
        return cls((*pieces, *more), size, whole[max(0, size - LAST_BYTES) : size])

    def begins(self, whole: bytes) -> bool:
        """Whether `whole` begins with exactly these bytes."""
        at = 0
        for piece in self.pieces:
            if not whole.startswith(piece, at):
                return False
            at += len(piece)
        return True

    def joined(self) -> bytes:
        """The bytes."""
        return b"".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Known:
    """The first `count` messages of a request. `prefix`: the body from its first byte to their end.

    `opened`: how many bytes stand before the first of them. `rendered`: the messages as they are written
    where a request is rendered anew; None where it never was.
    """

    prefix: Beginning
    opened: int
    count: int
    parts: tuple[RawPart, ...]
    plain: bool
    tools: frozenset[str]
    rendered: bytes | None = None
    pairing: Pairing = field(default_factory=Pairing)
    utterances: tuple[Utterance, ...] = ()

    def shortened(self, body: bytes) -> bytes:
        """`body`, which begins with `prefix`, with a placeholder where the known messages stand."""
        return b"%b%b%b" % (body[: self.opened], _PLACEHOLDER, body[self.prefix.size :])

    def rendering(self) -> bytes:
        """The known messages as rendering writes them, with commas between."""
        if self.rendered is not None:
            return self.rendered
        values: list[Json] = json.loads(b"[%b]" % self.prefix.joined()[self.opened :])
        return inner(values)


_Item = TypeVar("_Item")


def inner(values: Sequence[Json]) -> bytes:
    """The items of a list as rendering writes them, without its brackets."""
    return orjson.dumps(values)[1:-1]


@dataclass(frozen=True, slots=True)
class Messages:
    """All messages of a request: those that were known, and the new ones."""

    parts: tuple[RawPart, ...]
    plain: bool = False
    tools: frozenset[str] = frozenset()
    count: int = 0
    pairing: Pairing = field(default_factory=Pairing)
    utterances: tuple[Utterance, ...] = ()


def read_after(known: Known | None, new: Sequence[_Item], read: Callable[[int, _Item], Message]) -> Messages:
    """The known messages and then the new ones, each read at its place; raises what `read` raises."""
    count, plain, tools = (known.count, known.plain, known.tools) if known else (0, True, frozenset[str]())
    pairing = known.pairing if known else Pairing()
    parts: list[RawPart] = []
    said: list[Utterance] = []
    for place, value in enumerate(new, start=count):
        message = read(place, value)
        parts += message.parts
        plain = plain and message.plain
        tools |= message.tools
        pairing = pairing.after(message.exchanged)
        if message.utterance is not None:
            said.append(message.utterance)
    earlier, before = (known.parts, known.utterances) if known else ((), ())
    return Messages((*earlier, *parts), plain, tools, count + len(new), pairing, (*before, *said))


def known_of(
    body: bytes, member: str, before: Known | None, messages: Messages, rendered: bytes | None
) -> Known | None:
    """What is known of `body` from now on: a body that was read, whose list `member` has these messages.

    None where the end of its last message cannot be told, or where it is not worth it.
    """
    if len(body) < MIN_BYTES:
        return None
    if before is None:
        opened = start = _opening(body, b'"%b"' % member.encode())
    else:
        opened, start = before.opened, before.prefix.size
    if opened is None or start is None:
        return None
    end, count = _end_of_objects(body, start)
    count += 0 if before is None else before.count
    if before is not None and end is None and count == messages.count:
        return replace(before, rendered=rendered or before.rendered)
    if end is None or count != messages.count:
        return None  # items that are no objects: nobody can tell where one ends
    prefix = Beginning.of(body, end, None if before is None else before.prefix)
    return Known(
        prefix,
        opened,
        count,
        messages.parts,
        messages.plain,
        messages.tools,
        rendered,
        messages.pairing,
        messages.utterances,
    )


def _opening(body: bytes, key: bytes) -> int | None:
    """Where the list that is the outermost member `key` begins, behind its bracket. `body` is valid JSON."""
    depth, last = 0, b""
    for match in _TOKEN.finditer(body):
        token = match[0]
        if token in (b"{", b"["):
            if token == b"[" and depth == 1 and last == key:
                return match.end()
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
        elif depth == 1:
            last = token
    return None


def _end_of_objects(body: bytes, start: int) -> tuple[int | None, int]:
    """Where the last object of the list that is open at `start` ends, and how many objects it has from
    there on; None where there is none. `body` is valid JSON."""
    depth, count, end = 0, 0, None
    for match in _TOKEN.finditer(body, start):
        token = match[0]
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
            if depth < 0:
                break
            if depth == 0 and token == b"}":
                count, end = count + 1, match.end()
    return end, count


def render_after(members: JsonObject, member: str, rendered: bytes) -> tuple[bytes, int]:
    """`members` as rendering writes them, save that the list `member` has exactly the items in `rendered`;
    and how many bytes go up to their end."""
    pieces: list[bytes] = []
    size, end = 1, 0
    for name, value in members.items():
        content = b"[%b]" % rendered if name == member else orjson.dumps(value)
        piece = b"%b:%b" % (orjson.dumps(name), content)
        pieces.append(piece)
        size += len(piece) + 1  # and a comma, or the last brace
        if name == member:
            end = size - 2
    return b"{%b}" % b",".join(pieces), end
