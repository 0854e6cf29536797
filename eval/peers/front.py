"""An OpenAI-compatible chat endpoint around one peer, run in the peer's own environment.

The peer decides; this only carries. A block comes from the peer's own signal, never from the words of an
answer, and leaves as 400 `content_filter`. A peer that fails is a 500, so that it reads as no verdict and
not as an answer. It listens on the loopback interface, prints one JSON line when it is ready, and ends when
its standard input does. It imports nothing of Caveat.
"""

import argparse
import asyncio
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

VERSION = 1
Document = dict[str, Any]
AskUpstream = Callable[[Document], Awaitable[Document]]
Guard = Callable[[Document, AskUpstream], Awaitable[Document]]

_MAX_BODY_BYTES = 16 * 1024 * 1024
_UPSTREAM_SECONDS = 60.0
PATTERNS = Path(__file__).parent / "policy_patterns.json"


class BlockedError(Exception):
    """The peer said no. `detector`: which of its parts."""

    def __init__(self, detector: str) -> None:
        """`detector`: the peer's own name for it."""
        super().__init__(detector)
        self.detector = detector


class UpstreamError(Exception):
    """The model behind the peer did not answer with 200; the status passes through."""

    def __init__(self, status: int) -> None:
        """`status`: what the model answered with."""
        super().__init__(f"the model answered {status}")
        self.status = status


@dataclass(frozen=True)
class Description:
    """What is measured. `left_out`: detectors that the peer has and that do not run here, each with why."""

    name: str
    packages: Sequence[str]
    detectors: Sequence[str]
    left_out: Mapping[str, str]
    configuration: str

    def ready_line(self, url: str, api_key: str = "") -> str:
        """What is printed when the peer takes requests. `api_key`: drawn for this process."""
        versions = {name: importlib.metadata.version(name) for name in self.packages}
        return json.dumps(
            {
                "version": VERSION,
                "ready": True,
                "url": url,
                "api_key": api_key,
                "name": self.name,
                "versions": {**versions, "python": sys.version.split()[0]},
                "detectors": list(self.detectors),
                "left_out": dict(self.left_out),
                "configuration": self.configuration,
            }
        )


def arguments() -> argparse.Namespace:
    """`--upstream` and `--port`, the same for every peer."""
    parser = argparse.ArgumentParser(description="serve one peer before a model")
    parser.add_argument("--upstream", required=True, help="URL of the model, without /v1")
    parser.add_argument("--port", type=int, default=0, help="port of the loopback; 0 takes a free one")
    return parser.parse_args()


def policy_patterns() -> dict[str, str]:
    """The clauses of the example policy that can be read off the claims as text, as regular expressions."""
    patterns: dict[str, str] = json.loads(PATTERNS.read_text())["patterns"]
    return patterns


def digest(parts: Iterable[bytes]) -> str:
    """One SHA-256 over what the peer is configured with."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def text_of(content: object) -> str:
    """The text of one message's content, parts joined by an empty line; other parts have no text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n\n".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
    return ""


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def serve(description: Description, guard: Guard, upstream: str, port: int) -> None:
    """Serves until standard input ends."""
    asyncio.run(_serve(description, guard, upstream, port))


async def _serve(description: Description, guard: Guard, upstream: str, port: int) -> None:
    timeout = aiohttp.ClientTimeout(total=_UPSTREAM_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def ask(document: Document) -> Document:
            async with session.post(f"{upstream}/v1/chat/completions", json=document) as answer:
                if answer.status != 200:
                    raise UpstreamError(answer.status)
                found: Document = await answer.json()
                return found

        async def chat(request: web.Request) -> web.Response:
            try:
                return web.json_response(await guard(await request.json(), ask))
            except BlockedError as blocked:
                return _error(400, "content_filter", blocked.detector)
            except UpstreamError as failed:
                return _error(502 if failed.status >= 500 else failed.status, "upstream", str(failed))

        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            say(description.ready_line(f"http://127.0.0.1:{runner.addresses[0][1]}"))
            await asyncio.to_thread(sys.stdin.buffer.read)
        finally:
            await runner.cleanup()


def _error(status: int, code: str, message: str) -> web.Response:
    body = {"error": {"message": message, "type": "guardrail", "code": code, "param": None}}
    return web.json_response(body, status=status)
