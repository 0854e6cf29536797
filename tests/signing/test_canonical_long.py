"""The same comparison with RFC 8785, at length and with a fixed seed."""

import random
from typing import Any

import pytest
import rfc8785

from caveat.signing.canonical import MAX_INTEGER, canonical

SEED = 20_260_102
EDGES = [
    "",
    "\x00",
    "\x1f",
    "\x7f",
    '"',
    "\\",
    "/",
    "\u2028",
    "é",
    "\ud7ff",
    "\ue000",
    "\uffff",
    "😀",
    "\U0010ffff",
]


def _text(dice: random.Random, most: int) -> str:
    return "".join(
        dice.choice(EDGES) if dice.random() < 0.3 else chr(dice.randrange(most))
        for _ in range(dice.randrange(6))
    )


def _value(dice: random.Random, depth: int) -> Any:
    match dice.randrange(6 if depth else 4):
        case 0:
            return _text(dice, 0xD800)
        case 1:
            return dice.choice([None, True, False, 0, -1, MAX_INTEGER, -MAX_INTEGER])
        case 2:
            return dice.randint(-MAX_INTEGER, MAX_INTEGER)
        case 3:
            return dice.randrange(-1000, 1000)
        case 4:
            return [_value(dice, depth - 1) for _ in range(dice.randrange(4))]
        case _:
            keys = ("".join(chr(dice.randrange(128)) for _ in range(dice.randrange(5))) for _ in range(4))
            return {key: _value(dice, depth - 1) for key in keys}


@pytest.mark.long
def test_fifty_thousand_values_render_as_rfc_8785_says() -> None:
    dice = random.Random(SEED)
    for _ in range(50_000):
        value = _value(dice, 3)
        assert canonical(value) == rfc8785.dumps(value)
