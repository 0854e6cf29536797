"""Cosignatures: bound to the text, the time and the type; a key is one witness under any name."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.signing.cosignature import cosign, cosigned_at, cosigner_key, parse_cosigner_key
from caveat.signing.keys import Algorithm, private_key_from_seed
from caveat.signing.note import (
    NoteParseError,
    NoteSignature,
    UnverifiedNote,
    note_key,
    parse_note,
    parse_note_key,
    render_note,
)

KEY = private_key_from_seed(Algorithm.ED25519, b"\x07" * 32)
OTHER = private_key_from_seed(Algorithm.ED25519, b"\x08" * 32)
NAME = "witness.example/w1"
WITNESS = cosigner_key(NAME, KEY.public())
TEXT = "log.example/test\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
LINE = cosign(TEXT, NAME, KEY, 1_700_000_000)


def note(*lines: NoteSignature, text: str = TEXT) -> UnverifiedNote:
    return UnverifiedNote(text, lines)


@given(st.integers(0, 2**63 - 1))
def test_a_cosignature_tells_its_time(seconds: int) -> None:
    assert cosigned_at(note(cosign(TEXT, NAME, KEY, seconds)), WITNESS) == seconds


def test_the_signed_message_is_the_one_of_the_format() -> None:
    """Two lines before the note's text, as C2SP tlog-cosignature writes them; the time stands before it."""
    message = b"cosignature/v1\ntime 1700000000\n" + TEXT.encode()
    assert LINE.signature[:8] == (1_700_000_000).to_bytes(8)
    assert KEY.public().verifies(LINE.signature[8:], message)


@pytest.mark.parametrize("at", range(0, 72, 5))
def test_no_changed_byte_of_a_cosignature_counts(at: int) -> None:
    changed = bytearray(LINE.signature)
    changed[at] ^= 1
    assert cosigned_at(note(NoteSignature(NAME, LINE.key_id, bytes(changed))), WITNESS) is None


def test_another_text_another_key_or_another_name_is_not_cosigned() -> None:
    assert cosigned_at(note(LINE, text=TEXT.replace("test", "best")), WITNESS) is None
    assert cosigned_at(note(LINE), cosigner_key(NAME, OTHER.public())) is None
    assert cosigned_at(note(LINE), cosigner_key("witness.example/w2", KEY.public())) is None
    assert cosigned_at(note(), WITNESS) is None


def test_a_bad_line_beside_a_good_one_takes_nothing_away_and_the_newest_time_counts() -> None:
    bad = NoteSignature(NAME, LINE.key_id, bytes(72))
    later = cosign(TEXT, NAME, KEY, 1_700_000_009)
    assert cosigned_at(note(bad, LINE, later), WITNESS) == 1_700_000_009


def test_a_log_s_signature_is_no_cosignature_and_the_other_way_round() -> None:
    """The types are part of the key id, and the signed messages start differently."""
    log = note_key(NAME, KEY.public())
    assert log.key_id != WITNESS.key_id
    plain = NoteSignature(NAME, WITNESS.key_id, bytes(8) + KEY.sign(TEXT.encode()))
    assert cosigned_at(note(plain), WITNESS) is None
    with pytest.raises(NoteParseError):
        parse_note_key(WITNESS.render())
    with pytest.raises(NoteParseError):
        parse_cosigner_key(log.render())


def test_a_verifier_key_reads_back_and_a_note_carries_the_line() -> None:
    assert parse_cosigner_key(WITNESS.render()) == WITNESS
    assert base64.b64decode(WITNESS.render().split("+", 2)[2])[0] == 4
    assert cosigned_at(parse_note(render_note(TEXT, [LINE])), WITNESS) == 1_700_000_000


def test_a_time_that_is_none_is_never_signed() -> None:
    for seconds in (-1, 2**63):
        with pytest.raises(ValueError, match="POSIX"):
            cosign(TEXT, NAME, KEY, seconds)
