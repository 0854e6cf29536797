"""A client that sends exactly the bytes it is told, and knows no protocol."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Status, lower-case headers, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        """The member `error` of the body."""
        return self.json["error"]


def send(
    url: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def chat(url: str, key: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    """One chat completion; `body` as JSON, or bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return send(url, "/v1/chat/completions", data, {"authorization": f"Bearer {key}", **(headers or {})})


def message(url: str, key: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    """One message; `body` as JSON, or bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return send(url, "/v1/messages", data, {"x-api-key": key, **(headers or {})})


def asking(text: str, **more: object) -> dict[str, object]:
    """A request that both protocols take."""
    return {"model": "scripted", "max_tokens": 64, "messages": [{"role": "user", "content": text}], **more}
