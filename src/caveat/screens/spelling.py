"""The words of a text however it is spelt. Total: any string gives words, in linear time.

What hides a word is undone: invisible characters, accents, letters of other scripts that look alike,
letters set apart, digits that stand for letters. What is packed in base64, hexadecimal, percent signs or tag
characters is unpacked, and is a text of its own. Source: ADR-0045.
"""

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Container, Iterator
from urllib.parse import unquote_to_bytes

MAX_WORD_CHARS = 48
"""A longer run of letters is cut into words of this length."""
MAX_PACKED_RUNS = 32
"""So many packed runs of a text are unpacked, the longest first."""
MAX_PACKED_CHARS = 65_536
"""So much of one packed run is unpacked."""
MAX_PACKED_DEPTH = 2
"""What is packed within what is packed is read; what is packed deeper is not."""

_WORD = re.compile(
    r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    rf"|[^\W_]{{1,{MAX_WORD_CHARS}}}|[^\w\s]|_"
)
_INVISIBLE = re.compile(
    r"[\u00ad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\u3164\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\uffa0\ufff9-\ufffb"
    r"\U000e0000-\U000e0fff]"
)
_APART = re.compile(r"(?<![^\W_])[^\W_](?:[ .\-_*][^\W_](?![^\W_])){3,63}")
_LEET = re.compile(
    r"(?<![^\W_])(?=[a-z0-9@$!|+]{0,47}[0-9@$!|+])(?=[a-z0-9@$!|+]{0,47}[a-z])[a-z0-9@$!|+]{3,48}"
)
_LETTER_OF = str.maketrans("013457@$!|+89", "oleastasiltbg")
_PACKED = re.compile(r"[A-Za-z0-9+/_\-]{16,}={0,2}")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}[A-Za-z0-9.+\-]{0,8}){6,}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}")
_TAGS = re.compile(r"[\U000e0020-\U000e007e]{4,}")
_LATIN = re.compile(r"[a-z]")
# Letters of Cyrillic, Greek, Armenian and phonetic script that a reader takes for Latin ones.
_ALIKE = {
    **dict(zip("авсԁеғԍһіјкӏмпоԛрѕтцѵԝхузʏгь", "abcdefghijklmnoqpstuvwxyzyrb", strict=True)),
    **dict(zip("αβϲεηικνορτυχωγ", "abcenikvoptuxwy", strict=True)),
    **dict(zip("հոսցօ", "hnugo", strict=True)),
    **dict(zip("ıɡɩʟᴀᴄᴇɪᴋᴏᴘᴛᴜᴠᴡᴢ", "igilaceikoptuvwz", strict=True)),
}
_ALIKE_TABLE = str.maketrans(_ALIKE)
_ALIKE_LETTER = re.compile(f"[{''.join(_ALIKE)}]")
_LONG_WORD = re.compile(r"[^\W_]+")


def words(text: str, known: Container[str]) -> list[str]:
    """The words and marks of `text`, lower case. `known`: words that are what they look like."""
    plain = text.lower() if text.isascii() else _folded(text)
    plain = _APART.sub(lambda found: re.sub(r"[ .\-_*]", "", found[0]), plain)
    return _WORD.findall(_LEET.sub(lambda found: _as_letters(found[0], known), plain))


def unpacked(text: str, depth: int = MAX_PACKED_DEPTH) -> Iterator[str]:
    """What is packed in `text`, each as a text of its own: `MAX_PACKED_RUNS` at most, the longest first."""
    if not depth:
        return
    for found in _TAGS.findall(text)[:MAX_PACKED_RUNS]:
        yield "".join(chr(ord(letter) - 0xE0000) for letter in found)
    runs = sorted({*_PACKED.findall(text), *_PERCENT.findall(text)}, key=lambda run: (-len(run), run))
    for run in runs[:MAX_PACKED_RUNS]:
        inner = _read(run[:MAX_PACKED_CHARS])
        if inner is not None:
            yield inner
            yield from unpacked(inner, depth - 1)


def _folded(text: str) -> str:
    """Compatibility forms, lower case, nothing invisible, no accents; Latin for what looks like it."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKD", text).lower())
    if not _ALIKE_LETTER.search(plain):
        return plain
    latin = len(_LATIN.findall(plain)) * 2 > len(plain)
    return _LONG_WORD.sub(lambda found: _as_latin(found[0], latin), plain)


def _as_latin(word: str, among_latin: bool) -> str:
    """A word of mixed scripts in Latin; so too one of look-alikes alone, where Latin stands around it."""
    if not _ALIKE_LETTER.search(word):
        return word
    changed = word.translate(_ALIKE_TABLE)
    return changed if _LATIN.search(word) or (among_latin and changed.isascii()) else word


def _as_letters(word: str, known: Container[str]) -> str:
    bare = word.rstrip("!|+")
    changed = bare.translate(_LETTER_OF)
    for guess in (changed, bare.replace("1", "i").translate(_LETTER_OF)):
        if bare not in known and guess in known and guess != bare:
            return guess + " " + word[len(bare) :]
    return word


def _read(run: str) -> str | None:
    """The text that a run was made of, where it is one of letters and spaces; else nothing."""
    if "%" in run:
        return _text_of(unquote_to_bytes(run))
    candidates = [bytes.fromhex(run)] if _HEX.fullmatch(run) else []
    bare = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        candidates.append(base64.b64decode(bare[: len(bare) - (len(bare) % 4 == 1)] + "==", validate=False))
    except binascii.Error:
        candidates = candidates[:1]  # not base64 after all: hexadecimal, or a long word
    return next((text for text in map(_text_of, candidates) if text is not None), None)


def _text_of(data: bytes) -> str | None:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(
            data
        )  # a run that was cut may end within a letter
    except UnicodeDecodeError:
        return None
    plain = sum(letter.isalnum() or letter in " \t\r\n.,:;!?'\"-_/()[]{}<>=#@&*+%$|" for letter in text)
    return text if text and plain == len(text) and any(letter.isalpha() for letter in text) else None
