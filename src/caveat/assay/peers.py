"""A peer in a process and an environment of its own: stood up before a model, described, taken down.

A peer is a folder with a program `serve.py`, which is outside the package. The Python of the peer's own
environment runs it; it prints one JSON line when it takes requests, and ends when its standard input does.
Nothing of ours is imported into it, and no key of ours reaches it. Where it cannot be stood up, an `ArmError`
says why and the arm is unmeasured. Source: ADR-0033.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.assay.arms import ArmError

START_SECONDS = 180.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_LONGEST_REASON = 200
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")
_TOLD = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_INSTALL = "`make peers` makes the environments"


class PeerDescription(BaseModel):
    """What was measured. `left_out`: detectors that the peer has and that did not run, each with why.

    `configuration`: SHA-256 over everything that the peer is configured with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1)
    versions: dict[str, str] = Field(min_length=1)
    detectors: list[str]
    left_out: dict[str, str]
    configuration: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Ready(PeerDescription):
    version: Literal[1]
    ready: Literal[True]
    url: str = Field(pattern=r"^http://127\.0\.0\.1:[0-9]{1,5}$")
    api_key: str = ""


@dataclass(frozen=True, slots=True)
class Peers:
    """Where peers are: `programs` holds `NAME/serve.py`, `environments` holds `NAME/bin/python`."""

    programs: Path | None = None
    environments: Path = Path(".peers")
    start_seconds: float = START_SECONDS
    stop_seconds: float = STOP_SECONDS


@dataclass(frozen=True, slots=True)
class RunningPeer:
    """A peer that takes requests at `url`, with `api_key` where it wants one."""

    url: str
    api_key: str
    description: PeerDescription


@asynccontextmanager
async def running_peer(name: str, peers: Peers, upstream: str) -> AsyncGenerator[RunningPeer]:
    """The peer before `upstream`, taken down with all that it started. Raises `ArmError`."""
    program, python = _found(name, peers)
    with tempfile.TemporaryDirectory(prefix="caveat-peer-") as folder:
        root = Path(folder)
        with (root / "output").open("wb") as output, (root / "errors").open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(str(python), str(program), "--upstream", upstream, "--port", "0"),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=errors,
                cwd=folder,
                env=_environment(folder),
                start_new_session=True,
            )
        try:
            ready = await _ready(name, process, root, peers.start_seconds)
            described = PeerDescription.model_validate(
                ready.model_dump(exclude={"version", "ready", "url", "api_key"})
            )
            yield RunningPeer(ready.url, ready.api_key, described)
        finally:
            await _take_down(process, peers.stop_seconds)


def _found(name: str, peers: Peers) -> tuple[Path, Path]:
    if peers.programs is None or not (program := peers.programs / name / "serve.py").is_file():
        raise ArmError(
            (f"there is no peer `{name}`",),
            "name the folder with --peers; in the repository it is `eval/peers`",
        )
    # Not resolved: an environment is known by the path of its Python, which may be a link.
    python = (peers.environments / name / "bin" / "python").absolute()
    if not python.is_file():
        raise ArmError((f"peer `{name}` has no environment",), _INSTALL)
    return program.resolve(), python


def _environment(home: str) -> Mapping[str, str]:
    """What the peer's process knows: no key of ours, a home of its own, and to fetch and report nothing."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, **_TOLD, "HOME": home}


async def _ready(name: str, process: asyncio.subprocess.Process, root: Path, seconds: float) -> _Ready:
    """The line that the peer prints when it takes requests."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while clock() < deadline:
        ended = process.returncode is not None
        ready = _ready_line(name, root / "output")
        if ready is not None and not ended:
            return ready
        if ended:
            raise ArmError((f"peer `{name}` ended at once: {_last_line(root / 'errors')}",), _INSTALL)
        await asyncio.sleep(_POLL_SECONDS)
    raise ArmError((f"peer `{name}` was not ready within {seconds:.0f} s",), _INSTALL)


def _ready_line(name: str, output: Path) -> _Ready | None:
    """The ready line among what was printed so far; libraries may print other lines before it."""
    for line in output.read_bytes().split(b"\n")[:-1]:
        if not line.startswith(b'{"version"'):
            continue
        try:
            return _Ready.model_validate(orjson.loads(line))
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise ArmError((f"peer `{name}` did not describe itself as a peer does",)) from error
    return None


async def _take_down(process: asyncio.subprocess.Process, seconds: float) -> None:
    """Ends its standard input, waits, and then ends all that is left of its process group."""
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), seconds)
    with contextlib.suppress(ProcessLookupError):  # nobody is left
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _last_line(errors: Path) -> str:
    lines = errors.read_text(errors="replace").strip().splitlines()
    return lines[-1][:_LONGEST_REASON] if lines else "it said nothing"
