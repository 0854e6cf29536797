"""The second party's agent: it keeps the chain of keys and wraps ids over a Unix socket, for one account.

The gateway makes ids under a key of its own and has them wrapped here, so that it holds no key by which a
person could be tested, and the agent sees no identifier, nor a digest of one that it could guess. Frames are
four bytes of length and a body: of a request an operation, a number and ids; of an answer one byte that is 0,
and what was asked for. Whatever fails is unavailable, never an id. Source: ADR-0047.
"""

import hmac
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from caveat.labels.subjects import KEYED_ID_BYTES
from caveat.monitors.keys import KeysUnavailableError, at_rest, wrap

MAX_IDS = 65_536
"""Ids of one frame: one mebibyte. A client asks for more in several."""
DEFAULT_IDS_PER_HOUR = 5_000_000
"""So many ids are wrapped within an hour at most: whoever takes the gateway's place tests no population."""
DEADLINE_SECONDS = 1.0
_AFTER_FAILURE_SECONDS = 1.0
_MAX_CONNECTIONS = 16
_MAX_FRAME = MAX_IDS * KEYED_ID_BYTES + 3
_LENGTH, _HEAD, _CREDENTIALS = struct.Struct(">I"), struct.Struct(">cH"), struct.Struct("3i")
_HELLO, _WRAP, _AT_REST = b"h", b"w", b"r"
KEY_BYTES = 32
_DONE, _REFUSED = b"\x00", b"\x01"


