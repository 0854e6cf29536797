"""The command that makes a run again, as its journal tells: no address and no key stands in it."""

import shlex
from collections.abc import Mapping, Sequence
from typing import cast

from caveat.assay.arms import every_arm
from caveat.assay.protection import ADVERSARIES
from caveat.signing.canonical import Json

_GENERATED = "g"


def command_of(head: Mapping[str, Json]) -> str:
    """As it is typed. `FOLDER`, `FILE` and `URL` stand for what only whoever ran it knows."""
    uses = cast("Sequence[Sequence[Json]]", head["uses"])
    named = [str(one) for one in cast("Sequence[Json]", head.get("arms") or ())]
    ours = [arm.name for arm in every_arm()]
    words = ["caveat", "assay", "run", "--bundle", "FOLDER", "--out", "run.jsonl"]
    words += ["--seed", str(head["seed"]), "--budget", str(head["budget"])]
    generated = all(str(use[0]).startswith(f"{_GENERATED}{head['seed']}-") for use in uses)
    words += ["--pairs", str(len(uses))] if generated else ["--scenarios", "FILE"]
    if ours == named[: len(ours)]:
        words.append("--all-arms")
        named = named[len(ours) :]
    for name in named:
        words += ["--arm", name]
    adversaries = [*cast("Mapping[str, Json]", head["adversaries"])]
    if adversaries != [*ADVERSARIES]:
        for name in adversaries:
            words += ["--adversary", name]
    if head["upstream"] != "scripted":
        words += ["--upstream", "URL"]
    return shlex.join(words)
