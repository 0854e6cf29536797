"""Labelled texts: every line has its meaning or an error with its number, and no error holds a text."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.assay import texts
from caveat.assay.texts import TextsError, check_heads, parse_texts
from caveat.call.call import Point

SECRET = "a heron by the weir"


def line(**members: object) -> bytes:
    return json.dumps({"text": SECRET, "label": "benign"} | members).encode() + b"\n"


def test_a_line_says_text_label_point_and_source() -> None:
    found = parse_texts(
        [
            line(),
            b"\n",
            line(label="attack", point="tool", source="ours", id=7),
            line(label=["fraud", "misuse"]),
        ]
    )
    benign, attack, named = found.texts
    assert (benign.point, benign.source, benign.is_attack, benign.heads) == (
        None,
        "unnamed",
        False,
        frozenset(),
    )
    assert (attack.point, attack.source, attack.is_attack) == (Point.TOOL, "ours", True)
    assert [one.line for one in found.texts] == [1, 3, 4]
    assert named.heads == frozenset({"fraud", "misuse"})
    assert (found.sources, found.named_heads, found.repeated) == (("unnamed", "ours"), ("fraud", "misuse"), 1)


def test_a_benign_text_is_none_of_any_head_and_a_named_one_says_nothing_of_others() -> None:
    benign, attack, named = parse_texts([line(), line(label="attack"), line(label=["fraud"])]).texts
    asked = frozenset({"injection"})
    assert [one.is_case_of("injection", asked) for one in (benign, attack, named)] == [False, True, None]
    assert [one.is_case_of("fraud", asked) for one in (benign, attack, named)] == [False, None, True]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"no JSON " + SECRET.encode(), "no JSON"),
        (b'{"text": "a heron by the weir"', "no JSON"),
        (b"\xff\xfe\x00a", "no JSON"),
        (b'["a heron by the weir"]', "no JSON object"),
        (b"7", "no JSON object"),
        (b'{"label": "benign"}', "`text` is missing"),
        (b'{"text": "a heron by the weir"}', "`label` is missing"),
        (line(text=""), "`text` is a text that is not empty"),
        (line(text=7), "`text` is a text that is not empty"),
        (line(text=None), "`text` is a text that is not empty"),
        (line(label=SECRET), "`label` is `attack`, `benign` or a list of heads"),
        (line(label=[]), "`label` is `attack`, `benign` or a list of heads"),
        (line(label=[""]), "`label` is `attack`, `benign` or a list of heads"),
        (line(label=1), "`label` is `attack`, `benign` or a list of heads"),
        (line(point=SECRET), "`point` is one of prompt, tool, output"),
        (line(source="\x1b[31mred"), "`source` has at most 80 letters"),
        (line(source="s" * 81), "`source` has at most 80 letters"),
        (line(lable=SECRET), "a member that has no meaning here"),
        (line(id=[SECRET]), "`id` is of another type"),
    ],
)
def test_a_line_that_is_no_labelled_text_is_named_by_its_number_and_not_quoted(bad: bytes, said: str) -> None:
    with pytest.raises(TextsError) as caught:
        parse_texts([line(), b"\n", bad])
    (finding,) = caught.value.findings
    assert finding.startswith(f"line 3: {said}")
    assert SECRET not in finding + caught.value.hint + str(caught.value.__cause__)


@given(st.binary(max_size=80))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with suppress(TextsError):
        assert parse_texts([data]).texts


def test_a_set_of_nothing_is_none() -> None:
    for lines in ([], [b"\n", b"  \n"]):
        with pytest.raises(TextsError, match="no labelled text"):
            parse_texts(lines)


def test_a_line_or_a_file_beyond_what_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MAX_LINE_BYTES", 100)
    with pytest.raises(TextsError, match="line 2: more than 100 bytes"):
        parse_texts([line(), line(text="a" * 100)])
    monkeypatch.setattr(texts, "MAX_FILE_BYTES", 150)
    with pytest.raises(TextsError, match="more than 150 bytes"):
        parse_texts([line()] * 5)


def test_a_mark_of_byte_order_before_the_first_line_is_no_error() -> None:
    assert len(parse_texts([b"\xef\xbb\xbf" + line()]).texts) == 1


def test_a_head_that_no_screen_gives_is_named_by_its_line() -> None:
    found = parse_texts([line(), line(label=["fraud"]), line(label=["frued"])])
    with pytest.raises(TextsError) as caught:
        check_heads(found.texts, frozenset({"fraud"}))
    assert caught.value.findings == ("line 3: no screen here gives a head that the label names",)
    assert caught.value.hint == "the screens here give fraud"


def test_the_digest_is_of_the_files_bytes() -> None:
    one, other = parse_texts([line()]), parse_texts([line() + b"\n"])
    assert one.sha256 != other.sha256
    assert one.sha256 == parse_texts([line()]).sha256
