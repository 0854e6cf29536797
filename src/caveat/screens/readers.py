"""A few threads that read long texts for the screens of this process, and never more of them.

Guarantees: no more than `THREADS` readings run at once in the whole process, and no more than `WAITING` wait;
a screen whose reading outlives its time is stuck until that reading ends, and is asked nothing meanwhile.
Source: ADR-0048.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

from caveat.screens.protocol import Failure, RawScores, Screen, Unavailable

THREADS = 4
WAITING = 256
_Job = tuple["Future[RawScores]", Callable[[], RawScores]]


class Readers:
    """Threads that begin with the first long text, and end with the process. May be used by any loop."""

    def __init__(self, threads: int = THREADS, waiting: int = WAITING) -> None:
        """`threads`: read at once. `waiting`: texts that may wait; a further one is not read."""
        self._jobs: queue.Queue[_Job] = queue.Queue(waiting)
        self._threads = threads
        self._begun = 0
        self._lock = threading.Lock()
        self._overdue: dict[tuple[str, str], int] = {}

    @property
    def begun(self) -> int:
        """How many threads there are."""
        return self._begun

    @property
    def stuck(self) -> int:
        """How many readings have outlived their time and still run."""
        with self._lock:
            return sum(self._overdue.values())

    def is_stuck(self, screen: Screen) -> bool:
        """Whether a reading of this screen has outlived its time; also if nobody is left to read."""
        with self._lock:
            return _id(screen) in self._overdue or sum(self._overdue.values()) >= self._threads

    async def read(self, screen: Screen, text: str, seconds: float) -> RawScores | Unavailable:
        """The scores of one text within this time. Raises whatever the screen raises."""
        future: Future[RawScores] = Future()
        try:
            self._jobs.put_nowait((future, lambda: screen.score(text)))
        except queue.Full:
            return Unavailable(Failure.BUSY)
        self._one_more()
        waited = asyncio.wrap_future(future)
        try:
            await asyncio.wait([waited], timeout=seconds)
            if waited.done():
                return waited.result()
            if not future.cancel():
                self._outlives(screen, future)
            return Unavailable(Failure.TIMED_OUT)
        finally:
            waited.cancel()  # whoever asked may have gone; what has not begun never does

    def _one_more(self) -> None:
        with self._lock:
            if self._begun < self._threads:
                self._begun += 1
                threading.Thread(target=self._work, name="caveat-screen", daemon=True).start()

    def _work(self) -> None:
        while True:
            future, job = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                found = job()
            except Exception as error:  # goes to whoever asked; the thread reads on for others
                future.set_exception(error)
            else:
                future.set_result(found)
            del future, job  # no text is kept while none is read

    def _outlives(self, screen: Screen, future: "Future[RawScores]") -> None:
        key = _id(screen)

        def ended(_: "Future[RawScores]") -> None:
            with self._lock:
                self._overdue[key] -= 1
                if not self._overdue[key]:
                    del self._overdue[key]

        with self._lock:
            self._overdue[key] = self._overdue.get(key, 0) + 1
        future.add_done_callback(ended)


def _id(screen: Screen) -> tuple[str, str]:
    return screen.name, screen.digest


READERS = Readers()
"""Those of this process: a bundle that is reloaded gets no further ones."""
