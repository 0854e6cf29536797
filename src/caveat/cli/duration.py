"""Durations as people write them: a number with s, m, h or d."""

import re
from datetime import timedelta

from caveat.cli.exit import CannotRunError

_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3660)


def parse_duration(option: str, text: str) -> timedelta:
    """The duration given to `option`, at most ten years; raises `CannotRunError`."""
    found = _DURATION.match(text)
    if found is None:
        raise CannotRunError(f"`{option}` is a number with a unit", "for example 12h or 30d")
    length = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if length > _LONGEST:
        raise CannotRunError(f"`{option}` is too long", "ten years, 3660d, are the longest")
    return length
