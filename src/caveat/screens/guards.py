"""How guards that people already run are asked about one text, and how their answers are read. Pure.

Each reader takes what the guard's documentation says and nothing else: what it does not recognise is
unreadable, never clean. A head is the guard's own word for a category; `flagged` stands for its verdict.
Source: ADR-0048.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from caveat.signing.canonical import Json, JsonObject

FLAGGED = "flagged"
Settings = Mapping[str, str]
Heads = Sequence[str]


class UnreadableError(ValueError):
    """An answer is not what the guard's documentation says."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One kind: what is sent for a text, and the scores in what comes back."""

    ask: Callable[[str, Settings, Heads], JsonObject]
    read: Callable[[Json, Settings, Heads], dict[str, float]]


def _object(value: Json) -> JsonObject:
    if not isinstance(value, dict):
        raise UnreadableError("no object stands where one is documented")
    return value


def _first(value: Json) -> JsonObject:
    if not isinstance(value, list) or len(value) != 1:
        raise UnreadableError("not one result for one text")
    return _object(value[0])


def _truth(value: Json) -> float:
    if not isinstance(value, bool):
        raise UnreadableError("no true or false stands where one is documented")
    return float(value)


def _ask_moderation(text: str, settings: Settings, _: Heads) -> JsonObject:
    return {"input": text, **({"model": settings["model"]} if "model" in settings else {})}


def _read_moderation(value: Json, _: Settings, __: Heads) -> dict[str, float]:
    """`flagged` and `category_scores` of the one result. Source: OpenAI API reference, moderations."""
    result = _first(_object(value).get("results"))
    scores = dict(_object(result.get("category_scores")))
    return {FLAGGED: _truth(result.get("flagged"))} | cast("dict[str, float]", scores)


def _ask_chat(text: str, settings: Settings, _: Heads) -> JsonObject:
    role = settings.get("role", "user")
    messages: list[Json] = [{"role": role, "content": text}]
    if role == "assistant":  # the classifier judges the last turn, and a conversation begins with a user
        messages.insert(0, {"role": "user", "content": settings.get("before", "Please answer.")})
    return {"model": settings.get("model", "guard"), "messages": messages, "temperature": 0, "max_tokens": 32}


def _read_chat(value: Json, _: Settings, heads: Heads) -> dict[str, float]:
    """`safe`, or `unsafe` and a line of category codes. Source: model cards of Llama Guard."""
    message = _object(_first(_object(value).get("choices")).get("message"))
    content = message.get("content")
    if not isinstance(content, str):
        raise UnreadableError("no text was answered")
    lines = [line.strip() for line in content.strip().splitlines() if line.strip()]
    if lines == ["safe"]:
        return dict.fromkeys((FLAGGED, *heads), 0.0)
    if not lines or lines[0] != "unsafe" or len(lines) > 2:
        raise UnreadableError("neither safe nor unsafe")
    named = {code.strip() for code in lines[1].split(",")} if len(lines) == 2 else set[str]()
    # An unsafe text whose category nobody named could be of any.
    return {head: 1.0 if not named or head in named or head == FLAGGED else 0.0 for head in (FLAGGED, *heads)}


def _ask_nemo(text: str, settings: Settings, _: Heads) -> JsonObject:
    role = settings.get("role", "user")
    guardrails: JsonObject = {
        "config_id": settings.get("config_id", "default"),
        "options": {
            "rails": ["output" if role == "assistant" else "input"],
            "log": {"activated_rails": True},
        },
    }
    messages: list[Json] = [{"role": role, "content": text}]
    if role == "assistant":
        messages.insert(0, {"role": "user", "content": settings.get("before", "Please answer.")})
    return {"model": settings.get("model", "guard"), "messages": messages, "guardrails": guardrails}


_NEMO_STATUS = {"passed": 0.0, "success": 0.0, "modified": 1.0, "blocked": 1.0}
"""What a rail changed it found something in."""


def _read_nemo(value: Json, _: Settings, __: Heads) -> dict[str, float]:
    """`status` of the checks endpoint, or `stop` of the rails that a generation activated."""
    body = _object(value)
    if "status" in body:
        status = body["status"]
        if not isinstance(status, str) or status not in _NEMO_STATUS:
            raise UnreadableError("neither passed nor modified nor blocked")
        return {FLAGGED: _NEMO_STATUS[status]}
    inner = body.get("guardrails")
    log = _object((inner if isinstance(inner, dict) else body).get("log"))
    rails = log.get("activated_rails")
    if not isinstance(rails, list) or not rails:
        raise UnreadableError("no rail is said to have run")
    return {FLAGGED: max(_truth(_object(rail).get("stop")) for rail in rails)}


def _ask_llm_guard(text: str, settings: Settings, _: Heads) -> JsonObject:
    if settings.get("role", "user") == "assistant":
        return {"prompt": settings.get("before", ""), "output": text}
    return {"prompt": text}


def _read_llm_guard(value: Json, _: Settings, __: Heads) -> dict[str, float]:
    """`is_valid` and each scanner's risk, of the scan and the analyze endpoints."""
    body = _object(value)
    scanners = cast("dict[str, float]", dict(_object(body.get("scanners"))))
    return {FLAGGED: 1.0 - _truth(body.get("is_valid"))} | scanners


def _ask_presidio(text: str, settings: Settings, heads: Heads) -> JsonObject:
    entities: list[Json] = [head for head in heads if head != FLAGGED]
    body: JsonObject = {"text": text, "language": settings.get("language", "en")}
    if FLAGGED not in heads:
        body["entities"] = entities
    return body


def _read_presidio(value: Json, _: Settings, heads: Heads) -> dict[str, float]:
    """The greatest score of each kind of entity; none found is a list without it."""
    if not isinstance(value, list):
        raise UnreadableError("no list of entities was answered")
    found = dict.fromkeys((FLAGGED, *heads), 0.0)
    for entry in value:
        entity = _object(entry)
        kind, score = entity.get("entity_type"), entity.get("score")
        if not isinstance(kind, str) or isinstance(score, bool) or not isinstance(score, (int, float)):
            raise UnreadableError("an entity without a kind or a score")
        for head in (kind, FLAGGED):
            if head in found and not score <= found[head]:  # what is no number stands, and fails its range
                found[head] = float(score)
    return found


def _ask_http(text: str, settings: Settings, _: Heads) -> JsonObject:
    return {settings.get("field", "text"): text}


def _read_http(value: Json, settings: Settings, heads: Heads) -> dict[str, float]:
    """What a JSON pointer names, for each head by the setting of its name. Source: RFC 6901."""
    return {head: cast("float", _at(value, settings.get(head, f"/{head}"))) for head in heads}


def _at(value: Json, pointer: str) -> Json:
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise UnreadableError("the pointer names nothing in the answer")
    return value


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        "moderation": Guard(_ask_moderation, _read_moderation),
        "chat_classifier": Guard(_ask_chat, _read_chat),
        "nemo": Guard(_ask_nemo, _read_nemo),
        "llm_guard": Guard(_ask_llm_guard, _read_llm_guard),
        "presidio": Guard(_ask_presidio, _read_presidio),
        "http": Guard(_ask_http, _read_http),
    }
)
