"""Tokens that an answer used up, as its endpoint says. Pure, and blind to everything else in the answer.

Every protocol says it in a member `usage`, of the answer or of an event of its stream; the names of the
counts tell them apart. An endpoint that says nothing is estimated from bytes, never taken for free.
"""

from dataclasses import dataclass

import orjson

from caveat.signing.canonical import Json, JsonObject

BYTES_PER_TOKEN = 4
_INPUT = ("prompt_tokens", "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written. `estimated`: counted from bytes, since the endpoint did not say."""

    read: int
    written: int
    estimated: bool = False

    @property
    def total(self) -> int:
        """All of them."""
        return self.read + self.written


def usage_in(value: Json) -> Usage | None:
    """What a parsed answer, or an event of a stream, says; None where it says nothing."""
    if not isinstance(value, dict):
        return None
    inner = value.get("message") or value.get("response")
    usage = value.get("usage") or (inner.get("usage") if isinstance(inner, dict) else None)
    if not isinstance(usage, dict):
        return None
    found = Usage(_sum(usage, _INPUT), _sum(usage, _OUTPUT))
    return found if found.total else None


def estimated(sent: int, received: int) -> Usage:
    """What these bytes come to."""
    return Usage(-(-sent // BYTES_PER_TOKEN), -(-received // BYTES_PER_TOKEN), estimated=True)


def _sum(usage: JsonObject, names: tuple[str, ...]) -> int:
    counts = (usage.get(name) for name in names)
    return sum(n for n in counts if isinstance(n, int) and not isinstance(n, bool) and n > 0)


class StreamUsage:
    """Follows a stream. What an event says is of the whole answer so far, so the greatest counts."""

    def __init__(self) -> None:
        """Nothing said yet."""
        self._read = self._written = 0

    def feed(self, window: bytes) -> None:
        """One window of whole events."""
        if b'"usage"' not in window:
            return
        for line in window.splitlines():
            if line.startswith(b"data:") and b'"usage"' in line:
                try:
                    usage = usage_in(orjson.loads(line[5:]))
                except orjson.JSONDecodeError:
                    continue  # no JSON says nothing of its use; the estimate stands in
                if usage is not None:
                    self._read = max(self._read, usage.read)
                    self._written = max(self._written, usage.written)

    def result(self) -> Usage | None:
        """What was said; None where nothing was."""
        return Usage(self._read, self._written) if self._read or self._written else None
