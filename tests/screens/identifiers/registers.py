"""Persons of a third generator, in registers of other frames and columns than the other two write.

Names are put together from parts of ten languages that neither of the others has. People live in households
that share a telephone, an address, a surname and sometimes a birthday; fathers and sons share a name. Written
after the keys of names, by somebody who had read them; what was mended for it stands in ADR-0046.
"""

import random
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tests.screens.identifiers.persons import words

_PARTS: tuple[tuple[list[str], list[str], list[str]], ...] = (
    (words("Gergő Réka Ildikó Szabolcs Zsófia Ákos Csilla Barnabás"), words("Kis Nagy Fe Var Sze Hor Tót"),
     words("falvi házy lényi szegi őcs kuti vári")),
    (words("Kalkidan Tewodros Hiwot Mekonnen Selamawit Yared Bezawit"), words("Ge Ha Te Wol Asse De Ab"),
     words("brehiwot ilemariam shome deyes fa bebe ate")),
    (words("Dewi Bambang Putri Agung Ratna Slamet Wulan Joko"), words("Su Wi Har Kus Pra Set Nu"),
     words("santo dodo tono manto setyo iawan groho")),
    (words("Annelies Joost Marieke Sjoerd Femke Wouter Liesbeth"), words("Ver Hoog Brou De Wes Klaas Mul"),
     words("hoeven steen wer graaf terveld sens ders")),
    (words("Itziar Eneko Amaia Gorka Nerea Unai Maite Xabier"), words("Eche Goi Iri Men Aran Ola Zu"),
     words("verría coechea arte dizábal buru zábal biri")),
    (words("Eleni Stavros Kyriaki Panagiotis Despina Thanasis Vasiliki"),
     words("Papa Kara Mavro Chatzi Pana"), words("dakis giannis poulos georgiou michail nikolaou")),
    (words("Shirin Kamran Nasrin Behrouz Parvaneh Dariush Golnaz"), words("Ros Far Moh Kia Sha Nou Zan"),
     words("tami hadi tashami nejad rifi rouzi gane")),
    (words("Minh Thảo Quân Hạnh Dũng Phương Tuấn Yến"), words("Tr Ph H L V Đ B"),
     words("ần ạm oàng ê ũ ùi ỗ")),
    (words("Aino Eetu Helmi Väinö Lempi Onni Tyyne Arvo"), words("Kor Laa Mä Nie Sal Vir Hei"),
     words("honen kso kelä minen onen tanen kkilä")),
    (words("Ewelina Grzegorz Bożena Wiesław Małgorzata Ryszard Halina"), words("Wró Kacz Dą Szy Maj Gra Śli"),
     words("blewska marek browski mańska chrzak bowska wińska")),
)  # fmt: skip
_MIDDLE = words("ba do ke li mo nu pe ra si to vu za fi go")


@dataclass(frozen=True, slots=True)
class Resident:
    """A made-up person in a household."""

    given: str
    family: str
    born: str
    home: str
    mail: str


def residents(seed: int, count: int) -> list[Resident]:
    """`count` persons in households; no two have names and birthday in common."""
    rng = random.Random(f"registers {seed}")
    made: dict[tuple[str, str, str], Resident] = {}
    while len(made) < count:
        given, front, back = rng.choice(_PARTS)
        family = rng.choice(front) + "".join(rng.choices(_MIDDLE, k=rng.randrange(0, 3))) + rng.choice(back)
        home = f"0{rng.choice((30, 40, 89))} {rng.randrange(200_000, 9_999_999)}"
        mail = f"{len(made):x}.{unmarked(family).lower()}@mailbox.test.example.net"
        born = _day(rng)
        size = rng.choice((1, 1, 1, 2, 2, 3, 4))
        for first in rng.sample(given, min(size, len(given))):
            twin = rng.random() < 0.03
            one = Resident(first, family, born if twin else _day(rng), home, mail)
            made.setdefault((one.given, one.family, one.born), one)
        if size > 2 and rng.random() < 0.2:  # a son called as his father
            son = replace(one, born=_day(rng))
            made.setdefault((son.given, son.family, son.born), son)
    return list(made.values())[:count]


def _day(rng: random.Random) -> str:
    return f"{rng.randrange(1928, 2016)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"


def unmarked(text: str) -> str:
    """Without marks, as many keyboards have it."""
    apart = unicodedata.normalize("NFKD", text.translate(str.maketrans("łŁđĐø", "lLdDo")))
    return "".join(char for char in apart if not unicodedata.combining(char))


Row = Mapping[str, object]
Frame = Callable[[Resident, random.Random], Row]


def _dotted(one: Resident) -> str:
    year, month, day = one.born.split("-")
    return f"{day}.{month}.{year}"


def _slashed(one: Resident) -> str:
    year, month, day = one.born.split("-")
    return f"{int(day)}/{int(month)}/{year}"


NAMES: tuple[Frame, ...] = (
    lambda one, _: {"person": {"firstName": one.given, "lastName": one.family}},
    lambda one, _: {"Nachname": one.family.upper(), "Vorname": one.given},
    lambda one, _: {"customer": {"name": {"first": one.given, "last": one.family}}},
    lambda one, _: {"Patient": f"{one.family}, {one.given}"},
    lambda one, _: {"surname": unmarked(one.family), "given_name": unmarked(one.given)},
    lambda one, _: {"nombre_completo": f"{one.given} {one.family.upper()}"},
    lambda one, _: {"account holder": f"Mrs {unmarked(one.given)} {unmarked(one.family)}".upper()},
    lambda one, _: {"FULL NAME": unicodedata.normalize("NFD", f"{one.family}  {one.given}")},
    lambda one, rng: {"member_name": _between(f"{one.given} {one.family}", rng)},
)
"""A name alone, in frames that say the whole of it."""

SHORTENED: tuple[Frame, ...] = (
    *NAMES,
    lambda one, _: {"applicant": "yes", "applicant_name": f"{one.given[:1]}. {one.family}"},
    lambda one, _: {"lname": one.family, "fname": f"{one.given[:1]}"},
    lambda one, _: {"patient": f"{unmarked(one.family)} {unmarked(one.given)[:1]}."},
)
"""With initials as well: beside something else that is said."""

BESIDE: dict[str, tuple[Frame, ...]] = {
    "born": (
        lambda one, _: {"geburtsdatum": _dotted(one)},
        lambda one, _: {"DOB": one.born},
        lambda one, _: {"birth_date": _slashed(one)},
        lambda one, _: {"dateOfBirth": f"{one.born}T00:00:00Z"},
    ),
    "phone": (
        lambda one, _: {"tel": "+49 " + one.home.removeprefix("0")},
        lambda one, _: {"Telefon": one.home},
        lambda one, _: {"phone_number": "0049" + one.home.removeprefix("0").replace(" ", "")},
        lambda one, _: {"mobile": f"({one.home.split()[0]}) {one.home.split()[1]}"},
    ),
    "mail": (
        lambda one, _: {"e-mail": one.mail},
        lambda one, _: {"contactEmail": one.mail.upper()},
        lambda one, _: {"correo": f"mailto:{one.mail}"},
    ),
}


def _between(text: str, rng: random.Random) -> str:
    """With invisible characters and no-break spaces in it."""
    at = rng.randrange(1, len(text))
    return (text[:at] + rng.choice("\u200c\u00ad\u202c\u2066") + text[at:]).replace(" ", "\u00a0")
