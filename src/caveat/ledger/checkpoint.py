"""Checkpoints: the origin, size and root of the log, signed. The signer signs nothing else.

Source: C2SP tlog-checkpoint v1.0.0, without extension lines, which nobody could audit.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from caveat.ledger.errors import CheckpointParseError, ForkError
from caveat.signing.keys import PrivateKey
from caveat.signing.merkle import EMPTY_ROOT, HASH_BYTES
from caveat.signing.note import NoteKey, NoteParseError, note_key, parse_note, sign_note, verify_note

MAX_CHECKPOINT_BYTES = 32 * 1024  # the log's line and those of many witnesses
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: it is `origin`, holds `size` leaves, and their root is `root`."""

    origin: str
    size: int
    root: bytes

    def render(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in `text`: three lines, spelt the one right way; raises `CheckpointParseError`."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise CheckpointParseError("a checkpoint has three lines: origin, size, root")
    if _SIZE.match(lines[1]) is None or int(lines[1]) >= 2**63:
        raise CheckpointParseError("the size of a checkpoint is a plain decimal number")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except (ValueError, binascii.Error) as error:
        raise CheckpointParseError("the root of a checkpoint is base64") from error
    checkpoint = Checkpoint(lines[0], int(lines[1]), root)
    if len(root) != HASH_BYTES or checkpoint.render() != text:
        raise CheckpointParseError("the checkpoint is not in its canonical form")
    if checkpoint.size == 0 and root != EMPTY_ROOT:
        raise CheckpointParseError("the empty log has one root only")
    return checkpoint


def verify_checkpoint(data: bytes, key: NoteKey) -> Checkpoint:
    """The checkpoint in the note `data`, signed by `key` and of the origin that the key is named for.

    Raises `CheckpointParseError`: an unsigned checkpoint, one by another key and one of another log are none.
    """
    if len(data) > MAX_CHECKPOINT_BYTES:
        raise CheckpointParseError("the checkpoint is too large")
    try:
        note = parse_note(data)
    except NoteParseError as error:
        raise CheckpointParseError("the checkpoint is no signed note") from error
    checkpoint = parse_checkpoint(note.text)
    if not verify_note(note, key):
        raise CheckpointParseError("the checkpoint is not signed by the log's key")
    if checkpoint.origin != key.name:
        raise CheckpointParseError("the checkpoint is of another log")
    return checkpoint


class CheckpointSigner:
    """Signs checkpoints of one log, never two histories of one size and never a smaller size than before.

    The key can sign nothing but checkpoints through it. Source: EVIDENCE attacks 48 and 72.
    """

    def __init__(self, origin: str, key: PrivateKey, last: Checkpoint) -> None:
        """`last`: the newest checkpoint known to have been signed.

        Raises `NoteParseError` for an origin that no note may carry.
        """
        self.verifier = note_key(origin, key.public())
        self._key = key
        self._last = last

    @property
    def last(self) -> Checkpoint:
        """The newest checkpoint signed."""
        return self._last

    def sign(self, size: int, root: bytes) -> bytes:
        """A signed checkpoint; raises `ForkError` if it contradicts the last one."""
        last = self._last
        if size < last.size or (size == last.size and root != last.root):
            raise ForkError("the signer has signed another history of this size")
        checkpoint = Checkpoint(self.verifier.name, size, root)
        text = checkpoint.render()
        if parse_checkpoint(text) != checkpoint:
            raise ForkError("the text to sign is no checkpoint")
        signed = sign_note(text, self.verifier.name, self._key)
        self._last = checkpoint
        return signed
