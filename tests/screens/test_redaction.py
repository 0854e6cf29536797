"""Values become placeholders and back, whatever the text and wherever it is cut."""

import hashlib
import hmac
import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from caveat.call.identifiers import KINDS, find_identifiers
from caveat.screens.placeholders import CollisionError, Kept, Placeholders, Table
from caveat.screens.redaction import MAX_OPEN_CHARS, Answering, Counts, Finder, OpenError, Replacing, changed

NAMES = "phrases:names"
FINDER = Finder({NAMES: ["project heliotrope", "heliotrope two", "email"]})
ALL = frozenset(KINDS) | {NAMES}
NOTHING: frozenset[str] = frozenset()


def keyed(data: bytes) -> str:
    return hmac.new(b"k", data, hashlib.sha256).hexdigest()


PLACEHOLDERS = Placeholders("desk", keyed)
VALUES = [
    "ada@example.org",
    "Ada.L+x@mail.example.co.uk",
    "+49 170 123-4567",
    "0170/1234567",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "CASE-10423",
    "3f2b8c1e-9a4d-4f6b-8e2a-1b2c3d4e5f60",
    "Project  Heliotrope",
    "12345678901234567890123456789",
]
words = st.sampled_from(
    [
        *VALUES,
        "hello",
        "the ",
        " ",
        "\n",
        "[",
        "]",
        "[EMAIL_",
        "[PHONE_abcdefghijklmnopabcd]",
        "1",
        "23",
        "-",
        "@",
        "x.",
        "é",
        "(",
        "+",
        "/",
    ]
)
texts = st.lists(words | st.text(max_size=6), max_size=12).map("".join)


def replaced(text: str, kinds: frozenset[str] = ALL) -> tuple[str, Table]:
    table = Table()
    return Replacing(FINDER, PLACEHOLDERS, kinds, table)(text), table


def answering(table: Table, kinds: frozenset[str] = NOTHING, counts: Counts | None = None) -> Answering:
    return Answering(FINDER, PLACEHOLDERS, kinds, table, counts or Counts())


def in_pieces(rule: Answering, pieces: list[str]) -> list[str]:
    """What each piece becomes, and never more waiting than has to."""
    following = rule.follow()
    starts: list[int] = []
    for piece in pieces:
        starts.append(following.length)
        following.feed(piece)
    following.feed("", last=True)
    assert following.settled == following.length
    return [changed(piece, start, following.changes) for piece, start in zip(pieces, starts, strict=True)]


def cut(text: str, places: list[int]) -> list[str]:
    at = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[a:b] for a, b in itertools.pairwise(at)]


@given(texts, st.sets(st.sampled_from(sorted(ALL))))
def test_what_is_replaced_is_restored_to_the_same_text(text: str, kinds: set[str]) -> None:
    out, table = replaced(text, frozenset(kinds))
    spellings = {kept.form: kept.text for kept in table.kept.values()}
    back = answering(table)(out)
    if any(found in text for found in ("[PHONE_abcdefghijklmnopabcd]",)):
        assert "[PHONE_abcdefghijklmnopabcd]" in out
    if len(spellings) == len(table.kept) and _one_spelling(text, frozenset(kinds)):
        assert back == text


def _one_spelling(text: str, kinds: frozenset[str]) -> bool:
    forms: dict[tuple[str, str], set[str]] = {}
    for one in FINDER.find(text, kinds):
        value = text[one.start : one.end]
        forms.setdefault(PLACEHOLDERS.name(one, value), set()).add(value)
    return all(len(values) == 1 for values in forms.values())


@given(texts)
def test_nothing_is_found_in_what_was_replaced(text: str) -> None:
    out, _ = replaced(text)
    assert replaced(out)[0] == out


@given(texts, st.sampled_from(VALUES), texts)
def test_a_value_that_stands_by_itself_is_gone(before: str, value: str, after: str) -> None:
    out, table = replaced(f"{before} ; {value}; {after}")
    assert f"; {value};" not in out
    assert table.kept


@given(texts, st.lists(st.integers(min_value=0, max_value=400)), st.sets(st.sampled_from(sorted(ALL))))
@example("ada@example.org", [3, 4, 8], {"email"})
def test_where_a_text_is_cut_changes_nothing(text: str, places: list[int], kinds: set[str]) -> None:
    out, table = replaced(text, frozenset(ALL - kinds))
    whole, pieces = Counts(), Counts()
    rule = answering(table, frozenset(kinds), whole)
    expected = rule(out)
    followed = answering(table, frozenset(kinds), pieces)
    assert "".join(in_pieces(followed, cut(out, places))) == expected
    assert (whole.replaced, whole.restored) == (pieces.replaced, pieces.restored)


