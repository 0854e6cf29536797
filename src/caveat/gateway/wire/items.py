"""Items of OpenAI responses: messages, calls, what calls returned, and what is only named.

Laws: words in a message are words; what a tool returned, hosted or not, is data; what nobody here can read
or place is opaque. No item is dropped, whatever its type.
"""

from collections.abc import Iterator

from caveat.call.parts import Origin, RawPart
from caveat.gateway.wire.media import Encoding, Place, Places, media_parts
from caveat.gateway.wire.request import invalid_request, kind_of, remaining_members, structure_part, text_part
from caveat.signing.canonical import Json, JsonObject

_ROLES = frozenset({"system", "developer", "user", "assistant"})
_MESSAGE_MEMBERS = frozenset({"type", "role", "content"})
_CALLS = frozenset(
    {
        "apply_patch_call",
        "computer_call",
        "custom_tool_call",
        "function_call",
        "local_shell_call",
        "mcp_approval_request",
        "mcp_approval_response",
        "shell_call",
        "tool_search_call",
    }
)
"""What a model asked for. Whoever sends it wrote it, as with any earlier turn."""
_OUTPUTS = frozenset(
    {
        "apply_patch_call_output",
        "computer_call_output",
        "custom_tool_call_output",
        "function_call_output",
        "local_shell_call_output",
        "shell_call_output",
    }
)
_TEXTS = {
    "input_text": frozenset({"prompt_cache_breakpoint"}),
    "output_text": frozenset({"annotations", "logprobs"}),
}
_BESIDE = frozenset({"detail", "filename", "prompt_cache_breakpoint"})
PLACES: Places = {
    "input_image": (Place(("image_url",), Encoding.DATA_URL, _BESIDE),),
    "computer_screenshot": (Place(("image_url",), Encoding.DATA_URL, _BESIDE),),
    "input_file": (Place(("file_data",), Encoding.FILE, _BESIDE),),
    "input_audio": (Place(("input_audio", "data"), Encoding.BASE64, frozenset({"format"})),),
}


def item_parts(pointer: str, item: Json) -> Iterator[RawPart]:
    """The parts of one item of the input; raises `RequestError`."""
    kind = kind_of(item)
    untyped = isinstance(item, dict) and item.get("type") is None
    if isinstance(item, dict) and isinstance(item.get("role"), str) and (untyped or kind == "message"):
        yield from _message_parts(pointer, item)
    elif isinstance(item, dict) and kind in _OUTPUTS:
        output, at = item.get("output"), f"{pointer}/output"
        if isinstance(output, dict):
            yield from _block_parts(at, "tool", Origin.TOOL, output)
        else:
            yield from content_parts(at, "tool", Origin.TOOL, output)
        yield from remaining_members(pointer, "tool", item, frozenset({"type", "output"}))
    elif isinstance(item, dict) and (_is_plain_call(item) or _is_plain_reasoning(item)):
        yield structure_part(pointer, "assistant", item)
    else:
        # References, hosted calls with what they found, encrypted content, and types of tomorrow.
        yield structure_part(pointer, "stored", item, Origin.OPAQUE)


def _is_plain_call(item: JsonObject) -> bool:
    """A call that says all of itself. One in a named environment speaks of what the endpoint keeps."""
    return kind_of(item) in _CALLS and item.get("environment") is None


def _is_plain_reasoning(item: JsonObject) -> bool:
    """Reasoning in words. Encrypted content may hold anything, and only the endpoint can read it."""
    return item.get("type") == "reasoning" and item.get("encrypted_content") is None


def _message_parts(pointer: str, message: JsonObject) -> Iterator[RawPart]:
    role = str(message["role"])
    # A role that is not known is treated like a tool's: what nobody can place is data.
    origin = Origin.TEXT if role in _ROLES else Origin.TOOL
    yield from content_parts(f"{pointer}/content", role, origin, message.get("content"))
    yield from remaining_members(pointer, role, message, _MESSAGE_MEMBERS)


def content_parts(pointer: str, role: str, origin: Origin, content: Json) -> Iterator[RawPart]:
    """The parts of a message's content, or of what a tool returned; raises `RequestError`."""
    if isinstance(content, str):
        yield from text_part(pointer, role, origin, content)
    elif isinstance(content, list):
        for index, block in enumerate(content):
            yield from _block_parts(f"{pointer}/{index}", role, origin, block)
    elif content is not None:
        raise invalid_request("the content of a message is a string or a list of parts")


def _block_parts(pointer: str, role: str, origin: Origin, block: Json) -> Iterator[RawPart]:
    kind = kind_of(block)
    beside = _TEXTS.get(kind)
    # Beside what a tool returned stand a tool's words.
    near = Origin.OPAQUE if origin is Origin.TOOL else Origin.STRUCTURE
    if isinstance(block, dict) and beside is not None and block.keys() - beside == {"type", "text"}:
        if not isinstance(block["text"], str):
            raise invalid_request("the text of a part is a string")
        yield from text_part(pointer, role, origin, block["text"])
        for name in sorted(beside):
            if block.get(name):
                yield structure_part(f"{pointer}/{name}", role, block[name], near)
    elif isinstance(block, dict) and kind == "refusal" and block.keys() == {"type", "refusal"}:
        yield structure_part(pointer, role, block, near)
    else:
        yield from media_parts(PLACES, pointer, role, origin, block)
