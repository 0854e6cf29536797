"""Who is signed in at the console: random names for what only this process remembers.

A session opens no more than reading; it ends after half an hour without a request, after eight hours, when
the process ends, and when its key is revoked. Source: attacks 299 to 301 in `THREAT_MODEL.md`, ADR-0039.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from caveat.signing.digest import Digest, sha256
from caveat.signing.passkey import base64url

COOKIE = "caveat-console"
STATE_COOKIE = "caveat-console-sign-in"
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=8)
MAX_SESSIONS = 4096


@dataclass(slots=True)
class Session:
    """Somebody who is signed in. `key`: the enrolled key of the person, which is looked up at each request.

    `by`: `passkey`, `token` or `organisation`. `known_as`: issuer and subject, which are looked up as well.
    """

    key: Digest
    by: str
    begun_at: datetime
    last_at: datetime
    known_as: tuple[str, str] | None = None


class Sessions:
    """Those of one process. Names are kept as digests, so that memory holds none that could be used."""

    def __init__(self) -> None:
        """Nobody is signed in."""
        self._secret = secrets.token_bytes(32)
        self._sessions: dict[Digest, Session] = {}
        self._used: dict[Digest, datetime] = {}

    def begin(self, key: Digest, by: str, now: datetime, known_as: tuple[str, str] | None = None) -> str:
        """A new session under a new name, whatever name the browser had before."""
        self._drop_over(now)
        if len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        name = secrets.token_urlsafe(32)
        self._sessions[sha256(name.encode())] = Session(key, by, now, now, known_as)
        return name

    def find(self, name: str, now: datetime) -> Session | None:
        """The session of this name, if it is not over; it goes on from now."""
        digest = sha256(name.encode())
        session = self._sessions.get(digest)
        if session is None:
            return None
        if _is_over(session, now):
            del self._sessions[digest]
            return None
        session.last_at = now
        return session

    def end(self, name: str) -> None:
        """Nobody is signed in under this name any more."""
        self._sessions.pop(sha256(name.encode()), None)

    def use_up(self, statement: Digest, until: datetime, now: datetime) -> bool:
        """Whether this statement signs in for the first time; it does so once."""
        self._used = {one: at for one, at in self._used.items() if at > now}
        if statement in self._used:
            return False
        self._used[statement] = until
        return True

    def token_of(self, name: str) -> str:
        """What a form has to carry to be one of this browser's own: it follows from the cookie, and from
        nothing that another site can read."""
        return hmac.new(self._secret, b"form\0" + name.encode(), hashlib.sha256).hexdigest()

    def is_token_of(self, name: str, token: str) -> bool:
        """Whether the form is this browser's own, in the same time either way."""
        return bool(name) and hmac.compare_digest(self.token_of(name).encode(), token.encode())

    def decoy(self, issuer: str) -> str:
        """A credential for who has none, the same each time: asking does not tell who is enrolled."""
        name = hmac.new(self._secret, b"decoy\0" + issuer.encode(), hashlib.sha256).digest()
        return base64url(name)

    def _drop_over(self, now: datetime) -> None:
        self._sessions = {name: one for name, one in self._sessions.items() if not _is_over(one, now)}


def _is_over(session: Session, now: datetime) -> bool:
    return now - session.last_at >= IDLE or now - session.begun_at >= LONGEST


def cookie_of(name: str, *, secure: bool, over: bool = False) -> str:
    """The header that has the browser keep it, out of the reach of scripts and other sites."""
    attributes = f"{COOKIE}={name}; Path=/console; HttpOnly; SameSite=Strict"
    return attributes + ("; Secure" if secure else "") + ("; Max-Age=0" if over else "")


def state_cookie_of(state: str, *, secure: bool) -> str:
    """The header that has the browser keep the state of a sign-in elsewhere, for the way back alone.

    `Lax`, for the way back begins at another site; it opens nothing by itself.
    """
    attributes = f"{STATE_COOKIE}={state}; Path=/console/sign-in; HttpOnly; SameSite=Lax; Max-Age=600"
    return attributes + ("; Secure" if secure else "")


def name_in(header: str) -> str:
    """The name that the browser sent; empty where there is none, or more than one."""
    return _one(header, COOKIE, 64)


def state_in(header: str) -> str:
    """The state of a sign-in elsewhere that the browser kept; empty where there is none, or more than one."""
    return _one(header, STATE_COOKIE, 256)


def _one(header: str, name: str, longest: int) -> str:
    pairs = [piece.strip().partition("=") for piece in header.split(";")]
    found = [value for key, _, value in pairs if key == name]
    return found[0] if len(found) == 1 and 0 < len(found[0]) <= longest and found[0].isascii() else ""
