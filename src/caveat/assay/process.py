"""A real gateway in a process of its own: started on a bundle, asked over HTTP, ended with the run."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from caveat.assay.errors import RunError

_SERVES = re.compile(r"serves (http://127\.0\.0\.1:[0-9]+)")
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05


@asynccontextmanager
async def gateway(
    files: Mapping[str, bytes], upstream: str, program: Sequence[str] = ("-m", "caveat")
) -> AsyncGenerator[str]:
    """A gateway that enforces the bundle in `files` before `upstream`; the value is its URL.

    `program`: what Python runs in its place, with the same arguments. Its data live in a temporary folder
    and end with it. Raises `RunError` where it does not come up, with the last line that it printed.
    """
    with tempfile.TemporaryDirectory(prefix="caveat-assay-") as folder:
        root = Path(folder)
        write_files(root / "bundle", files)
        with (root / "output").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *program, "serve"),
                *("--bundle", str(root / "bundle"), "--data", str(root / "data")),
                *("--host", "127.0.0.1", "--port", "0", "--upstream", upstream),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={name: value for name, value in os.environ.items() if not name.startswith("CAVEAT_")},
                start_new_session=True,
            )
        try:
            yield await _ready(process, root / "output")
        finally:
            await _stop(process)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes a bundle's files below `folder`, readable by their owner alone."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.write_bytes(data)


async def _ready(process: asyncio.subprocess.Process, output: Path) -> str:
    """The URL that the gateway prints, once it says that it is ready."""
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    async with aiohttp.ClientSession() as session:
        while asyncio.get_running_loop().time() < deadline:
            if process.returncode is not None:
                raise RunError((f"the gateway ended at once: {_last_line(output)}",))
            url = _printed_url(output)
            if url is not None and await _is_ready(session, url):
                return url
            await asyncio.sleep(_POLL_SECONDS)
    raise RunError((f"the gateway was not ready within {_START_SECONDS:.0f} s: {_last_line(output)}",))


def _printed_url(output: Path) -> str | None:
    serves = _SERVES.search(output.read_text(errors="replace"))
    return None if serves is None else serves[1]


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False  # it has a port and does not answer on it yet


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
