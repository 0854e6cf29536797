"""Fuzzes every target for a while: `python -m tests.fuzz.run --seconds 600 --jobs 2 [TARGET …]`.

The seed corpus is read, never written; what the fuzzer finds on the way lies in a temporary folder. Exit
code 1 where something escaped from a parser; the input lies in `var/fuzz/` and belongs into the corpus.
"""

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.seeds import CORPUS
from tests.fuzz.targets import TARGETS

FOUND = Path("var/fuzz")
_GRACE_SECONDS = 120


def fuzz(name: str, seconds: int) -> tuple[str, int, str]:
    """The target's name, its exit code, and the last lines that it said."""
    FOUND.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="caveat-fuzz-") as found:
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={FOUND}/{name}-", "-timeout=20"]
        command = [sys.executable, "-m", "tests.fuzz.one", name, *options, found, str(CORPUS / name)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + _GRACE_SECONDS, check=False
        )
    said = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode == 0:
        said = [line for line in said if line.startswith("Done ")]
    return name, done.returncode, "\n".join(said[-25:])


def main() -> int:
    """Prints a line for each target; 0 if nothing escaped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all of them by default")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    failed = 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        names = asked.targets or list(TARGETS)
        for name, code, said in pool.map(lambda one: fuzz(one, asked.seconds), names):
            failed += code != 0
            sys.stdout.write(f"{'✓' if code == 0 else '✗'} {name}: {said}\n")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
