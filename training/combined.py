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
MORE = "more/"
"""What was written after others had been judged by: learnt, never judged by, so that figures compare."""
_FRAMES_EACH = 4
_RESULTS_EACH = 6
_USES_EACH = 8
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


def requests(seed: int, folder: str = "") -> Iterator[tuple[str, str, str]]:
    """Category or `benign`, what is asked for, and the request; each thing in several frames, drawn by `seed`.

    `folder`: `MORE` for the things of that folder, in its frames and in the others.
    """
    chance = random.Random(seed)
    asks, makes = _either("asks", folder), _either("makes", folder)
    for kind in _KINDS:
        for action in _part(f"{folder}actions_{kind}"):
            for ask in chance.sample(asks, _FRAMES_EACH):
                yield kind, action, ask.replace("{0}", action)
        for program in _part(f"{folder}programs_{kind}") if kind in (_HARMLESS, "cyber") else ():
            for ask in chance.sample(_part("programs"), _FRAMES_EACH):
                tails = chance.sample(_part("tails_programs"), chance.choice((0, 1, 2)))
                yield kind, program, " ".join((ask.format(program, chance.choice(LANGUAGES)), *tails))
    for kind, thing in _things(folder):
        for ask in chance.sample(makes, _FRAMES_EACH):
            yield kind, thing, ask.replace("{0}", thing)


def plays(seed: int, count: int, folder: str = "") -> Iterator[tuple[bool, str]]:
    """Parts to play: whether with them the rules are taken away, and the text; as many of the one as of the other."""
    chance = random.Random(seed)
    openings = _part("role_openings")
    for at in range(count):
        kind = "lawless" if at % 2 else "harmless"
        rules = chance.sample(_either(f"role_rules_{kind}", folder), chance.choice((1, 1, 2, 3, 5)))
        opening, role = chance.choice(openings), chance.choice(_either(f"roles_{kind}", folder))
        lines = (opening.format(role), *rules)
        end = chance.sample(_part(f"role_ends_{kind}"), chance.choice((0, 1)))
        yield kind == "lawless", " ".join((*lines, *end))


def tool_results(seed: int) -> Iterator[tuple[bool, str, str]]:
    """Whether an order to the model stands in it, the order or remark, and what a tool answers; the same tools for both."""
    chance = random.Random(seed)
    for is_order in (True, False):
        for line in _part(MORE + ("orders_to_agents" if is_order else "remarks")):
            for result in chance.sample(_part(MORE + "tool_results"), _RESULTS_EACH):
                others = chance.sample(_part(MORE + "remarks"), chance.choice((0, 0, 1, 2, 3)))
                said = [*others, line]
                chance.shuffle(said)
                yield is_order, line, result.replace("{0}", " ".join(said))


def uses(seed: int) -> Iterator[str]:
    """Words of attacks in harmless requests, one to three of them."""
    chance = random.Random(seed)
    for use in _part(MORE + "uses_of_words"):
        for _ in range(_USES_EACH):
            one, two, three = chance.sample(_part(MORE + "words_of_attacks"), 3)
            yield use.replace("{0}", one).replace("{1}", two).replace("{2}", three)


def placed(text: str, chance: random.Random) -> str:
    """`text` in the middle of much that says nothing of what is asked."""
    before = chance.sample(_part("contexts"), chance.choice((1, 1, 2)))
    after = chance.sample(_part("closings"), chance.choice((0, 1, 2)))
    return " ".join((*before, text, *after))


def _things(folder: str) -> Iterator[tuple[str, str]]:
    for thing in _part(f"{folder}things_benign"):
        yield _HARMLESS, thing
    for line in _part(f"{folder}things_misuse"):
        kind, thing = line.split(": ", 1)
        yield kind, thing


def american(text: str) -> str:
    """`text` as it is spelt across the ocean; what is shipped is read there as well."""
    return _BRITISH.sub(lambda found: _AMERICAN[found.group()], text)


def _either(name: str, folder: str) -> list[str]:
    """The part, and that of the same name in `folder`."""
    return [*_part(name), *(_part(folder + name) if folder else ())]


@cache
def _part(name: str) -> list[str]:
    """A line is a part; `\\n` in it begins a new line."""
    return [line.replace("\\n", "\n") for line in (PARTS / f"{name}.txt").read_text().splitlines()]
