"""What is read at less cost is what would be read at more."""

import hmac
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.labels.subjects import KEYED_ID_BYTES
from caveat.screens.identifiers import canonical, census, find_identifiers, names, prose
from caveat.screens.identifiers.canonical import national_number
from caveat.screens.identifiers.cells import may_be_found
from caveat.screens.identifiers.instants import is_date
from caveat.screens.identifiers.names import ascii_words, words_of_any_script
from caveat.screens.identifiers.sighted import Keyed

LOOKING_BACK_FIRST = {
    "_UUID": r"(?<![\w-])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![\w-])",
    "_IBAN": r"(?<![^\W_])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![^\W_])",
    "_DECIMALS": r"(?<![\d.])[-+]?\d{1,2}\.\d{3,12}°?\s{0,3}[,;]\s{0,3}[-+]?\d{1,3}\.\d{3,12}°?(?![\d.])",
    "_DMS": r"(?<!\d)\d{1,2}°\s?\d{1,2}['′]\s?(?:\d{1,2}(?:\.\d{1,6})?[\"″]?\s?)?[NS],?\s{0,2}"
    r"\d{1,3}°\s?\d{1,2}['′]\s?(?:\d{1,2}(?:\.\d{1,6})?[\"″]?\s?)?[EW]",
    "_PLUS_CODE": r"(?<!\w)[23456789CFGHJMPQRVWX]{8}\+[23456789CFGHJMPQRVWX]{2,3}(?!\w)",
    "_MAC": r"(?<![\w:-])[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}(?![\w:-])",
    "_IPV4": r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)",
    "_IPV6": r"(?<![\w:])[0-9a-fA-F]{1,4}(?::{1,2}[0-9a-fA-F]{1,4}){3,7}(?![\w:])",
    "_SSN": r"(?<![\w-])\d{3}([- ])\d{2}\1\d{4}(?![\w-])",
    "_PLATE": r"(?i:\b(?:licen[cs]e plates?|number plates?|plates?|registration|reg)\b)"
    r"(?i:[ ]{0,2}(?:no|number|nr)?\.?)[:# ]{1,3}([A-Z0-9][A-Z0-9 -]{2,9}[A-Z0-9])(?![A-Za-z0-9])",
    "_NUMBER": r"(?<![\w.,])\+?\(?\d(?:[ ()./\u00a0\u2009\u202f\u2010-\u2014-]{0,3}+\d)++",
    "_TITLED": r"(?<!\w)(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Frau|Señora?|Sra?|Mme|Monsieur|Madame)\.? {1,2}"
    r"([^\W\d_]['’\w-]{1,30}(?: [^\W\d_]['’\w.-]{0,30}){0,2})",
    "_CAPITALISED": r"(?<![\w'’-])[^\W\d_a-z]['’\w-]{1,30}(?: [^\W\d_a-z](?:\.|['’\w-]{1,30})){1,2}(?![\w])",
}
"""Each pattern as one would write it, looking back at every character before anything else."""

PIECES = st.sampled_from(
    (
        "6D92078A-8246-4BA4-AE5B-76104861E7DC", "GB82 WEST 1234 5698 7654 32", "51.5074, -0.1278",
        "-33.8688;151.2093", "40°26'46\"N 79°58'56\"W", "849VCWC8+R9", "00:1b:44:11:3a:b7", "8.8.4.4",
        "2001:db8:0:1::8", "123-45-6789", "licence plate no. AB12 CDE", "Reg: X9 1", "+44 (20) 7946 0123",
        "(415) 555-2671", "Mrs. Ana Torre", "Señora Díaz", "Monsieur O’Neil", "Sra X", "Anna B. Lee",
        " ", "  ", ".", ",", "-", "+", "(", "_", "x", "A", "7", "\n", ":", "°", "é", "'", "@", "٣",
    )
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=14).map("".join)


