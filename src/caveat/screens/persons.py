"""Names of persons and what else stands for exactly one, by its form. Pure. Linear in the text.

All texts are folded (`terms.fold`) before they come here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from caveat.screens.lexicon import COUNT_HEADS, GROUP_HEADS, NOT_NAMES, TOPICS
from caveat.screens.terms import term_words, words_in

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪĮİĶŁŃŇŌŐŒŘŚŞŠŤŪŮŰŹŻŽА-ЯЁІЇЄ"
_NAME_WORD = rf"[{_UPPER}][\w'’.-]{{0,40}}"
NAME = re.compile(
    rf"(?<![\w]){_NAME_WORD}"
    rf"(?:,? (?:(?:van|von|de|da|del|di|al|bin|el|der|den|la|le) ){{0,2}}{_NAME_WORD}){{1,3}}"
)
IDENTIFIER = re.compile(
    r"\b[A-Z]{1,3}[- ][A-Z]{1,2}[- ]?\d{1,4}\b|[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{1,40}"
    r"|(?<!\w)@[\w.]{3,30}|\+\d[\d ()-]{6,20}\d|\b\d{3}-\d{2}-\d{4}\b"
    r"|(?i:\b(?:citizen|voter|employee|emp|patient|member|person|resident|subject|user|usr|case"
    r"|customer|client"
    r"|tenant|flat|plate|id|account|student|session|visitor|device|driver|applicant|subscriber|record"
    r"|badge)"
    r"[ _#-]{0,2}(?=[a-z]{0,4}\d)\w{1,12}\b)"
)
MAY_IDENTIFY = re.compile(r"[@\d]")
OFFICE = re.compile(
    r"\b(?:president|minister|senator|deputy|mp|mps|mep|mayor|governor|chancellor|candidate"
    r"|candidates|leader"
    r"|bishop|pope|rabbi|imam|councillor|ambassador|secretary|abgeordneter?|burgermeister(?:in)?"
    r"|diputad[oa]"
    r"|congressman|congresswoman|representative|king|queen|prince|princess|emperor|cardinal"
    r"|archbishop|priest"
    r"|saint|prophet|premier|ministro|ministra|senador|senadora|depute|deputee|ministre|maire|alcalde"
    r"|sindaco"
    r"|prasident(?:in)?|kanzler(?:in)?|министр|депутат|президент)\b(?! (?:voter|supporter|follower"
    r"|donor))",
    re.IGNORECASE,
)
"""Who holds or seeks a public office, or leads in a faith, has said in public what is said here."""
_TITLE = re.compile(
    rf"\b(?:[Mm](?:r|rs|s|iss|x|me|lle|ister)|M|Dr|Prof|Frau|Fr|Herrn?|Hr|Monsieur|Madame|Sra?|Srta|Don|Dona"
    rf"|Senora?|Sig|Sig\.ra|[Ss]ignora?|Pan[i]?|Bay|Bayan|Mevrouw|Meneer|[Hh]eer|Lady|Sir|Uncle|Aunt|Auntie|Cousin|cousin"
    rf"|Grand(?:ma|pa|mother|father)|Sister|Brother|Nurse|Private|Sergeant|Officer|Colleague|Kolleg(?:e|in)"
    rf"|Tante|Onkel|Old|[A-Za-z]{3, 12}-in-law|witness|Господин|Госпожа)\.? (?P<who>{_NAME_WORD})"
)
_CAPITAL = re.compile(rf"(?<![\w.@])[{_UPPER}][\w'-]{{1,24}}")
_DETERMINER = (
    r"your|my|our|his|her|their|its|s|the|this|that|der|die|das|unser|unsere|mein|meine|dein|deine"
    r"|ihr|ihre|le|la"
    r"|mon|ma|votre|notre|son|sa|el|su|mi|il|lo|suo|sua|mio|mia|seu|meu|minha|de|het|mijn|uw|zijn"
)
_WORDS = re.compile(r"[^\W\d_]+")
_PLAIN = frozenset({"the", "a", "der", "die", "das", "le", "la", "el", "il", "lo", "o", "de", "het"})
_NUMBER = re.compile(
    r"(?:[ #:-]{0,2}(?:(?:no|nr|number|num|id|mit der nummer|№"
    r"|n)[. ]{0,2})?)(#?[a-z]{0,3}-?[0-9][0-9a-z_-]{0,11}|(?-i:[A-Z])\b(?!\.| [A-Z]))",
    re.I,
)
_OF_ORDER = re.compile(
    r"\b(?:first|second|third|fourth|fifth|sixth|last|other|tall|young|old|elderly) (?:[a-z]+ )?"
    r"(?:man|woman|person|boy|girl|guy|lady)\b|\b(?:number|no\.|nr\.) ?\d{1,4}\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:she|he|him|her|er|sie|elle|ella|lei|lui|zij|hij|она|он)\b", re.IGNORECASE)
_HANDLE = re.compile(
    r"(?<![\w./@])[a-z][a-z0-9]{1,20}(?:[._][a-z0-9]{1,20}){1,3}(?![\w(/])"
    r"|(?<![\w./@])[a-z]{2,20}\d{2,6}\b"
)
_FILE = re.compile(r"\.(?:py|csv|json|txt|js|ts|sql|md|com|org|net|html|xml|toml|pdf|groupby|map|loc|test)\b")
_QUOTED = re.compile(r'["“„‘\']([A-Z][\w.-]*[a-z]{2}[\w .-]{0,20})["”“’\']')
_HAN_NAME = re.compile(
    "(?:^|(?<=[，。；：、:;, \n“（(]))[王李张刘陈杨黄赵吴周徐孙马朱胡郭何"
    "高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡"
    "蒋余于杜叶程魏苏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤"
    "張劉陳楊黃趙吳孫馬羅鄭梁謝許韓馮鄧葉蘇呂盧鍾譚陸][\u4e00-\u9fff]{1,2}(?=[是信为患属可很曾已也有：:（(，,—-])"
    "|阿[\u4e00-\u9fff]{2,5}(?=[是信为患])"
)
_SMALL_NAME = re.compile(r"(?:^|[,;.] ?)([a-z]{2,20} [a-z]{2,20})(?= (?:is|seems|votes)\b|:| =)")
_ACRONYM = re.compile(r"(?<![\w'’-])[A-Z]{3,}(?![\w'’])|[()\[\]]")
_NUMBERS = re.compile(r"[ #(]{0,3}\d{3,12}(?:, ?#?\d{3,12})+(?!\d| ?%|[.,]\d)")
_KEYED = re.compile(
    r"\b(?:user(?:name)?|handle|account|login|nick|sender|subscriber"
    r"|author)\s?[:=]\s?[\"']?(@?[a-z][\w.-]{2,30})"
)
_JUDGED = re.compile(
    rf"\b(?:rate|rated|put|class|classed|consider|call|label|labelled|labeled|guess|flag|flagged|mark|believe"
    rf"|think|suspect) ([{_UPPER}][\w-]{{2,20}})\b"
)
_SHORT = re.compile(r"(?<![\w.])#\d{1,6}\b|(?<![\w.-])[A-Z]\d{1,4}\b(?![.-]\d)")
_CALLED = re.compile(
    r"\b(?:user|handle|account|member|blogger|poster|customer|subscriber) [\"'“„]([^\"'“”\n]{2,30})[\"'”“]"
)
_NO_HANDLE = NOT_NAMES | GROUP_HEADS | COUNT_HEADS | TOPICS
_SAINT = ("st", "san", "santa", "saint", "sankt", "sao")
_IS_HAN = re.compile("[\u4e00-\u9fff]")
_IS_ARABIC = re.compile("[\u0620-\u064a]+")


@dataclass(frozen=True, slots=True)
class Person:
    """Where something stands for one person, and how sure its form is: `sure`, `likely` or `vague`."""

    start: int
    end: int
    form: str


def persons_in(text: str) -> list[Person]:
    """What stands for one person in a sentence, by its place."""
    found = [*_named(text), *_numbered(text)]
    found += (Person(m.start("who"), m.end("who"), "sure") for m in _TITLE.finditer(text))
    found += _single(text)
    found += (Person(m.start(1), m.end(1), "sure") for m in _KEYED.finditer(text))
    found += (Person(m.start(1), m.end(1), "sure") for m in _CALLED.finditer(text))
    found += (Person(m.start(1), m.end(1), "likely") for m in _JUDGED.finditer(text))
    found += (Person(m.start(), m.end(), "vague") for m in _SHORT.finditer(text))
    found += _in_roles(text)
    found += (Person(m.start(), m.end(), "vague") for m in _OF_ORDER.finditer(text))
    found += (Person(m.start(1), m.end(1), "vague") for m in _QUOTED.finditer(text) if not m[1].islower())
    for match in _HANDLE.finditer(text):
        if not _FILE.search(match[0]) and not set(re.split(r"[._]", match[0])) & _NO_HANDLE:
            begins = not text[: match.start()].strip(" \"'-*•0123456789.)") and text[
                match.end() : match.end() + 2
            ].strip(" \"'")[:1] in {":", "="}
            found.append(Person(match.start(), match.end(), "likely" if begins else "vague"))
    for match in _SMALL_NAME.finditer(text):
        if match[1].split()[0] in words_in("given"):
            found.append(Person(match.start(1), match.end(1), "vague"))
    if _IS_HAN.search(text):
        found += (Person(m.start(), m.end(), "sure") for m in _HAN_NAME.finditer(text))
    found.sort(key=lambda one: (one.end, one.start))
    return found


def _named(text: str) -> Iterator[Person]:
    given = words_in("given")
    for match in NAME.finditer(text):
        name = without_code(match[0])
        if is_name(name) and " " in name:
            yield Person(match.start(), match.start() + len(name), "sure")
            first, _, rest = name.partition(" ")
            if first.strip(".,").casefold() in given and rest:
                yield Person(match.start(), match.start() + len(first), "likely")


def _numbered(text: str) -> Iterator[Person]:
    if MAY_IDENTIFY.search(text) is not None:
        yield from (Person(m.start(), m.end(), "sure") for m in IDENTIFIER.finditer(text))


def _single(text: str) -> Iterator[Person]:
    """Given names that stand alone."""
    given = words_in("given")
    for match in _CAPITAL.finditer(text):
        word = match[0].casefold().removesuffix("'s")
        if (
            text[max(0, match.start() - 6) : match.start()]
            .rpartition(" ")[0][-5:]
            .strip(" .")
            .casefold()
            .endswith(_SAINT)
        ):
            continue
        if word in given or ("-" in word and word.split("-")[0] in given):
            yield Person(match.start(), match.start() + len(word), "likely")
    for match in _IS_ARABIC.finditer(text):
        if match[0] in given:
            yield Person(match.start(), match.end(), "likely")


def _in_roles(text: str) -> Iterator[Person]:
    """`your neighbour`, `the head of …`, `applicant 14`."""
    roles, before = words_in("role"), list[str]()
    for match in _WORDS.finditer(text):
        word = match[0].casefold()
        if word in roles:
            number = _NUMBER.match(text, match.end())
            if number is not None:
                yield Person(match.start(), number.end(), "sure")
            determiner = next((one for one in reversed(before) if one in _DETERMINERS), None)
            if determiner is None and not text[: match.start()].strip(" -*•\"'") and match[0][:1].isupper():
                yield Person(match.start(), match.end(), "role")
            if determiner is not None:
                yield Person(match.start(), match.end(), "role" if determiner in _PLAIN else "likely")
        before = [*before[-2:], word]


_DETERMINERS = frozenset(_DETERMINER.split("|"))


def without_code(name: str) -> str:
    """A name without the capitals that follow it: those are a code, or an acronym."""
    if name.isupper():
        return name
    words = name.split(" ")
    while len(words) > 1 and words[-1].isalnum() and words[-1].isupper():
        words.pop()
    return " ".join(words)


def pronouns_in(text: str) -> list[Person]:
    """Pronouns of one person; whom they stand for has to be looked for before them."""
    return [Person(m.start(), m.end(), "likely") for m in _PRONOUN.finditer(text)]


def starts_with_name(text: str) -> bool:
    """Whether what a text begins with names a person."""
    plain = text.lstrip(" (\"'-*•\t")
    name = NAME.match(plain)
    if name is not None:
        return is_name(name[0])
    if IDENTIFIER.match(plain) is not None:
        return True
    handle = _HANDLE.match(plain)
    if handle is not None:
        return not _FILE.search(handle[0]) and not set(re.split(r"[._]", handle[0])) & NOT_NAMES
    one = _CAPITAL.match(plain)
    return one is not None and one[0].casefold() in words_in("given")


def starts_with_numbers(text: str) -> bool:
    """Whether a text is a list of numbers that each stand for somebody."""
    return _NUMBERS.match(text) is not None


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
    if name is not None:
        return len(name[0]) >= len(plain) - 3 and is_name(name[0])
    return is_given(plain) or _TITLE.fullmatch(plain) is not None


def is_given(cell: str) -> bool:
    """Whether a cell is one given name, perhaps with an initial."""
    first, _, rest = cell.partition(" ")
    if first[:1].islower() or len(rest.strip(".")) > 1:
        return False
    return first.casefold() in words_in("given")


def is_name(words: str) -> bool:
    """A name of a person has no word that names places, bodies, groups or terms."""
    if OFFICE.search(words):
        return False
    if any(char.isdigit() for char in words) or (_ACRONYM.search(words) and not words.isupper()):
        return False
    parts = [word.casefold().strip(".") for word in re.split(r"[\s,-]+", words)]
    return not any(word in NOT_NAMES or word in term_words() for word in parts)
