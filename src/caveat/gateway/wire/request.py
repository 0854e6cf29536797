"""What all protocols share in reading a request: strict JSON, the extension, the model's name, members."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from caveat.call.call import Form
from caveat.call.parts import Origin, RawPart, raw_part
from caveat.gateway.errors import RequestError
from caveat.gateway.wire.extension import Extension, parse_extension
from caveat.gateway.wire.history import (
    Beginning,
    Known,
    Message,
    Messages,
    inner,
    known_of,
    read_after,
    render_after,
)
from caveat.gateway.wire.pairing import Pairing
from caveat.gateway.wire.utterance import Utterance
from caveat.signing.canonical import Json, JsonObject, StrictJsonError, parse_strict

MAX_DEPTH = 48
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}\Z")
_STRICT_HINTS = {
    "duplicate_key": "every member of an object stands once",
    "number": "numbers are finite, and integers have 64 bits",
    "too_deep": f"at most {MAX_DEPTH} levels",
    "surrogate": "a lone surrogate is no character",
    "not_utf8": "the body is UTF-8",
}


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request as its protocol reads it. `forward`: the bytes for the upstream, without the extension.

    `known`: what need not be read again if the next request begins alike. `settled`: how many of the parts
    come before anything that stands behind its messages. `settled_bytes`: how many of `forward` do.
    `utterances`: its messages as they can be known again.
    """

    model: str
    stream: bool
    raw_parts: tuple[RawPart, ...]
    extension: Extension
    forward: bytes
    form: Form
    known: Known | None = field(default=None, compare=False, repr=False)
    settled: int = field(default=0, compare=False)
    settled_bytes: int = field(default=0, compare=False)
    is_rendered: bool = field(default=False, compare=False)
    pairing: Pairing = field(default_factory=Pairing)
    utterances: tuple[Utterance, ...] = field(default=(), compare=False, repr=False)

    @property
    def settled_forward(self) -> Beginning | None:
        """What `forward` begins with up to the end of its messages; None where that is not known."""
        if self.known is None:
            return None
        return Beginning.of(self.forward, self.settled_bytes) if self.is_rendered else self.known.prefix


@dataclass(frozen=True, slots=True)
class Document:
    """The JSON of a request without its extension, with the bytes that say the same.

    The list `member` has its new items alone: `before` are known. `rendered`: all its items as they stand in
    a `forward` that was rendered anew, up to its byte `settled_bytes`; None where `forward` is the body.
    """

    members: JsonObject
    extension: Extension
    forward: bytes
    body: bytes = b""
    member: str = ""
    before: Known | None = None
    rendered: bytes | None = None
    settled_bytes: int = 0

    def known(self, messages: Messages) -> Known | None:
        """What is known from now on, these being all of its messages."""
        return known_of(self.body, self.member, self.before, messages, self.rendered)

    def request(self, parts: Sequence[RawPart], form: Form, messages: Messages, settled: int) -> WireRequest:
        """The request with these parts, of which the first `settled` reach to the end of its messages."""
        known = self.known(messages)
        settled_bytes = self.settled_bytes
        if self.rendered is None and known is not None:
            settled_bytes = known.prefix.size
        return WireRequest(
            read_model(self.members),
            read_stream(self.members),
            tuple(parts),
            self.extension,
            self.forward,
            form,
            known,
            settled,
            settled_bytes,
            self.rendered is not None,
            messages.pairing,
            messages.utterances,
        )


