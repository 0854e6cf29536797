"""Forms of a word in its language, made by rules that rather make too many than too few. Pure.

A term of several words changes in its last one, in Romance languages also in its first. Forms that no speaker
would say cost a line of memory and find nothing.
"""

from collections.abc import Iterator
from typing import Final

_ENDINGS: Final = {
    "de": ("e", "er", "es", "en", "em", "in", "innen", "n", "s"),
    "nl": ("e", "en", "s", "se"),
    "ar": ("ة", "ون", "ين", "ات"),
    "tr": ("lar", "ler", "dir", "dır"),
}
_STEM_ENDINGS: Final = {
    "pl": "a e i y u o em om ami ow ie iem ka ki ke czka czki czke ny na ne nym ni nik nika kiem cy"
    " ca ce cem kow"
    " wa we wy wym sta sty stka",
    "cs": "a e i y u o em um ami ovi ka ky ku kou ik iku ny na ne nym c ce ci cka",
    "tr": "lar ler dir dur tir tur li lu lik luk yim im i u si su nin ye ya de da den dan ci cu dı lı"
    " ı sı nın"
    " tır cı dür tür lü cü ü",
    "ru": "а я у ю е ы и о ь ом ем еи ои ам ями ами ов ев ах ях ыи ии ая яя ое ее ые ие ого его ому"
    " ему ым им ую"
    " юю ых их на ны ка ки ку кои ке ик ика ики ику ком иков ость ости ин ина ину инка инки истка нин"
    " нина"
    " нка нки ец ца цы ск скии ская ский ске ски цев",
}
"""What may follow a stem, which a star marks. Folded, as the words are."""


def forms(term: str, language: str) -> Iterator[str]:
    """The forms of a folded term, its own first. A star behind it marks a stem."""
    if term.endswith("*"):
        stem = term[:-1]
        yield stem
        for ending in _STEM_ENDINGS[language].split():
            yield stem + ending
        return
    yield term
    if language in _ENDINGS:
        for ending in _ENDINGS[language]:
            yield term + ending
        if language == "de" and term.endswith("e"):
            yield term[:-1] + "in"
            yield term[:-1] + "innen"
        if language == "ar":
            yield from _with_article(term)
    elif language == "en":
        yield _plural(term)
    elif language in {"fr", "es", "pt", "it"}:
        yield from _romance(term)


def _plural(term: str) -> str:
    if term.endswith(("s", "x", "ch", "sh")):
        return term + "es"
    if term.endswith("y") and term[-2:-1] not in "aeiou":
        return term[:-1] + "ies"
    return term + "s"


def _with_article(term: str) -> Iterator[str]:
    words = " ".join("ال" + word for word in term.split())
    yield words
    for ending in _ENDINGS["ar"]:
        yield words + ending


def _romance(term: str) -> Iterator[str]:
    first, _, rest = term.partition(" ")
    if len(term) < 5:
        yield term + "s"
        return
    yield term + "s"
    yield term + "es"
    yield term + "e"
    for ending, others in _ROMANCE:
        if term.endswith(ending):
            for other in others:
                yield term[: -len(ending)] + other
        if rest and first.endswith(ending):
            for other in others:
                yield f"{first[: -len(ending)]}{other} {rest}"


_ROMANCE: Final = (
    ("o", ("a", "os", "as", "i", "e")),
    ("co", ("ca", "ci", "che", "chi")),
    ("ista", ("isti", "iste")),
    ("e", ("i", "a")),
    ("or", ("ora", "ores", "oras")),
    ("an", ("ana", "anes", "anas")),
    ("ao", ("a", "aos", "as", "oes")),
    ("al", ("ais", "aux", "ales")),
    ("ien", ("ienne", "iens", "iennes")),
    ("if", ("ive", "ifs", "ives")),
    ("eux", ("euse", "euses")),
    ("eur", ("euse", "eurs", "rice")),
    ("en", ("enne", "ens", "ennes")),
)
