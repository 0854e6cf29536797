"""One value for all spellings of an identifier, by its kind; None for what is nobody's. Pure.

Source: RFC 5321 (addresses), ITU-T E.164 (telephones), ISO 13616, ADR-0046.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from caveat.screens.identifiers.checks import is_card, is_iban, is_imei, is_ssn, personal_address
from caveat.screens.identifiers.found import Kind
from caveat.screens.identifiers.plain import looks_like, visible
from caveat.screens.identifiers.vocabulary import words

MAX_VALUE_CHARS = 320
_TAGGED = words(
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com fastmail.com fastmail.fm proton.me "
    "protonmail.com pm.me icloud.com me.com mac.com"
)
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
_SAME_DOMAIN = {"googlemail.com": "gmail.com", "protonmail.com": "proton.me", "pm.me": "proton.me"}
_ROLES = words(
    "abuse admin billing contact enquiries hello help helpdesk hostmaster hr info mail marketing news "
    "newsletter no-reply noreply office postmaster press root sales service support team webmaster"
)
_TWO_DIGIT_CODES = words(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 "
    "82 84 86 90 91 92 93 94 95 98"
)
_EXTENSION = re.compile(r"(?:ext\.?|x|#|;ext=)\s?\d{1,6}\s*\Z", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@<>,;:\"()]{1,64}@[^\s@<>,;:\"()]{1,255}\Z")
_NO_DIGIT = re.compile(r"[^0-9]+")
_HEX = re.compile(r"[^0-9a-f]")
_MIN_DEVICE_CHARS = 6


def canonical_value(kind: Kind, text: str) -> str | None:
    """The one value of an identifier of `kind`, or None for what cannot be one, or is nobody's."""
    shown = visible(text).strip()
    if not shown or len(shown) > MAX_VALUE_CHARS:
        return None
    reading = _READINGS.get(kind)
    return None if reading is None else reading(shown)


def _iban(text: str) -> str | None:
    plain = "".join(text.split()).upper()
    return plain if is_iban(plain) else None


def _card(text: str) -> str | None:
    digits = digits_of(text)
    return digits if is_card(digits) else None


def _imei(text: str) -> str | None:
    digits = digits_of(text)
    return digits if is_imei(digits) else None


def _hexadecimal(text: str) -> str | None:
    plain = _HEX.sub("", text.lower())
    return plain if len(plain) in (12, 16, 32) and len(set(plain)) > 1 else None


def _device_id(text: str) -> str | None:
    plain = "".join(char for char in text.casefold() if char.isalnum())
    return plain if len(plain) >= _MIN_DEVICE_CHARS and len(set(plain)) > 1 else None


def _with_digits(text: str) -> str | None:
    plain = "".join(char for char in looks_like(text) if char.isalnum())
    return plain if len(plain) >= 4 and any(map(str.isdigit, plain)) else None


def digits_of(text: str) -> str:
    """The decimal digits of a text as ASCII."""
    if text.isascii():
        return _NO_DIGIT.sub("", text)
    return "".join(str(int(char)) for char in text if char.isdecimal())


def _email(text: str) -> str | None:
    text = text.removeprefix("mailto:").strip("<> ").rstrip(".")
    if not _ADDRESS.match(text):
        return None
    local, _, domain = looks_like(text).rpartition("@")
    if domain.isascii() and "." not in domain:
        return None
    domain = _SAME_DOMAIN.get(domain, domain)
    if domain in _TAGGED:
        local = local.partition("+")[0]
    if domain in _DOTLESS:
        local = local.replace(".", "")
    return f"{local}@{domain}" if local else None


def is_role_address(address: str) -> bool:
    """Whether a canonical address is an office's, so that whoever uses it is not told apart by it."""
    return address.partition("@")[0] in _ROLES


def national_number(text: str) -> str | None:
    """A telephone number's significant digits, without country code, trunk prefix and extension.

    Two countries may give one number; both being in one set of persons is rarer than a number that is
    written now with its country code and now without.
    """
    may_extend = "x" in text or "X" in text or "#" in text
    bare = (_EXTENSION.sub("", text) if may_extend else text).replace("(0)", "")
    digits = digits_of(bare)
    stripped = bare.lstrip(" (tel:TEL")
    if stripped.startswith("+"):
        digits = _without_code(digits)
    elif digits.startswith("00"):
        digits = _without_code(digits[2:])
    elif digits.startswith("011") and len(digits) > 11:
        digits = _without_code(digits[3:])
    elif len(digits) == 11 and digits[0] == "1" and digits[1] not in "01" and digits[4] not in "01":
        digits = digits[1:]
    elif len(digits) >= 12 and digits[0] != "0":
        digits = _without_code(digits)
    digits = digits.lstrip("0")
    return digits if 7 <= len(digits) <= 15 and len(set(digits)) > 1 else None


def _without_code(digits: str) -> str:
    """Source: ITU-T E.164 annex: codes of one digit are 1 and 7, those of two are listed."""
    length = 1 if digits[:1] in ("1", "7") else 2 if digits[:2] in _TWO_DIGIT_CODES else 3
    return digits[length:]


def _national_id(text: str) -> str | None:
    plain = "".join(char for char in looks_like(text) if char.isalnum())
    if len(plain) == 9 and plain.isdigit():
        return plain if is_ssn(plain) else None
    usual = 5 <= len(plain) <= 24 and any(map(str.isdigit, plain)) and len(set(plain)) > 1
    return plain if usual else None


_READINGS: Mapping[Kind, Callable[[str], str | None]] = {
    Kind.EMAIL: _email,
    Kind.PHONE: national_number,
    Kind.NATIONAL_ID: _national_id,
    Kind.IBAN: _iban,
    Kind.CARD: _card,
    Kind.IMEI: _imei,
    Kind.IP: lru_cache(maxsize=8_192)(personal_address),
    Kind.ADVERTISING_ID: _hexadecimal,
    Kind.MAC: _hexadecimal,
    Kind.DEVICE_ID: _device_id,
    Kind.PLATE: _with_digits,
    Kind.ACCOUNT: _with_digits,
}
"""Names and positions are none of these: they have no one value."""
