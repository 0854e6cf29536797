"""Cosignatures: a witness says that, at a time, this was the newest consistent checkpoint that it knew.

A cosignature counts once for each key, under whatever names the key appears, because the signed message does
not name the witness. Source: C2SP tlog-cosignature, the Ed25519 form `cosignature/v1` (type 0x04); EVIDENCE
attack 63 in `THREAT_MODEL.md`.
"""

import struct
from dataclasses import dataclass

from caveat.signing.keys import PrivateKey, PublicKey
from caveat.signing.note import (
    NoteSignature,
    UnverifiedNote,
    check_key,
    key_id_of,
    parse_key_text,
    render_key,
)

_COSIGNATURE = 0x04
_STAMP = struct.Struct(">Q")
_SIGNATURE_BYTES = 64
_MAX_SECONDS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A witness's Ed25519 public key under its name. Made by `cosigner_key` or `parse_cosigner_key`."""

    name: str
    key: PublicKey

    @property
    def key_id(self) -> bytes:
        """The four bytes that its signature lines start with; never those of a log's key."""
        return key_id_of(self.name, _COSIGNATURE, self.key)

    def render(self) -> str:
        """`name+hash+key`, read back by `parse_cosigner_key`."""
        return render_key(self.name, _COSIGNATURE, self.key)


def cosigner_key(name: str, key: PublicKey) -> CosignerKey:
    """The key under that name; raises `NoteParseError`."""
    check_key(name, key)
    return CosignerKey(name, key)


def parse_cosigner_key(text: str) -> CosignerKey:
    """The verifier key `name+hash+key` of a witness, strictly; raises `NoteParseError`."""
    return CosignerKey(*parse_key_text(text, _COSIGNATURE))


def cosign(text: str, name: str, key: PrivateKey, seconds: int) -> NoteSignature:
    """The cosignature over the checkpoint `text` at this POSIX time; raises `ValueError` for no such time."""
    if not 0 <= seconds <= _MAX_SECONDS:
        raise ValueError("a cosignature's time is a POSIX time")
    signature = key.sign(_message(text, seconds))
    return NoteSignature(name, cosigner_key(name, key.public()).key_id, _STAMP.pack(seconds) + signature)


def cosigned_at(note: UnverifiedNote, key: CosignerKey) -> int | None:
    """The newest POSIX time at which this key cosigned the note's text; None if it did not.

    A line in the key's name that does not verify counts for nothing and takes nothing away: anybody may add
    one.
    """
    times = [
        seconds
        for line in note.signatures
        if (line.name, line.key_id) == (key.name, key.key_id)
        and (seconds := _verified_at(note.text, line, key.key)) is not None
    ]
    return max(times, default=None)


def _verified_at(text: str, line: NoteSignature, key: PublicKey) -> int | None:
    if len(line.signature) != _STAMP.size + _SIGNATURE_BYTES:
        return None
    (seconds,) = _STAMP.unpack_from(line.signature)
    if seconds > _MAX_SECONDS:
        return None
    return seconds if key.verifies(line.signature[_STAMP.size :], _message(text, seconds)) else None


def _message(text: str, seconds: int) -> bytes:
    """What is signed: it starts unlike any checkpoint, so no signature serves for the other."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
