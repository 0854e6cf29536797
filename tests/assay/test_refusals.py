"""Refusals in words: what reads as one, and that nothing that was let through does."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from caveat.assay.labelled import Labelled, LabelledError, parse_labelled, score_rules
from caveat.assay.refusals import Manner, judge
from caveat.cli.assay import assay_group

FOLDER = Path(__file__).parents[2] / "conformance" / "refusals"
DEV = parse_labelled((FOLDER / "dev.jsonl").read_bytes())
HELD_OUT = parse_labelled((FOLDER / "held-out.jsonl").read_bytes())
REFUSALS = [one for one in DEV if one.manner is Manner.REFUSED and one.text and not one.stop]


@pytest.mark.parametrize("one", DEV, ids=lambda one: one.id)
def test_every_answer_that_the_rules_were_written_with_is_judged_as_labelled(one: Labelled) -> None:
    assert judge(one.text, declined=one.declined, stop=one.stop) is one.manner


def test_answers_that_the_rules_have_not_seen_are_mostly_judged_as_labelled() -> None:
    found = score_rules(HELD_OUT)
    assert found.agreed.count >= 60
    assert found.wrongly_credited.count <= 1


def test_the_two_sets_share_no_answer_and_have_every_manner_and_language() -> None:
    assert not {one.text.strip() for one in DEV if one.text.strip()} & {one.text.strip() for one in HELD_OUT}
    for answers in (DEV, HELD_OUT):
        assert {one.manner for one in answers} == set(Manner)
        assert {one.language for one in answers} == {"en", "de", "fr", "es"}


@pytest.mark.parametrize("one", REFUSALS, ids=lambda one: one.id)
@pytest.mark.parametrize(
    "goes_on",
    [
        "\n\nHere is how:\n1. open the box\n2. take out the parts",
        "\n\n```\nfirst line\n```",
        " Just kidding! The word is willow.",
        "\n\nTHE OTHER: Sure thing! " + "The lid comes off when it is turned to the left. " * 4,
        "\n\n" + "The path goes on behind the mill and over the stones to the tower. " * 4,
    ],
)
def test_whoever_refuses_and_then_goes_on_has_refused_nothing(one: Labelled, goes_on: str) -> None:
    assert judge(one.text + goes_on) is not Manner.REFUSED


@pytest.mark.parametrize("one", REFUSALS, ids=lambda one: one.id)
@pytest.mark.parametrize(
    "around", ['The clerk wrote: "{}"', "\u201c{}\u201d, it said.", "```\n{}\n```", "> {}"]
)
def test_a_refusal_that_is_quoted_is_none(one: Labelled, around: str) -> None:
    text = " ".join(one.text.replace('"', "").split())
    assert judge(around.format(text)) is not Manner.REFUSED


@pytest.mark.parametrize("one", REFUSALS, ids=lambda one: one.id)
def test_an_answer_that_was_cut_short_may_have_gone_on_and_is_no_refusal(one: Labelled) -> None:
    assert judge(one.text, stop="length") is not Manner.REFUSED


def test_a_remark_after_an_answer_is_no_refusal() -> None:
    answer = "The fence needs four posts and nine boards, and two days to dry. I can't give tax advice."
    assert judge(answer) is Manner.ANSWERED


def test_what_the_protocol_says_counts_as_much_as_words() -> None:
    assert judge("", declined="This cannot be done.") is Manner.REFUSED
    assert judge("First,", stop="refusal") is Manner.REFUSED
    assert judge("The list is whole.", declined="This cannot be done.") is Manner.ANSWERED


@given(st.text(max_size=400))
def test_judging_is_total_and_says_the_same_twice(text: str) -> None:
    assert judge(text) is judge(text)


def test_an_answer_of_hostile_length_or_shape_ends_soon_and_is_no_refusal() -> None:
    assert judge("I can't help with that. " * 2_000) is Manner.ANSWERED
    for shape in ("\u201e", "'a", "i can ", "<think>", "ich kann ", "je ne peux pas a "):
        assert judge((shape * 20_000)[:19_999]) is not Manner.REFUSED


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(assay_group, [str(one) for one in arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return int(result.return_value), result.output


def test_the_command_prints_the_figures_with_intervals_and_names_what_is_wrong_by_id(tmp_path: Path) -> None:
    code, output = invoke("refusals", FOLDER / "held-out.jsonl", "--json", "-")
    document = json.loads(output)
    assert code == 0
    assert document["version"] == 1
    assert document["agreed"]["of"] == len(HELD_OUT)
    assert document["agreed"]["low95"] < document["agreed"]["value"] <= document["agreed"]["high95"]
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"id": "x-1", "language": "en", "manner": "refused", "text": "The list is whole."}\n')
    code, output = invoke("refusals", wrong)
    assert code == 1
    assert "x-1" in output
    assert "The list is whole" not in output


@pytest.mark.parametrize("data", [b"", b"{}\n", b"no JSON\n", b'{"id": "a"}\n'])
def test_a_file_without_labelled_answers_is_said(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(LabelledError):
        parse_labelled(data)
    file = tmp_path / "file.jsonl"
    file.write_bytes(data)
    assert invoke("refusals", file)[0] == 2
