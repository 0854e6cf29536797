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
MAX_SIGNATURES = 64

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
        return key_id_of(self.name, _ED25519, self.key)

    def render(self) -> str:
        """`name+hash+key`, read back by `parse_note_key` and by other tools of the format."""
        return render_key(self.name, _ED25519, self.key)


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


def key_id_of(name: str, kind: int, key: PublicKey) -> bytes:
    """The first four bytes of the hash over name, signature type and key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key.raw).digest()[:4]


def render_key(name: str, kind: int, key: PublicKey) -> str:
    """`name+hash+key`, with the signature type as the key's first byte."""
    return f"{name}+{key_id_of(name, kind, key).hex()}+{_base64(bytes([kind]) + key.raw)}"


def check_key(name: str, key: PublicKey) -> None:
    """Returns only for a name and an algorithm that notes have; raises `NoteParseError`."""
    if _NAME.match(name) is None:
        raise NoteParseError("a key name is visible ASCII without a plus sign")
    if key.algorithm is not Algorithm.ED25519:
        raise NoteParseError("notes are signed with Ed25519 keys")


def note_key(name: str, key: PublicKey) -> NoteKey:
    """The key under that name; raises `NoteParseError` for a name or an algorithm that notes do not have."""
    check_key(name, key)
    return NoteKey(name, key)


def parse_note_key(text: str) -> NoteKey:
    """The verifier key `name+hash+key` of a log, strictly; raises `NoteParseError`."""
    return NoteKey(*parse_key_text(text, _ED25519))


def parse_key_text(text: str, kind: int) -> tuple[str, PublicKey]:
    """Name and key of a verifier key of exactly this signature type; raises `NoteParseError`."""
    fields = text.split("+", 2)
    if len(fields) != 3:
        raise NoteParseError("a verifier key is written `name+hash+key`")
    raw = _decode(fields[2])
    if len(raw) != 33 or raw[0] != kind:
        raise NoteParseError(f"the verifier key is not of type {kind:#04x} (Ed25519)")
    try:
        key = parse_public_key(f"ed25519:{_base64(raw[1:])}")
    except KeyParseError as error:
        raise NoteParseError("the verifier key holds no usable point") from error
    check_key(fields[0], key)
    if render_key(fields[0], kind, key) != text:
        raise NoteParseError("the verifier key's hash does not belong to its name and key")
    return fields[0], key


def sign_note(text: str, name: str, key: PrivateKey) -> bytes:
    """The note over `text`, signed by `key` under `name`; raises `NoteParseError` for a bad text."""
    _check_text(text)
    verifier = note_key(name, key.public())
    return render_note(text, (NoteSignature(name, verifier.key_id, key.sign(text.encode())),))


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
    note = UnverifiedNote(text, tuple(parse_signature(line) for line in lines))
    if render_note(note.text, note.signatures) != data:
        raise NoteParseError("the note is not in its canonical form")
    return note


def verify_note(note: UnverifiedNote, key: NoteKey) -> bool:
    """True only if exactly one line names `key` by name and id, and it is that key's signature."""
    own = [line for line in note.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
    return len(own) == 1 and key.key.verifies(own[0].signature, note.text.encode())


def render_note(text: str, signatures: Sequence[NoteSignature]) -> bytes:
    """The note as bytes: text, blank line, one line for each signature in this order."""
    return f"{text}\n{render_signatures(signatures)}".encode()


def render_signatures(signatures: Sequence[NoteSignature]) -> str:
    """The signature lines alone, as a witness answers with."""
    return "".join(f"{_DASH} {line.name} {_base64(line.key_id + line.signature)}\n" for line in signatures)


def parse_signature(line: str) -> NoteSignature:
    """One signature line without its line feed; raises `NoteParseError`."""
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
