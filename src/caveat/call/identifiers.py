"""Structured identifiers in a text: how many persons, at most, somebody who only types could be asking about.

An address of mail, a number that could be a telephone's, an account's or a card's, and a code such as
`CASE-10423`: each distinct one counts as one person. It counts too much rather than too little: a date or
an order number is one as well. **A person who is only named is not counted**; what bounds those is the cap
on typed text. Each pattern has bounded repetitions, so the time grows with the length of the text alone.
Source: ADR-0015.
"""

import re

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
