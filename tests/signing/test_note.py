"""Signed notes: one spelling, and signatures that count for one key alone."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.signing.keys import Algorithm, private_key_from_seed
from caveat.signing.note import (
    NoteParseError,
    note_key,
    parse_note,
    parse_note_key,
    sign_note,
    verify_note,
)

NAME = "log.example/a"
KEY = private_key_from_seed(Algorithm.ED25519, b"\x07" * 32)
OTHER = private_key_from_seed(Algorithm.ED25519, b"\x08" * 32)
TEXT = "first line\n\nthird line\n"
NOTE = sign_note(TEXT, NAME, KEY)
VERIFIER = note_key(NAME, KEY.public())
TEXTS = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=60)


@given(TEXTS)
def test_a_signed_note_reads_back_and_verifies(line: str) -> None:
    note = parse_note(sign_note(line + "\n", NAME, KEY))
    assert note.text == line + "\n"
    assert verify_note(note, VERIFIER)


# From the documentation of golang.org/x/mod/sumdb/note, another implementation of the format.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
    "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_another_implementation_verifies() -> None:
    key = parse_note_key(PETER)
    assert key.render() == PETER
    assert verify_note(parse_note(PETER_NOTE.encode()), key)
    assert not verify_note(parse_note(PETER_NOTE.replace("don't", "do").encode()), key)


def test_a_signature_counts_for_its_own_key_and_name_alone() -> None:
    note = parse_note(NOTE)
    assert not verify_note(note, note_key(NAME, OTHER.public()))
    assert not verify_note(note, note_key("log.example/b", KEY.public()))
    assert not verify_note(parse_note(NOTE.replace(b"first", b"other")), VERIFIER)


def test_a_line_that_stands_twice_counts_not_at_all() -> None:
    line = NOTE.rpartition(b"\n\n")[2]
    assert verify_note(parse_note(NOTE + sign_note("x\n", "other", OTHER).rpartition(b"\n\n")[2]), VERIFIER)
    assert not verify_note(parse_note(NOTE + line), VERIFIER)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"\n\n\xe2", b"\n\xe2"),
        NOTE.replace("\u2014".encode(), b"-"),
        NOTE.replace("\u2014 ".encode(), "\u2014  ".encode()),
        NOTE.replace(b"first", b"fi\trst"),
        NOTE.replace(b"first", b"fi\rst"),
        NOTE.replace(b"first", b"\xff"),
        NOTE.replace(b"log.example/a", b"log+example/a"),
        NOTE.replace(b"=\n", b"\n"),
        NOTE.replace(b"=\n", b"=\r\n"),
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n" + NOTE.rpartition(b"\n\n")[2] * 65,
        b"x" * 1_000_001,
    ],
)
def test_any_other_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(NoteParseError):
        parse_note(data)


@given(st.binary(max_size=120))
def test_no_bytes_raise_another_error(data: bytes) -> None:
    with pytest.raises(NoteParseError):
        parse_note(data)


def test_unused_bits_in_the_base64_are_refused() -> None:
    # the last digit of a 4-byte id and 64-byte signature carries two bits that decoding drops
    head, digit = NOTE[:-3], NOTE[-3:-2]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(digit) + 1 :][:1]
    assert base64.b64decode(NOTE.split()[-1]) == base64.b64decode((head + other + b"=").split()[-1])
    with pytest.raises(NoteParseError):
        parse_note(head + other + NOTE[-2:])


def test_a_verifier_key_reads_back() -> None:
    assert parse_note_key(VERIFIER.render()) == VERIFIER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        PETER + "\n",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER.replace("PeterNeumann", "Peter Neumann"),
        PETER.replace("+ARpc", "+BRpc"),
        PETER[:-4],
        NAME + "+00000000+AQ" + "A" * 42,
    ],
)
def test_any_other_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteParseError):
        parse_note_key(text)


def test_a_key_of_another_kind_or_a_bad_name_signs_no_note() -> None:
    p256 = private_key_from_seed(Algorithm.P256, b"\x07" * 32)
    with pytest.raises(NoteParseError):
        sign_note(TEXT, NAME, p256)
    for name in ("", "two words", "a+b", "é", "a" * 257):
        with pytest.raises(NoteParseError):
            sign_note(TEXT, name, KEY)
    with pytest.raises(NoteParseError):
        sign_note("no line feed", NAME, KEY)
