"""Data of a planted case: the same table of other people. Pure, save for chance that is passed in.

Whoever was shown a table knows it again. So the ids in it become others of the same look, each for one;
everything else stays, and so does how many there are. Source: ADR-0040.
"""

import random
import re

_DIGITS = re.compile(r"\d+")
_DELIMITERS = (",", ";", "\t", "|")
_TRIES = 20


def renewed(table: str, id_column: str | None, chance: random.Random) -> str | None:
    """The table with other ids in this column; None where there is no such column, or nothing to change."""
    lines = table.split("\n")
    delimiter = next((one for one in _DELIMITERS if one in lines[0]), ",")
    header = [name.strip() for name in lines[0].split(delimiter)]
    if id_column not in header or '"' in table:
        return None
    place = header.index(id_column)
    rows = [line.split(delimiter) for line in lines[1:]]
    ids = {row[place] for row in rows if len(row) > place and row[place]}
    for _ in range(_TRIES):
        others = _others(ids, chance)
        if others is not None and len(set(others.values())) == len(ids) and ids.isdisjoint(others.values()):
            for row in rows:
                if len(row) > place and row[place]:
                    row[place] = others[row[place]]
            return "\n".join([lines[0], *(delimiter.join(row) for row in rows)])
    return None


def _others(ids: set[str], chance: random.Random) -> dict[str, str] | None:
    """Other ids: with another number where all begin alike, so that an order among them stays; else each
    with other digits."""
    common = _common(min(ids), max(ids)).rstrip("0123456789") if len(ids) > 1 else ""
    if _DIGITS.search(common):
        begin = _DIGITS.sub(lambda run: _number(run.group(), chance), common)
        return {one: begin + one[len(common) :] for one in ids}
    if not ids or not all(_DIGITS.search(one) for one in ids):
        return None
    return {one: _DIGITS.sub(lambda run: _number(run.group(), chance), one) for one in sorted(ids)}


def _common(one: str, other: str) -> str:
    """How both begin."""
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]


def _number(digits: str, chance: random.Random) -> str:
    """Another number of as many digits, that begins with no zero unless this one does."""
    first = "0" if digits[0] == "0" and len(digits) > 1 else chance.choice("123456789")
    return first + "".join(chance.choice("0123456789") for _ in digits[1:])
