"""A development gateway in a process of its own, for as long as the tour lasts."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

from caveat.cli.exit import CannotRunError
from caveat.cli.local_model import find_weights

_SERVES = re.compile(r"serves (http://127\.0\.0\.1:[0-9]+)")
_START_SECONDS = 90.0
_STOP_SECONDS = 15.0


@contextlib.contextmanager
def running_gateway(data: Path, upstream: str | None) -> Generator[str]:
    """The URL of a gateway over the development world in `data`, before `upstream` or the local model."""
    if upstream is None:
        find_weights()
    command = [sys.executable, "-m", "caveat", "serve", "--development"]
    command += ["--local-model"] if upstream is None else ["--upstream", upstream]
    command += ["--data", str(data), "--port", "0", "--log-level", "warning"]
    output = data / "gateway.log"
    with output.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            start_new_session=True,
        )
    try:
        yield _wait(process, output)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CAVEAT_")}


def _wait(process: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        text = output.read_text(errors="replace")
        serves = _SERVES.search(text)
        if serves is not None:
            return serves[1]
        if process.poll() is not None:
            last = text.strip().splitlines()[-1:] or ["it printed nothing"]
            raise CannotRunError(f"the gateway ended at once: {last[0]}", "`caveat serve --help`")
        time.sleep(0.05)
    raise CannotRunError("the gateway was not ready in time", "try again when the machine is less busy")
