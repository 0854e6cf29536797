"""Images, audio and files in line: bound by the digest of their own bytes, and never words.

Guarantee: the payload is one opaque part of exactly the bytes that any strict decoder finds, so evidence over
a file covers the file wherever it is sent; whatever stands beside it is a part of its own, byte for byte. A
block whose payload can be read in two ways, refers to something stored elsewhere, or has a member that nobody
here knows, is not taken apart: it is opaque as a whole. Source: RFC 4648 section 4, RFC 2397, ADR-0025.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from caveat.call.parts import Origin, RawPart, raw_part
from caveat.gateway.wire.request import kind_of, structure_part
from caveat.signing.canonical import Json, JsonObject

_DATA_URL = re.compile(r"data:([a-z0-9]{1,32}/[a-z0-9.+-]{1,64});base64,")
_MEDIA_TYPE = re.compile(r"[a-z0-9]{1,32}/[a-z0-9.+-]{1,64}\Z")
_UNNAMED = "application/octet-stream"


class Encoding(StrEnum):
    """How bytes stand in JSON. `file`: a data URL or plain base64, as file contents are sent."""

    DATA_URL = "data_url"
    BASE64 = "base64"
    FILE = "file"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Place:
    """Where blocks of one kind hold bytes: the members that lead there, and what may stand beside them.

    `beside` are names at the block's own level or at the payload's. `fixed`: members at the payload's level
    that must have these very values.
    """

    path: tuple[str, ...]
    encoding: Encoding
    beside: frozenset[str] = frozenset()
    fixed: tuple[tuple[str, str], ...] = ()


Places = Mapping[str, tuple[Place, ...]]


def media_parts(places: Places, pointer: str, role: str, origin: Origin, block: Json) -> tuple[RawPart, ...]:
    """The payload and what stands beside it; the whole block as one opaque part where that cannot be told."""
    if isinstance(block, dict):
        for place in places.get(kind_of(block), ()):
            found = _taken_apart(place, block)
            if found is not None:
                media_type, payload, rest = found
                at = "/".join((pointer, *place.path))
                # Beside what a tool returned stand a tool's words.
                near = Origin.OPAQUE if origin is Origin.TOOL else Origin.STRUCTURE
                return (
                    structure_part(pointer, role, rest, near),
                    raw_part(at, role, Origin.OPAQUE, media_type, payload),
                )
    return (structure_part(pointer, role, block, Origin.OPAQUE),)


def _taken_apart(place: Place, block: JsonObject) -> tuple[str, bytes, JsonObject] | None:
    holder: Json = block
    fixed = frozenset(key for key, _ in place.fixed)
    for depth, name in enumerate(place.path):
        last = depth == len(place.path) - 1
        known = {name} | place.beside | (fixed if last else frozenset[str]())
        if not isinstance(holder, dict) or not holder.keys() <= (known if depth else known | {"type"}):
            return None
        if last:
            break
        holder = holder.get(name)
    if not isinstance(holder, dict) or any(holder.get(key) != value for key, value in place.fixed):
        return None
    text = holder.get(place.path[-1])
    found = _decoded(place.encoding, text) if isinstance(text, str) and text else None
    if found is None:
        return None
    prefix, payload = found
    named = _media_type(place, prefix, holder)
    return None if named is None else (named, payload, _replaced(block, place.path, prefix))


def _decoded(encoding: Encoding, text: str) -> tuple[str, bytes] | None:
    """What stands before the payload, and the payload; None where decoders might differ about it."""
    if encoding is Encoding.TEXT:
        return "", text.encode()
    url = _DATA_URL.match(text) if encoding is not Encoding.BASE64 else None
    if url is None and encoding is Encoding.DATA_URL:
        return None
    prefix = "" if url is None else url[0]
    encoded = text[len(prefix) :]
    try:
        payload = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Unused bits and odd padding decode alike here and differently elsewhere.
    return (prefix, payload) if payload and base64.b64encode(payload).decode() == encoded else None


def _media_type(place: Place, prefix: str, holder: JsonObject) -> str | None:
    if prefix:
        return prefix[len("data:") : -len(";base64,")]
    if place.encoding is Encoding.TEXT:
        return "text/plain"
    named = holder.get("media_type", _UNNAMED)
    return named if isinstance(named, str) and _MEDIA_TYPE.match(named) else None


def _replaced(block: JsonObject, path: tuple[str, ...], prefix: str) -> JsonObject:
    inner = block[path[0]]
    rest: Json = _replaced(inner, path[1:], prefix) if isinstance(inner, dict) else prefix
    return {**block, path[0]: rest}
