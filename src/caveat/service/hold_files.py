"""The store of holds as the gateway asks for it: every failure of the driver is an answer."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import datetime

from caveat.gateway.errors import FaultError
from caveat.oversight.hold import Shown
from caveat.signing.digest import Digest
from caveat.store.errors import HoldStoreError
from caveat.store.holds import SqliteHolds


class HoldFiles:
    """The store with failures as answers: the gateway knows no driver."""

    def __init__(self, store: SqliteHolds) -> None:
        """`store`: opened already; whoever opened it closes it."""
        self._store = store

    def put(self, hold: str, shown: Shown, expires_at: datetime, now: datetime) -> None:
        """Keeps what a hold shows; raises `FaultError`."""
        with _answered():
            self._store.put(hold, shown, expires_at, now)

    def keep(self, use: str, shown: Shown, until: datetime) -> None:
        """Keeps what a use was that went through; raises `FaultError`."""
        with _answered():
            self._store.keep(use, shown, until)

    def drop(self, uses: Iterable[str]) -> None:
        """Forgets what these showed; raises `FaultError`."""
        with _answered():
            self._store.drop(uses)

    def expire(self, now: datetime) -> None:
        """Forgets whatever is kept no longer; raises `FaultError`."""
        with _answered():
            self._store.expire(now)

    def get(self, hold: str) -> Shown | None:
        """What it shows; raises `FaultError`."""
        with _answered():
            return self._store.get(hold)

    def has(self, hold: str) -> bool:
        """Whether it is stored what it shows; raises `FaultError`."""
        with _answered():
            return self._store.has(hold)

    def display(self, hold: str, person: str, at: datetime) -> datetime:
        """When it was first shown to this person; raises `FaultError`."""
        with _answered():
            return self._store.display(hold, person, at)

    def displayed(self, hold: str, person: str) -> datetime | None:
        """When it was first shown to this person; raises `FaultError`."""
        with _answered():
            return self._store.displayed(hold, person)

    def plant(self, action: Digest, nonce: bytes) -> None:
        """Keeps the secret of a planted case; raises `FaultError`."""
        with _answered():
            self._store.plant(action, nonce)

    def plants(self) -> dict[Digest, bytes]:
        """All that are not revealed; raises `FaultError`."""
        with _answered():
            return self._store.plants()

    def uproot(self, action: Digest) -> None:
        """Forgets one; raises `FaultError`."""
        with _answered():
            self._store.uproot(action)

    def count(self, key: str, value: int) -> bool:
        """Whether the counter of this passkey went on; raises `FaultError`."""
        with _answered():
            return self._store.count(key, value)


@contextmanager
def _answered() -> Generator[None]:
    try:
        yield
    except HoldStoreError as error:
        raise FaultError(
            503,
            "holds_unavailable",
            "the store of what waits for people failed, so nothing can be shown or approved",
            "try again later; the operator sees the cause in the log",
        ) from error
