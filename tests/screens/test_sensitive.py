"""Attributes assigned to persons are noticed in every form; aggregates and near misses are not."""

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.screens import sensitive, tables
from caveat.screens.inflection import forms
from caveat.screens.sensitive import HEAD, MAX_CHARS, SensitiveScreen
from caveat.screens.terms import fold, shipped_terms
from tests.screens.political_science import aggregate, assigned

SCREEN = SensitiveScreen()
LIMIT = 500
SOURCE = Path(sensitive.__file__).parent
BLIND = Path(__file__).parent / "inferences"


def score(text: str) -> int:
    return SCREEN.score(text)[HEAD]


def test_attributes_assigned_to_persons_are_noticed_whatever_the_column_is_called() -> None:
    rng = random.Random(1)
    texts = {assigned(rng) for _ in range(300)}
    missed = [text for text in texts if score(text) < LIMIT]
    assert len(texts) >= 100
    assert missed == []


def test_aggregates_and_near_misses_are_not_noticed() -> None:
    rng = random.Random(2)
    texts = {aggregate(rng) for _ in range(400)}
    wrong = [text for text in texts if score(text) >= LIMIT]
    assert len(texts) >= 100
    assert wrong == []


def calls_in(act: Callable[[], object]) -> int:
    """How many functions an act calls: a measure of its time that no clock takes part in."""
    count = 0

    def called(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(called)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def batch(name: str) -> list[str]:
    """Texts that were written before the words of the screen were read; `README.md` there says how."""
    return (BLIND / f"{name}.txt").read_text("utf-8").strip().split("\n%%\n")


@pytest.mark.parametrize(
    ("name", "number", "noticed"),
    [
        ("first_assigned", 150, 145),
        ("second_assigned", 60, 56),
        ("third_assigned", 109, 102),
        ("fourth_assigned", 127, 121),
        ("fifth_assigned", 86, 61),
    ],
)
def test_assignments_in_other_wording_are_noticed_as_often_as_the_page_says(
    name: str, number: int, noticed: int
) -> None:
    texts = batch(name)
    assert len(texts) == number
    assert sum(score(text) >= LIMIT for text in texts) >= noticed


@pytest.mark.parametrize(
    ("name", "number", "flagged"),
    [
        ("first_aggregate", 150, 0),
        ("second_aggregate", 60, 2),
        ("third_aggregate", 111, 2),
        ("fourth_aggregate", 135, 1),
        ("fifth_aggregate", 64, 0),
    ],
)
def test_aggregates_in_other_wording_are_noticed_no_more_often_than_the_page_says(
    name: str, number: int, flagged: int
) -> None:
    texts = batch(name)
    assert len(texts) == number
    assert sum(score(text) >= LIMIT for text in texts) <= flagged


@pytest.mark.parametrize(
    "text",
    [
        "Senator Paul Oakes (Democrat) voted against the bill.",
        "Mayor Tom Hale, a Conservative, cut the ribbon.",
    ],
)
def test_what_holders_of_public_offices_stand_for_in_public_is_not_noticed(text: str) -> None:
    assert score(text) < LIMIT


@pytest.mark.parametrize(
    "text",
    [
        "Петров Иван — вероятно, мусульманин.",
        "姓名,标签\n王伟,佛教徒\n李娜,穆斯林",
        "Anna Schmidt ist vermutlich katholisch.",
        "Marie Moreau est probablement musulmane.",
        "Luis Ortega es probablemente comunista.",
        "Anna Schmidt (Muslim), Bo Larsen (Jewish)",
        "Anna Schmidt is 92 % likely Muslim.",
        "user_4821 is likely pregnant.",
        "Anna\u200b Schmidt is prob\u00adably a Mus\u200blim.",
        '{"Anna Schmidt": {"view": "conservative"}, "Bo Larsen": {"view": "liberal"}}',
        '```json\n[{"name": "anna", "t": "gay"}]\n```',
    ],
)
def test_forms_in_other_languages_and_spellings_are_noticed(text: str) -> None:
    assert score(text) >= LIMIT


def test_a_code_counts_where_a_legend_says_what_it_stands_for() -> None:
    rows = "name,k\nAnna Adler,B\nBo Costa,A\n"
    assert score(rows) == 0
    assert score(rows + "\nA = left-leaning, B = right-leaning") >= LIMIT


def test_a_text_that_is_too_long_is_refused_and_never_clean() -> None:
    with pytest.raises(ValueError, match="too long"):
        SCREEN.score("a" * (MAX_CHARS + 1))


@given(st.text(max_size=400))
def test_any_text_has_a_score_in_range(text: str) -> None:
    assert 0 <= score(text) <= 1000


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=8),
        lambda c: st.lists(c) | st.dictionaries(st.text(max_size=4), c),
    )
)
def test_any_json_has_a_score_in_range(value: object) -> None:
    assert 0 <= score(json.dumps(value)) <= 1000


