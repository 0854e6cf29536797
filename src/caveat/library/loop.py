"""One event loop in one thread, for callers that have none."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

from caveat.library.errors import GateError

T = TypeVar("T")


class LoopThread:
    """Runs work for any number of threads. Started by making it; `close` ends it and whatever still runs.

    The thread keeps no interpreter alive: a program that ends without closing ends as by a power cut.
    """

    def __init__(self) -> None:
        """Returns when the loop runs."""
        self._lock = threading.RLock()  # a finaliser may come back in while it is held
        self.closed = False
        self._stop = asyncio.Event()
        ready: list[asyncio.AbstractEventLoop] = []
        running = threading.Event()

        async def until_stopped() -> None:
            ready.append(asyncio.get_running_loop())
            running.set()
            await self._stop.wait()

        def turn() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(until_stopped())

        self._thread = threading.Thread(target=turn, name="caveat-gate", daemon=True)
        self._thread.start()
        running.wait()
        self._loop = ready[0]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work` in the loop; blocks. Interrupted, it cancels the work.

        Raises `GateError` where the loop is closed, or is the very one that asks.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise GateError(
                "gate_loop",
                "a gate without a loop of its own cannot be called from its own loop",
                "use AsyncGate",
            )
        with self._lock:
            if self.closed:
                work.close()
                raise closed()
            # INVARIANT: before `close` asks the loop to stop, so the work ends or is cancelled.
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise closed() from error
        except BaseException:
            future.cancel()
            raise

    def soon(self, call: Callable[[], object]) -> None:
        """Calls it in the loop; a closed loop has nothing left to call it for."""
        with self._lock:
            if not self.closed:
                self._loop.call_soon_threadsafe(call)

    def close(self) -> None:
        """Cancels what still runs, and returns when the thread has ended."""
        with self._lock:
            if not self.closed:
                self.closed = True
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


def closed() -> GateError:
    """The gate was closed, so nothing is decided any more."""
    return GateError("gate_closed", "this gate is closed, so it decides nothing", "open another")
