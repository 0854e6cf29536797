"""The console's paths: who is at the door, which page answers, and what a form may change.

Two things change anything here: a sign-in, and what a passkey signed. Both are the browser's own, and the
second is judged where the same statement from a file is. Source: ADR-0039, ADR-0044.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from caveat.evidence.issuer import Issuer, Overseer
from caveat.gateway.console.answers import Page, see
from caveat.gateway.console.archive import Archive
from caveat.gateway.console.forms import MAX_FORM_BYTES, is_same_origin, parse_fields, read_form
from caveat.gateway.console.sessions import Session, Sessions, cookie_of, name_in
from caveat.gateway.errors import GatewayError, RequestError
from caveat.gateway.http import Receive, Scope, Send, read_body, send_whole
from caveat.gateway.identity.callers import Identities
from caveat.gateway.identity.sign_in import SignIn
from caveat.gateway.overseeing import Overseeing
from caveat.gateway.ports import Law
from caveat.gateway.power import Power
from caveat.gateway.reviewing import Reviewing
from caveat.oversight.chronicle import Chronicle
from caveat.signing.canonical import JsonObject

ROOT = "/console"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Renderer(Protocol):
    """What makes HTML of values: the gateway knows no template."""

    def render(self, name: str, /, **values: Any) -> bytes:  # noqa: ANN401 - whatever the page shows
        """The page of this name."""
        ...

    def static(self, name: str) -> tuple[bytes, str] | None:
        """A file that pages load, and its type."""
        ...

    def terms(self, markdown: str) -> str:
        """The page for lawyers, as HTML that may stand as it is."""
        ...


@dataclass(frozen=True, slots=True)
class Premises:
    """What the console shows and uses. `ledger_now`: how the ledger stands, as the page lists it.

    `organisation`: where people sign in beside passkeys, if anywhere.
    """

    renderer: Renderer
    overseeing: Overseeing
    power: Power
    reviewing: Reviewing
    chronicle: Chronicle
    archive: Archive
    identities: Identities
    law_now: Callable[[], Law]
    ledger_now: Callable[[], JsonObject]
    organisation: SignIn | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in, as the trust policy has them at this moment."""

    issuer: Issuer
    overseer: Overseer
    session: Session


@dataclass(frozen=True, slots=True)
class Visit:
    """One request. `name`: of the browser's cookie, its own or a new one; `person`: who is signed in."""

    premises: Premises
    sessions: Sessions
    law: Law
    scope: Scope
    headers: Mapping[str, str]
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    name: str
    fresh: bool
    person: Person | None

    @property
    def somebody(self) -> Person:
        """Who is signed in; raises `RequestError` 401."""
        if self.person is None:
            raise RequestError(401, "not_signed_in", "nobody is signed in here", "sign in with your passkey")
        return self.person

    @property
    def secure(self) -> bool:
        """Whether the cookie is for TLS alone: everywhere but on this machine."""
        host = self.headers.get("host", "")
        return self.scope.get("scheme") == "https" or not any(
            host == one or host.startswith(f"{one}:") for one in _LOOPBACK
        )

    def page(self, template: str, status: int = 200, /, **values: Any) -> Page:  # noqa: ANN401 - whatever the page shows
        """The page of this template, for this browser."""
        body = self.premises.renderer.render(
            template,
            path=self.path,
            form_token=self.sessions.token_of(self.name),
            person=None if self.person is None else self.person.issuer.id,
            by="" if self.person is None else self.person.session.by,
            roles=[] if self.person is None else sorted(self.person.overseer.roles),
            **values,
        )
        return Page(status, body, cookie=cookie_of(self.name, secure=self.secure) if self.fresh else "")

    def begin(self, issuer: Issuer, by: str) -> Page:
        """Signs in under a new name, and goes on to the queue."""
        return see(f"{ROOT}/queue", self.admit(issuer, by))

    def admit(self, issuer: Issuer, by: str, known_as: tuple[str, str] | None = None) -> str:
        """Signs in under a new name, whatever name the browser came with; returns the cookie."""
        self.sessions.end(self.name)
        name = self.sessions.begin(issuer.keyid, by, self.premises.overseeing.now(), known_as)
        return cookie_of(name, secure=self.secure)


Answerer: TypeAlias = Callable[[Visit], Awaitable[Page]]