@pytest.mark.parametrize("name", LOOKING_BACK_FIRST)
@given(text=TEXTS)
def test_a_search_that_leaps_finds_what_one_that_looks_everywhere_finds(name: str, text: str) -> None:
    leaps: re.Pattern[str] = getattr(prose, name)
    looks = re.compile(LOOKING_BACK_FIRST[name])
    assert [(one.span(), one.groups()) for one in leaps.finditer(text)] == [
        (one.span(), one.groups()) for one in looks.finditer(text)
    ]


@given(
    st.lists(
        st.sampled_from(("TX 77001", "ZZ 12345", "NY, 10001-1234", "SW1A 1AA", "A", "W", " ", "1")),
        max_size=9,
    )
)
def test_addresses_are_found_as_by_looking_everywhere(pieces: list[str]) -> None:
    text = "".join(pieces)
    states = census.STATES.replace(" ", "|")
    looks = {
        "US": rf"(?<![A-Z])(?:{states})[ ,]{{1,2}}\d{{5}}(?:-\d{{4}})?(?!\d)",
        "GB": r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)",
    }
    for home, pattern in looks.items():
        assert census.ADDRESSES[home].findall(text) == re.findall(pattern, text)


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_words_of_a_name_in_ascii_are_those_of_one_in_any_script(text: str) -> None:
    assert ascii_words(text) == words_of_any_script(text)


@given(st.text(max_size=40) | TEXTS)
def test_a_text_that_is_seen_as_it_is_given_needs_no_places(text: str) -> None:
    shown, places = prose.as_seen(text)
    by_character, all_places = prose.shown_by_character(text)
    assert shown == by_character
    assert places is None or places == all_places
    if places is None:
        assert all_places == list(range(len(text)))
        assert not any(unicodedata.category(char) == "Cf" for char in text)


@given(st.binary(max_size=200), st.text(max_size=30))
def test_keyed_ids_are_those_of_one_hash_each(key: bytes, value: str) -> None:
    whole = hmac.digest(key, f"email={value}".encode(), "sha256")
    assert Keyed(key).id_of(("email", value)) == whole[:KEYED_ID_BYTES]


@given(st.from_regex(r"\d{1,4}-\d{1,2}-\d{1,4}(?:[T ][0-9:.Z]{0,12})?", fullmatch=True))
def test_dates_that_are_not_looked_at_hold_nothing(cell: str) -> None:
    if is_date(cell) is not None and not may_be_found(cell):
        assert not [one for one in find_identifiers(cell) if one.end - one.start >= len(cell) - 2]


ALONE = st.lists(
    st.sampled_from(("a.b", "u1", "@", "example", ".org", ".", "x", "+1", " ", "'", "%", "-", "e" * 70)),
    max_size=9,
).map("".join)


@given(ALONE | TEXTS)
def test_an_address_that_is_all_of_a_text_is_found_as_in_a_longer_one(text: str) -> None:
    assert find_identifiers(text) == find_identifiers(f"{text}\n")


@given(TEXTS)
def test_forms_of_names_that_are_not_looked_for_are_not_there(text: str) -> None:
    spaced, marked = " " in text, ":" in text or "=" in text
    assert (spaced and marked) or prose._LABELLED.search(text) is None
    assert spaced or prose._TITLED.search(text) is None
    assert "," in text or prose._LAST_FIRST.search(text) is None
    assert spaced or prose._CAPITALISED.search(text) is None


@given(st.text("aeioubdkptzyhsc", min_size=1, max_size=14))
def test_letters_that_are_repeated_are_one(word: str) -> None:
    assert names._DOUBLED.sub("", word) == re.sub(r"(.)\1+", r"\1", word)


@given(st.from_regex(r"\+?[0-9 ()-]{7,16}(?:ext\.? ?\d{1,4}|[xX#]\d{1,3}|;ext=\d{2})?", fullmatch=True))
def test_an_extension_that_is_not_looked_for_is_not_there(text: str) -> None:
    assert national_number(text) == national_number(canonical._EXTENSION.sub("", text))
