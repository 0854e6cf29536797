"""A development gateway for pages that need one, as `make run` starts it, before a scripted model."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from pathlib import Path

from tests.docs.pages import ROOT
from tests.support.scripted_upstream import scripted_upstream

DEPLOYMENT = "benefits-office"
_SERVES = re.compile(r"serves (http://127\.0\.0\.1:[0-9]+)")
_START_SECONDS, _STOP_SECONDS = 60, 20


@contextlib.contextmanager
def development_gateway(folder: Path) -> Generator[Mapping[str, str]]:
    """The variables that a reader sets: `URL`, `KEY` and `DATA`. The gateway ends with the block."""
    data, output = folder / "var", folder / "gateway.log"
    with scripted_upstream() as upstream, output.open("wb") as log:
        command = [sys.executable, "-m", "caveat", "serve", "--development", "--upstream", upstream.url]
        command += ["--data", str(data), "--port", "0"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            url = _wait(process, output)
            world = json.loads((data / "development" / "world.json").read_text("utf-8"))
            yield {"URL": url, "KEY": world["api_keys"][DEPLOYMENT], "DATA": str(data)}
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_SECONDS)


def _wait(process: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        serves = _SERVES.search(output.read_text("utf-8", errors="replace"))
        if serves is not None:
            return serves[1]
        time.sleep(0.05)
    raise AssertionError(f"no gateway: {output.read_text('utf-8', errors='replace')}")