def parse_document(
    body: bytes, *, max_bytes: int, model: str | None = None, member: str = "", known: Known | None = None
) -> Document:
    """The document in `body`. Without a `caveat` member the very bytes received are forwarded.

    A `model` from elsewhere, as a path, stands in place of the body's: what is forwarded then says so too.
    `known`: how `body` begins, its list `member` included; the caller has compared the bytes.
    """
    value = _parse(body, max_bytes, known)
    items = value.get(member)
    if known is not None and isinstance(items, list):
        del items[0]  # the placeholder
    renamed = model is not None and value.get("model") != model
    if renamed:
        value["model"] = model
    extended = "caveat" in value
    extension = parse_extension(value["caveat"]) if extended else Extension()
    members = {name: item for name, item in value.items() if name != "caveat"} if extended else value
    if not (extended or renamed):
        return Document(members, extension, body, body, member, known)
    if not isinstance(items, list):
        return Document(members, extension, orjson.dumps(members), body, member, known)
    before, after = b"" if known is None else known.rendering(), inner(items)
    rendered = b"%b%b%b" % (before, b"," if before and after else b"", after)
    forward, settled_bytes = render_after(members, member, rendered)
    return Document(members, extension, forward, body, member, known, rendered, settled_bytes)


def _parse(body: bytes, max_bytes: int, known: Known | None) -> JsonObject:
    if len(body) > max_bytes:
        raise body_too_large(max_bytes)
    shorter = body if known is None else known.shortened(body)
    try:
        value = parse_strict(shorter, max_bytes=max_bytes, max_depth=MAX_DEPTH, floats=True)
    except StrictJsonError as error:
        raise RequestError(
            400,
            "invalid_json",
            f"the body is not JSON that every parser reads alike: {error.code}",
            _STRICT_HINTS.get(error.code, "send one JSON object"),
        ) from error
    if not isinstance(value, dict):
        raise invalid_request("the body is a JSON object")
    return value


def body_too_large(max_bytes: int) -> RequestError:
    """413: the body passes the cap."""
    return RequestError(
        413, "request_too_large", f"the body is larger than {max_bytes} bytes", "send less at once"
    )


def invalid_request(message: str) -> RequestError:
    """400: the body has not the shape that its protocol asks for."""
    return RequestError(400, "invalid_request", message, "see the reference of this protocol")


def read_model(members: Mapping[str, Json]) -> str:
    """The model's name: it stands in records, so only a short plain name is taken."""
    model = members.get("model")
    if not isinstance(model, str) or _MODEL.match(model) is None:
        raise invalid_request("`model` is a name of at most 128 letters, digits and `._:/@+-`")
    return model


def read_stream(members: Mapping[str, Json]) -> bool:
    """Whether the caller asks for a stream."""
    stream = members.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise invalid_request("`stream` is a Boolean")
    return stream is True


def read_messages(document: Document, read: Callable[[str, JsonObject], Message]) -> Messages:
    """The messages, each an object with a role, as `read` reads it at its pointer."""
    messages = document.members.get("messages")
    if not isinstance(messages, list) or not (messages or document.before):
        raise invalid_request("`messages` is a list with at least one message")
    checked: list[JsonObject] = []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise invalid_request("a message is an object with a `role`")
        checked.append(message)
    return read_after(document.before, checked, lambda place, item: read(f"/messages/{place}", item))


def kind_of(value: Json) -> str:
    """The `type` of an object; empty where it has none that is a text."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def text_part(pointer: str, role: str, origin: Origin, text: str) -> Iterator[RawPart]:
    """The part of some text; none for an empty one, which carries nothing."""
    if text:
        yield raw_part(pointer, role, origin, "text/plain", text.encode())


def structure_part(pointer: str, role: str, value: Json, origin: Origin = Origin.STRUCTURE) -> RawPart:
    """The part of some JSON: its content is the compact rendering with sorted members."""
    rendered = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return raw_part(pointer, role, origin, "application/json", rendered)


def remaining_members(
    pointer: str, role: str, members: Mapping[str, Json], known: frozenset[str]
) -> Iterator[RawPart]:
    """One part of whatever else stands in an object: no field reaches the model unclassified.

    Numbers, Booleans and null carry no text and are left out.
    """
    rest: JsonObject = {
        name: value
        for name, value in members.items()
        if name not in known and isinstance(value, (str, list, dict)) and value
    }
    if rest:
        yield structure_part(pointer, role, rest)