@given(texts, st.sampled_from(VALUES), texts, st.integers(min_value=1, max_value=9))
def test_of_a_value_that_is_replaced_nothing_is_settled_before_its_end(
    before: str, value: str, after: str, size: int
) -> None:
    text = f"{before} {value} {after}"
    rule = answering(Table(), ALL)
    following = rule.follow()
    for at in range(0, len(text), size):
        following.feed(text[at : at + size])
        for one in FINDER.find(text, ALL):
            assert not one.start < following.settled < one.end
    said = changed(text[: following.settled], 0, following.changes)
    assert f" {value} " not in said


@given(texts, st.integers(min_value=1, max_value=9))
def test_of_a_placeholder_that_is_restored_no_part_is_settled(text: str, size: int) -> None:
    out, table = replaced(text)
    following = answering(table).follow()
    for at in range(0, len(out), size):
        following.feed(out[at : at + size])
        for placeholder in table.kept:
            start = out.find(placeholder)
            assert not start < following.settled < start + len(placeholder) or start < 0


def test_prose_flows() -> None:
    following = answering(Table(), ALL).follow()
    following.feed("The garden is open from nine to five, every day of the week, and it is free ")
    assert following.length - following.settled <= 1


def test_equal_values_have_one_placeholder_and_others_another() -> None:
    out, _ = replaced("Ada@Example.org ada@example.org; +49 170 1234567, +491701234567; bob@example.org")
    first, second, third, fourth, fifth = FINDER.placeholders(out)
    said = [out[a:b] for a, b in (first, second, third, fourth, fifth)]
    assert said[0] == said[1] != said[4]
    assert said[2] == said[3]
    assert replaced("x ada@example.org")[0] == f"x {said[0]}"
    other = Placeholders("chat", keyed)
    one = FINDER.find("ada@example.org", ALL)[0]
    assert other.name(one, "ada@example.org") != PLACEHOLDERS.name(one, "ada@example.org")


def test_a_placeholder_of_another_use_is_left_alone() -> None:
    out, table = replaced("ada@example.org")
    foreign, _ = replaced("bob@example.org")
    assert answering(table)(f"{foreign} {out}") == f"{foreign} ada@example.org"
    for mangled in (out.lower(), out.replace("[", "[ "), out[:-2] + "]", out.replace("EMAIL", "PHONE")):
        assert answering(table)(mangled) == mangled


def test_a_value_of_several_kinds_is_restored_only_where_none_of_them_is_replaced() -> None:
    out, table = replaced("4111 1111 1111 1111")
    assert answering(table, frozenset({"number"}))(out) == out
    assert answering(table, frozenset({"card"}))(out) == out
    assert answering(table, frozenset({"email"}))(out) == "4111 1111 1111 1111"


def test_two_values_never_share_a_placeholder() -> None:
    table = Table()
    alike = Placeholders("desk", lambda _: "0" * 64)
    with pytest.raises(CollisionError):
        Replacing(FINDER, alike, ALL, table)("ada@example.org bob@example.org")
    table = Table()
    table.keep("[X]", Kept("a", "a", "email", ALL))
    table.keep("[X]", Kept("A", "a", "email", ALL))
    assert table.kept["[X]"].text == "a"


def test_digits_without_an_end_are_not_waited_for() -> None:
    following = answering(Table(), ALL).follow()
    with pytest.raises(OpenError):
        following.feed("1" * (MAX_OPEN_CHARS + 1))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("ada@example.org", {"email"}),
        ("+49 170 123-4567", {"phone", "number"}),
        ("4111 1111 1111 1111", {"card", "number"}),
        ("4111 1111 1111 1112", {"number"}),
        ("DE89 3704 0044 0532 0130 00", {"iban"}),
        ("12345678901234567890123", {"number"}),
        ("CASE-10423", {"code"}),
        ("3f2b8c1e-9a4d-4f6b-8e2a-1b2c3d4e5f60", {"uuid"}),
    ],
)
def test_an_identifier_is_what_it_may_be(text: str, kinds: set[str]) -> None:
    found = find_identifiers(f"about {text}, please")
    assert len(found) == 1
    assert kinds <= found[0].kinds
    assert f"about {text}, please"[found[0].start : found[0].end] == text


def test_words_that_follow_an_account_do_not_hide_it() -> None:
    for text in ("AB12 for DE89370400440532013000 now", "pay DE89370400440532013000 by noon today"):
        assert [one.label for one in find_identifiers(text)] == ["iban"]


def test_time_grows_with_the_length_alone() -> None:
    for text in (
        "1" * 200_000,
        "a" * 200_000,
        "1 " * 100_000,
        "a@" * 100_000,
        "AB12" * 50_000,
        "- " * 100_000,
    ):
        find_identifiers(text)
        following = answering(Table(), ALL).follow()
        try:
            following.feed(text)
            following.feed(".", last=True)
        except OpenError:
            continue
