"""Names of persons and what else names one, by their form. Pure. Linear in the text."""

import re

from caveat.screens.lexicon import NOT_NAMES

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪĮİĶŁŃŇŌŐŒŘŚŞŠŤŪŮŰŹŻŽА-ЯЁ"
_NAME_WORD = rf"[{_UPPER}][\w'’.-]{{0,40}}"
NAME = re.compile(
    rf"(?<![\w]){_NAME_WORD}"
    rf"(?:,? (?:(?:van|von|de|da|del|di|al|bin|el|der|den|la|le) ){{0,2}}{_NAME_WORD}){{1,3}}"
)
IDENTIFIER = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,64}\.\w|(?<!\w)@\w{3,30}|\+\d[\d ()-]{6,20}\d|\b\d{3}-\d{2}-\d{4}\b"
    r"|(?i:\b(?:citizen|voter|employee|emp|patient|member|person|resident|subject|user|case|customer|client"
    r"|tenant|flat|plate|id|account|student|session|visitor|device|driver|applicant|subscriber)"
    r"[ _#-]{0,2}(?=[a-z]{0,4}\d)\w{1,12}\b)"
)
MAY_IDENTIFY = re.compile(r"[@\d]")
OFFICE = re.compile(
    r"\b(?:president|minister|senator|deputy|mp|mps|mayor|governor|chancellor|candidate|candidates|leader"
    r"|bishop|pope|rabbi|imam|councillor|ambassador|secretary|abgeordneter?|bürgermeister(?:in)?|diputad[oa])\b",
    re.IGNORECASE,
)
"""Who holds or seeks a public office, or leads in a faith, has said in public what is said here."""


def starts_with_name(text: str) -> bool:
    """Whether what a text begins with names a person."""
    plain = text.lstrip(" (\"'")
    name = NAME.match(plain)
    if name is not None:
        return is_name(name[0])
    return IDENTIFIER.match(plain) is not None


def names_somebody(cell: str, *, by_head: bool) -> bool:
    """Whether a cell names a person. `by_head`: its column says that all of its cells do."""
    plain = cell.strip()
    if not plain or len(plain) > 120:
        return False
    if by_head:
        return plain.casefold() not in {"total", "all", "other", "sum", "mean", "gesamt", "none"}
    if IDENTIFIER.search(plain):
        return True
    name = NAME.match(plain)
    return name is not None and len(name[0]) >= len(plain) - 3 and is_name(name[0])


def is_name(words: str) -> bool:
    """A name of a person has no word that names places, bodies, groups or terms."""
    if OFFICE.search(words):
        return False
    return not any(word.casefold().strip(".") in NOT_NAMES for word in re.split(r"[\s,-]+", words))
