"""What runs beside requests, from a gateway's start to its end."""

import asyncio
from collections.abc import Callable, Coroutine


class Background:
    """One task that goes on until it is stopped. Its failures are its own to tell of."""

    def __init__(self, run: Callable[[], Coroutine[None, None, None]]) -> None:
        """`run` never returns by itself."""
        self._run = run
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins, in the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> bool:
        """Ends it, and returns once it has ended: whether it had begun at all."""
        if self._task is None:
            return False
        self._task.cancel()
        await asyncio.wait({self._task})
        return True
