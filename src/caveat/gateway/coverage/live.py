"""Planted uses under the law in force: whether each live path still decides what is on it, by its content.

The law in force is read again from its own files, with one deployment and one clause more: a clause that
refuses planted words, for a deployment in which nothing else takes effect. The key that speaks for it is in
no law that serves anybody, and nothing of it is in an operator's ledger, so no caller can be taken for it.
Source: ADR-0043.
"""

import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from caveat.gateway.coverage.matrix import find_leak
from caveat.gateway.coverage.planted import Plant
from caveat.gateway.coverage.planted_law import GUARDED_KEY, PHRASE, WORDS_KEY, PlantedWitnesses
from caveat.gateway.coverage.shapes import Direction
from caveat.gateway.coverage.stage import Said, Stage
from caveat.gateway.law import law_of
from caveat.gateway.ports import Law
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import sha256

DEPLOYMENT = "caveat-planted"
FACT, CALLS = "caveat_planted", "caveat_planted_calls"
SCORE = 100
_FACTS = """
[facts.{fact}]
type = "long"
grade = "estimated"
hi = 100
severest = 100
about = "use"
amend = "{actor}"
text = "Words that the gateway plants itself."
[facts.{calls}]
type = "bool"
about = "deployment"
attested_by = ["registration"]
severest = true
amend = "{actor}"
text = "Whether the gateway plants calls of tools here."
"""
_CLAUSE = """
@id("{name}") @text("The gateway planted these words.") @authority("contract") @amend("{actor}")
@always_enforced("")
forbid (principal, action, resource) when {{ context.{fact} > 50 }};
@id("{calls}") @text("The gateway planted this call.") @authority("contract") @amend("{actor}")
@always_enforced("")
forbid (principal, action == Action::"tool", resource) when {{ context.{calls} }};
"""
_PHRASES = """
[phrases.{name}]
fact = "{fact}"
score = {score}
phrases = ["{phrase}"]
"""
_DEPLOYMENT = """
[deployments.{id}]
kind = "open_chat"
operator = "{actor}"
owner_group = "nobody"
mode = "observe"
key_digests = ["{key}"]
[deployments.{id}.facts]
{calls} = {planted}
"""


class Why(StrEnum):
    """What is wrong with a path."""

    UNDECIDED = "undecided"
    """What was planted went through, or its point of control left no record of a refusal."""
    UNSCANNED = "unscanned"
    """There is a record, and what was planted is not in what it decided on."""
    UNMEASURED = "unmeasured"
    """Nothing could be planted."""


@dataclass(frozen=True, slots=True)
class LivePath:
    """One way of content through the gateway: an endpoint, where on it, as words or as a call of a tool, and
    whether as a stream."""

    endpoint: str
    direction: str
    what: str
    stream: bool


def live_law(bundle: Bundle) -> Law:
    """The law of this bundle with what refuses planted words. Blocks for as long as a reload does.

    Raises `ValueError` where that cannot be made of it, as where it has such a clause of its own.
    """
    return law_of(parse_bundle(_with_planted(bundle.files)), PlantedWitnesses)


def _with_planted(files: Mapping[str, bytes]) -> dict[str, bytes]:
    kept = {path: data for path, data in files.items() if not path.startswith("signatures/")}
    actor = sorted(tomllib.loads(kept["bundle.toml"].decode())["actors"])[0]
    said = {"name": DEPLOYMENT, "fact": FACT, "calls": CALLS, "actor": actor, "score": SCORE}
    words = {"id": DEPLOYMENT, "key": sha256(WORDS_KEY.encode()), "planted": "false"}
    calls = {"id": f"{DEPLOYMENT}-calls", "key": sha256(GUARDED_KEY.encode()), "planted": "true"}
    added = {
        "facts.toml": _FACTS.format(**said),
        f"clauses/{DEPLOYMENT}.cedar": _CLAUSE.format(**said),
        "phrases.toml": _PHRASES.format(phrase=PHRASE, **said),
        "deployments.toml": "".join(_DEPLOYMENT.format(**said, **each) for each in (words, calls)),
    }
    for path, text in added.items():
        before = kept.get(path, b"version = 1\n" if path.endswith(".toml") else b"")
        kept[path] = before + text.encode()
    return kept


def path_of(plant: Plant) -> LivePath:
    """The path that this planted use takes."""
    return LivePath(plant.at, plant.shape.direction.value, plant.what, plant.stream)


def one_of_each(every: Sequence[Plant], chance: random.Random) -> tuple[Plant, ...]:
    """For each path one planted use by chance, so that in time every shape has its turn."""
    by_path: dict[LivePath, list[Plant]] = {}
    for plant in every:
        if plant.what in ("words", "call"):
            by_path.setdefault(path_of(plant), []).append(plant)
    return tuple(chance.choice(own) for own in by_path.values())


async def fault_of(stage: Stage, plant: Plant) -> Why | None:
    """What is wrong with the path of this planted use under the stage's law; None where it was refused.

    An answer is not reached where a red line stops its prompt already; then nothing passes either.
    """
    use = plant.refused
    said = await stage.play(plant.at, use.key, use.body, use.answer)
    refusing = [one for one in said.records if one["enforced"] and one["verdict"] != "allow"]
    if not refusing or (_is_reached(plant, said) and find_leak(plant, _as_refused(said, refusing[0]))):
        return Why.UNDECIDED
    if _is_reached(plant, said) and not any(_has_seen(one, plant) for one in refusing):
        return Why.UNSCANNED
    return None


def _is_reached(plant: Plant, said: Said) -> bool:
    return plant.shape.direction is Direction.REQUEST or said.asked is not None


def _as_refused(said: Said, record: JsonObject) -> Said:
    """The same without what a record says of a verdict that took no effect."""
    return Said(said.status, ((str(record["point"]), str(record["verdict"])),), said.asked, said.answered)


def _has_seen(record: JsonObject, plant: Plant) -> bool:
    """Whether what was planted is in what this record decided on, in every case."""
    wanted: tuple[str, Json] = (FACT, SCORE) if plant.what == "words" else (CALLS, True)
    cases: list[Json] = orjson.loads(orjson.dumps(record["cases"]))
    return bool(cases) and all(_has_fact(case, *wanted) for case in cases)


def _has_fact(case: Json, name: str, value: Json) -> bool:
    facts = case.get("facts") if isinstance(case, dict) else None
    return isinstance(facts, list) and any(
        isinstance(one, dict) and (one.get("name"), one.get("value")) == (name, value) for one in facts
    )
