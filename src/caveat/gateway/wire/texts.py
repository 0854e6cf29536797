"""The texts of an answer: of a whole one, and of the events that a stream adds up to one from. Pure.

Laws: whatever string an answer holds is a text, the names of its members included, save what is plainly a
name or a code of the protocol; pieces of one text
are one text, and pieces of two texts never are. So a member that a protocol gains is read without being
known here. Source: the published references of the protocols, as their official clients read them; ADR-0027.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from caveat.signing.canonical import Json, JsonObject

Path: TypeAlias = tuple[str | int, ...]
NAMES = frozenset(
    {
        "call_id",
        "created",
        "encrypted_content",
        "event_id",
        "finish_reason",
        "id",
        "item_id",
        "model",
        "object",
        "obfuscation",
        "phase",
        "previous_response_id",
        "role",
        "service_tier",
        "signature",
        "status",
        "stop_reason",
        "system_fingerprint",
        "tool_use_id",
        "type",
    }
)
"""Members that hold names and codes of the protocol. Only a value without a space is taken for one."""
_NAME = re.compile(r"[A-Za-z0-9._:/+=@-]*\Z")
_MEMBERS = frozenset(
    {
        "annotations", "arguments", "choices", "completion_tokens", "content", "content_block",
        "content_index", "data", "delta", "event", "function", "index", "input", "input_tokens", "item",
        "logprobs", "message", "name", "output", "output_index", "output_tokens", "part", "partial_json",
        "prompt_tokens", "reasoning_content", "refusal", "response", "sequence_number", "stop_sequence",
        "summary_index", "text", "thinking", "tool_calls", "total_tokens", "usage",
    }
) | NAMES  # fmt: skip
"""Names of members that streams are made of; any other name is read, as a model may have chosen it."""
_INDEXES = ("output_index", "content_index", "summary_index", "index")


@dataclass(frozen=True, slots=True)
class Text:
    """A text, or a piece of one. `path`: where it stands in its JSON. `channel`: which text of the answer it
    is a piece of, empty for one that is whole. `is_name`: it is the name of the member at `path`."""

    path: Path
    text: str
    channel: str = ""
    is_name: bool = False


@dataclass(frozen=True, slots=True)
class EventTexts:
    """The texts in one event. `ended`: how the names of channels begin that nothing will follow on."""

    texts: tuple[Text, ...] = ()
    ended: tuple[str, ...] = ()


NO_TEXTS = EventTexts()


def whole_texts(value: Json) -> Iterator[Text]:
    """Every text in a whole answer."""
    for path, text, is_name in _leaves(value, ()):
        yield Text(path, text, is_name=is_name)


def event_texts(event: Json) -> EventTexts:
    """The texts in the data of one event, of any of the protocols."""
    if not isinstance(event, dict):
        return EventTexts(tuple(whole_texts(event)))
    if isinstance(event.get("choices"), list):
        return _of_choices(event)
    kind = event.get("type")
    if isinstance(kind, str):
        return _of_typed(event, kind)
    return EventTexts(tuple(whole_texts(event)))


def put_texts(value: Json, texts: dict[Path, str]) -> Json:
    """The value with other texts at these paths. Copies what changes and nothing else."""
    if not texts:
        return value
    if () in texts:
        return texts[()]
    here: dict[str | int, dict[Path, str]] = {}
    for path, text in texts.items():
        here.setdefault(path[0], {})[path[1:]] = text
    if isinstance(value, list):
        return [put_texts(item, here.get(at, {})) for at, item in enumerate(value)]
    if isinstance(value, dict):
        return {name: put_texts(item, here.get(name, {})) for name, item in value.items()}
    return value


def _of_choices(event: JsonObject) -> EventTexts:
    """Chat completions and completions: each choice goes on until it has a reason to finish."""
    texts: list[Text] = []
    ended: list[str] = []
    for path, text, is_name in _leaves(event, ()):
        channel = "" if is_name else _channel_of_choice(event, path)
        texts.append(Text(path, text, channel, is_name))
    choices = event["choices"]
    for at, item in enumerate(choices if isinstance(choices, list) else []):
        if isinstance(item, dict) and item.get("finish_reason") is not None:
            ended.append(f"choice {_index(item, at)} ")
    return EventTexts(tuple(texts), tuple(ended))


def _channel_of_choice(event: JsonObject, path: Path) -> str:
    """The channel of a piece: `choices/0/delta/content` of a chat, `choices/0/text` of a completion."""
    choices = event["choices"]
    if len(path) < 3 or path[0] != "choices" or not isinstance(choices, list):
        return ""
    at, member = path[1], path[2]
    choice = choices[int(at)]
    if not isinstance(choice, dict) or not (member == "text" or (member == "delta" and len(path) > 3)):
        return ""
    return f"choice {_index(choice, at)} {_place(choice, path[2:])}"


def _of_typed(event: JsonObject, kind: str) -> EventTexts:
    """Messages and responses: an event says of which item and block it brings a piece."""
    at = "item " + " ".join(f"{event[name]}" for name in _INDEXES if name in event) + " "
    if kind in ("content_block_start", "content_block_delta"):
        # A block starts with a text that its pieces go on from: `text`, `thinking`, and so on.
        within = "content_block" if kind == "content_block_start" else "delta"
        return EventTexts(
            tuple(
                Text(path, text, f"{at}{path[-1]}" if piece and not is_name else "", is_name)
                for path, text, is_name in _leaves(event, ())
                for piece in (path[:1] == (within,) and len(path) == 2,)
            )
        )
    base, _, ending = kind.rpartition(".")
    texts = tuple(
        Text(path, text, f"{at}{base} " if ending == "delta" and path == ("delta",) else "", is_name)
        for path, text, is_name in _leaves(event, ())
    )
    if kind == "content_block_stop" or ending == "done":
        return EventTexts(texts, (at if kind == "content_block_stop" else f"{at}{base} ",))
    return EventTexts(texts)


def _index(choice: JsonObject, otherwise: str | int) -> Json:
    index = choice.get("index")
    return otherwise if index is None else index


def _place(value: Json, path: Path) -> str:
    """A path in which an item of a list goes by its own index, as the pieces of a stream do."""
    steps: list[str] = []
    for step in path:
        if isinstance(value, list):
            value = value[int(step)]
            steps.append(str(_index(value, step)) if isinstance(value, dict) else str(step))
        elif isinstance(value, dict):
            value = value[str(step)]
            steps.append(str(step))
    return "/".join(steps)


def _leaves(value: Json, path: Path) -> Iterator[tuple[Path, str, bool]]:
    if isinstance(value, str):
        if value and not (path and path[-1] in NAMES and _NAME.match(value)):
            yield path, value, False
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _leaves(item, (*path, at))
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in _MEMBERS:
                yield (*path, name), name, True
            yield from _leaves(item, (*path, name))
