"""A model endpoint that does as it is told, on a real socket, in a thread of its own.

It speaks enough of both protocols for the official SDKs, remembers every request it got, and can be slow,
cut its answer, talk nonsense or refuse.
"""

import asyncio
import base64
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """One answer: whole, or in pieces with a pause before each; `cut` closes without an end."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    body: bytes = b""
    pieces: tuple[bytes, ...] | None = None
    pause_seconds: float = 0.0
    wait_seconds: float = 0.0
    cut: bool = False


@dataclass
class Scripted:
    """What the upstream answers next, whatever it is asked."""

    reply: Reply = field(default_factory=Reply)

    def __call__(self, _seen: Seen) -> Reply:
        return self.reply


@dataclass
class ScriptedUpstream:
    """`script(seen)` gives the reply; by default a plain answer of the protocol that was asked."""

    script: Callable[[Seen], Reply] = field(default=lambda seen: plain_reply(seen))
    seen: list[Seen] = field(default_factory=list)
    closed_early: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with keep-alive."""
        try:
            while True:
                seen = await _read(reader)
                self.seen.append(seen)
                if not await self._answer(reader, writer, self.script(seen)):
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return  # the other side has gone, or the test is over
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        await asyncio.sleep(reply.wait_seconds)
        head = f"HTTP/1.1 {reply.status} Scripted\r\n" + "".join(f"{k}: {v}\r\n" for k, v in reply.headers)
        if reply.pieces is None:
            body = reply.body[: len(reply.body) // 2] if reply.cut else reply.body
            writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(reply.body) + body)
            await writer.drain()
            return not reply.cut
        writer.write(head.encode() + b"transfer-encoding: chunked\r\n\r\n")
        for piece in reply.pieces:
            await asyncio.sleep(reply.pause_seconds)
            if reader.at_eof():
                self.closed_early.set()
                return False
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        if reply.cut:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, path, headers, body)


@contextmanager
def scripted_upstream(script: Callable[[Seen], Reply] | None = None) -> Iterator[ScriptedUpstream]:
    """A running upstream; every connection is closed on leaving."""
    upstream = ScriptedUpstream(script) if script is not None else ScriptedUpstream()
    ready = threading.Event()
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(done.set))
        server = await asyncio.start_server(upstream.serve_one, "127.0.0.1", 0)
        upstream.port = server.sockets[0].getsockname()[1]
        ready.set()
        await done.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10), "the scripted upstream did not start"
    try:
        yield upstream
    finally:
        stop[0]()
        thread.join(10)


TEXT = "It is a scripted answer."


def chat_body(text: str = TEXT) -> bytes:
    """A chat completion."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "scripted"}
    return json.dumps({**head, "choices": [choice], "usage": usage}).encode()


def message_body(text: str = TEXT) -> bytes:
    """A message."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "scripted"}
    usage = {"input_tokens": 3, "output_tokens": 5}
    end = {"stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
    return json.dumps({**head, "content": [{"type": "text", "text": text}], **end}).encode()


def chat_events(text: str = TEXT) -> tuple[bytes, ...]:
    """A chat completion as a stream, one word an event, with its end mark."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}

    def event(delta: dict[str, str], finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"

    words = [word + " " for word in text.split(" ")]
    words[-1] = words[-1].rstrip()
    return (*(event({"content": word}, None) for word in words), event({}, "stop"), b"data: [DONE]\n\n")


def message_events(text: str = TEXT) -> tuple[bytes, ...]:
    """A message as a stream, one word an event, with its end mark."""

    def event(kind: str, **members: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()

    start = json.loads(message_body(""))
    start.update(content=[], stop_reason=None)
    words = [word + " " for word in text.split(" ")]
    words[-1] = words[-1].rstrip()
    return (
        event("message_start", message=start),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *(event("content_block_delta", index=0, delta={"type": "text_delta", "text": w}) for w in words),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5}),
        event("message_stop"),
    )


def response_body(text: str = TEXT, *, id_: str = "resp_1", status: str = "completed") -> bytes:
    """A response with one message."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": [part]}
    return json.dumps({**_response(id_, status), "output": [message]}).encode()


