"""Writes what the installed SDKs say has to be covered, as `caveat.gateway.coverage` ships it.

Run as `python -m tests.support.sdk_shapes_file`. Texts that stand in one object of one kind are one shape;
the texts by which an object is named come last among them.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anthropic.types as messages
from anthropic.types import message_count_tokens_params, message_create_params
from openai.types import (
    Completion,
    CreateEmbeddingResponse,
    completion_create_params,
    embedding_create_params,
)
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.responses import Response, ResponseStreamEvent, response_create_params

from tests.support.sdk_plants import SLOT, TOMORROW, Plant, is_name, least, plants

FILE = Path(__file__).parents[2] / "src/caveat/gateway/coverage/shapes.json"
_ROLES = {"assistant", "developer", "function", "system", "tool", "user"}
_GROUPS = (
    ("unknown parts", r"of_tomorrow\]$"),
    ("unknown members", r"of_tomorrow$"),
    ("images", r"image|screenshot"),
    ("audio", r"audio|voice|speech"),
    ("results", r"_result\b|_output\b|_results\b|messages\[(tool|function)\]"),
    ("reasoning", r"reasoning|thinking"),
    (
        "arguments",
        r"_call\b|tool_use|tool_calls|function_call|arguments|input_json|shell_call|\[program\]|mcp_approval",
    ),
    ("tool definitions", r"^tools|functions|tool_choice|/tools|mcp_|additional_tools|web_search_options"),
    ("files", r"file|document|container|search_result"),
    (
        "stored",
        r"previous_response_id|conversation|item_reference|compaction|encrypted|^prompt(/|$)|input\[None",
    ),
    ("system", r"system|developer|instructions"),
    ("history", r"\[assistant"),
    ("user", r"\[user\]|^input|^prompt$|^messages"),
)
_UNSEEN = re.compile(
    r"image|audio|screenshot|document|file|container_upload|conversation|previous_response_id|item_reference|encrypted"
)
_PAYLOADS = re.compile(
    r"^(url|image_url|file_data|data|file_id|id|conversation|previous_response_id|encrypted_content)$"
)
_CALLS = re.compile(
    r"(output|item|content|content_block)\[([a-z_]+_call|(server_)?tool_use|mcp_approval_request|program)\]"
    r"|message\[assistant\]/(tool_calls\[|function_call)|delta/(tool_calls|function_call)"
    r"|^(\[content_block_start\]/content_block|content|\[response.output_item.(added|done)\]/item|output)"
    r"\[(assistant )?of_tomorrow\]"
)
_WHOSE = re.compile(r"^\[[a-z]+ (?=additional_tools)")
_SPLIT = re.compile(
    r"^choices/(delta/|text$)|\.delta\]$|^\[content_block_delta\]/delta\[(?!citations|of_tomorrow)"
)


@dataclass(frozen=True)
class Endpoint:
    """The types of one endpoint, as its SDK has them."""

    path: str
    request: Any
    answer: Any
    event: Any = None


ENDPOINTS = (
    Endpoint(
        "/v1/chat/completions",
        chat_create_params.CompletionCreateParamsBase,
        ChatCompletion,
        ChatCompletionChunk,
    ),
    Endpoint("/v1/responses", response_create_params.ResponseCreateParamsBase, Response, ResponseStreamEvent),
    Endpoint("/v1/completions", completion_create_params.CompletionCreateParamsBase, Completion, Completion),
    Endpoint("/v1/embeddings", embedding_create_params.EmbeddingCreateParams, CreateEmbeddingResponse),
    Endpoint(
        "/v1/messages",
        message_create_params.MessageCreateParamsBase,
        messages.Message,
        messages.RawMessageStreamEvent,
    ),
    Endpoint(
        "/v1/messages/count_tokens",
        message_count_tokens_params.MessageCountTokensParams,
        messages.MessageTokensCount,
    ),
)


def shapes_file() -> dict[str, Any]:
    """What the file says."""
    rows = list(_thinned(row for endpoint in ENDPOINTS for row in _rows(endpoint)))
    bases = {
        endpoint.path: {"request": _request(endpoint), "answer": least(endpoint.answer)}
        for endpoint in ENDPOINTS
    }
    sdks = {name: version(name) for name in ("anthropic", "openai")}
    return {"version": 1, "sdks": sdks, "bases": bases, "shapes": rows}


def _thinned(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What has the form of an earlier shape, at another place or endpoint, is there once for each group."""
    forms: dict[tuple[str, str], str] = {}
    kept: set[tuple[str, str, str, str]] = set()
    for row in rows:
        family, name = row["at"].removesuffix("/count_tokens"), row["shape"]
        form = name if row["in"] == "request" else _FORM.sub("", name) or name
        place = f"{row['at']} {name[: len(name) - len(form)]}"
        met = forms.setdefault((f"{family} {row['in'] == 'request'}", form), place)
        group = (row["at"], row["in"], place, row["group"])
        if row["in"] == "request" and row["leaf"] == TOMORROW and "/" in name and name.endswith("]"):
            inner = (row["at"], "request", name.rpartition("/")[2], TOMORROW)
            if inner in kept:
                continue  # an object that has no text today, met elsewhere
            kept.add(inner)
        if met == place or group not in kept:
            yield row
        kept.add(group)


