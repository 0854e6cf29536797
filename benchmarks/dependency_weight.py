"""What the runtime dependencies weigh on disk, each with what only it brings. Figures of ADR-0013.

`.venv/bin/python benchmarks/dependency_weight.py`. Sizes are those of the files that each wheel installed,
without byte code.
"""

import re
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement


def main() -> None:
    """One row a declared dependency, then the sum."""
    declared = _requirements("caveat")
    reached = {name: _closure(name) for name in declared}
    everything = frozenset[str]().union(*reached.values())
    print(f"{'library':<20}{'version':<12}{'own MB':>8}{'brings MB':>11}  licence")
    for name in sorted(declared):
        others = frozenset[str]().union(*(names for other, names in reached.items() if other != name))
        brings = sum(_bytes(each) for each in reached[name] - others - {name})
        version, licence = distribution(name).version, _licence(name)
        print(f"{name:<20}{version:<12}{_bytes(name) / 1e6:>8.2f}{brings / 1e6:>11.2f}  {licence}")
    print(f"{len(everything)} packages, {sum(map(_bytes, everything)) / 1e6:.1f} MB together")


def _requirements(name: str) -> frozenset[str]:
    found = (Requirement(text) for text in distribution(name).requires or [])
    return frozenset(
        re.sub(r"[-_.]+", "-", each.name).lower()
        for each in found
        if each.marker is None or each.marker.evaluate({"extra": ""})
    )


def _closure(name: str) -> frozenset[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(_requirements(current))
    return frozenset(seen)


def _bytes(name: str) -> int:
    package = distribution(name)
    paths = (Path(str(package.locate_file(file))) for file in package.files or [])
    return sum(path.stat().st_size for path in paths if "__pycache__" not in path.parts and path.is_file())


def _licence(name: str) -> str:
    metadata = distribution(name).metadata
    stated = metadata.get_all("License-Expression") or metadata.get_all("License") or []
    if stated:
        return str(stated[0]).splitlines()[0]
    lines = metadata.get_all("Classifier") or []
    classified = [text.split(" :: ")[-1] for text in lines if text.startswith("License")]
    return ", ".join(classified) or "not stated in its metadata"


if __name__ == "__main__":
    main()
