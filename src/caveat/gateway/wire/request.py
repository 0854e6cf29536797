"""What all protocols share in reading a request: strict JSON, the extension, the model's name, members."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from caveat.call.call import Form
from caveat.call.parts import Origin, RawPart, raw_part
from caveat.gateway.errors import RequestError
from caveat.gateway.wire.extension import Extension, parse_extension
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
    """A request as its protocol reads it. `forward`: the bytes for the upstream, without the extension."""

    model: str
    stream: bool
    raw_parts: tuple[RawPart, ...]
    extension: Extension
    forward: bytes
    form: Form


@dataclass(frozen=True, slots=True)
class Document:
    """The JSON of a request without its extension, with the bytes that say the same."""

    members: JsonObject
    extension: Extension
    forward: bytes


def parse_document(body: bytes, *, max_bytes: int, model: str | None = None) -> Document:
    """The document in `body`. Without a `caveat` member the very bytes received are forwarded.

    A `model` from elsewhere, as a path, stands in place of the body's: what is forwarded then says so too.
    """
    try:
        value = parse_strict(body, max_bytes=max_bytes, max_depth=MAX_DEPTH, floats=True)
    except StrictJsonError as error:
        if error.code == "too_large":
            raise body_too_large(max_bytes) from error
        raise RequestError(
            400,
            "invalid_json",
            f"the body is not JSON that every parser reads alike: {error.code}",
            _STRICT_HINTS.get(error.code, "send one JSON object"),
        ) from error
    if not isinstance(value, dict):
        raise invalid_request("the body is a JSON object")
    renamed = model is not None and value.get("model") != model
    if renamed:
        value["model"] = model
    if "caveat" not in value:
        return Document(value, Extension(), orjson.dumps(value) if renamed else body)
    extension = parse_extension(value["caveat"])
    members = {name: member for name, member in value.items() if name != "caveat"}
    return Document(members, extension, orjson.dumps(members))


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


def read_messages(members: Mapping[str, Json]) -> list[JsonObject]:
    """The messages, each an object with a role."""
    messages = members.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid_request("`messages` is a list with at least one message")
    checked: list[JsonObject] = []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise invalid_request("a message is an object with a `role`")
        checked.append(message)
    return checked


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
