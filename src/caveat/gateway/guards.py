"""The panel of a bundle: its screens in this process, and those that the operator registered by address.

Guarantees: nothing is asked over a network but the addresses that the operator registered, each for the
screen of its name; a redirect is not followed; an answer is read up to a limit; a key goes to its own address
alone. What was not registered, or cannot be loaded, is unavailable and has its declared score.
Source: ADR-0048.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import aiohttp
import orjson
from yarl import URL

from caveat.gateway.model_screen import ModelScreen
from caveat.policy.screens import LOCAL_KINDS, Screens, ScreenSpec
from caveat.screens.errors import ScreenError
from caveat.screens.guards import GUARDS, Guard, UnreadableError
from caveat.screens.name_model import load as load_names
from caveat.screens.named import PersonsScreen
from caveat.screens.panel import Gives, Panel, Seat
from caveat.screens.protocol import Calibration, Failure, RawScores, Screen, Unavailable
from caveat.screens.sensitive import SensitiveScreen
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256

SLOW = frozenset({"persons"})
"""Kinds that take a tenth of a second for a page: read by a thread, however short the text is."""
SLOW_NOW_CHARS = 2_000
"""What those read where nobody can wait; a longer text has its declared failure there."""
MAX_ANSWER_BYTES = 256 * 1024
MAX_ASKED_AT_ONCE = 16
"""So many texts of one guard are asked at once; further ones wait, within their deadline."""
KEPT_SECONDS = 30.0
"""How long a connection that nobody uses is kept."""
PREFIX = "CAVEAT_SCREEN_"


class GuardsError(ValueError):
    """What the operator registered of a screen cannot be used."""


class Connection:
    """What one guard is asked through: connections that are used again, a limited number of them."""

    def __init__(self) -> None:
        """Nothing is opened before the first text."""
        self._open: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def session(self) -> aiohttp.ClientSession:
        """The session of the loop that asks. It keeps no cookie, and takes no proxy of the environment."""
        loop = asyncio.get_running_loop()
        if self._open is None or self._open.closed or self._loop is not loop:
            self._open = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_ASKED_AT_ONCE, keepalive_timeout=KEPT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
            self._loop = loop
        return self._open

    async def close(self) -> None:
        """Its connections are gone. A later text opens new ones."""
        if self._open is not None:
            await self._open.close()


@dataclass(frozen=True, slots=True)
class Registered:
    """Where a screen is asked, with which key; or the file of its model."""

    url: str = ""
    key: str = field(default="", repr=False)
    model: Path | None = None
    connection: Connection = field(default_factory=Connection, repr=False, compare=False)


Guards = Mapping[str, Registered]
NOBODY: Guards = {}


def registered_guards(environ: Mapping[str, str]) -> Guards:
    """What `CAVEAT_SCREEN_NAME_URL`, `_KEY`, `_KEY_FILE` and `_MODEL` register, by the screen's name.

    Raises `GuardsError` for an address that is none, and for a file of a key that cannot be read.
    """
    found: dict[str, dict[str, str]] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or not value:
            continue
        for ending in ("_KEY_FILE", "_URL", "_KEY", "_MODEL"):
            if variable.endswith(ending):
                name = variable[len(PREFIX) : -len(ending)].lower()
                found.setdefault(name, {})[ending] = value
                break
    return {name: _registered(name, settings) for name, settings in found.items()}


def _registered(name: str, settings: Mapping[str, str]) -> Registered:
    url = settings.get("_URL", "")
    if url:
        try:
            parsed = URL(url)
        except ValueError as error:
            raise GuardsError(f"the address registered for screen `{name}` is none") from error
        if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.user is not None:
            raise GuardsError(f"the address registered for screen `{name}` is no http or https address")
    key = settings.get("_KEY", "")
    if "_KEY_FILE" in settings:
        try:
            key = Path(settings["_KEY_FILE"]).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise GuardsError(f"the file of the key of screen `{name}` cannot be read") from error
    model = settings.get("_MODEL")
    return Registered(url, key, Path(model) if model else None)


def panel_of(screens: Screens, guards: Guards = NOBODY) -> Panel:
    """The panel that a bundle asks for, with what the operator registered."""
    seats = tuple(_seat(spec, guards.get(spec.name, Registered())) for spec in screens.panel)
    return Panel(seats, screens.deadline_ms / 1000)


def _seat(spec: ScreenSpec, registered: Registered) -> Seat:
    gives = tuple(
        Gives(
            one.fact,
            one.head,
            one.least,
            one.greatest,
            Calibration(one.calibration, one.calibrated_on),
            one.unavailable,
        )
        for one in spec.gives
    )
    seconds = spec.deadline_ms / 1000
    if spec.kind in LOCAL_KINDS:
        try:
            local = LOCAL[spec.kind](spec, registered)
        except ScreenError as error:
            return Seat(spec.name, gives, seconds, lacks=str(error))
        if spec.kind in SLOW:
            return Seat(spec.name, gives, seconds, local=local, inline_chars=0, now_chars=SLOW_NOW_CHARS)
        return Seat(spec.name, gives, seconds, local=local)
    if not registered.url:
        return Seat(spec.name, gives, seconds, lacks=f"no address: set {PREFIX}{spec.name.upper()}_URL")
    return Seat(spec.name, gives, seconds, remote=AskedScreen(spec, registered))


LOCAL: Mapping[str, Callable[[ScreenSpec, Registered], Screen]] = MappingProxyType(
    {
        "sensitive": lambda _spec, _registered: SensitiveScreen(),
        "model": lambda spec, registered: ModelScreen.load(
            registered.model, dict(spec.settings).get("digest", "")
        ),
        "persons": lambda _spec, _registered: PersonsScreen(load_names()),
    }
)
"""All that ever runs in this process: Caveat's own. What somebody else wrote is asked over a network."""