def _response(id_: str, status: str) -> dict[str, Any]:
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8, **details}
    settings = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}}
    head = {"id": id_, "object": "response", "created_at": 1, "model": "scripted", "status": status}
    return {**head, **settings, "output": [], "usage": usage, "error": None, "incomplete_details": None}


def response_events(text: str = TEXT, *, id_: str = "resp_1", status: str = "completed") -> tuple[bytes, ...]:
    """A response as a stream of typed events, one word an event; the last says what became of it."""
    numbers = iter(range(1000))

    def event(kind: str, **members: Any) -> bytes:
        data = {"type": kind, "sequence_number": next(numbers), **members}
        return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()

    started = {**_response(id_, "in_progress"), "usage": None}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    at: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    words = [word + " " for word in text.split(" ")]
    words[-1] = words[-1].rstrip()
    ended = json.loads(response_body(text, id_=id_, status=status))
    whole = ended["output"][0]
    return (
        event("response.created", response=started),
        event("response.in_progress", response=started),
        event("response.output_item.added", output_index=0, item=item),
        event("response.content_part.added", **at, part=part),
        *(event("response.output_text.delta", **at, delta=word, logprobs=[]) for word in words),
        event("response.output_text.done", **at, text=text, logprobs=[]),
        event("response.content_part.done", **at, part=whole["content"][0]),
        event("response.output_item.done", output_index=0, item=whole),
        event(f"response.{status}", response=ended),
    )


def completion_body(text: str = TEXT) -> bytes:
    """A completion of the older form."""
    choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "scripted"}
    return json.dumps({**head, "choices": [choice], "usage": usage}).encode()


def completion_events(text: str = TEXT) -> tuple[bytes, ...]:
    """A completion as a stream, one word an event, with its end mark."""
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "scripted"}

    def event(word: str, finish: str | None) -> bytes:
        choice = {"index": 0, "text": word, "finish_reason": finish, "logprobs": None}
        return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"

    words = [word + " " for word in text.split(" ")]
    words[-1] = words[-1].rstrip()
    return (*(event(word, None) for word in words), event("", "stop"), b"data: [DONE]\n\n")


def embeddings_body(asked: Any) -> bytes:
    """An embedding for each input, in the encoding that was asked for."""
    inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    numbers = [0.5, -1.0]
    vector = base64.b64encode(struct.pack("<2f", *numbers)).decode()
    value = vector if asked.get("encoding_format") == "base64" else numbers
    data = [{"object": "embedding", "index": index, "embedding": value} for index in range(len(inputs))]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    return json.dumps({"object": "list", "model": asked["model"], "data": data, "usage": usage}).encode()


EVENT_STREAM = (("content-type", "text/event-stream"),)


def plain_reply(seen: Seen) -> Reply:
    """What a well-behaved endpoint answers."""
    if seen.method == "GET":
        listing = {"object": "list", "data": [{"id": "scripted", "object": "model"}]}
        return Reply(body=json.dumps(listing).encode())
    if seen.path.partition("?")[0].endswith("/embeddings"):
        return Reply(body=embeddings_body(seen.json))
    if seen.path == "/v1/messages/count_tokens":
        return Reply(body=json.dumps({"input_tokens": 7}).encode())
    events, body = _SPOKEN.get(seen.path.partition("?")[0].rpartition("/")[2], (chat_events, chat_body))
    if seen.path.partition("?")[0].endswith("/chat/completions"):
        events, body = chat_events, chat_body
    if seen.json.get("stream"):
        return Reply(headers=EVENT_STREAM, pieces=events())
    return Reply(body=body())


_SPOKEN: dict[str, tuple[Callable[[], tuple[bytes, ...]], Callable[[], bytes]]] = {
    "messages": (message_events, message_body),
    "responses": (response_events, response_body),
    "completions": (completion_events, completion_body),
}
