"""Identifiers in plain words: where each stands and of which kind it is. Pure, and linear in the text.

In order of priority, and what was taken is blank for whatever comes after: an account number is not read as a
telephone's. Every repetition is bounded or takes a whole run at once, and a match can begin only where a run
begins, so no text makes it slow. A person in plain words is found by a title, a label or a usual given name;
others are not. Source: MODELS section 3, ADR-0046.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from caveat.screens.identifiers.canonical import canonical_value, digits_of
from caveat.screens.identifiers.checks import is_card, is_iban, is_imei, is_isbn, is_ssn
from caveat.screens.identifiers.found import Found, Kind
from caveat.screens.identifiers.plain import plain_word
from caveat.screens.identifiers.spellings import GIVEN

_EMAIL = re.compile(r"(?<![\w.+%'-])[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
# Each begins with a class of characters and looks back past the first: so a search leaps from one possible
# beginning to the next, at a fifth of the cost of looking back at every character.
_UUID = re.compile(r"[0-9a-fA-F](?<![\w-].)[0-9a-fA-F]{7}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![\w-])")
_IBAN = re.compile(r"[A-Z](?<![^\W_].)[A-Z]\d{2}(?: ?[A-Z0-9]){11,30}(?![^\W_])")
_DECIMALS = re.compile(
    r"[-+\d](?<![\d.].)(?:(?<=\d)\d?|(?<=[-+])\d{1,2})\.\d{3,12}°?\s{0,3}[,;]\s{0,3}[-+]?\d{1,3}\.\d{3,12}°?(?![\d.])"
)
_DMS = re.compile(
    r"\d(?<!\d.)\d?°\s?\d{1,2}['′]\s?(?:\d{1,2}(?:\.\d{1,6})?[\"″]?\s?)?[NS],?\s{0,2}"
    r"\d{1,3}°\s?\d{1,2}['′]\s?(?:\d{1,2}(?:\.\d{1,6})?[\"″]?\s?)?[EW]"
)
_PLUS_CODE = re.compile(
    r"[23456789CFGHJMPQRVWX](?<!\w.)[23456789CFGHJMPQRVWX]{7}\+[23456789CFGHJMPQRVWX]{2,3}(?!\w)"
)
_MAC = re.compile(
    r"[0-9a-fA-F](?<![\w:-].)[0-9a-fA-F](?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}(?![\w:-])"
)
_IPV4 = re.compile(r"\d(?<![\w.].)\d{0,2}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"[0-9a-fA-F](?<![\w:].)[0-9a-fA-F]{0,3}(?::{1,2}[0-9a-fA-F]{1,4}){3,7}(?![\w:])")
_SSN = re.compile(r"\d(?<![\w-].)\d{2}([- ])\d{2}\1\d{4}(?![\w-])")
_PLATE = re.compile(
    r"[lnprLNPR](?<!\w.)"
    r"(?i:(?:(?<=l)icen[cs]e plates?|(?<=n)umber plates?|(?<=p)lates?|(?<=r)egistration|(?<=r)eg)\b)"
    r"(?i:[ ]{0,2}(?:no|number|nr)?\.?)[:# ]{1,3}([A-Z0-9][A-Z0-9 -]{2,9}[A-Z0-9])(?![A-Za-z0-9])"
)
# The whole of a run of digits with single marks between them, so that no part of a number is found by itself.
_NUMBER = re.compile(
    r"[+(\d](?<![\w.,].)(?:(?<=\d)|(?<=\+)\(?\d|(?<=\()\d)"
    r"(?:[ ()./\u00a0\u2009\u202f\u2010-\u2014-]{0,3}+\d)++"
)
_BOOK, _MAX_BOOK_CHARS = re.compile(r"ISBN(?:-10)?:? ?\Z"), 9
_VERSION = re.compile(
    r"(?i)(?<![a-z])(?:v|ver|version|release|build|firmware|update|rev|revision)[.: ]{0,3}\Z"
)
_MAX_VERSION_CHARS = 12
_KEYED = re.compile(r"(?i)(?<![a-z])(?:idfa|gaid|aaid|maid|adid|advertising[ _-]?id)(?![a-z])")
_TITLED = re.compile(
    r"[DFHMPS](?<!\w.)(?:(?<=M)(?:r|rs|s|iss|x|me|onsieur|adame)|(?<=D)r|(?<=P)rof|(?<=H)err|(?<=F)rau|"
    r"(?<=S)(?:eñora?|ra?))\.? {1,2}"
    r"([^\W\d_]['’\w-]{1,30}(?: [^\W\d_]['’\w.-]{0,30}){0,2})"
)
_LABELLED = re.compile(
    r"[:=][ ]{0,3}"
    r"([^\W\d_]['’\w-]{1,30},? [^\W\d_]['’\w.-]{0,30}(?: [^\W\d_]['’\w.-]{1,30}){0,2})"
)
_LABEL = re.compile(
    r"(?<!\w)(?i:name|patient|suspect|subject|applicant|client|customer|claimant|defendant|person|employee|"
    r"nombre|nom)[ ]?\Z"
)
_MAX_LABEL_CHARS = 10
_LAST_FIRST = re.compile(
    r"(?m)^[ \t>*•-]{0,4}([^\W\d_a-z]['’A-Z\u00c0-\u00de-]{1,30},"
    r" {0,2}[^\W\d_a-z][^\W\d_]{1,30}(?: [A-Z]\.?)?)(?=[ \t,;:.(\r\n]|$)"
)
_CAPITALISED = re.compile(
    r"[^\W\d_a-z](?<![\w'’-].)['’\w-]{1,30}(?: [^\W\d_a-z](?:\.|['’\w-]{1,30})){1,2}(?![\w])"
)
_NEAR, _MAX_KEYED_CHARS = 40, 16
_BLANK = "\x00"


@dataclass(slots=True)
class _Reading:
    text: str
    found: list[Found] = field(default_factory=list[Found])

    def take(
        self, pattern: re.Pattern[str], kind: Kind, right: Callable[[re.Match[str]], bool], group: int = 0
    ) -> None:
        """Takes what `pattern` matches and `right` says is one; blanks it for those after."""

        def taken(match: re.Match[str]) -> str:
            if not right(match):
                return match[0]
            start, end = match.span(group)
            self.found.append(Found(kind, start, end))
            before, after = match[0][: start - match.start()], match[0][end - match.start() :]
            return before + _BLANK * (end - start) + after

        self.text = pattern.sub(taken, self.text)


def find_identifiers(text: str) -> tuple[Found, ...]:
    """All identifiers in a text, in their order; none overlaps another."""
    if "@" in text and text.isascii() and _is_one_address(text):
        return (Found(Kind.EMAIL, 0, len(text)),)
    shown, places = as_seen(text)
    reading = _Reading(shown)
    _take_structured(reading)
    _take_numbers(reading)
    _take_names(reading)
    found = sorted(reading.found, key=lambda one: one.start)
    if places is None:
        return tuple(found)
    return tuple(Found(one.kind, places[one.start], places[one.end - 1] + 1) for one in found)


def _is_one_address(text: str) -> bool:
    """Whether an address is all that stands there, as in a cell: then nothing is left to look at."""
    address = _EMAIL.match(text)
    return (
        address is not None and address.end() == len(text) and canonical_value(Kind.EMAIL, text) is not None
    )


def as_seen(text: str) -> tuple[str, list[int] | None]:
    """The text as it is seen, and where each of its characters stands in what was given."""
    if text.isascii() or (
        unicodedata.is_normalized("NFKC", text)
        and not any(unicodedata.category(char) == "Cf" for char in set(text))
    ):
        return text, None
    return shown_by_character(text)


def shown_by_character(text: str) -> tuple[str, list[int]]:
    """The text as it is seen, by character, whether or not anything about it is different."""
    shown: list[str] = []
    places: list[int] = []
    for at, char in enumerate(text):
        if char.isascii():
            shown.append(char)
            places.append(at)
        elif unicodedata.category(char) != "Cf":
            seen = unicodedata.normalize("NFKC", char)
            shown.append(seen)
            places.extend([at] * len(seen))
    return "".join(shown), places


def _take_structured(reading: _Reading) -> None:
    shown = reading.text
    if "@" in shown:
        reading.take(_EMAIL, Kind.EMAIL, lambda match: canonical_value(Kind.EMAIL, match[0]) is not None)
    if shown.count("-") >= 4:
        reading.take(_UUID, Kind.ADVERTISING_ID, _is_keyed)
        reading.text = _UUID.sub(lambda match: _BLANK * len(match[0]), reading.text)
    reading.take(_IBAN, Kind.IBAN, lambda match: is_iban(match[0].replace(" ", "")))
    if "." in shown:
        reading.take(_DECIMALS, Kind.POSITION, lambda _: True)
        reading.take(_IPV4, Kind.IP, lambda match: _is_address(match[0]) and not _is_version(match))
    if "°" in shown:
        reading.take(_DMS, Kind.POSITION, lambda _: True)
    if "+" in shown:
        reading.take(_PLUS_CODE, Kind.POSITION, lambda _: True)
    if shown.count(":") >= 5 or shown.count("-") >= 5:
        reading.take(_MAC, Kind.MAC, lambda match: canonical_value(Kind.MAC, match[0]) is not None)
    if shown.count(":") >= 3:
        reading.take(_IPV6, Kind.IP, lambda match: _is_address(match[0]))


def _is_keyed(match: re.Match[str]) -> bool:
    start, end = max(match.start() - _NEAR, 0), match.end() + _NEAR
    words = _KEYED.finditer(match.string, start, end + _MAX_KEYED_CHARS)
    near = any(word.start() < end for word in words)
    return near and canonical_value(Kind.ADVERTISING_ID, match[0]) is not None


def _is_address(text: str) -> bool:
    return canonical_value(Kind.IP, text) is not None


def _is_version(match: re.Match[str]) -> bool:
    before = match.string[max(match.start() - _MAX_VERSION_CHARS, 0) : match.start()]
    return _VERSION.search(before) is not None


def _take_numbers(reading: _Reading) -> None:
    reading.take(_SSN, Kind.NATIONAL_ID, lambda match: is_ssn(digits_of(match[0])))
    reading.take(_PLATE, Kind.PLATE, lambda match: canonical_value(Kind.PLATE, match[1]) is not None, 1)
    for match in _NUMBER.finditer(reading.text):
        kind = _kind_of_number(match[0])
        if kind is not None and not _is_book(match):
            reading.found.append(Found(kind, *match.span()))


def _is_book(match: re.Match[str]) -> bool:
    """Whether a number says that it is a book's, and could be: a telephone's that says so is seldom one."""
    before = match.string[max(match.start() - _MAX_BOOK_CHARS, 0) : match.start()]
    last = "X" if match.string.startswith(("X", "-X", " X"), match.end()) else ""
    return _BOOK.search(before) is not None and is_isbn(digits_of(match[0]) + last)


def _kind_of_number(text: str) -> Kind | None:
    if len(text) < 8:
        return None
    digits = digits_of(text)
    if is_imei(digits):
        return Kind.IMEI
    if is_card(digits):
        return Kind.CARD
    return Kind.PHONE if _is_phone(text, digits) else None


def _is_phone(text: str, digits: str) -> bool:
    if not 8 <= len(digits) <= 15 or canonical_value(Kind.PHONE, text) is None:
        return False
    if text.startswith("+"):
        return True
    # Without a country code a bare run of digits is as likely an order's number, `2026-11-22` is a date.
    groups = re.split(r"[^\d]+", text.strip("() "))
    if len(digits) == len(text) or _is_date_like(groups) or _is_amount_like(groups):
        return False
    return len(digits) >= 9 and (digits[0] == "0" or "(" in text or len(digits) in (10, 11))


def _is_date_like(groups: list[str]) -> bool:
    lengths = [len(group) for group in groups if group]
    return lengths[:1] == [4] or lengths[:3] in ([2, 2, 4], [3, 2, 4])


def _is_amount_like(groups: list[str]) -> bool:
    """Thousands set apart: `1.234.567.890`."""
    first, *others = groups
    return len(first) < 3 and first[:1] != "0" and all(len(group) == 3 for group in others)


def _take_names(reading: _Reading) -> None:
    shown = reading.text
    spaced = " " in shown
    if spaced and (":" in shown or "=" in shown):
        reading.take(_LABELLED, Kind.NAME, _is_labelled, 1)
    if spaced:
        reading.take(_TITLED, Kind.NAME, lambda match: _is_written_as_name(match[1]), 1)
    if "," in shown:
        reading.take(_LAST_FIRST, Kind.NAME, lambda match: _is_written_as_name(match[1]), 1)
    if not spaced:
        return
    reading.take(_CAPITALISED, Kind.NAME, lambda match: plain_word(match[0].split(" ", 1)[0]) in GIVEN)


def _is_labelled(match: re.Match[str]) -> bool:
    start = match.start()
    before = match.string[max(start - _MAX_LABEL_CHARS - 1, 0) : start]
    return _LABEL.search(before) is not None and _is_written_as_name(match[1])


def _is_written_as_name(text: str) -> bool:
    return all(word[:1].isupper() or not word[:1].isalpha() for word in text.split())
