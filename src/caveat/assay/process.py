"""A real gateway in a process of its own: started on a bundle, asked over HTTP, ended with the run."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from caveat.assay.errors import RunError

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05


@asynccontextmanager
async def gateway(files: Mapping[str, bytes], upstream: str) -> AsyncGenerator[str]:
    """A gateway that enforces the bundle in `files` before `upstream`; the value is its URL.

    Its data live in a temporary folder and end with it. Raises `RunError` where it does not come up, with
    the last line that it printed.
    """
    with tempfile.TemporaryDirectory(prefix="caveat-assay-") as folder:
        root = Path(folder)
        write_files(root / "bundle", files)
        port = _free_port()
        with (root / "output").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "caveat.cli.main", "serve"),
                *("--bundle", str(root / "bundle"), "--data", str(root / "data")),
                *("--host", "127.0.0.1", "--port", str(port), "--upstream", upstream),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={name: value for name, value in os.environ.items() if not name.startswith("CAVEAT_")},
                start_new_session=True,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            await _ready(url, process, root / "output")
            yield url
        finally:
            await _stop(process)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes a bundle's files below `folder`, readable by their owner alone."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.write_bytes(data)


def read_files(folder: Path) -> Mapping[str, bytes]:
    """The files of a bundle by their path in `folder`; raises `RunError` where there is none."""
    if not folder.is_dir():
        raise RunError((f"`{folder}` is no folder",), "name the folder that holds bundle.toml")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def _ready(url: str, process: asyncio.subprocess.Process, output: Path) -> None:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    async with aiohttp.ClientSession() as session:
        while asyncio.get_running_loop().time() < deadline:
            if process.returncode is not None:
                raise RunError((f"the gateway ended at once: {_last_line(output)}",))
            try:
                async with session.get(f"{url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass  # not listening yet: that is what is waited for
            await asyncio.sleep(_POLL_SECONDS)
    raise RunError((f"the gateway was not ready within {_START_SECONDS:.0f} s: {_last_line(output)}",))


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_line(output: Path) -> str:
    lines = output.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
