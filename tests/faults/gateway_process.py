"""A gateway process on a disk whose unsynced writes live in its own memory, so that a kill loses them.

Arguments: data folder, upstream URL, and one of `honest`, `no-sync` (fdatasync does nothing) or `early`
(answers are released before the sync). Prints its URL, then serves until it is killed.
"""

import sys
import time
from pathlib import Path
from typing import Any

from caveat.cli.serving import listen, serve
from caveat.gateway.logs import make_logger
from caveat.gateway.upstream import UpstreamConfig
from caveat.ledger import Ledger
from caveat.ledger.disk import AppendFile, RealDisk
from caveat.service.config import ServiceConfig
from caveat.service.opening import open_service
from tests.faults.test_crash import ReleasesBeforeSync
from tests.support.small_bundle import SmallBundle

_SYNC_SECONDS = 0.02  # a slow disk: most kills find something that is written and not synced


class _Held:
    """An append file that keeps what was written in memory until it is synced."""

    def __init__(self, file: AppendFile, *, lies: bool) -> None:
        self._file = file
        self._held = bytearray()
        self._lies = lies

    def write(self, data: bytes) -> None:
        self._held += data

    def sync(self) -> None:
        time.sleep(_SYNC_SECONDS)
        if not self._lies:
            self._file.write(bytes(self._held))
            self._held.clear()
            self._file.sync()

    def truncate(self, size: int) -> None:
        self._file.truncate(size)

    def close(self) -> None:
        self._file.close()


class UnsyncedInMemoryDisk(RealDisk):
    """The real disk, but for what was appended and not synced: that dies with the process."""

    def __init__(self, *, lies: bool) -> None:
        self._lies = lies

    def append_to(self, path: Path) -> AppendFile:
        return _Held(super().append_to(path), lies=self._lies)


def main(data: Path, upstream: str, kind: str) -> None:
    """Serves; see the module."""
    disk = UnsyncedInMemoryDisk(lies=kind == "no-sync")
    real_open = Ledger.open
    extra: dict[str, Any] = {"disk": disk}
    if kind == "early":
        extra["sequencer"] = ReleasesBeforeSync

    def open_on_that_disk(*args: Any, **settings: Any) -> Ledger:
        return real_open(*args, **{**settings, **extra, "publish_seconds": 3600.0})

    Ledger.open = open_on_that_disk  # type: ignore[method-assign]  # a disk that fails, in this process alone
    files = SmallBundle().files()
    with Path("/dev/null").open("wb") as log:
        made = open_service(
            ServiceConfig(lambda: files, data, UpstreamConfig(upstream, None), make_logger(log, "error"))
        )
        with listen("127.0.0.1", 0) as listening:
            sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
            sys.stdout.flush()
            serve(made, listening)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
