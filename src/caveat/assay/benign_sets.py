"""Prompts of others that are benign: read from a folder beside the package, and from files that are named."""

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from caveat.assay.errors import AssayError, why

SETS = ("xstest", "notinject", "cyberseceval_frr")
"""The sets that are looked for below a folder."""


class BenignError(AssayError):
    """No prompts, or no deployment to ask from."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One benign prompt. `set`: where it is from."""

    set: str
    id: str
    text: str


def read_prompts(folder: Path, files: Sequence[Path] = ()) -> tuple[Prompt, ...]:
    """XSTest's safe half, NotInject and the false-refusal set, as far as they are below `folder`, and files
    of JSON lines with `id` and `prompt`. Raises `BenignError`."""
    found: list[Prompt] = []
    try:
        xstest = folder / "xstest" / "xstest_prompts.csv"
        if xstest.exists():
            with xstest.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if row["label"] == "safe"]
            found += [Prompt("xstest", f"xstest-{row['id']}", row["prompt"]) for row in rows]
        notinject = folder / "notinject" / "NotInject_one.json"
        if notinject.exists():
            found += _listed("notinject", notinject, "prompt")
        refusals = folder / "cyberseceval_frr" / "mitre_frr.dev.json"
        if refusals.exists():
            found += _listed("cyberseceval_frr", refusals, "mutated_prompt")
        for path in files:
            lines = [
                json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
            ]
            found += [Prompt(path.stem, str(row["id"]), str(row["prompt"])) for row in lines]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise BenignError(
            (f"a set of prompts cannot be read: {why(error)}",),
            "each line of --prompts has `id` and `prompt`",
        ) from error
    if not found:
        raise BenignError((f"no set of prompts stands below `{folder}`",), "name one with --prompts")
    return tuple(found)


def _listed(name: str, path: Path, member: str) -> list[Prompt]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Prompt(name, f"{name}-{at}", str(row[member])) for at, row in enumerate(rows)]


def sample(prompts: Sequence[Prompt], each: int, seed: int) -> tuple[Prompt, ...]:
    """Up to `each` prompts of every set, drawn; equal seeds draw equal ones."""
    drawn: list[Prompt] = []
    for name in dict.fromkeys(prompt.set for prompt in prompts):
        own = [prompt for prompt in prompts if prompt.set == name]
        random.Random(f"caveat assay prompts {seed} {name}").shuffle(own)  # noqa: S311 - cases, no secret
        drawn += own[:each]
    return tuple(drawn)
