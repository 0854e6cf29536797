"""Phrases are found however they are written, wherever a text is cut, and nowhere else."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.policy.phrases import MAX_PHRASE_CHARS
from caveat.screens.phrases import MAX_WORD_CHARS, PhraseScreen

SCREEN = PhraseScreen(
    [
        ("names", 100, "project heliotrope"),
        ("names", 40, "heliotrope"),
        ("names", 70, "heliotrope heliotrope two"),
        ("doors", 60, "Öffne dich"),
        ("signs", 5, "秘密"),
    ],
    {"names": 0, "doors": 0, "signs": 0},
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("About Project Heliotrope, then.", {"names": 100}),
        ("PROJECT\n\n  heliotrope", {"names": 100}),
        ("project-heliotrope_x", {"names": 100}),
        ("pro\u200bject helio\u00adtrope", {"names": 100}),
        ("ｐｒｏｊｅｃｔ ｈｅｌｉｏｔｒｏｐｅ", {"names": 100}),
        ("project heliotropes", {}),
        ("myproject heliotrope", {"names": 40}),
        ("heliotrope heliotrope heliotrope two", {"names": 70}),
        ("o\u0308ffne dich", {"doors": 60}),
        ("OFFNE DICH", {"doors": 60}),
        ("これは秘密です", {"signs": 5}),
        ("project", {}),
        ("", {}),
        ("\u0301\u200b", {}),
    ],
)
def test_a_phrase_is_its_words_whatever_their_form(text: str, found: Mapping[str, int]) -> None:
    assert SCREEN.scan(text) == found


_ONES = ("project", "heliotrope", "pro", "ject", "two", "o\u0308ffne", "dich", "秘", "密", " ", "\n", "-")
WORDS = st.sampled_from([*_ONES, "x" * MAX_WORD_CHARS])


@given(st.lists(WORDS, max_size=14).map("".join), st.data())
def test_where_a_text_is_cut_changes_nothing(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    scan, found = SCREEN.follow(), dict[str, int]()
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        for fact, score in scan.feed(text[start:end]).items():
            found[fact] = max(score, found.get(fact, 0))
        assert 0 <= scan.waits_from <= end
    for fact, score in scan.feed("", last=True).items():
        found[fact] = max(score, found.get(fact, 0))
    assert found == SCREEN.scan(text)


@given(st.lists(WORDS, max_size=14).map("".join), st.data())
def test_what_waits_holds_every_phrase_that_is_found_later(text: str, data: st.DataObject) -> None:
    """What left cannot have been part of a phrase: without it, all that follows is found just the same."""
    at = data.draw(st.integers(0, len(text)))
    scan = SCREEN.follow()
    scan.feed(text[:at])
    waits_from = scan.waits_from
    later = dict(scan.feed(text[at:], last=True))
    assert dict(SCREEN.scan(text[waits_from:])) == later or not later


def test_pieces_that_nobody_joined_make_no_phrase() -> None:
    assert SCREEN.scan("project") == SCREEN.scan("heliotropes") == {}


def test_a_run_of_letters_without_end_does_not_wait() -> None:
    scan = SCREEN.follow()
    for _ in range(100):
        scan.feed("x" * 100)
    assert 100 * 100 - scan.waits_from <= MAX_WORD_CHARS + 1
    assert MAX_PHRASE_CHARS <= MAX_WORD_CHARS


@pytest.mark.slow
def test_the_number_of_phrases_costs_nothing_while_reading() -> None:
    many = PhraseScreen([("names", 1, f"word{n} other{n}") for n in range(20_000)], {"names": 0})
    text = "the quick brown fox jumps over the lazy dog " * 2000

    def cost(screen: PhraseScreen) -> float:
        best = 9.0
        for _ in range(3):
            began = time.thread_time()
            screen.scan(text)
            best = min(best, time.thread_time() - began)
        return best

    assert cost(many) < 5 * cost(SCREEN)
