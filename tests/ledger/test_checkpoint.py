"""Checkpoints: one grammar, one signer, one history."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner, parse_checkpoint, verify_checkpoint
from caveat.ledger.errors import CheckpointParseError, ForkError
from caveat.signing.merkle import EMPTY_ROOT, leaf_hash
from caveat.signing.note import NoteParseError, note_key, sign_note
from tests.ledger.logs import KEY, ORIGIN, OTHER_KEY, VERIFIER

ROOT = leaf_hash(b"a")
ROOT_TEXT = base64.b64encode(ROOT).decode()
EMPTY = Checkpoint(ORIGIN, 0, EMPTY_ROOT)


@given(st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_reads_back(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert parse_checkpoint(checkpoint.render()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n07\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n 7\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n7 \n{ROOT_TEXT}\n",
        f"{ORIGIN}\n+7\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n٧\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n-1\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n9223372036854775808\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n7\n{ROOT_TEXT}",
        f"{ORIGIN}\n7\n{ROOT_TEXT}\n\n",
        f"{ORIGIN}\n7\n{ROOT_TEXT}\nextension\n",
        f"{ORIGIN}\n7\n{ROOT_TEXT[:-1]}\n",
        f"{ORIGIN}\n7\n{ROOT_TEXT} \n",
        f"{ORIGIN}\n7\n{ROOT_TEXT[:40]}\n",
        f"{ORIGIN}\r\n7\n{ROOT_TEXT}\n"[:-1],
        f"\n7\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n0\n{ROOT_TEXT}\n",
        "",
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(CheckpointParseError):
        parse_checkpoint(text)


@given(st.text(max_size=80))
def test_no_text_raises_another_error(text: str) -> None:
    try:
        checkpoint = parse_checkpoint(text)
    except CheckpointParseError:
        return
    assert checkpoint.render() == text


def test_what_the_signer_signs_verifies() -> None:
    signer = CheckpointSigner(ORIGIN, KEY, EMPTY)
    assert verify_checkpoint(signer.sign(1, ROOT), VERIFIER) == Checkpoint(ORIGIN, 1, ROOT)


def test_the_signer_never_signs_a_second_history_or_a_smaller_size() -> None:
    signer = CheckpointSigner(ORIGIN, KEY, Checkpoint(ORIGIN, 5, ROOT))
    signer.sign(5, ROOT)
    with pytest.raises(ForkError):
        signer.sign(5, leaf_hash(b"b"))
    with pytest.raises(ForkError):
        signer.sign(4, leaf_hash(b"c"))


def test_the_signer_signs_nothing_but_the_grammar() -> None:
    signer = CheckpointSigner(ORIGIN, KEY, EMPTY)
    with pytest.raises(CheckpointParseError):
        signer.sign(1, b"short")
    with pytest.raises(NoteParseError):
        CheckpointSigner("two words", KEY, EMPTY)


@pytest.mark.parametrize("name", [ORIGIN, "other.example/log"])
def test_another_key_or_another_log_is_refused(name: str) -> None:
    text = Checkpoint(name, 1, ROOT).render()
    with pytest.raises(CheckpointParseError):
        verify_checkpoint(sign_note(text, name, OTHER_KEY), VERIFIER)
    if name != ORIGIN:  # rightly signed under the other name
        with pytest.raises(CheckpointParseError):
            verify_checkpoint(sign_note(text, name, KEY), VERIFIER)
        with pytest.raises(CheckpointParseError, match="another log"):
            verify_checkpoint(sign_note(text, ORIGIN, KEY), VERIFIER)
    assert note_key(ORIGIN, KEY.public()) == VERIFIER
