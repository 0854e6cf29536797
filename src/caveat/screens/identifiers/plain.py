"""One plain spelling of a text, for comparing identifiers: never for showing anything.

Compatibility forms, marks, invisible characters and letters that only look Latin make no difference. Every
function is linear in the text. Source: Unicode UAX 15 (NFKC), UTS 39 (confusables), ADR-0046.
"""

import unicodedata
from functools import lru_cache

_LOOKS = {
    # Cyrillic, Greek and Armenian letters that are drawn like a Latin one, as they are written.
    **dict(zip("авекмнорстухѕіјһԁԛԝґցօսհոց", "abekmhopctyxsijhdqwrgounnq", strict=True)),
    **dict(zip("АВЕКМНОРСТУХЅІЈԌԚԜҮ", "ABEKMHOPCTYXSIJGQWY", strict=True)),
    **dict(zip("αγεικνορτυχωϲϳ", "ayeikvoptuxwcj", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ", "ABEZHIKMNOPTYXC", strict=True)),
    **dict(zip("ɩɡɑƖ", "igal", strict=True)),
}
_CYRILLIC = {
    **dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziiklmnoprstufye", strict=True)),
    "ж": "zh",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ь": "",
    "ю": "yu",
    "я": "ya",
    "є": "ye",
    "і": "i",
    "ґ": "g",
    "ј": "j",
    "љ": "lj",
    "њ": "nj",
    "ђ": "dj",
    "ћ": "c",
    "џ": "dz",
    "ѕ": "dz",
}
_GREEK = {
    **dict(zip("αβγδεζηικλμνοπρστυφωςχ", "avgdeziiklmnoprstyfosh", strict=True)),
    "θ": "th",
    "ξ": "ks",
    "ψ": "ps",
}
_TRANSLITERATED = {**_GREEK, **_CYRILLIC}
_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "ẞ": "ss",
        "æ": "ae",
        "Æ": "ae",
        "œ": "oe",
        "Œ": "oe",
        "ø": "o",
        "Ø": "o",
        "ł": "l",
        "Ł": "l",
        "đ": "d",
        "Đ": "d",
        "ð": "d",
        "Ð": "d",
        "þ": "th",
        "Þ": "th",
        "ı": "i",
        "ħ": "h",
        "Ħ": "h",
        "ŋ": "n",
        "Ŋ": "n",
        "ə": "a",
        "Ə": "a",
        "ŧ": "t",
        "Ŧ": "t",
    }
)
_INVISIBLE = frozenset({"Cf", "Mn", "Me", "Cc"})


def visible(text: str) -> str:
    """The text in compatibility form without invisible characters; marks stay on their letters.

    What is plain ASCII comes back as it is.
    """
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKC", text)
    return "".join([char for char in apart if char.isascii() or unicodedata.category(char) != "Cf"])


@lru_cache(maxsize=16_384)
def plain_word(word: str) -> str:
    """A word in small Latin letters, without marks, where there are such letters for it.

    A word in two scripts is read as it looks: that is a disguise. One wholly in another script that is known
    is transliterated.
    """
    if word.isascii():
        return word.lower()
    base = _unmarked(word)
    if base.isascii():
        return base.lower()
    foreign = sum(char.isalpha() and not char.isascii() for char in base)
    if foreign < sum(map(str.isalpha, base)):
        return _as_it_looks(base)
    return "".join(_TRANSLITERATED.get(char, char) for char in base.lower())


@lru_cache(maxsize=16_384)
def looks_like(word: str) -> str:
    """A word as it looks: each letter that is drawn like a Latin one is that one."""
    return word.lower() if word.isascii() else _as_it_looks(_unmarked(word))


def is_drawn_latin(word: str) -> bool:
    """Whether every letter of the word is a Latin one or drawn like one."""
    return looks_like(word).isascii()


def _as_it_looks(base: str) -> str:
    return "".join(_LOOKS.get(char, char) for char in base).lower()


def _unmarked(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word)
    kept = "".join([char for char in apart if unicodedata.category(char) not in _INVISIBLE])
    return unicodedata.normalize("NFC", kept).translate(_LETTERS)
