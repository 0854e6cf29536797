"""Follows the README literally on a fresh clone with a clean home, before a stub model, and times it.

`make first-hour` runs it. Prints the seconds from the clone to one's own upstream observed, and enforced.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.docs.pages import ROOT, snippets
from tests.support.scripted_upstream import scripted_upstream

_OBSERVED = "caveat observe report"
_BARS = {"observed": 5 * 60, "enforced": 30 * 60}


def main() -> int:
    """Exit code 0 where both bars hold."""
    with tempfile.TemporaryDirectory(prefix="caveat-first-hour-") as temporary:
        folder = Path(temporary)
        (folder / "home").mkdir()
        began = time.monotonic()
        _run(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")], folder, {})
        clone = folder / "clone"
        environment = {"HOME": str(folder / "home")}
        _run(["make", "setup"], clone, environment)
        block = next(each.text for each in snippets(clone / "README.md") if _OBSERVED in each.text)
        before, marker, after = block.partition(_OBSERVED)
        first_line, _, rest = after.partition("\n")
        script = f"{before}{marker}{first_line}\ndate +%s.%N > observed\n{rest}"
        with scripted_upstream() as upstream:
            environment["UPSTREAM"] = upstream.url
            environment["PATH"] = f"{clone / '.venv' / 'bin'}:{os.environ['PATH']}"
            started = time.time() - (time.monotonic() - began)
            _run(["bash", "-euo", "pipefail", "-c", script], clone, environment)
        seconds = {
            "observed": float((clone / "observed").read_text()) - started,
            "enforced": time.monotonic() - began,
        }
    for name, bar in _BARS.items():
        sys.stdout.write(f"own upstream {name} after {seconds[name]:.0f} s (bar {bar} s)\n")
    return 0 if all(seconds[name] <= bar for name, bar in _BARS.items()) else 1


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CAVEAT_", "VIRTUAL_"))}
    subprocess.run(command, cwd=folder, env={**kept, **environment}, check=True)


if __name__ == "__main__":
    sys.exit(main())
