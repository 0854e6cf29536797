"""A bar on the terminal for whatever takes longer than two seconds; nothing where there is no terminal."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress

Progress = Callable[[int, int], None]
_QUIET_SECONDS = 2.0


class Bar(AbstractContextManager[Progress]):
    """Entering gives a function that takes how much is done, and how much there is."""

    def __init__(self, doing: str) -> None:
        """`doing`: what stands before the bar."""
        self._doing = doing
        self._console = Console(stderr=True)
        self._started = time.monotonic()
        self._bar: RichProgress | None = None

    def __enter__(self) -> Progress:
        return self._show if self._console.is_terminal else _ignore

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _show(self, done: int, total: int) -> None:
        if self._bar is None:
            if time.monotonic() - self._started < _QUIET_SECONDS:
                return
            columns = (TextColumn(self._doing), BarColumn(), MofNCompleteColumn())
            self._bar = RichProgress(*columns, console=self._console, transient=True)
            self._bar.add_task(self._doing, total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done)


def _ignore(_done: int, _total: int) -> None:
    """Nobody watches."""
