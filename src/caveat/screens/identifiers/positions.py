"""Places on the earth as they are written: decimal degrees, with minutes, geohash, plus code. Pure."""

import re

_PAIR = re.compile(
    r"\s*([-+]?\d{1,2}(?:\.\d{1,12})?)°?\s{0,2}[,; ]\s{0,2}([-+]?\d{1,3}(?:\.\d{1,12})?)°?\s*\Z"
)
_DMS = re.compile(
    r"(\d{1,3})°\s{0,2}(\d{1,2})['′]\s{0,2}(?:(\d{1,2}(?:\.\d{1,6})?)[\"″]?\s{0,2})?([NSEWnsew])"
)
_GEOHASH = re.compile(r"[0-9b-hjkmnp-z]{6,12}\Z")
_PLUS_CODE = re.compile(r"[23456789CFGHJMPQRVWX]{8}\+[23456789CFGHJMPQRVWX]{2,3}\Z", re.IGNORECASE)


def is_latitude(text: str) -> bool:
    """Whether a cell can be a latitude in degrees."""
    return _within(text, 90)


def is_longitude(text: str) -> bool:
    """Whether a cell can be a longitude in degrees."""
    return _within(text, 180)


def is_position(text: str) -> bool:
    """Whether a cell is a place on the earth."""
    text = text.strip()
    pair = _PAIR.match(text)
    if pair is not None:
        return is_latitude(pair[1]) and is_longitude(pair[2])
    return bool(len(_DMS.findall(text)) >= 2 or _PLUS_CODE.match(text) or _GEOHASH.match(text))


def _within(text: str, most: int) -> bool:
    try:
        return len(text) <= 32 and abs(float(text)) <= most
    except ValueError:
        return False
