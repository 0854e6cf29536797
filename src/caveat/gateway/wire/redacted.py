"""Texts of a request and of an answer replaced in their place, in any of the protocols. Pure.

Laws: every text and every name of a member is read, save names and codes of the protocol at their own
places; of what does not change not a byte does; JSON within a text is read as JSON, so that no escape hides
a value and what becomes of it is JSON again; arguments of a call are not words of the answer. Source:
ADR-0031.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import orjson

from caveat.call.parts import Origin, RawPart
from caveat.gateway.wire.texts import NAMES, Path
from caveat.gateway.wire.tool_calls import AmbiguousError, parsed, read_alike
from caveat.signing.canonical import Json, JsonObject

Say: TypeAlias = Callable[[str], str]
MAX_DEPTH = 128
_CONTENT = frozenset({"messages", "input", "metadata"})
"""Below these a long number may be a person's; elsewhere it is a setting of the protocol."""
_NAMES_OF_REQUESTS = frozenset(
    {
        ("conversation",),
        ("conversation", "id"),
        ("function_call", "name"),
        ("functions", "*", "name"),
        ("input", "*", "approval_request_id"),
        ("input", "*", "call_id"),
        ("input", "*", "id"),
        ("input", "*", "name"),
        ("messages", "*", "content", "*", "id"),
        ("messages", "*", "content", "*", "name"),
        ("messages", "*", "content", "*", "signature"),
        ("messages", "*", "content", "*", "tool_use_id"),
        ("messages", "*", "function_call", "name"),
        ("messages", "*", "tool_call_id"),
        ("messages", "*", "tool_calls", "*", "custom", "name"),
        ("messages", "*", "tool_calls", "*", "function", "name"),
        ("messages", "*", "tool_calls", "*", "id"),
        ("model",),
        ("previous_response_id",),
        ("prompt", "id"),
        ("tool_choice", "function", "name"),
        ("tool_choice", "name"),
        ("tools", "*", "custom", "name"),
        ("tools", "*", "function", "name"),
        ("tools", "*", "name"),
    }
)
_CODE = re.compile(r"[A-Za-z0-9._:/+=-]*\Z")
"""How names and codes of a protocol are written."""
_WORD = re.compile(r"[a-z_]{1,40}\Z")
"""How a protocol writes the names of its members."""
_SORTS = frozenset({"role", "type"})
_TOKENS = frozenset({"logprobs", "prompt_logprobs", "prompt_token_ids", "token_ids"})
"""What says the text of an answer once more, token by token."""
_SOUNDS = frozenset({"b64_json", "partial_image_b64"})
_VECTORS = frozenset({"embedding"})
_ID = re.compile(r"(?:id|.+_id)\Z")


class UnreadableError(Exception):
    """What is to be replaced stands where nobody here can read or replace it."""


def unreadable_parts(parts: tuple[RawPart, ...]) -> int:
    """How many parts hold what cannot be read: images, files, what an endpoint keeps, unknown blocks."""
    return sum(
        part.origin is Origin.OPAQUE and (part.media_type != "text/plain" or part.role == "stored")
        for part in parts
    )


def request_with(body: bytes, say: Say) -> bytes:
    """The request with every text as `say` has it; the very bytes where none changes.

    Raises `UnreadableError` where two members would get one name.
    """
    value: Json = orjson.loads(body)
    said = _request(value, say, ())
    return body if said is value else orjson.dumps(said)


def _request(value: Json, say: Say, path: Path) -> Json:
    if isinstance(value, str):
        return value if _is_name_of_request(path, value) else text_with(value, say)
    if isinstance(value, list):
        return _list([_request(item, say, (*path, at)) for at, item in enumerate(value)], value)
    if isinstance(value, dict):
        if path[-1:] == ("input",) and path[0] == "messages":
            return json_with(value, say)  # of a call: its members are its tool's, not the protocol's
        rows = ((name, _request(item, say, (*path, name))) for name, item in value.items())
        return _object(rows, value, lambda name: name if _WORD.match(name) else say(name))
    return _number(value, say) if path[:1] and path[0] in _CONTENT else value


def _is_name_of_request(path: Path, value: str) -> bool:
    steps = tuple("*" if isinstance(step, int) else step for step in path)
    named = steps in _NAMES_OF_REQUESTS or (steps and steps[-1] in _SORTS)
    return bool(named) and _CODE.match(value) is not None


def json_with(value: Json, say: Say, depth: int = 0) -> Json:
    """Some JSON with every text, name and number as `say` has it; the very same where nothing changes."""
    if depth > MAX_DEPTH:
        raise UnreadableError
    if isinstance(value, str):
        return text_with(value, say, depth + 1)
    if isinstance(value, list):
        return _list([json_with(item, say, depth + 1) for item in value], value)
    if isinstance(value, dict):
        rows = ((name, json_with(item, say, depth + 1)) for name, item in value.items())
        return _object(rows, value, say)
    return _number(value, say)


