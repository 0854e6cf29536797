"""What it costs to read a stream for phrases: processor time for one chunk, held back and released."""

import asyncio
import time
from collections.abc import AsyncIterator

import orjson

from caveat.call.call import Point
from caveat.gateway.ruling import Ruling
from caveat.gateway.screening import Scores, Screening
from caveat.gateway.text_hold import hold_texts
from caveat.gateway.wire.wire import OPENAI
from caveat.screens.phrases import PhraseScreen

_PHRASES = 1_000
_CHUNKS = 20_000
_HOLD_BACK_CHARS = 256


def measure_phrases() -> tuple[float, int]:
    """Milliseconds for one chunk of one word, by a list of 1,000 phrases of which none is found; and how many
    chunks were read."""
    phrases = [("noticed", 1, f"name{number} of project{number}") for number in range(_PHRASES)]
    screen = PhraseScreen(phrases, {"noticed": 0})
    screening = Screening(screen, frozenset({Point.OUTPUT}), _HOLD_BACK_CHARS)
    chunks = [_chunk(f" project{number % 977}") for number in range(_CHUNKS)]
    began = time.thread_time()
    asyncio.run(_read(chunks, screening))
    return (time.thread_time() - began) / _CHUNKS * 1e3, _CHUNKS


async def _read(chunks: list[bytes], screening: Screening) -> None:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async for _ in hold_texts(arriving(), OPENAI, screening, _never):
        pass


async def _never(_: Scores) -> Ruling:
    raise AssertionError("nothing is found in what is measured")


def _chunk(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "measured"}
    return b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n"
