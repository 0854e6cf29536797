"""The key under which persons are told apart: held by a second party, read once, never written by a gateway.

A chain of keys, oldest first, 64 hexadecimal digits a line: a file that whoever operates the gateway's disk
does not keep on it, a descriptor that is handed over at start, or an agent of the second party's that answers
over a socket and keeps the chain to itself. With the disk and without the chain nobody can test who was
counted. Source: ADR-0047.
"""

import hmac
import os
import re
import secrets
from pathlib import Path

from caveat.monitors.keys import ChainKeys, KeysUnavailableError, SubjectKeys
from caveat.service.key_agent import AgentKeys
from caveat.service.log_keys import log_keys

KEY_BYTES = 32
MAX_KEYS = 64
VARIABLE = "CAVEAT_SUBJECT_KEY_FD"
AGENT = "unix:"
_LINE = re.compile(r"[0-9a-f]{64}\Z")


class SubjectKeyError(Exception):
    """The chain cannot be read, or lies where it must not. The message holds no digit of a key."""


def parse_chain(text: str) -> tuple[bytes, ...]:
    """The keys, oldest first; raises `SubjectKeyError`."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or len(lines) > MAX_KEYS:
        raise SubjectKeyError(f"a chain has 1 to {MAX_KEYS} keys, one a line")
    for number, line in enumerate(lines, 1):
        if _LINE.match(line) is None:
            raise SubjectKeyError(f"key {number} is not {KEY_BYTES * 2} lower-case hexadecimal digits")
    if len(set(lines)) != len(lines):
        raise SubjectKeyError("a key stands in the chain twice")
    return tuple(bytes.fromhex(line) for line in lines)


def render_chain(keys: tuple[bytes, ...]) -> str:
    """What `parse_chain` reads."""
    return "".join(f"{key.hex()}\n" for key in keys)


def new_key() -> bytes:
    """A key that nobody can guess."""
    return secrets.token_bytes(KEY_BYTES)


def open_keys(given: str, data: Path) -> SubjectKeys:
    """The chain that `given` names: `unix:PATH` an agent at a socket, anything else a file of the second
    party's; raises `SubjectKeyError`, and `DataFolderError`."""
    if not given.startswith(AGENT):
        return ChainKeys(read_chain_file(Path(given), data))
    try:
        return AgentKeys(Path(given.removeprefix(AGENT)), own_key(data))
    except KeysUnavailableError as error:
        raise SubjectKeyError(str(error)) from error


def own_key(data: Path) -> bytes:
    """The gateway's own share, from its data folder: before an agent it makes ids that say nothing to it."""
    return hmac.digest(log_keys(data)[0], b"subjects", "sha256")


def read_chain_file(path: Path, data: Path | None) -> tuple[bytes, ...]:
    """The chain in a file of the second party's; raises `SubjectKeyError`.

    Refused inside the data folder `data`, and where others than its owner may read it: kept there it would be
    on the very disk that it protects.
    """
    try:
        resolved = path.resolve(strict=True)
        if data is not None and resolved.is_relative_to(data.resolve()):
            raise SubjectKeyError(f"`{path.name}` lies in the data folder, beside what it protects")
        if resolved.stat().st_mode & 0o077:
            raise SubjectKeyError(f"`{path.name}` may be read by others than its owner")
        return parse_chain(resolved.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise SubjectKeyError(f"`{path.name}` cannot be read") from error


def write_chain(out: Path, keys: tuple[bytes, ...]) -> None:
    """Makes the file, readable by its owner alone; raises `OSError`, also where it is there already."""
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(render_chain(keys))
        file.flush()
        os.fsync(descriptor)


def development_chain(folder: Path) -> tuple[bytes, ...]:
    """The chain of a development world, made where there is none; raises `SubjectKeyError`.

    It lies with all other keys of that world on one disk, and so protects nobody.
    """
    path = folder / "subjects.chain"
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_chain(path, (new_key(),))
        return parse_chain(path.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise SubjectKeyError(f"`{path.name}` cannot be made or read") from error


def read_chain_descriptor(number: str) -> tuple[bytes, ...]:
    """The chain from an open descriptor, which is read to its end and closed; raises `SubjectKeyError`."""
    try:
        with os.fdopen(int(number), "rb") as file:
            return parse_chain(file.read(MAX_KEYS * (2 * KEY_BYTES + 2) + 4096).decode("ascii"))
    except (OSError, ValueError) as error:
        raise SubjectKeyError(f"{VARIABLE} names no descriptor that a chain can be read from") from error