class KeyAgent(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers on a socket until it is shut down. `serve_forever` and `shutdown` are the library's."""

    daemon_threads = True
    request_queue_size = _MAX_CONNECTIONS

    def __init__(
        self,
        path: Path,
        keys: Sequence[bytes],
        uid: int,
        ids_per_hour: int = DEFAULT_IDS_PER_HOUR,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`uid`: the account that may ask. Raises `OSError`, also where one answers at `path` already."""
        self.keys = tuple(keys)
        self._uid = uid
        self._places = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._budget, self._clock, self._lock = ids_per_hour, clock, threading.Lock()
        self._left, self._since = float(ids_per_hour), clock()
        _remove_stale(path)
        super().__init__(str(path), _Connection)
        path.chmod(0o666)

    def verify_request(self, request: object, client_address: object) -> bool:
        """Whether the other end runs under the one account that may ask, by what the kernel says of it."""
        del client_address
        if not isinstance(request, socket.socket):
            return False
        found = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return bool(_CREDENTIALS.unpack(found)[1] == self._uid) and self._places.acquire(blocking=False)

    def leave(self) -> None:
        """A connection has ended."""
        self._places.release()

    def grants(self, ids: int) -> bool:
        """Whether so many more may be wrapped by now."""
        with self._lock:
            now = self._clock()
            self._left = min(self._budget, self._left + (now - self._since) * self._budget / 3600)
            self._since = now
            if ids > self._left:
                return False
            self._left -= ids
            return True

    def answer(self, body: bytes) -> bytes:
        """To one request."""
        if len(body) < _HEAD.size:
            return _REFUSED
        operation, number = body[:1], int.from_bytes(body[1 : _HEAD.size], "big")
        if operation == _HELLO:
            return _DONE + len(self.keys).to_bytes(2, "big")
        if operation == _AT_REST and 1 <= number <= len(self.keys):
            return _DONE + at_rest(self.keys[number - 1])
        if operation == _WRAP and number < len(self.keys):
            ids = _cut(body[_HEAD.size :])
            if ids is not None and self.grants(len(ids)):
                return _DONE + b"".join(wrap(ids, self.keys[number:]))
        return _REFUSED


class _Connection(socketserver.BaseRequestHandler):
    """One client: a request, an answer, and so on, until it leaves."""

    def handle(self) -> None:
        agent = self.server
        assert isinstance(agent, KeyAgent)  # noqa: S101 - nobody else makes these
        try:
            while (body := _receive(self.request)) is not None:
                _send(self.request, agent.answer(body))
        except OSError:
            return  # the client is gone; it asks again if it wants to
        finally:
            agent.leave()


class AgentKeys:
    """The chain behind an agent, as a gateway asks it: its own key first, and the agent's after it.

    Safe from several threads, one exchange at a time.
    """

    def __init__(
        self,
        path: Path,
        own: bytes,
        deadline_seconds: float = DEADLINE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Asks at once; raises `KeysUnavailableError`. `own`: makes ids that say nothing to the agent."""
        self._path, self._own, self._deadline, self._clock = path, own, deadline_seconds, clock
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._closed_until = -_AFTER_FAILURE_SECONDS
        self._sealing: dict[int, bytes] = {}
        self._count = 0
        try:
            self._count = int.from_bytes(self._ask(_HELLO, 0, b""), "big")
            if self._count < 1:
                raise self._unavailable("has no key")
            if len(self.at_rest(self.number)) != KEY_BYTES:
                raise self._unavailable("answers something else than it was asked")
        except KeysUnavailableError:
            self.close()
            raise

    @property
    def number(self) -> int:
        """How many keys there are, the gateway's own with them."""
        return 1 + self._count

    @property
    def own(self) -> bytes:
        """The gateway's own key."""
        return self._own

    def wrap(self, ids: Sequence[bytes], after: int) -> Sequence[bytes]:
        """Each id under every key after the first `after`; raises `KeysUnavailableError`."""
        found: list[bytes] = []
        for at in range(0, len(ids), MAX_IDS):
            asked = ids[at : at + MAX_IDS]
            answered = _cut(self._ask(_WRAP, after - 1, b"".join(asked)))
            if answered is None or len(answered) != len(asked):
                raise self._unavailable("answers something else than it was asked")
            found += answered
        return found

    def at_rest(self, number: int) -> bytes:
        """The key that seals what is kept under so many keys; raises `KeysUnavailableError`."""
        if number == 1:
            return at_rest(self._own)
        if number not in self._sealing:
            self._sealing[number] = self._ask(_AT_REST, number - 1, b"")
        return self._sealing[number]

    def close(self) -> None:
        """Lets the connection go."""
        with self._lock:
            self._hang_up()

    def _ask(self, operation: bytes, number: int, payload: bytes) -> bytes:
        with self._lock:
            if self._clock() < self._closed_until:
                raise self._unavailable("did not answer a moment ago")
            try:
                if self._socket is None:
                    self._socket = self._connected()
                answer = self._exchange(self._socket, operation, number, payload)
            except OSError as error:
                self._hang_up()
                self._closed_until = self._clock() + _AFTER_FAILURE_SECONDS
                raise self._unavailable("does not answer") from error
            if answer[:1] != _DONE:
                raise self._unavailable("refuses")
            return answer[1:]

    def _connected(self) -> socket.socket:
        fresh = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            fresh.settimeout(self._deadline)
            fresh.connect(str(self._path))
            count = _DONE + self._count.to_bytes(2, "big")
            if self._count and self._exchange(fresh, _HELLO, 0, b"") != count:
                raise ConnectionError("the agent holds a longer or shorter chain by now")
            for number, known in self._sealing.items():
                again = self._exchange(fresh, _AT_REST, number - 1, b"")
                if not hmac.compare_digest(again, _DONE + known):
                    raise ConnectionError("the agent holds another chain by now")
        except OSError:
            fresh.close()
            raise
        return fresh

    def _exchange(self, over: socket.socket, operation: bytes, number: int, payload: bytes) -> bytes:
        ends = time.monotonic() + self._deadline
        _send(over, _HEAD.pack(operation, number) + payload)
        answer = _receive(over, ends)
        if answer is None:
            raise ConnectionError("the agent hung up")
        return answer

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _unavailable(self, what: str) -> KeysUnavailableError:
        return KeysUnavailableError(f"the agent at `{self._path.name}` {what}")


def _cut(data: bytes) -> list[bytes] | None:
    """The ids that stand one after the other; None for what is no whole number of them."""
    if len(data) % KEYED_ID_BYTES:
        return None
    return [data[at : at + KEYED_ID_BYTES] for at in range(0, len(data), KEYED_ID_BYTES)]


def _send(over: socket.socket, body: bytes) -> None:
    over.sendall(_LENGTH.pack(len(body)) + body)


def _receive(over: socket.socket, ends: float | None = None) -> bytes | None:
    """The next body; None at the end. Raises `OSError` for one that is too long, cut off or too late."""
    head = _read(over, _LENGTH.size, ends)
    if not head:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > _MAX_FRAME:
        raise ConnectionError("this frame is too long")
    return _read(over, length, ends)


def _read(over: socket.socket, length: int, ends: float | None) -> bytes:
    """So many bytes; none at the end."""
    found = bytearray()
    while len(found) < length:
        if ends is not None:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("the deadline has passed")
            over.settimeout(left)
        more = over.recv(length - len(found))
        if not more:
            if found:
                raise ConnectionError("this frame is cut off")
            return b""
        found += more
    return bytes(found)


def _remove_stale(path: Path) -> None:
    """Removes the socket of an agent that is gone; raises `OSError` where one answers, or for no socket."""
    if not path.exists():
        return
    if not path.is_socket():
        raise FileExistsError(f"`{path.name}` is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.settimeout(DEADLINE_SECONDS)
        try:
            other.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError(f"an agent answers at `{path.name}` already")
