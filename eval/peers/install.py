"""Makes the environments of the peers, each from its own lock file; does nothing where that is done already.

    python eval/peers/install.py [NAME ...] [--into .peers]

Packages come from the registry that pip is configured with, by hash. `requirements-apart.txt` is for what has
other hashes on other machines; it is installed first and pinned by version alone. Exit code 0: all are there;
2: not so.
"""

import argparse
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
NAMES = tuple(sorted(path.parent.name for path in HERE.glob("*/requirements.lock")))
STAMP = ".installed"


def main() -> int:
    """Installs what is asked for, one after the other; goes on where one fails."""
    parser = argparse.ArgumentParser(description="make the environments of peers")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"by default all: {', '.join(NAMES)}")
    parser.add_argument("--into", type=Path, default=Path(".peers"), help="folder; by default .peers")
    asked = parser.parse_args()
    unknown = sorted(set(asked.names) - set(NAMES))
    if unknown:
        _say(f"there is no peer `{unknown[0]}`; there are {', '.join(NAMES)}")
        return 2
    names = asked.names or NAMES
    failed = [
        name for at, name in enumerate(names, 1) if not _install(name, asked.into, f"{at} of {len(names)}")
    ]
    for name in failed:
        _say(f"peer `{name}` has no environment: its arm will be unmeasured")
    return 2 if failed else 0


def _install(name: str, into: Path, place: str) -> bool:
    folder, lock, apart = (
        into / name,
        HERE / name / "requirements.lock",
        HERE / name / "requirements-apart.txt",
    )
    parts = [path.read_bytes() for path in (apart, lock) if path.is_file()]
    wanted = f"{hashlib.sha256(b''.join(parts)).hexdigest()} {sys.version.split()[0]}"
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        _say(f"{place}: {name} is there")
        return True
    _say(f"{place}: making {name}; this takes about a minute")
    folder.mkdir(parents=True, exist_ok=True)
    venv.EnvBuilder(with_pip=True, clear=True).create(folder)
    steps = [["-r", str(lock), "--require-hashes", "--no-deps"]]
    if apart.is_file():
        steps.insert(0, ["-r", str(apart)])
    if not all(_pip(folder, step) for step in steps):
        return False
    stamp.write_text(wanted)
    return True


def _pip(folder: Path, arguments: list[str]) -> bool:
    command = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - own
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        _say(errors[-1] if errors else f"pip ended with {done.returncode}")
    return done.returncode == 0


def _say(line: str) -> None:
    sys.stderr.write(f"peers: {line}\n")


if __name__ == "__main__":
    sys.exit(main())
