"""Keys under which the spellings of one person's name meet. Pure, and linear in the name.

Three keys for three needs. The *exact* key stands for a name by itself: order, case, marks, script,
punctuation and titles make no difference, and known spellings of one given name are one; anything
coarser would make one person of many. The *near* keys stand only beside something else that is said of the
person, such as a date of birth: a surname by its consonants with an initial. Source: ADR-0046.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from caveat.screens.identifiers.plain import is_drawn_latin, looks_like, plain_word, visible
from caveat.screens.identifiers.spellings import ALIKE_NAME, FORMAL, ONE_NAME
from caveat.screens.identifiers.vocabulary import words

MAX_NAME_CHARS = 120
MAX_WORDS = 8
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ`´][^\W\d_]+){0,3}")
_ASCII_WORD = re.compile(r"[a-z]+(?:['`][a-z]+){0,3}")
_UNSPACED = re.compile(r"[\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]{2,4}\Z")
_NO_NAME = re.compile(r"[\d@/\\<>{}=]")
_APOSTROPHE = re.compile("['’ʼ`´]")
_TITLES = words(
    "mr mrs ms miss mx dr prof professor sir dame lord lady rev fr hon capt sgt lt col gen maj "
    "herr frau senor senora sr sra srta don dona mme mlle monsieur madame jr ii iii iv phd md esq"
)
_PARTICLES = words(
    "al el ul ad as ash ar az ibn bin bint ben abu abd de del della di da do dos das du des la le los las "
    "van von der den ter ten zu zur af av of"
)
_RUSSIAN = (
    re.compile(r"(?<=[a-z]{3})(?:skiy|skij|skii|sky|skyi)\Z"),
    re.compile(r"(?<=[a-z]{3})(?:iy|ij|ii)\Z"),
)
_SOUNDS = (
    ("ae", "a"), ("oe", "o"), ("ue", "u"), ("ph", "f"), ("ck", "k"), ("kh", "h"), ("dzh", "j"), ("tz", "ts"),
    ("ou", "u"), ("oo", "u"), ("ow", "ov"), ("off", "ov"), ("eff", "ev"), ("ye", "e"), ("gh", "g"),
)  # fmt: skip
_DOUBLED = re.compile(r"(.)(?=\1)")
"""Each letter that the next repeats: without them, a run is one."""
_HARD = str.maketrans(
    {"q": "k", "c": "k", "g": "k", "x": "k", "v": "f", "w": "f", "p": "b", "d": "t", "z": "s", "j": "y"}
)
_INITIAL = {**{chr(soft): hard for soft, hard in _HARD.items()}, **dict.fromkeys("aeiou", "a")}
_CLUSTERS = (("sch", "s"), ("tch", "s"), ("shch", "s"), ("sh", "s"), ("zh", "s"), ("ch", "s"), ("ts", "s"))
_SOUND = dict((*_SOUNDS, *_CLUSTERS))
_ALIKE = re.compile("|".join(sorted(_SOUND, key=len, reverse=True)))
_VOWELS = str.maketrans("", "", "aeiouyhw")


@dataclass(frozen=True, slots=True)
class Name:
    """A name read: its words in plain letters, those before a comma apart.

    `words` are without particles such as `van`, `whole` with them. `surnames` is empty where the order is not
    known. `digraphs`: the whole with each umlaut as two letters.
    """

    words: tuple[str, ...]
    whole: tuple[str, ...]
    surnames: tuple[str, ...] = ()
    digraphs: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it is more than one part of a name: several words, or one in a script without spaces."""
        return len(self.words) > 1 or any(map(_UNSPACED.match, self.words))

    @property
    def full(self) -> tuple[str, ...]:
        """The words that are more than an initial."""
        return tuple(word for word in self.words if len(word) > 1)


@lru_cache(maxsize=32_768)
def read_name(text: str) -> Name | None:
    """The name that a text is, or None for one that can be none: no word of letters, too long, or digits."""
    if len(text) > MAX_NAME_CHARS:
        return None
    shown = visible(text)
    if _NO_NAME.search(shown):
        return None
    before, comma, after = shown.partition(",")
    whole = _words(shown)
    words = _without_particles(whole)
    if not words or len(words) > MAX_WORDS or max(map(len, words)) < 2:
        return None
    first = _without_particles(_words(before)) if comma else ()
    ordered = bool(first) and bool(_words(after))
    if shown.isascii():
        return Name(words, whole, first if ordered else ())
    spelt = shown.lower().translate(_DIGRAPHS)
    return Name(words, whole, first if ordered else (), _words(spelt) if spelt != shown.lower() else ())


def name_of_parts(given: str, family: str) -> Name | None:
    """The name whose parts stand in columns of their own."""
    return read_name(f"{family}, {given}" if given.strip() else family)


