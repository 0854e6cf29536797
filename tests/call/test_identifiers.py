"""Structured identifiers: what somebody pastes is counted, each once, in one pass over the text."""

import pytest

from caveat.call.identifiers import identifiers


@pytest.mark.parametrize(
    "identifier",
    [
        "ana@example.org",
        "+49 30 5550123",
        "(030) 555-0123-4",
        "123-45-6789",
        "4111 1111 1111 1111",
        "DE02120300000000202051",
        "CASE-10423",
        "ID#99881",
        "123e4567-e89b-12d3-a456-426614174000",
        "２０２６０５０４１２",
    ],
)
def test_an_identifier_is_found_and_counts_once(identifier: str) -> None:
    assert identifiers(f"about {identifier} here")
    assert len(identifiers(f"{identifier} and {identifier}")) == len(identifiers(identifier))


@pytest.mark.parametrize(
    "text", ["", "No number at all.", "Room 12, floor 3, 9:30", "version 3.11", "x = [1, 2, 3]"]
)
def test_ordinary_words_and_small_numbers_are_none(text: str) -> None:
    assert identifiers(text) == frozenset()


@pytest.mark.parametrize("piece", ["1", "a", "1 ", "a.", "a@", "a-1", "0-", "ab1234", "1().", "f"])
def test_no_text_takes_more_than_one_pass(piece: str) -> None:
    # Work that grew with the square of 200,000 characters would not end.
    assert len(identifiers(piece * (200_000 // len(piece)))) < 50_000
