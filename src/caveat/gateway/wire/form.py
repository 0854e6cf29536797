"""The form of a request, which registered workflows and tool lists are compared with. Pure.

Whatever is not known here makes a request less plain, or is a tool that nobody registered: both leave
facts unknown, so a protocol's new member loosens nothing.
"""

from collections.abc import Iterator, Mapping, Sequence

from caveat.call.call import Form
from caveat.signing.canonical import Json, JsonObject

_SETTINGS = frozenset(
    {
        "frequency_penalty",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "presence_penalty",
        "seed",
        "stream",
        "system",
        "temperature",
        "top_k",
        "top_p",
    }
)
_TOOL_LISTS = ("tools", "functions")
_HOSTED = ("mcp_servers", "web_search_options", "container", "plugins")
"""Members by which an endpoint is told to act by itself: each counts as a tool of its own name."""


def read_form(members: Mapping[str, Json], *, plain_messages: bool) -> Form:
    """The form of a request with these members; whether each of its messages is plain."""
    plain = (
        members.keys() <= _SETTINGS
        and members.get("n", 1) == 1
        and plain_messages
        and ("system" not in members or _is_text(members["system"]))
    )
    return Form(plain, tool_names(members), read_count(members, ("max_tokens", "max_completion_tokens")))


def is_plain(message: JsonObject) -> bool:
    """Whether a message is a role and text with something in it."""
    return message.keys() == {"role", "content"} and _is_text(message["content"])


def _is_text(content: Json) -> bool:
    """Text that is there: an empty message or text part is no part of a call, so it would go unseen."""
    if isinstance(content, str):
        return content != ""
    return (
        isinstance(content, list)
        and content != []
        and all(
            isinstance(item, dict)
            and item.keys() == {"type", "text"}
            and item["type"] == "text"
            and isinstance(item["text"], str)
            and item["text"] != ""
            for item in content
        )
    )


def tool_names(members: Mapping[str, Json]) -> frozenset[str]:
    """The names of all tools that these members define, and of what else makes an endpoint act by itself."""
    return frozenset(_tools(members))


def _tools(members: Mapping[str, Json]) -> Iterator[str]:
    for member in _TOOL_LISTS:
        defined = members.get(member)
        if isinstance(defined, list):
            for item in defined:
                yield from _names(item)
        elif defined:
            yield member
    yield from (member for member in _HOSTED if members.get(member))


def _names(item: Json) -> Iterator[str]:
    """Every name that a tool's definition could go by; a hosted tool goes by its type."""
    if not isinstance(item, dict):
        yield ""
        return
    kind = item.get("type", "function")
    names = [item.get("name")]
    names += [inner.get("name") for key in ("function", "custom") if isinstance(inner := item.get(key), dict)]
    if kind not in ("function", "custom"):
        yield kind if isinstance(kind, str) else ""
        yield from _tools({"tools": item.get("tools")})  # a namespace has tools of its own
        return
    given = [name for name in names if name is not None]
    yield from (name if isinstance(name, str) else "" for name in given or [""])


def read_count(members: Mapping[str, Json], names: Sequence[str]) -> int | None:
    """The greatest of the counts by these names; None where one of them is no count, or none is there."""
    given = [members[name] for name in names if name in members]
    counts = [count for count in given if isinstance(count, int) and not isinstance(count, bool)]
    return max(counts) if counts and len(counts) == len(given) else None