def _words(text: str) -> tuple[str, ...]:
    return ascii_words(text) if text.isascii() else words_of_any_script(text)


def ascii_words(text: str) -> tuple[str, ...]:
    """The words of a name in ASCII: those of `words_of_any_script`, at less cost."""
    found = _ASCII_WORD.findall(text.lower())
    if "'" in text or "`" in text:
        found = [_APOSTROPHE.sub("", word) for word in found]
    return tuple([word for word in found if word not in _TITLES])


def words_of_any_script(text: str) -> tuple[str, ...]:
    """The words of a name in plain letters, without titles."""
    # A mark that is of no composed letter, as in Yoruba, would end a word.
    if any(map(unicodedata.combining, text)):
        text = "".join([char for char in text if not unicodedata.combining(char)])
    raw = [match[0] for match in _WORD.finditer(text.replace(".", " "))]
    latin = any(word.isascii() for word in raw)
    words: list[str] = []
    for word in raw:
        bare = word if word.isalpha() else _APOSTROPHE.sub("", word)
        # Beside a Latin word, one of letters that are all drawn like Latin ones is such a word.
        plain = looks_like(bare) if latin and is_drawn_latin(bare) else plain_word(bare)
        if plain and plain not in _TITLES:
            words.append(plain)
    return tuple(words)


def _without_particles(words: tuple[str, ...]) -> tuple[str, ...]:
    if _PARTICLES.isdisjoint(words):
        return words
    return tuple(word for word in words if word not in _PARTICLES) or words


@lru_cache(maxsize=32_768)
def exact_word(word: str) -> str:
    """A word of a name, one for the spellings of which nobody would say that they are two names."""
    if word == "el":
        return "al"
    known = ONE_NAME.get(word)
    if known is not None:
        return known
    if word[-1:] not in "iyj":
        return word
    word = _RUSSIAN[0].sub("ski", word)
    return _RUSSIAN[1].sub("i", word)


@lru_cache(maxsize=32_768)
def near_word(word: str) -> str:
    """A word by its consonants, alike ones as one: for names beside which something else is said."""
    if len(word) == 1:
        return _initial(word)
    formal = FORMAL.get(word, word)
    sound = exact_word(ALIKE_NAME.get(formal, formal))
    if _ALIKE.search(sound) is not None:
        sound = _ALIKE.sub(_sound_of, sound)
    sound = _DOUBLED.sub("", sound.translate(_HARD))
    first = sound[:1]
    rest = sound[1:].translate(_VOWELS)
    return _DOUBLED.sub("", ("a" if first in "aeiou" else first) + rest)


def _sound_of(match: re.Match[str]) -> str:
    return _SOUND[match[0]]


@lru_cache(maxsize=32_768)
def _initials(word: str) -> frozenset[str]:
    """As it is written, and as its usual spelling is."""
    formal = FORMAL.get(word, word)
    usual = exact_word(ALIKE_NAME.get(formal, formal))
    return frozenset((_initial(word), _initial(usual)))


def _initial(word: str) -> str:
    return _INITIAL.get(word[:1], word[:1])


def exact_keys(name: Name) -> frozenset[str]:
    """The keys of a name whatever its order. One with an umlaut has two, since it is spelt in two ways."""
    plain = " ".join(sorted(map(exact_word, name.whole)))
    spelt = " ".join(sorted(map(exact_word, name.digraphs)))
    return frozenset({plain, spelt} if name.digraphs else {plain})


def near_keys(name: Name) -> frozenset[str]:
    """The keys that two spellings of one name share: a word by its consonants, with another's initial.

    Where the order is not known, the first and the last word may each be the surname.
    """
    if len(name.words) == 1:
        return frozenset((near_word(name.words[0]),))
    return frozenset(
        [
            f"{near_word(word)} {initial}"
            for word, other in _pairs(name)
            if len(word) > 1
            for initial in _initials(other)
        ]
    )


def pair_keys(name: Name, word_key: Callable[[str], str]) -> frozenset[str]:
    """A surname with a whole given name, each as `word_key` has it, in any order; none where either is an
    initial, or the name has one word."""
    if len(name.words) == 1:
        return frozenset()
    return frozenset(
        " + ".join(sorted((word_key(word), word_key(other))))
        for word, other in _pairs(name)
        if len(word) > 1 and len(other) > 1
    )


def _pairs(name: Name) -> tuple[tuple[str, str], ...]:
    """Words that may be the surname, each with one that would then be the given name."""
    words = name.words
    if name.surnames:
        given = words[len(name.surnames) :] or words[:1]
        return (*((family, given[0]) for family in name.surnames), (given[0], name.surnames[-1]))
    ends = ((words[-1], words[0]), (words[0], words[-1]))
    return (*ends, (words[-2], words[0])) if len(words) > 2 else ends
