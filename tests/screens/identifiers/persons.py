"""Made-up persons and the ways in which their records spell them.

`A` and `B` were used while the keys were made; `C` has other names and was not, so that it can measure them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_lowercase


def words(text: str) -> list[str]:
    """The words of a text, in their order."""
    return text.split()


_GIVEN_A = words(
    "Ana Bruno Carla Dmitri Elena Farid Greta Hiro Ines Jonas Kamala Lars Mona Nikos Olga Pavel Quentin "
    "Rosa Samir Tanja Umar Vera Wanda Xaver Yusuf Zoe Müge Jörg José Zoë"
)
_FAMILY_A = words(
    "Almeida Brandt Castillo Dubois Eriksen Fischer Gallo Hansen Ibáñez Jansen Kowalski Lindqvist "
    "Moreau Novák Okafor Petrov Quiroga Rossi Schäfer Tanaka Ulrich Vargas Weiß Yilmaz Zielinski Müller "
    "Ødegård"
)
_SYLLABLES_A = words("ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu")
_SYLLABLES_B = words("tam bel rok sin dor lun vek mar pil gos nad fer hul zan kir wob")
_GIVEN_B = words(
    "Aaliyah Benedikt Chiara Dragana Esteban Fionnuala Gökhan Hyacinth Ikaika Jadwiga Kwabena Ludovica "
    "Marisol Nkechi Oisín Parvati Raúl Siobhán Thandiwe Uzoma Valdís Wojciech Xochitl Yevgeniya Zdeněk "
    "Søren Łukasz Renée Björn François Ayşe Nguyệt Rubén Żaneta Anaïs Sergei Muhammad Yekaterina "
    "Aleksandr Ekwueme Tomasz Delphine Ottoline Cosmina Hrvoje Ilkka Jerónimo Katriona Leocadia "
    "Montserrat Nadezhda Philippa Solveig"
)
_GIVEN_C = words(
    "Abimbola Bertrand Cecília Dorothea Einar Fathima Guðrún Hồng Isidora Jiří Kazimierz Lourdes Mátyás "
    "Nuria Ólafur Perpetua Quirin Rukmini Stanisław Tadeáš Ulrike Vsevolod Winnifred Xanthe Yolanda "
    "Zbigniew Ángela Brünhild Château Désirée Eugénie Félicité Günther Håkon Ignatius Jarmila Khadija "
    "Lieselotte Mkhize Noémie"
)
_SYLLABLES_C = words(
    "bra cru dle fon gri hol jut kas lem mir nop ost pry qua rev ske tru ulm vid wex yar zel"
)
_CYRILLIC = {"Sergei": "Сергей", "Aleksandr": "Александр", "Nadezhda": "Надежда"}
_LATIN = {"Sergei": "Sergey", "Muhammad": "Mohamed", "Yekaterina": "Ekaterina", "Aleksandr": "Alexandr"}
_LOOKALIKES = str.maketrans({"a": "а", "e": "е", "o": "о", "c": "с", "p": "р", "i": "і"})
_PLAIN = str.maketrans("áàâäéèêëíïóöøúüñçşłżźğ", "aaaaeeeeiiooouuncslzzg")


@dataclass(frozen=True, slots=True)
class Someone:
    """A made-up person."""

    given: str
    family: str
    born: str
    email: str
    phone: str


def persons(generator: str, seed: int, count: int) -> list[Someone]:
    """`count` persons of whom no two have both names in common."""
    rng = random.Random(f"{generator} {seed}")
    given, family = {"A": (_GIVEN_A, _family_a), "B": (_GIVEN_B, _family_b), "C": (_GIVEN_C, _family_c)}[
        generator
    ]
    made: dict[tuple[str, str], Someone] = {}
    while len(made) < count:
        names = (rng.choice(given), family(rng))
        born = f"{rng.randrange(1935, 2006)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"
        local = "".join(char for char in names[1].lower() if char in ascii_lowercase) + str(len(made))
        phone = f"{rng.randrange(201, 989)}{rng.randrange(200, 999)}{rng.randrange(10_000):04d}"
        made.setdefault(names, Someone(*names, born, f"{local}@example.org", phone))
    return list(made.values())


def _family_a(rng: random.Random) -> str:
    if rng.random() < 0.2:
        return rng.choice(_FAMILY_A)
    return "".join(rng.choice(_SYLLABLES_A) for _ in range(rng.randrange(2, 5))).capitalize()


def _family_b(rng: random.Random) -> str:
    made = "".join(rng.choice(_SYLLABLES_B) for _ in range(rng.randrange(2, 4))).capitalize()
    return made + rng.choice(("", "", "ov", "sen", "ez", "ová", "ić", "man", "ski", "o", "é"))


def _family_c(rng: random.Random) -> str:
    made = "".join(rng.choice(_SYLLABLES_C) for _ in range(rng.randrange(2, 4))).capitalize()
    return (
        rng.choice(("", "", "", "O'", "van ", "Mac", "de "))
        + made
        + rng.choice(("", "", "ssen", "ák", "elli", "ů", "øy"))
    )


def _invisible(text: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(text))
    return text[:at] + rng.choice("\u200b\u200d\u2060\ufeff") + text[at:]


Spelling = Callable[[Someone, random.Random], str]

NAMES: tuple[Spelling, ...] = (
    lambda one, _: f"{one.given} {one.family}",
    lambda one, _: f"{one.family.upper()}, {one.given.upper()}",
    lambda one, _: f"{one.family}, {one.given}",
    lambda one, _: f"  {one.given.lower()}   {one.family.lower()} ",
    lambda one, _: f"{one.given} {one.family}".translate(_PLAIN),
    lambda one, rng: _invisible(f"{one.given} {one.family}", rng),
    lambda one, _: f"{one.given} {one.family}".translate(_LOOKALIKES),
    lambda one, _: f"Dr. {one.given} {one.family}",
    lambda one, _: f"{_LATIN.get(one.given, one.given)} {one.family}",
    lambda one, _: f"{one.family} {one.given}",
    lambda one, _: "".join(
        chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in one.given + " " + one.family
    ),
)
"""Spellings of a name that stay one by the name alone."""

BESIDE: tuple[Spelling, ...] = (
    *NAMES,
    lambda one, _: f"{one.given[0]}. {one.family}",
    lambda one, _: f"{one.family}, {one.given[0]}.",
    lambda one, _: f"{one.given} Q. {one.family}",
    lambda one, _: f"{_CYRILLIC.get(one.given, one.given)} {one.family}",
)
"""Spellings that are one where something else is said of the person."""


def dates(one: Someone, rng: random.Random) -> str:
    """The date of birth in one of its forms."""
    year, month, day = one.born.split("-")
    return rng.choice((one.born, f"{day}.{month}.{year}", f"{year}{month}{day}"))


def phones(one: Someone, rng: random.Random) -> str:
    """The telephone number in one of its forms."""
    a, b, c = one.phone[:3], one.phone[3:6], one.phone[6:]
    return rng.choice((f"+1 {a} {b} {c}", f"({a}) {b}-{c}", f"{a}.{b}.{c}", f"+1{a}{b}{c}", f"1-{a}-{b}-{c}"))


def emails(one: Someone, rng: random.Random) -> str:
    """The address in one of its forms."""
    return rng.choice((one.email, one.email.upper(), f"<{one.email}>", one.email.title()))
