"""The command that makes a run again, as its journal tells: no address and no key stands in it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from caveat.assay.arms import every_arm
from caveat.assay.benign_sets import SETS
from caveat.assay.protection import ADVERSARIES
from caveat.signing.canonical import Json

_GENERATED = ("g", "x")
"""How the ids of generated uses begin: the example's, and the extended policy's."""

_CONCURRENCY, _LOCAL_CONCURRENCY = 8, 2
"""What is at once unless something else is asked for; the small local model answers one at a time."""


def command_of(head: Mapping[str, Json]) -> str:
    """As it is typed. `FOLDER`, `FILE` and `URL` stand for what only whoever ran it knows."""
    uses = cast("Sequence[Sequence[Json]]", head["uses"])
    words = ["caveat", "assay", "run", "--bundle", "FOLDER", "--out", "run.jsonl"]
    words += ["--seed", str(head["seed"]), "--budget", str(head["budget"])]
    begin = tuple(f"{letter}{head['seed']}-" for letter in _GENERATED)
    generated = all(str(use[0]).startswith(begin) for use in uses)
    words += ["--pairs", str(len(uses))] if generated else ["--scenarios", "FILE"]
    words += [*_arms(head), *_adversaries(head), *_benign(head), *_outside(head), *_model(head)]
    return shlex.join(words)


def _arms(head: Mapping[str, Json]) -> Iterator[str]:
    named = [str(one) for one in cast("Sequence[Json]", head.get("arms") or ())]
    unused = cast("Mapping[str, Json]", head.get("unused_layers") or {})
    ours = [arm.name for arm in every_arm(unused, real_model=head["upstream"] != "scripted")]
    if ours == named[: len(ours)]:
        yield "--all-arms"
        named = named[len(ours) :]
    for name in named:
        yield from ("--arm", name)


def _adversaries(head: Mapping[str, Json]) -> Iterator[str]:
    adversaries = [*cast("Mapping[str, Json]", head["adversaries"])]
    if adversaries != [*ADVERSARIES]:
        for name in adversaries:
            yield from ("--adversary", name)


def _benign(head: Mapping[str, Json]) -> Iterator[str]:
    """A smaller sample of a set is a part of a larger one, so the largest makes all of them again."""
    benign = cast("Mapping[str, Json]", head.get("benign") or {})
    prompts = cast("Mapping[str, int]", benign.get("prompts") or {})
    if benign.get("pieces"):
        yield from ("--casework", str(benign["pieces"]))
    if prompts:
        yield from ("--ordinary", str(max(prompts.values())))
    if prompts.keys() - SETS:
        yield from ("--prompts", "FILE")


def _outside(head: Mapping[str, Json]) -> Iterator[str]:
    outside = cast("Mapping[str, Json]", head.get("outside") or {})
    sets = cast("Mapping[str, int]", outside.get("sets") or {})
    if sets:
        yield from ("--outside", str(max(sets.values())))
    if outside.get("of_bare"):
        yield from ("--refusal-sample", str(outside["of_bare"]))


def _model(head: Mapping[str, Json]) -> Iterator[str]:
    usual = _CONCURRENCY
    if head["upstream"] == "local":
        usual = _LOCAL_CONCURRENCY
        yield "--local-model"
    elif head["upstream"] != "scripted":
        yield from ("--upstream", "URL")
    if head.get("concurrency", usual) != usual:
        yield from ("--concurrency", str(head["concurrency"]))
