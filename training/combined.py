"""Requests put together from `training/parts`: what is asked for, harmless or not, in the same frames of asking.

A frame that only harmful requests have, or only harmless ones, would be learnt in place of what is asked for.
Source: ADR-0045.
"""

import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from training.templates import LANGUAGES

PARTS = Path(__file__).parent / "parts"
_FRAMES_EACH = 4
_HARMLESS = "benign"
_AMERICAN = {
    "unauthoris": "unauthoriz",
    "authoris": "authoriz",
    "behaviour": "behavior",
    "organise": "organize",
    "recognise": "recognize",
    "colour": "color",
    "neighbour": "neighbor",
    "programme": "program",
    "defence": "defense",
    "licence": "license",
    "rumour": "rumor",
    "humour": "humor",
    "harbour": "harbor",
    "favour": "favor",
    "labour": "labor",
    "analyse": "analyze",
    "organisation": "organization",
    "anonymise": "anonymize",
    "summarise": "summarize",
    "synthesise": "synthesize",
    "weaponise": "weaponize",
    "radicalise": "radicalize",
    "destabilise": "destabilize",
    "plagiarise": "plagiarize",
    "optimise": "optimize",
    "customise": "customize",
    "spelt": "spelled",
    "learnt": "learned",
    "aeroplane": "airplane",
    "catalogue": "catalog",
    "cheque": "check",
    "centre": "center",
    "theatre": "theater",
    "tyre": "tire",
}
_BRITISH = re.compile("|".join(sorted(_AMERICAN, key=len, reverse=True)))
_KINDS = ("benign", "surveillance", "weapons", "cyber", "influence", "fraud", "harassment", "crime")


def requests(seed: int) -> Iterator[tuple[str, str, str]]:
    """Category or `benign`, what is asked for, and the request; each thing in several frames, drawn by `seed`."""
    chance = random.Random(seed)
    for kind in _KINDS:
        for action in _part(f"actions_{kind}"):
            for ask in chance.sample(_part("asks"), _FRAMES_EACH):
                yield kind, action, ask.format(action)
        for program in _part(f"programs_{kind}") if kind in (_HARMLESS, "cyber") else ():
            for ask in chance.sample(_part("programs"), _FRAMES_EACH):
                tails = chance.sample(_part("tails_programs"), chance.choice((0, 1, 2)))
                yield kind, program, " ".join((ask.format(program, chance.choice(LANGUAGES)), *tails))
    for kind, thing in _things():
        for ask in chance.sample(_part("makes"), _FRAMES_EACH):
            yield kind, thing, ask.format(thing)


def plays(seed: int, count: int) -> Iterator[tuple[bool, str]]:
    """Parts to play: whether with them the rules are taken away, and the text; as many of the one as of the other."""
    chance = random.Random(seed)
    openings = _part("role_openings")
    for at in range(count):
        kind = "lawless" if at % 2 else "harmless"
        rules = chance.sample(_part(f"role_rules_{kind}"), chance.choice((1, 1, 2, 3, 5)))
        lines = (chance.choice(openings).format(chance.choice(_part(f"roles_{kind}"))), *rules)
        end = chance.sample(_part(f"role_ends_{kind}"), chance.choice((0, 1)))
        yield kind == "lawless", " ".join((*lines, *end))


def placed(text: str, chance: random.Random) -> str:
    """`text` in the middle of much that says nothing of what is asked."""
    before = chance.sample(_part("contexts"), chance.choice((1, 1, 2)))
    after = chance.sample(_part("closings"), chance.choice((0, 1, 2)))
    return " ".join((*before, text, *after))


def _things() -> Iterator[tuple[str, str]]:
    for thing in _part("things_benign"):
        yield _HARMLESS, thing
    for line in _part("things_misuse"):
        kind, thing = line.split(": ", 1)
        yield kind, thing


def american(text: str) -> str:
    """`text` as it is spelt across the ocean; what is shipped is read there as well."""
    return _BRITISH.sub(lambda found: _AMERICAN[found.group()], text)


@cache
def _part(name: str) -> list[str]:
    return (PARTS / f"{name}.txt").read_text().splitlines()
