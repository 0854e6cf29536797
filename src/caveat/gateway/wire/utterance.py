"""Messages in a form that no client's round trip changes, so that what comes back can be known again.

Laws: equal forms say the same to a model; what a client may leave out of an earlier turn (thinking, quotes,
notes beside a text) is apart, and may be missing but not made up; whoever's role nobody can place is taken
for the model's. Source: the published references of the protocols, as their official clients send answers
back; ADR-0029.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from caveat.signing.canonical import Json, JsonObject

_CALLERS = frozenset({"system", "developer", "user", "tool", "function"})
_CACHE_MARKS = frozenset({"cache_control", "prompt_cache_breakpoint"})
_TEXTS = frozenset({"text", "input_text", "output_text"})
_PLAIN = frozenset({"type", "text"})
_NOTES = frozenset({"annotations", "citations", "logprobs"})
_THINKING = frozenset({"thinking", "redacted_thinking"})
_CHAT_MEMBERS = frozenset({"role", "content", "tool_calls", "function_call", "refusal", "audio", "name"})
_EXACT = frozenset({"input", "arguments"})
"""Arguments of calls: what is empty in them is said."""
_ITEM_NAMES = frozenset({"id", "status"})
_EMPTY: tuple[Json, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message. `said`: the digest of its form; None for what may be left out as a whole.

    `by_model`: an answer of the model, or a part of one. `beside`: digests of what may be left out of it.
    """

    by_model: bool
    said: bytes | None
    beside: tuple[bytes, ...] = ()


def digest_of(form: Json) -> bytes:
    """The digest of a form: the same whatever the order of members."""
    return hashlib.sha256(orjson.dumps(form, option=orjson.OPT_SORT_KEYS)).digest()


def name_of_item(item_id: str) -> bytes:
    """The digest under which an item is known that is referred to by its id alone."""
    return digest_of(["item", item_id])


def chat_utterance(message: JsonObject) -> Utterance:
    """A message of chat completions."""
    role, notes = message.get("role"), list[bytes]()
    content = _content(message.get("content"), notes)
    if _is_callers(role):
        return Utterance(by_model=False, said=_said(message, content))
    form: JsonObject = {name: message[name] for name in message.keys() & _CHAT_MEMBERS}
    calls = form.get("tool_calls")
    if isinstance(calls, list):
        form["tool_calls"] = [_call(call) for call in calls]
    audio = form.get("audio")
    if isinstance(audio, dict):
        form["audio"] = audio.get("id")  # what was heard is sent back by its id
    notes += _notes(message, message.keys() - _CHAT_MEMBERS)
    return Utterance(by_model=True, said=_said(form, content), beside=tuple(notes))


def message_utterance(message: JsonObject) -> Utterance:
    """A message of Anthropic messages."""
    notes = list[bytes]()
    if _is_callers(message.get("role")):
        return Utterance(by_model=False, said=_said(message, _content(message.get("content"), notes)))
    content = _content(message.get("content"), notes)
    form: JsonObject = {"role": message.get("role")}
    notes += _notes(message, message.keys() - {"role", "content"})
    return Utterance(by_model=True, said=_said(form, content), beside=tuple(notes))


def item_utterance(item: Json) -> Utterance:
    """An item of responses: a message, a call, what a call returned, reasoning, or the name of one."""
    if not isinstance(item, dict):
        return Utterance(by_model=True, said=digest_of(item))
    kind, item_id = item.get("type"), item.get("id")
    form: JsonObject = {name: value for name, value in item.items() if name not in _ITEM_NAMES}
    if kind == "item_reference" and isinstance(item_id, str):
        return Utterance(by_model=True, said=None, beside=(name_of_item(item_id),))
    if kind == "reasoning":
        return Utterance(by_model=True, said=None, beside=(digest_of(_lean(form)),))
    notes = list[bytes]()
    if kind in (None, "", "message") and isinstance(item.get("role"), str):
        form.pop("type", None)
        content = _content(item.get("content"), notes)
        if item["role"] in _CALLERS:
            return Utterance(by_model=False, said=_said(form, content))
        notes += _notes(form, form.keys() - {"role", "content"})
        return Utterance(by_model=True, said=_said({"role": item["role"]}, content), beside=tuple(notes))
    answered = isinstance(kind, str) and (kind.endswith("_output") or kind == "mcp_approval_response")
    if answered:
        return Utterance(by_model=False, said=_said(form, _content(item.get("output"), notes), "output"))
    return Utterance(by_model=True, said=digest_of(_lean(form)))


def input_utterance(text: str) -> Utterance:
    """The input of a response that is a text alone: a message of the user."""
    return item_utterance({"role": "user", "content": text})


def _is_callers(role: Json) -> bool:
    return isinstance(role, str) and role in _CALLERS


def _said(message: JsonObject, content: list[Json], member: str = "content") -> bytes:
    return digest_of(_lean({**message, member: [*content]}))


def _call(call: Json) -> Json:
    if not isinstance(call, dict):
        return call
    return {"type": "function", **{name: value for name, value in call.items() if name != "index"}}


def _content(content: Json, notes: list[bytes]) -> list[Json]:
    """Texts side by side are one text. `notes` takes what may be left out."""
    blocks = content if isinstance(content, list) else [content]
    found: list[Json] = []
    for block in blocks:
        one = _block(block, notes)
        if isinstance(one, str) and found and isinstance(found[-1], str):
            found[-1] += one
        elif one not in _EMPTY:
            found.append(one)
    return found


def _block(block: Json, notes: list[bytes]) -> Json:
    if not isinstance(block, dict):
        return block
    said = block.get("type")
    kind = said if isinstance(said, str) else ""
    if kind in _THINKING:
        notes.append(digest_of(_lean(block)))
        return None
    notes += _notes(block, block.keys() & _NOTES)
    form: JsonObject = {name: value for name, value in block.items() if name not in _CACHE_MARKS | _NOTES}
    if kind in _TEXTS and not any(value not in _EMPTY for name, value in form.items() if name not in _PLAIN):
        return form.get("text")
    if kind == "tool_result":
        form["content"] = _content(form.get("content"), notes)
    return form


def _notes(value: JsonObject, names: "set[str] | frozenset[str]") -> Iterator[bytes]:
    for name in sorted(names - _CACHE_MARKS):
        if value[name] not in _EMPTY:
            yield digest_of([name, _lean(value[name])])


def _lean(value: Json) -> Json:
    """Without members that say nothing: clients add and drop those. Arguments of calls stay as they are."""
    if isinstance(value, dict):
        members = ((name, item if name in _EXACT else _lean(item)) for name, item in value.items())
        return {
            name: item
            for name, item in members
            if name not in _CACHE_MARKS and (item not in _EMPTY or name in _EXACT)
        }
    return [_lean(item) for item in value] if isinstance(value, list) else value