@dataclass(frozen=True, slots=True)
class Room:
    """What answers at a path. `open`: without being signed in."""

    get: Answerer | None = None
    post: Answerer | None = None
    open: bool = False


class Console:
    """The console of one process."""

    def __init__(self, premises: Premises, rooms: Mapping[str, Room], within: Mapping[str, Room]) -> None:
        """`rooms`: by whole path below `/console`; `within`: by its first part, where a name follows."""
        self.premises = premises
        self._rooms = rooms
        self._within = within
        self._sessions = Sessions()

    async def answer(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> GatewayError | None:
        """Answers one request with a page, whatever it is; returns what was wrong with it, to be counted."""
        method = scope["method"]
        fault: GatewayError | None = None
        visit = self._nobody(scope, headers)
        try:
            visit = self._visit(visit)
            page = await self._page(visit, method, receive)
        except GatewayError as error:
            fault, page = error, self._failed(visit, error)
        body = b"" if method == "HEAD" else page.body
        await send_whole(send, page.status, body, page.headers)
        return fault

    async def _page(self, visit: Visit, method: str, receive: Receive) -> Page:
        name = visit.path.removeprefix(ROOT).strip("/")
        if name.startswith("static/"):
            return self._static(name.removeprefix("static/"))
        room = self._rooms.get(name) or self._within.get(name.partition("/")[0] + "/")
        if room is None:
            raise RequestError(404, "unknown_page", "the console has no such page", "begin at the queue")
        query = parse_fields(visit.scope.get("query_string", b"").decode("latin-1"))
        form: dict[str, str] = {}
        if method == "POST":
            form = read_form(visit.headers, await read_body(receive, visit.headers, MAX_FORM_BYTES))
        visit = replace(visit, query=query, form=form)
        answerer = room.post if method == "POST" else room.get if method in {"GET", "HEAD"} else None
        if answerer is None:
            raise RequestError(405, "method_not_allowed", "this page takes no such request", "go back")
        if visit.person is None and not room.open:
            if method == "POST":
                raise RequestError(
                    401, "not_signed_in", "nobody is signed in any more, so nothing happened", "sign in again"
                )
            return see(f"{ROOT}/sign-in")
        if method == "POST":
            self._check_own(visit)
        return await answerer(visit)

    def _check_own(self, visit: Visit) -> None:
        token = visit.form.get("form_token", "")
        if not (is_same_origin(visit.headers) and self._sessions.is_token_of(visit.name, token)):
            raise RequestError(
                403,
                "form_foreign",
                "this form is not of this browser's own session, so nothing happened",
                "open the page again and send its form",
            )

    def _nobody(self, scope: Scope, headers: Mapping[str, str]) -> Visit:
        """The request before anybody looked who sends it: looking takes a clock that can be used."""
        name = name_in(headers.get("cookie", ""))
        return Visit(
            self.premises,
            self._sessions,
            self.premises.law_now(),
            scope,
            headers,
            scope["path"],
            {},
            {},
            name or secrets.token_urlsafe(32),
            not name,
            None,
        )

    def _visit(self, visit: Visit) -> Visit:
        """The same request by whoever is signed in; raises `FaultError` where the clock cannot be used."""
        return visit if visit.fresh else replace(visit, person=self._person(visit.law, visit.name))

    def _person(self, law: Law, name: str) -> Person | None:
        """Whoever is signed in under this name, as long as the key of the session stands."""
        now = self.premises.overseeing.now()
        session = self._sessions.find(name, now)
        if session is None:
            return None
        issuer = law.witnesses.reader(session.key, now)
        if (
            issuer is None
            or issuer.overseer is None
            or (session.known_as is not None and session.known_as not in issuer.overseer.sign_in)
        ):
            self._sessions.end(name)
            return None
        return Person(issuer, issuer.overseer, session)

    def _static(self, name: str) -> Page:
        found = self.premises.renderer.static(name)
        if found is None:
            raise RequestError(404, "unknown_page", "the console has no such file", "begin at the queue")
        return Page(200, found[0], found[1])

    def _failed(self, visit: Visit, error: GatewayError) -> Page:
        return visit.page(
            "message",
            error.status,
            title="Nothing happened",
            message=error.message,
            hint=error.hint,
            code=error.code,
        )


def is_console(path: str) -> bool:
    """Whether the path is the console's."""
    return path == ROOT or path.startswith(f"{ROOT}/")
