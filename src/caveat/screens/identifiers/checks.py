"""Check digits and reserved ranges: whether a number can be somebody's at all. Pure."""

import ipaddress

_IBAN_LETTERS = {chr(65 + n): str(10 + n) for n in range(26)}
_CARD_RANGES: tuple[tuple[tuple[str, ...], range], ...] = (
    (("4",), range(16, 20, 3)),
    (("34", "37"), range(15, 16)),
    (("51", "52", "53", "54", "55", "22", "23", "24", "25", "26", "27"), range(16, 17)),
    (("30", "36", "38", "39"), range(14, 20)),
    (("35", "50", "56", "57", "58", "6"), range(16, 20)),
)
_SHORTEST_IBAN, _LONGEST_IBAN = 15, 34


def is_luhn(digits: str) -> bool:
    """Whether the last digit checks the others. Source: ISO/IEC 7812-1 annex B."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        digit = ord(char) - 48
        if place % 2:
            digit = digit * 2 - 9 * (digit > 4)
        total += digit
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """A payment card: as many digits as issuers of its range use, with a right check digit.

    No card has thirteen, as articles of trade have. Source: ISO/IEC 7812-1.
    """
    known = any(
        len(digits) in lengths and digits.startswith(beginnings) for beginnings, lengths in _CARD_RANGES
    )
    return known and len(set(digits)) > 2 and is_luhn(digits)


def is_imei(digits: str) -> bool:
    """A device's IMEI: 15 digits with a right check digit, not all alike. Source: 3GPP TS 23.003, 6.2.1."""
    return len(digits) == 15 and len(set(digits)) > 2 and is_luhn(digits)


def is_isbn(digits: str) -> bool:
    """A book's number of ten digits, the last of which, maybe an X, checks the others.

    Source: ISO 2108:1992, annex A.
    """
    values = [10 if char == "X" else int(char) for char in digits]
    return len(values) == 10 and sum(value * (10 - at) for at, value in enumerate(values)) % 11 == 0


def is_iban(plain: str) -> bool:
    """An account number with right check digits, in capitals and without spaces. Source: ISO 13616."""
    if not _SHORTEST_IBAN <= len(plain) <= _LONGEST_IBAN or not plain.isascii() or not plain.isalnum():
        return False
    if not (plain[:2].isalpha() and plain[2:4].isdigit()):
        return False
    moved = plain[4:] + plain[:4]
    return int("".join(_IBAN_LETTERS.get(char, char) for char in moved)) % 97 == 1


def is_ssn(digits: str) -> bool:
    """A nine-digit social security number that could have been issued: none of area 000, 666 or 9xx, group 00
    or serial 0000, and not one that was printed as a specimen."""
    if len(digits) != 9 or not digits.isdigit():
        return False
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000":
        return False
    return digits not in ("078051120", "219099999")


def personal_address(text: str) -> str | None:
    """An IP address as RFC 5952 writes it that could be one person's connection: a public one, of no
    documentation range; None for any other."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return address.compressed if address.is_global and not address.is_multicast else None
