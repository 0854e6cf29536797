"""Fuzzing of the evidence check, at length: no bytes make it raise, and no change of bytes adds a fact."""

import json
import random

import pytest

from caveat.evidence.check import MAX_ENVELOPES
from caveat.evidence.defects import Outcome
from caveat.evidence.statement import render_statement
from tests.evidence.world import OWNER, STRANGER, checker, mint, resigned, statement, use

SEED = 20_260_101


def _mutated(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(4):
            case 0:
                changed[at : at + dice.randint(0, 8)] = b""
            case 1:
                changed[at:at] = dice.randbytes(dice.randint(1, 4))
            case 2:
                changed[at : at + 1] = dice.choice([b'"', b"{", b"}", b"\\", b"\x00", b"\xff", b"9", b"="])
            case _:
                start = dice.randrange(len(changed) + 1)
                changed[at:at] = changed[start : start + 40]
    return bytes(changed)


@pytest.mark.long
def test_no_changed_envelope_raises_or_says_more() -> None:
    dice, raw, one = random.Random(SEED), mint(), checker()
    honest = one.check(raw, use())
    outcomes = set()
    for _ in range(30_000):
        found = one.check(_mutated(raw, dice), use())
        outcomes.add(found.outcome)
        assert found.facts in ((), honest.facts)
    assert {Outcome.DEFECT, Outcome.FORGED} <= outcomes


@pytest.mark.long
def test_no_changed_statement_raises_even_well_signed() -> None:
    dice, payload, one = random.Random(SEED), render_statement(statement()), checker()
    outcomes = set()
    for _ in range(15_000):
        outcomes.add(one.check(resigned(_mutated(payload, dice)), use()).outcome)
    assert Outcome.DEFECT in outcomes
    assert Outcome.FORGED not in outcomes


@pytest.mark.long
def test_a_flood_of_forgeries_is_bounded_and_leaves_no_trace() -> None:
    one = checker()
    forged = json.loads(mint(STRANGER))
    forged["signatures"][0]["keyid"] = OWNER.public().keyid
    raws = [json.dumps(forged | {"payloadType": f"t{n}"}).encode() for n in range(2_000)]
    found = one.check_all(raws, [], use())
    assert sum(item.outcome is Outcome.FORGED for item in found) == MAX_ENVELOPES
    assert not one.cache._entries
