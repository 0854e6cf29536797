"""Structured identifiers in a text: how many persons, at most, somebody who only types could be asking about.

An address of mail, a number that could be a telephone's, an account's or a card's, and a code such as
`CASE-10423`: each distinct one counts as one person. It counts too much rather than too little: a date or
an order number is one as well. **A person who is only named is not counted**; what bounds those is the cap
on typed text. Each pattern has bounded repetitions, so the time grows with the length of the text alone.

For replacing them, `find_identifiers` says also where each stands and what it may be, again too much rather
than too little: a long number is never found in part, and two that overlap are one. `open_from` says what of
a text that is still to come may yet turn out to belong to one. Source: ADR-0015, ADR-0031.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
_LOCAL_REVERSED = re.compile(r"[\w.+-]{1,64}")
# Seven digits or more in a row, or with at most two separators in a row between them.
_NUMBER = re.compile(r"\d{7,19}|\d(?:[ ()./-]{0,2}\d){6,18}")
# Letters, at most one separator, four to six digits: the last two letters tell codes apart.
_SHORT_NUMBER = re.compile(r"\d{4,6}(?!\d)")
_LETTERS_BEFORE = re.compile(r"[^\W\d_]{1,2}[-_#:/]?\Z")


def identifiers(text: str) -> frozenset[str]:
    """The distinct structured identifiers in `text`."""
    found: set[str] = set()
    if text.count("-") >= 4:
        found.update(_UUID.findall(text))
        text = _UUID.sub(" ", text)
    if "@" in text:
        found.update(_mail_addresses(text))
    found.update(_NUMBER.findall(text))
    found.update(_codes(text))
    return frozenset(found)


def _mail_addresses(text: str) -> set[str]:
    """Each address by what stands on both sides of its `@`, so that no separator joins two into one."""
    addresses: set[str] = set()
    for domain in _DOMAIN.finditer(text):
        before = text[max(0, domain.start() - 64) : domain.start()]
        local = _LOCAL_REVERSED.match(before[::-1])
        if local is not None:
            addresses.add(local[0][::-1] + domain[0])
    return addresses


def _codes(text: str) -> set[str]:
    codes: set[str] = set()
    for number in _SHORT_NUMBER.finditer(text):
        letters = _LETTERS_BEFORE.search(text[max(0, number.start() - 3) : number.start()])
        if letters is not None:
            codes.add(letters[0] + number[0])
    return codes


KINDS = ("card", "code", "email", "iban", "number", "phone", "uuid")
"""What an identifier may be. `number`: any of seven digits or more, a telephone's and a card's among them."""

_GAP = "[ ()./\u00a0\u2009\u202f\u2010-\u2014-]"
_WHOLE_NUMBER = re.compile(rf"\+?\d(?:{_GAP}{{0,2}}\d){{6,}}")
_SPELT_CODE = re.compile(r"[^\W\d_]{1,16}[-_#:/]?\Z")
_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ \u00a0]?[A-Za-z0-9]){11,30}(?![^\W_])")
_LONGEST_IBAN = 34
_LOCAL, _ADDRESS = 64, 640
_PHONE_DIGITS, _CARD_DIGITS = range(7, 16), range(13, 20)
# What an identifier that goes on may have come with so far: a word, read backwards; a number of an account.
_OPEN_WORD = re.compile(r"[\w.+@/#:-]{1,640}")
_OPEN_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ \u00a0]?[A-Za-z0-9]){0,30}[ \u00a0]?\Z")


@dataclass(frozen=True, slots=True)
class Identifier:
    """One that stands at `text[start:end]`.

    `label`: what it most likely is; `kinds`: all that it may be. `mixed`: several that overlap, as one.
    """

    start: int
    end: int
    label: str
    kinds: frozenset[str]
    mixed: bool = False


def find_identifiers(text: str) -> list[Identifier]:
    """All structured identifiers, in their order; none overlaps another."""
    found = [*_uuids(text), *_addresses(text), *_ibans(text), *_numbers(text), *_spelt_codes(text)]
    if len(found) < 2:
        return found
    found.sort(key=lambda one: (one.start, -one.end))
    apart: list[Identifier] = []
    for one in found:
        if apart and one.start < apart[-1].end:
            apart[-1] = _joined(apart[-1], one)
        else:
            apart.append(one)
    return apart


def canonical_form(label: str, text: str) -> str:
    """One text for all spellings of an identifier with this label, as far as spellings are known."""
    match label:
        case "email" | "uuid":
            return text.lower()
        case "phone" | "card" | "number":
            return "".join(char for char in text if char.isdecimal())
        case "iban":
            return "".join(text.split()).upper()
        case _:
            return text


def open_from(text: str) -> int:
    """From where on more text could still change what `find_identifiers` finds; the length where nowhere."""
    start = min(_open_word(text, len(text)), _open_number(text))
    iban = _OPEN_IBAN.search(text, max(0, len(text) - 2 * _LONGEST_IBAN))
    if iban is not None:
        start = min(start, iban.start())
    # What touches an open end from before is one with it.
    return _open_word(text, start) if start < len(text) else start


def _open_word(text: str, end: int) -> int:
    """Where the word begins that ends here.

    An address goes back from its `@` by a bounded part, and anything else is shorter than that.
    """
    last = text[end - 1 : end]
    if not (last.isalnum() or last in _IN_WORDS):
        return end
    word = _OPEN_WORD.match(text[max(0, end - _ADDRESS) : end][::-1])
    if word is None:
        return end
    start = end - word.end()
    at = text.find("@", start, end)
    return max(start, (end if at < 0 else at) - _LOCAL)


def _open_number(text: str) -> int:
    """Where the digits begin that the text ends with, with no more between and after them than within one."""
    start = at = len(text)
    gap = 0
    while at and gap <= 2:
        at -= 1
        if text[at].isdecimal():
            start, gap = at, 0
        elif text[at] in _GAPS:
            gap += 1
        else:
            break
    return start - 1 if start and start < len(text) and text[start - 1] == "+" else start


_IN_WORDS = frozenset("_.+@/#:-")
_GAPS = frozenset(" ()./-\u00a0\u2009\u202f\u2010\u2011\u2012\u2013\u2014")


def _joined(one: Identifier, other: Identifier) -> Identifier:
    """Both as one. What it most likely is stays with the longer."""
    longer = one if one.end - one.start >= other.end - other.start else other
    return Identifier(one.start, max(one.end, other.end), longer.label, one.kinds | other.kinds, mixed=True)


def _uuids(text: str) -> Iterator[Identifier]:
    if text.count("-") >= 4:
        for match in _UUID.finditer(text):
            yield Identifier(*match.span(), "uuid", frozenset({"uuid"}))


def _addresses(text: str) -> Iterator[Identifier]:
    if "@" not in text:
        return
    for domain in _DOMAIN.finditer(text):
        before = text[max(0, domain.start() - _LOCAL) : domain.start()]
        local = _LOCAL_REVERSED.match(before[::-1])
        if local is not None:
            yield Identifier(domain.start() - local.end(), domain.end(), "email", frozenset({"email"}))


def _ibans(text: str) -> Iterator[Identifier]:
    match = _IBAN.search(text)
    while match is not None:
        end = _end_of_iban(match[0])
        if end is not None:
            yield Identifier(match.start(), match.start() + end, "iban", frozenset({"iban"}))
        match = _IBAN.search(text, match.start() + (end or 4))


def _end_of_iban(text: str) -> int | None:
    """Where the number ends whose check digits are right: words may follow it."""
    ends = [len(text), *(at for at in range(len(text) - 1, 14, -1) if text[at] in " \u00a0")]
    for end in ends:
        plain = "".join(text[:end].split()).upper()
        if 15 <= len(plain) <= _LONGEST_IBAN and plain.isascii():
            moved = plain[4:] + plain[:4]
            if int("".join(str(int(char, 36)) for char in moved)) % 97 == 1:
                return end
    return None


def _numbers(text: str) -> Iterator[Identifier]:
    for match in _WHOLE_NUMBER.finditer(text):
        digits = [int(char) for char in match[0] if char.isdecimal()]
        kinds = {"number"}
        if len(digits) in _PHONE_DIGITS:
            kinds.add("phone")
        if len(digits) in _CARD_DIGITS and _is_luhn(digits):
            kinds.add("card")
        label = next(kind for kind in ("card", "phone", "number") if kind in kinds)
        yield Identifier(*match.span(), label, frozenset(kinds))


def _is_luhn(digits: list[int]) -> bool:
    doubled = [digit if at % 2 == 0 else digit * 2 - 9 * (digit > 4) for at, digit in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0


def _spelt_codes(text: str) -> Iterator[Identifier]:
    for number in _SHORT_NUMBER.finditer(text):
        before = text[max(0, number.start() - 17) : number.start()]
        letters = _SPELT_CODE.search(before)
        if letters is not None:
            start = number.start() - (len(before) - letters.start())
            yield Identifier(start, number.end(), "code", frozenset({"code"}))