def text_with(text: str, say: Say, depth: int = 0) -> str:
    """A text as `say` has it. One that is JSON stays JSON."""
    if text[:1] in ("{", "[", " ", "\n", "\t") and text.lstrip()[:1] in ("{", "["):
        value = parsed(text.encode(errors="replace"))
        if isinstance(value, (dict, list)):
            said = json_with(value, say, depth)
            return text if said is value else orjson.dumps(said).decode()
    return say(text)


def _list(said: list[Json], value: list[Json]) -> Json:
    return value if all(one is other for one, other in zip(said, value, strict=True)) else said


def _object(rows: Iterable[tuple[str, Json]], value: JsonObject, say: Say) -> Json:
    said: JsonObject = {}
    same = True
    for name, item in rows:
        called = say(name)
        if called in said:
            raise UnreadableError
        same = same and called == name and item is value[name]
        said[called] = item
    return value if same else said


def _number(value: Json, say: Say) -> Json:
    """A number that is a value becomes the text of its placeholder."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    text = str(value)
    said = say(text)
    return value if said == text else said


class AnswerTexts:
    """What becomes of an answer: its words by one rule, the arguments of its calls by that of their tool."""

    def __init__(
        self, words: Say, arguments: Callable[[str], Say], unread: Callable[[str], Say], *, strict: bool
    ) -> None:
        """`arguments`: the rule of a tool by its name; `unread`: the same where they are no JSON.

        `strict`: what nobody can read may not leave.
        """
        self._words = words
        self._arguments = arguments
        self._unread = unread
        self._strict = strict

    def whole(self, body: bytes) -> bytes:
        """A whole answer; raises `UnreadableError`. What is no JSON is one text."""
        try:
            value = read_alike(body)
        except AmbiguousError as error:
            raise UnreadableError from error
        except ValueError:
            text = body.decode(errors="replace")
            said = self._words(text)
            return body if said == text else said.encode()
        put = self.value(value)
        return body if put is value else orjson.dumps(put)

    def value(self, value: Json, skip: frozenset[Path] = frozenset(), path: Path = ()) -> Json:
        """Some JSON of an answer, but for the texts at `skip`; the very same where nothing changes."""
        if len(path) > MAX_DEPTH:
            raise UnreadableError
        if isinstance(value, str):
            return value if path in skip or _is_name(path, value) else self._words(value)
        if isinstance(value, list):
            return _list([self.value(item, skip, (*path, at)) for at, item in enumerate(value)], value)
        if not isinstance(value, dict):
            return value
        self._check(value)
        name, member = call_in(value)
        said: JsonObject = {}
        for key, item in value.items():
            if key in _TOKENS and item:
                said[key] = [] if isinstance(item, list) else None
            elif member is not None and key == member and (*path, key) not in skip:
                is_text = key == "input" and isinstance(item, str)
                said[key] = self.text_arguments(name, str(item)) if is_text else self.arguments(name, item)
            elif member is not None and key == "name":
                said[key] = item
            else:
                said[key] = self.value(item, skip, (*path, key))
        return value if all(said[key] is item for key, item in value.items()) else said

    def arguments(self, name: str, given: Json) -> Json:
        """The arguments of a call of this tool. What is restored in JSON is spelt as JSON has it."""
        if isinstance(given, str):
            value = parsed(given.encode(errors="replace"))
            if isinstance(value, dict):
                said = json_with(value, self._arguments(name))
                return given if said is value else orjson.dumps(said).decode()
            return self._unread(name)(given)
        return json_with(given, self._arguments(name))

    def text_arguments(self, name: str, given: str) -> str:
        """The arguments of a tool that takes a text."""
        said = text_with(given, self._arguments(name))
        return given if said == given else said

    def _check(self, value: JsonObject) -> None:
        """Sounds and pictures cannot be read, so where anything is to be replaced they do not leave."""
        if not self._strict:
            return
        sound = value.get("audio")
        kind = value.get("type")
        if (
            any(value.get(name) for name in _SOUNDS)
            or (isinstance(sound, dict) and sound.get("data"))
            or (kind == "image_generation_call" and value.get("result"))
            or (isinstance(kind, str) and kind.startswith("response.audio.delta"))
        ):
            raise UnreadableError


def call_in(value: Mapping[str, Json]) -> tuple[str, str | None]:
    """The tool that an object calls, and the member with its arguments; None where it is no call."""
    name = value.get("name")
    called = name if isinstance(name, str) else ""
    if isinstance(value.get("arguments"), str):
        return called, "arguments"
    if isinstance(value.get("input"), (dict, str)) and (called or value.get("type") == "custom_tool_call"):
        return called, "input"
    return called, None


def _is_name(path: Path, value: str) -> bool:
    """Whether a text is a name or code of the protocol, which nothing is put in the place of."""
    last = path[-1] if path else ""
    if not isinstance(last, str):
        return len(path) > 1 and path[-2] in _VECTORS
    return last in _VECTORS or (
        (last in NAMES or _ID.match(last) is not None) and _CODE.match(value) is not None
    )
