"""Attributes assigned to persons are noticed in every form; aggregates and near misses are not."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.screens import sensitive, tables
from caveat.screens.sensitive import HEAD, MAX_CHARS, SensitiveScreen
from tests.screens.political_science import aggregate, assigned

SCREEN = SensitiveScreen()
LIMIT = 500
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


def batch(name: str) -> list[str]:
    """Texts that were written before the words of the screen were read; `README.md` there says how."""
    return (BLIND / f"{name}.txt").read_text("utf-8").strip().split("\n%%\n")


@pytest.mark.parametrize(
    ("name", "number", "noticed"), [("first_assigned", 150, 139), ("second_assigned", 60, 55)]
)
def test_assignments_in_other_wording_are_noticed_as_often_as_the_page_says(
    name: str, number: int, noticed: int
) -> None:
    texts = batch(name)
    assert len(texts) == number
    assert sum(score(text) >= LIMIT for text in texts) >= noticed


@pytest.mark.parametrize(
    ("name", "number", "flagged"), [("first_aggregate", 150, 0), ("second_aggregate", 60, 3)]
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
def test_a_legend_that_is_not_looked_for_is_not_there(text: str) -> None:
    explains = any(mark in text for mark in sensitive._EXPLAINS) or sensitive._NUMBERED.search(text)
    assert explains or not sensitive._LEGEND.findall(text)


@given(st.lists(_MARKS, max_size=12).map("".join))
def test_a_line_that_is_not_cut_has_nothing_to_cut(text: str) -> None:
    if tables._MAY_CUT.search(text) is None:
        assert tables._CUT.sub("\t", text) == text