_FORM = re.compile(r"^[^\[]*(?=\[)|^\[[^\]]*\]/[^\[]*(?=\[)")
"""What leads to the first object of an answer that its type tells apart."""


def render() -> str:
    """The file: a line for each shape."""
    said = shapes_file()
    shapes = ",\n".join(json.dumps(row, separators=(",", ":")) for row in said.pop("shapes"))
    return json.dumps(said, separators=(",", ":"))[:-1] + ',"shapes":[\n' + shapes + "\n]}\n"


def _request(endpoint: Endpoint) -> dict[str, Any]:
    """The least request that says something: two of its members may not be empty."""
    said: dict[str, Any] = {**least(endpoint.request), "model": "planted"}
    if "messages" in said:
        said["messages"] = [{"role": "user", "content": "hello"}]
    for name in ("input", "prompt"):
        if name in said or (endpoint.path, name) == ("/v1/responses", "input"):
            said[name] = "hello"
    return said


def _rows(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    bases = {"request": _request(endpoint), "answer": least(endpoint.answer)}
    for direction in ("request", "answer", "event"):
        hint = getattr(endpoint, direction)
        chosen: dict[str, Plant] = {}
        for plant in () if hint is None else plants(hint, every_way=direction == "event"):
            if plant.path[1:] == ("model",) and direction == "request":
                continue  # a name that is recorded, and checked to be one
            name = _name(plant.path, direction)
            if name not in chosen or _rank(plant) < _rank(chosen[name]):
                chosen[name] = plant
        for name, plant in chosen.items():
            yield _row(endpoint.path, direction, name, plant, bases.get(direction, {}))


def _row(path: str, direction: str, name: str, plant: Plant, base: dict[str, Any]) -> dict[str, Any]:
    value = plant.value
    members = {key: one for key, one in value.items() if base.get(key) != one or SLOT in json.dumps(one)}
    for key in ("messages", "input", "prompt", "model"):
        if direction == "request" and key in members and SLOT not in json.dumps(members[key]):
            del members[key]  # as the base has it
    row: dict[str, Any] = {"at": path, "in": direction, "shape": name}
    leaf = next((one for one in reversed(plant.path) if one and not one.startswith("[")), "")
    flags: dict[str, Any] = {}
    if direction == "request" and _UNSEEN.search(name) and _PAYLOADS.search(leaf):
        flags["unseen"] = True
    if direction != "request" and _CALLS.search(name):
        flags["call"] = True
    if direction == "event" and _SPLIT.search(name) and (leaf == "delta" or not name.startswith("[response")):
        flags["split"] = True
        value = _going_on(value)
    group = _group(name, leaf, direction)
    return row | {"group": group, "leaf": leaf, **flags, "json": members if direction != "event" else value}


def _going_on(value: Any) -> Any:
    """An event of a text that has not ended: the type asks for a reason why it has."""
    if isinstance(value, dict):
        return {key: None if key == "finish_reason" else _going_on(one) for key, one in value.items()}
    return [_going_on(one) for one in value] if isinstance(value, list) else value


def _group(name: str, leaf: str, direction: str) -> str:
    """What the texts of a shape are called in the matrix."""
    if name == f"[{TOMORROW}]":
        return "unknown events"
    said = name + (f"/{leaf}" if leaf == TOMORROW and not name.endswith((f"{TOMORROW}]", TOMORROW)) else "")
    found = next((group for group, pattern in _GROUPS if re.search(pattern, said)), None)
    if direction != "request" and found in (None, "history", "user"):
        return "text"
    return found or "settings"


def _name(path: tuple[str, ...], direction: str) -> str:
    """What one shape is: the members down to an object that its role or type tells apart.

    Within a message that is a member more, or the next object; what names no content is left to the rest.
    """
    steps = [step for step in path if step]
    if direction != "event" and steps[0].startswith("["):
        steps = steps[1:]  # the answer itself
    steps = [_WHOSE.sub("[", step) for step in steps]
    kept: list[str] = []
    tag = next((at for at, step in enumerate(steps) if step.startswith("[")), None)
    if tag is None:
        return "/".join(steps[: 1 if direction == "request" else 3])
    kept = ["/".join(steps[:tag]) + steps[tag]]
    rest = steps[tag + 1 :]
    further = next((at for at, step in enumerate(rest) if step.startswith("[")), None)
    is_message = bool(set(steps[tag][1:-1].split()) & _ROLES) and "additional_tools" not in steps[tag]
    if further is not None and (
        is_message or direction == "event" or (direction == "request" and further < 2)
    ):
        kept.append("/".join(rest[:further]) + rest[further])
    elif (rest and is_message) or (rest and direction == "request" and not is_name(rest[-1])):
        kept.append(rest[0])
    return "/".join(kept)


def _rank(plant: Plant) -> tuple[bool, bool, int]:
    steps = [step for step in plant.path if step and not step.startswith("[")]
    leaf = steps[-1] if steps else ""
    return any(TOMORROW in step for step in plant.path), is_name(leaf), len(steps)


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
