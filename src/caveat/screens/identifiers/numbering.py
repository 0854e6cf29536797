"""Telephone numbers as nobody's or somebody's: reserved for examples, in no plan, or live, and where.

With the extra `pii` installed, numbering plans are those of `phonenumbers`; without it, of the North American
plan the form alone is known, and of other countries the code that a number begins with.
Source: ITU-T E.164; 47 CFR 52.15 and ATIS-0300115 (555-01XX), Ofcom and other regulators' numbers for drama.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from caveat.screens.identifiers.canonical import national_number

SAMPLE = 64
"""Of more numbers than these some are looked at, told by a checksum and not by where they stand."""
_RESERVED = re.compile(
    r"(?:\d{3}55501\d{2}"  # North America
    r"|2079460\d{3}|163296\d{4}|77009\d{5}|1\d{2,3}4960\d{3}|2890180\d{3}|2920180\d{3}|3069990\d{3}"  # GB
    r"|(?:19900|26191|35301|46571|53649|63998)\d{4}"  # FR
    r"|(?:3023125|6990009|4066969|2214710|8999998)\d{2,4}|17139200\d{2}"  # DE
    r"|[2378](?:5550|7010)\d{4}|491570\d{3}"  # AU
    r"|(?:31390|40628|8465|980319)\d{4,5}|70174\d{4})\Z"  # SE
)
_AREA_DIGITS = 3
"""Of an area, where no plan says how long its code is, or a number is of no place."""
_NANP = re.compile(r"[2-9]\d{2}[2-9]\d{6}\Z")
_NANP_REGIONS = frozenset({"US", "CA"})
_HOME_CODES: Mapping[str, str] = {
    "US": "1",
    "CA": "1",
    "GB": "44",
    "FR": "33",
    "DE": "49",
    "AU": "61",
    "SE": "46",
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is known of the telephone numbers of a content, by a sample.

    `distinct`: how many there are. `looked_at` of them: `live` ones, `reserved` ones, those `at_home`, and of
    the live ones how many stand in the area that has most (`clustered`).
    """

    distinct: int = 0
    looked_at: int = 0
    live: int = 0
    reserved: int = 0
    at_home: int = 0
    clustered: int = 0


def survey(written: Iterable[str], home: str) -> Numbers:
    """The numbers as they are written. `home`: the ISO 3166 code of the home country, or empty."""
    by_number: dict[str, str] = {}
    for text in written:
        number = national_number(text)
        if number is not None:
            by_number.setdefault(number, text)
    chosen = sorted(by_number, key=lambda number: (crc32(number.encode()), number))[:SAMPLE]
    live = reserved = at_home = 0
    areas: dict[str, int] = {}
    for number in chosen:
        if _RESERVED.match(number):
            reserved += 1
            continue
        found = _region(by_number[number], number, home)
        if found is None:
            continue
        where, area = found
        live += 1
        at_home += where == home != ""
        areas[where + area] = areas.get(where + area, 0) + 1
    return Numbers(len(by_number), len(chosen), live, reserved, at_home, max(areas.values(), default=0))


def _region(text: str, number: str, home: str) -> tuple[str, str] | None:
    """Where a number rings, its country and its area; None for one of no plan. A number without a country's
    code is read at home."""
    if _library() is not None:
        return _library_region(text, home)
    international = text.lstrip(" (").startswith("+")
    if _NANP.match(number) and (not international or text.lstrip(" (").startswith("+1")):
        return home if home in _NANP_REGIONS else "US", number[:_AREA_DIGITS]
    code = _HOME_CODES.get(home)
    if international:
        at_home = code is not None and text.lstrip(" (").startswith(f"+{code}")
        return home if at_home else "ZZ", number[:_AREA_DIGITS]
    return None


@lru_cache(maxsize=1)
def _library() -> object | None:
    try:
        import phonenumbers
    except ImportError:
        return None
    return phonenumbers


def _library_region(text: str, home: str) -> tuple[str, str] | None:
    import phonenumbers

    for region in (home or "US", "GB", "DE"):
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            # Where one digit is a fifth of the country, numbers at random would share it too.
            area = max(phonenumbers.length_of_geographical_area_code(number) or _AREA_DIGITS, 2)
            written = phonenumbers.national_significant_number(number)
            return phonenumbers.region_code_for_number(number) or "ZZ", written[:area]
        if text.lstrip(" (").startswith("+"):
            return None
    return None
