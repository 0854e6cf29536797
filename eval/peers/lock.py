"""Renews the lock files of the peers: versions and hashes, no registry address.

    python eval/peers/lock.py PATH-OF-UV

What is installed apart, and what only a graphics card needs, is left out of a lock file: neither is the same
on all machines.
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OPTIONS = ("--quiet", "--no-header", "--no-emit-index-url", "--python-version", "3.11")
_MACHINE = re.compile(r"^((?:nvidia|cuda)[a-z0-9-]*|triton|torch)==", re.MULTILINE)


def main() -> None:
    """One lock file beside each `requirements.in`."""
    (uv,) = sys.argv[1:]
    for source in sorted(HERE.glob("*/requirements.in")):
        found = _compile(uv, source, ["--no-annotate"])
        left_out = [
            part for name in sorted(set(_MACHINE.findall(found))) for part in ("--no-emit-package", name)
        ]
        source.with_suffix(".lock").write_text(_compile(uv, source, ["--generate-hashes", *left_out]))


def _compile(uv: str, source: Path, options: list[str]) -> str:
    command = [uv, "pip", "compile", *OPTIONS, *options, source.name]
    done = subprocess.run(command, cwd=source.parent, check=True, capture_output=True, text=True)  # noqa: S603 - uv
    return done.stdout


if __name__ == "__main__":
    main()