def test_the_digest_is_of_the_words_and_rules() -> None:
    assert SCREEN.digest == SensitiveScreen().digest
    assert len(SCREEN.digest) == 64


_MARKS = st.sampled_from(
    ("B", "=", ":", "->", "→", "–", "-", "(", "means", "stands for", "bedeutet", "signifie", "7", "Green",
     "muslim", " ", "  ", "\t", "=>", "::", "...", "..", "/", "\n", ",", "\u00a0")
)  # fmt: skip


@given(st.lists(_MARKS, max_size=12).map("".join))
def test_a_line_that_is_not_cut_has_nothing_to_cut(text: str) -> None:
    if tables._MAY_CUT.search(text) is None:
        assert tables._CUT.sub("\t", text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Jonas is a Lutheran. Miriam is Jewish.",
        "Marguerite – Crohn's disease",
        "The second man from the left is Kurdish.",
        "Your line manager is gay.",
        "@alder.and.ash : vegan, likely anarchist",
        "Applicant 14 is Tamil.",
        "From the names alone: Goldfarb: Jewish, O'Dowd: Catholic.",
        "Anna Adler came by. She is pregnant.",
        "Karl Brandt: clerk. Takes lithium.",
        "Rita Lund donated to the Catholic church.",
        "Suspected strikers: 2201, 2207, 2219",
    ],
)
def test_what_stands_for_one_person_counts_as_a_name_does(text: str) -> None:
    assert score(text) >= LIMIT


@pytest.mark.parametrize(
    "text",
    [
        "Hypertension: definition, prevalence, treatment.",
        "Anna Adler runs the diabetes clinic.",
        "Anna Adler's liberal use of commas annoys the editor.",
        "If an applicant is pregnant, the form must not say so.",
        "Is Anna Adler Jewish?",
        "The study was led by Maria Sand (diabetes).",
        "Tolomei, a Jesuit of the seventeenth century, wrote a grammar.",
        "name: Ravi Lund\nlanguages: English, Tamil",
        "Household types: Catholic 210, Muslim 45.",
        "In Tashia, 62 per cent of Catholics trusted the courts.",
        "{'classifier': 'OSI Approved', 'disabled': true}",
    ],
)
def test_what_belongs_to_a_body_a_subject_or_a_group_is_not_said_of_a_person(text: str) -> None:
    assert score(text) < LIMIT


def test_a_score_beside_a_person_counts_where_a_caption_says_what_it_is_of() -> None:
    rows = "0.93 Trent Adler\n0.15 Gunnar Costa\n"
    assert score(rows) == 0
    assert score(rows + "(column 1: probability of being a Muslim)") >= LIMIT
    assert score(rows + "(column 1: words per minute)") == 0


def test_probabilities_below_a_head_that_says_what_they_are_of_are_assigned() -> None:
    assert score("name,p_muslim\nAnna Adler,0.97\nBo Costa,0.02") >= LIMIT
    assert score("name,p_late\nAnna Adler,0.97\nBo Costa,0.02") == 0


def test_codes_in_a_query_count_where_a_comment_explains_them() -> None:
    query = "update staff set tag='red_1' where emp_no in (2207, 2213);"
    assert score(query) == 0
    assert score(query + "\n-- red_1: union members") >= LIMIT


def test_words_change_by_the_rules_of_their_language() -> None:
    assert {"catolica", "catolicos"} <= set(forms("catolico", "es"))
    assert {"katholische", "katholischer"} <= set(forms("katholisch", "de"))
    assert "православная" in set(forms("православн*", "ru"))
    assert "diabetics" in set(forms("diabetic", "en"))


@given(st.text(max_size=60))
def test_terms_stand_where_they_are_said_to(text: str) -> None:
    whole = fold(text + " Muslim")
    assert whole[shipped_terms().find(whole)[-1].start :] == "Muslim"


def test_the_digest_covers_each_list_of_words_and_each_module_of_rules() -> None:
    words = {path.stem for path in (SOURCE / "words").iterdir()}
    assert words == {*sensitive.WORD_LISTS}
    rules = {"inflection", "lexicon", "notes", "persons", "rows", "sentences", "tables", "terms", "wording"}
    assert rules < set(sensitive.DECIDING)


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ["Anna wrote on gay lore ", "A = gay, ", "a\n", "Anna: white. ", "member of the "]
)
def test_reading_takes_a_time_that_grows_with_the_text_and_not_with_its_square(part: str) -> None:
    def steps(chars: int) -> int:
        return calls_in(lambda: score("gay A = Muslim\n" + (part * chars)[:chars]))

    assert steps(16_384) < 6 * steps(4_096)
