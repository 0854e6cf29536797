"""Servers under measurement as processes of their own: started on loopback, watched, always stopped."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence

from caveat.gateway.measure.load import LoadError

_TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    arguments: Sequence[str], port: int, core: int | None = None, ready_seconds: float = 20.0
) -> Generator[subprocess.Popen[bytes]]:
    """`python arguments…`, listening on `port`; raises `LoadError` if it ends or does not listen in time."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # a pipe that nobody reads would fill up and stop the server
    )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    try:
        wait_for_port(process, port, ready_seconds)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(process: subprocess.Popen[bytes], port: int, ready_seconds: float) -> None:
    """Returns when something listens on `port`."""
    deadline = time.monotonic() + ready_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LoadError("a process under measurement ended at its start")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.005)
    raise LoadError("a process under measurement did not listen in time")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, its threads included."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - no path to build
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - no path to build
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