class AskedScreen:
    """A guard that somebody runs, asked over HTTP, one text at a time."""

    def __init__(self, spec: ScreenSpec, registered: Registered) -> None:
        """Nothing is asked before the first text."""
        self._guard: Guard = GUARDS[spec.kind]
        self._settings = dict(spec.settings)
        self._heads = tuple(one.head for one in spec.gives)
        self._registered = registered
        self.digest = sha256(canonical([spec.kind, registered.url, dict(spec.settings), list(self._heads)]))

    async def score(self, text: str) -> RawScores | Unavailable:
        """The scores of one text; whatever else the guard does makes it unavailable."""
        body = orjson.dumps(self._guard.ask(text, self._settings, self._heads))
        headers = {"content-type": "application/json", "accept": "application/json"}
        if self._registered.key:
            headers["authorization"] = f"Bearer {self._registered.key}"
        try:
            data = await self._asked(body, headers)
        except (aiohttp.ClientError, OSError, ValueError):
            return Unavailable(Failure.UNREACHABLE)
        if isinstance(data, Unavailable):
            return data
        if data is None:
            return Unavailable(Failure.TOO_LARGE)
        try:
            return self._guard.read(orjson.loads(data), self._settings, self._heads)
        except (orjson.JSONDecodeError, UnreadableError, RecursionError):
            return Unavailable(Failure.UNREADABLE)

    async def _asked(self, body: bytes, headers: Mapping[str, str]) -> bytes | Unavailable | None:
        """The answer; None where it has no end. A kept connection that is gone is opened again, once."""
        once_more = True
        while True:
            try:
                async with self._registered.connection.session().post(
                    self._registered.url, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    if 300 <= answer.status < 400:
                        return Unavailable(Failure.REDIRECTED)
                    if answer.status != 200:
                        return Unavailable(Failure.REFUSED)
                    return await _limited(answer)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                if not once_more:
                    raise
                once_more = False


async def _limited(answer: aiohttp.ClientResponse) -> bytes | None:
    pieces: list[bytes] = []
    size = 0
    async for piece in answer.content.iter_chunked(16_384):
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            return None
        pieces.append(piece)
        await asyncio.sleep(0)
    return b"".join(pieces)
