"""The overseers' door of a gateway, from outside: who reads says so with a signature, and nothing is kept."""

import base64
import http.client
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote, urlsplit

import orjson

from caveat.cli.exit import CannotRunError, because
from caveat.evidence.approval import Act, Approval, mint_approval
from caveat.evidence.instants import StatementParseError
from caveat.evidence.reading import mint_reading
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import PrivateKey

_SECONDS = 20
_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Door:
    """One person at one gateway. `origin`: of the gateway's log, which a reading statement names."""

    gateway: str
    key: PrivateKey
    issuer: str
    origin: str

    def read(self, hold: str) -> dict[str, Any]:
        """What waits, or one hold; raises `CannotRunError` with what the gateway said."""
        return self.look("/v1/approvals" + (f"/{quote(hold, safe='')}" if hold else ""))

    def look(self, path: str) -> dict[str, Any]:
        """What stands at a path that is for overseers; raises `CannotRunError` with what the gateway said."""
        statement = mint_reading(self.issuer, self.origin, datetime.now(UTC), self.key)
        token = base64.urlsafe_b64encode(statement).decode()
        status, answer = call(self.gateway, "GET", path, b"", {"authorization": f"Caveat-Overseer {token}"})
        if status != 200:
            error = answer.get("error", {})
            raise CannotRunError(
                str(error.get("message", f"the gateway answered {status}")),
                str(error.get("hint") or "see whether this is a gateway of caveat"),
            )
        return answer

    def submit(self, signed: bytes, path: str = "/v1/approvals") -> tuple[int, dict[str, Any]]:
        """Sends what was signed: status and answer."""
        return call(self.gateway, "POST", path, signed, {"content-type": "application/json"})


def open_door(gateway: str, key: PrivateKey, issuer: str) -> Door:
    """The door of the gateway at this address; raises `CannotRunError` where none answers."""
    status, answer = call(gateway, "GET", "/readyz", b"", {})
    if "log" not in answer:
        raise CannotRunError(f"no gateway answers there (status {status})", "name it with --gateway URL")
    return Door(gateway, key, issuer, str(answer["log"]))


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError):
        return because(error)
    return "what answers there is no gateway"


def call(
    gateway: str, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of one request; raises `CannotRunError` where there is none."""
    parts = urlsplit(gateway)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise CannotRunError("the gateway is no URL", "write --gateway http://HOST:PORT")
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.netloc, timeout=_SECONDS)
    try:
        connection.request(method, parts.path.rstrip("/") + path, body, headers)
        response = connection.getresponse()
        value: Any = orjson.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CannotRunError(
            f"the gateway gave no answer: {_why(error)}", "is it running, and is --gateway right?"
        ) from error
    finally:
        connection.close()
    if not isinstance(value, dict):
        raise CannotRunError("the gateway gave no answer of its own form", "is --gateway right?")
    return response.status, cast("dict[str, Any]", value)


def sign_decision(door: Door, shown: dict[str, Any], role: str, act: Act) -> bytes:
    """The signed decision about what was shown; raises `CannotRunError` where that is not what it claims."""
    view, content = shown["view"], base64.b64decode(shown["content"])
    about = view["content"]
    if sha256(canonical(view)) != shown["action"] or sha256(content) != about["digest"]:
        raise CannotRunError(
            "the gateway shows something else than it asks to sign", "do not approve; tell the auditor"
        )
    now = datetime.now(UTC).replace(microsecond=0)
    said = Approval(
        door.issuer,
        role,
        act,
        view["hold"],
        Digest(shown["action"]),
        Digest(view["policy"]),
        view["requester"],
        view["deployment"],
        now,
        now + _LIFE,
    )
    try:
        return mint_approval(said, [door.key])
    except StatementParseError as error:
        raise CannotRunError("this role cannot be signed for", "name a role that the hold asks") from error
