"""What it costs to restore and replace in a stream: processor time for one chunk."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator

import orjson

from caveat.call.identifiers import KINDS
from caveat.gateway.redact_stream import redact_stream
from caveat.gateway.redacting import AnswerRedaction
from caveat.gateway.wire.wire import OPENAI
from caveat.screens.placeholders import Placeholders, Table
from caveat.screens.redaction import Finder, Replacing

_VALUES = 100
_CHUNKS = 20_000
_REPLACED = frozenset(KINDS) - {"email"}


def measure_redaction() -> tuple[float, int]:
    """Milliseconds for one chunk of one word; and how many chunks were read.

    Every kind but one is replaced, and of that one a hundred values may be restored. One word in fifty is a
    placeholder, cut in two.
    """
    table = Table()
    names = Placeholders("measured", lambda said: hmac.new(b"k", said, hashlib.sha256).hexdigest())
    finder = Finder({})
    addresses = " ".join(f"person{number}@example.org" for number in range(_VALUES))
    Replacing(finder, names, frozenset({"email"}), table)(addresses)
    made = list(table.kept)
    redaction = AnswerRedaction(finder, names, table, _REPLACED, lambda _: _REPLACED)
    chunks = [_chunk(text) for number in range(_CHUNKS // 50) for text in _words(made[number % _VALUES])]
    began = time.thread_time()
    asyncio.run(_read(chunks, redaction))
    return (time.thread_time() - began) / len(chunks) * 1e3, len(chunks)


def _words(placeholder: str) -> list[str]:
    return [*(f" word{number}" for number in range(48)), f" {placeholder[:9]}", placeholder[9:]]


async def _read(chunks: list[bytes], redaction: AnswerRedaction) -> None:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async for _ in redact_stream(arriving(), OPENAI, redaction):
        pass


def _chunk(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "measured"}
    return b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n"
