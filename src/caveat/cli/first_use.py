"""After `make run`: the tour is played against the gateway that keeps serving, and a first call is ready."""

import contextlib
import http.client
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import click

from caveat.cli.development import read_development
from caveat.cli.tour_steps import DEPLOYMENT, FIRST_USE

_READY_SECONDS = 60


def play_when_ready(url: str, data: Path) -> None:
    """Plays the tour in the background once the gateway at `url` is ready, then says how to go on."""
    threading.Thread(target=_play, args=(url, data), name="tour", daemon=True).start()


def _play(url: str, data: Path) -> None:
    place = urlsplit(url)
    deadline = time.monotonic() + _READY_SECONDS
    while not _is_ready(place.hostname or "", place.port or 0):
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)
    command = [sys.executable, "-m", "caveat", "tour", "--gateway", url, "--data", str(data)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        click.echo("the tour did not come out right; the gateway goes on serving", err=True)
    key = read_development(data / "development").api_keys[DEPLOYMENT]
    click.echo(
        f"\nServing on {url} until you stop it (Ctrl-C). The first use again, as a caller sends it:\n"
        f"  curl -s {url}/v1/chat/completions -H 'authorization: Bearer {key}' -d @{data / FIRST_USE}\n"
        f"With an SDK: base_url {url}/v1 (OpenAI) or {url} (Anthropic), api_key {key}"
    )


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
