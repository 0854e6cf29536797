"""Signed notes: a text, a blank line, and signature lines; what a log's checkpoint is carried in.

`parse_note` accepts exactly the bytes that rendering the result gives back, so two parsers never read one
note differently. A signature counts only where name, key id and key agree. Ed25519 (type 0x01) alone.
Source: C2SP signed-note v1.0.0.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from caveat.signing.keys import Algorithm, KeyParseError, PrivateKey, PublicKey, parse_public_key

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 16

_ED25519 = 0x01
_DASH = "\u2014"
_NAME = re.compile(r"[!-*,-~]{1,256}\Z")  # visible ASCII without the plus sign


class NoteParseError(ValueError):
    """The bytes are no signed note, or the text no verifier key; the message repeats nothing of either."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """An Ed25519 public key under the name that notes give it. Made by `note_key` or `parse_note_key`."""

    name: str
    key: PublicKey

    @property
    def key_id(self) -> bytes:
        """The four bytes that a signature line starts with: derived from name and key, never chosen."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([_ED25519]) + self.key.raw).digest()[:4]

    def render(self) -> str:
        """`name+hash+key`, read back by `parse_note_key` and by other tools of the format."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([_ED25519]) + self.key.raw)}"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line as received; nobody has checked it."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedNote:
    """A note whose signatures nobody has checked. `text` ends with a line feed, which is signed too."""

    text: str
    signatures: tuple[NoteSignature, ...]


def note_key(name: str, key: PublicKey) -> NoteKey:
    """The key under that name; raises `NoteParseError` for a name or an algorithm that notes do not have."""
    if _NAME.match(name) is None:
        raise NoteParseError("a key name is visible ASCII without a plus sign")
    if key.algorithm is not Algorithm.ED25519:
        raise NoteParseError("notes are signed with Ed25519 keys")
    return NoteKey(name, key)


def parse_note_key(text: str) -> NoteKey:
    """The verifier key `name+hash+key`, strictly; raises `NoteParseError`."""
    fields = text.split("+", 2)
    if len(fields) != 3:
        raise NoteParseError("a verifier key is written `name+hash+key`")
    raw = _decode(fields[2])
    if len(raw) != 33 or raw[0] != _ED25519:
        raise NoteParseError("the verifier key is not of type Ed25519")
    try:
        key = note_key(fields[0], parse_public_key(f"ed25519:{_base64(raw[1:])}"))
    except KeyParseError as error:
        raise NoteParseError("the verifier key holds no usable point") from error
    if key.render() != text:
        raise NoteParseError("the verifier key's hash does not belong to its name and key")
    return key


def sign_note(text: str, name: str, key: PrivateKey) -> bytes:
    """The note over `text`, signed by `key` under `name`; raises `NoteParseError` for a bad text."""
    _check_text(text)
    verifier = note_key(name, key.public())
    return _render(text, (NoteSignature(name, verifier.key_id, key.sign(text.encode())),))


def parse_note(data: bytes) -> UnverifiedNote:
    """The note in `data`; raises `NoteParseError` unless rendering it again gives exactly `data`."""
    if len(data) > MAX_NOTE_BYTES:
        raise NoteParseError("the note is too large")
    try:
        whole = data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        raise NoteParseError("the note is not UTF-8") from error
    head, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise NoteParseError("the note has no signature block")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteParseError("the note has too many signatures")
    text = head + "\n"
    _check_text(text)
    note = UnverifiedNote(text, tuple(_signature(line) for line in lines))
    if _render(note.text, note.signatures) != data:
        raise NoteParseError("the note is not in its canonical form")
    return note


def verify_note(note: UnverifiedNote, key: NoteKey) -> bool:
    """True only if exactly one line names `key` by name and id, and it is that key's signature."""
    own = [line for line in note.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
    return len(own) == 1 and key.key.verifies(own[0].signature, note.text.encode())


def _render(text: str, signatures: Sequence[NoteSignature]) -> bytes:
    lines = "".join(f"{_DASH} {line.name} {_base64(line.key_id + line.signature)}\n" for line in signatures)
    return f"{text}\n{lines}".encode()


def _signature(line: str) -> NoteSignature:
    fields = line.split(" ")
    if len(fields) != 3 or fields[0] != _DASH or _NAME.match(fields[1]) is None:
        raise NoteParseError("a signature line is malformed")
    raw = _decode(fields[2])
    if len(raw) < 5:
        raise NoteParseError("a signature line holds no signature")
    return NoteSignature(fields[1], raw[:4], raw[4:])


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(ord(c) < 0x20 and c != "\n" for c in text):
        raise NoteParseError("a note's text ends with a line feed and holds no other control character")


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise NoteParseError("the base64 is malformed") from error
    if _base64(raw) != text:
        raise NoteParseError("the base64 is not in its canonical form")
    return raw
