"""A witness: it remembers the newest checkpoint of each log and cosigns only what continues it.

Laws: never two histories of one log, never a smaller size than before; what was cosigned is durable before
the cosignature leaves; one process at a time writes the state, and within it one submission at a time.
Its answers follow C2SP tlog-witness. Source: EVIDENCE attacks 47, 48 and 64 in `THREAT_MODEL.md`.
"""

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Self

from caveat.ledger.checkpoint import MAX_CHECKPOINT_BYTES, Checkpoint, parse_checkpoint
from caveat.ledger.disk import Disk, Lock, RealDisk, replace_durably
from caveat.ledger.errors import (
    CheckpointParseError,
    FolderError,
    LockedError,
    ProofParseError,
    SubmissionParseError,
)
from caveat.ledger.proof import parse_hash_lines
from caveat.signing.cosignature import cosign, cosigner_key
from caveat.signing.keys import PrivateKey
from caveat.signing.merkle import EMPTY_ROOT, verify_consistency
from caveat.signing.note import (
    MAX_SIGNATURES,
    NoteKey,
    NoteParseError,
    NoteSignature,
    parse_note,
    parse_signature,
    render_note,
    render_signatures,
    verify_note,
)

MAX_SUBMISSION_BYTES = 8 * 1024 + MAX_CHECKPOINT_BYTES
_LOCK = "lock"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})\Z")


class Outcome(Enum):
    """What a witness answers, by the status that C2SP tlog-witness has for it."""

    COSIGNED = 200
    MALFORMED = 400
    NOT_SIGNED = 403
    UNKNOWN_LOG = 404
    CONFLICT = 409
    INCONSISTENT = 422


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint as a signed note, and the proof that it continues the tree of `old` leaves."""

    old: int
    path: tuple[bytes, ...]
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """`lines`: signature lines where it cosigned. `size`: where they conflict, the size last cosigned."""

    outcome: Outcome
    lines: str = ""
    size: int = 0


def render_submission(submission: Submission) -> bytes:
    """The body of a request to `add-checkpoint`."""
    lines = [f"old {submission.old}", *(base64.b64encode(node).decode() for node in submission.path), ""]
    return "\n".join(lines).encode() + b"\n" + submission.checkpoint


def parse_submission(data: bytes) -> Submission:
    """The submission in `data`, nothing verified yet; raises `SubmissionParseError` and nothing else."""
    if len(data) > MAX_SUBMISSION_BYTES:
        raise SubmissionParseError("the submission is too large")
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        first, *hashes = head.decode("ascii").split("\n")
        path = parse_hash_lines(hashes)
    except (UnicodeDecodeError, ProofParseError) as error:
        raise SubmissionParseError("the consistency proof is malformed") from error
    found = _OLD.match(first)
    if not blank or found is None or int(found[1]) >= 2**63:
        raise SubmissionParseError("a submission is `old SIZE`, hashes, an empty line and a checkpoint")
    return Submission(int(found[1]), path, checkpoint)


def parse_lines(data: bytes) -> tuple[NoteSignature, ...]:
    """The signature lines that a witness answered with; raises `SubmissionParseError` and nothing else."""
    try:
        lines = data.decode("utf-8").split("\n")
        if len(lines) < 2 or lines[-1] or len(lines) > MAX_SIGNATURES + 1:
            raise SubmissionParseError("an answer is one to 64 signature lines")
        return tuple(parse_signature(line) for line in lines[:-1])
    except (UnicodeDecodeError, NoteParseError) as error:
        raise SubmissionParseError("the answer holds no signature line") from error


def with_signatures(checkpoint: bytes, further: Sequence[NoteSignature]) -> bytes:
    """The note with these lines behind its own; of one name and key id the newest stands alone."""
    note = parse_note(checkpoint)
    lines = {(line.name, line.key_id): line for line in (*note.signatures, *further)}
    return render_note(note.text, tuple(lines.values()))


class Witness:
    """Cosigns for the logs that it knows. Made by `Witness.open`, which holds the state folder."""

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        lock: Lock,
        name: str,
        key: PrivateKey,
        logs: Mapping[str, Sequence[NoteKey]],
        clock: Callable[[], int],
    ) -> None:
        """Use `Witness.open`."""
        self._disk = disk
        self._folder = folder
        self._lock = lock
        self._name = name
        self._key = key
        self._logs = logs
        self._clock = clock
        self._turn = threading.Lock()
        self.verifier = cosigner_key(name, key.public())

    @classmethod
    def open(
        cls,
        folder: Path,
        name: str,
        key: PrivateKey,
        logs: Sequence[NoteKey],
        clock: Callable[[], int],
        *,
        disk: Disk | None = None,
    ) -> Self:
        """The witness whose state lies in `folder`. `clock`: POSIX seconds.

        Raises `LockedError`, `NoteParseError` for a name or key that cosigns nothing, `FolderError` for a key
        that signs a log as well: such a witness would be the log under another name.
        """
        real = disk or RealDisk()
        by_origin: dict[str, list[NoteKey]] = {}
        for log in logs:
            by_origin.setdefault(log.name, []).append(log)
            if log.key == key.public():
                raise FolderError(
                    "the witness's key signs a log too", "make a key of its own: `caveat keys new`"
                )
        cosigner_key(name, key.public())
        real.make_directory(folder)
        try:
            lock = real.lock(folder / _LOCK)
        except BlockingIOError as error:
            raise LockedError(
                "another process is this witness", "stop it, or give this one a folder"
            ) from error
        return cls(real, folder, lock, name, key, by_origin, clock)

    def close(self) -> None:
        """Lets the state folder go."""
        self._lock.release()

    def last(self, origin: str) -> Checkpoint:
        """The newest checkpoint cosigned for this log; the empty one if there is none.

        Raises `FolderError` where the state cannot be read as what was written: a witness that forgets may
        cosign a second history.
        """
        path = self._path(origin)
        try:
            data = self._disk.read(path)
        except FileNotFoundError:
            return Checkpoint(origin, 0, EMPTY_ROOT)
        try:
            checkpoint = parse_checkpoint(parse_note(data).text)
        except (NoteParseError, CheckpointParseError) as error:
            raise FolderError(
                "the witness's memory of a log is damaged", "restore it from a copy; never start it afresh"
            ) from error
        if checkpoint.origin != origin:
            raise FolderError("the witness's memory is of another log", "restore it from a copy")
        return checkpoint

    def cosigned(self, origin: str) -> bytes | None:
        """The newest checkpoint cosigned for this log with the cosignature, to carry away as a file."""
        try:
            return self._disk.read(self._path(origin))
        except FileNotFoundError:
            return None

    def add_checkpoint(self, data: bytes) -> Answer:
        """The answer to one submission; raises `OSError`, and cosigns nothing, if it cannot be kept."""
        try:
            submission = parse_submission(data)
            note = parse_note(submission.checkpoint)
            checkpoint = parse_checkpoint(note.text)
        except (SubmissionParseError, NoteParseError, CheckpointParseError):
            return Answer(Outcome.MALFORMED)
        keys = self._logs.get(checkpoint.origin)
        if keys is None:
            return Answer(Outcome.UNKNOWN_LOG)
        if not any(verify_note(note, key) for key in keys):
            return Answer(Outcome.NOT_SIGNED)
        if submission.old > checkpoint.size:
            return Answer(Outcome.MALFORMED)
        with self._turn:  # INVARIANT: comparing and keeping are one step, so no two submissions interleave
            last = self.last(checkpoint.origin)
            if submission.old != last.size or (last.size == checkpoint.size and last.root != checkpoint.root):
                return Answer(Outcome.CONFLICT, size=last.size)
            if not verify_consistency(
                last.size, checkpoint.size, submission.path, last.root, checkpoint.root
            ):
                return Answer(Outcome.INCONSISTENT)
            line = cosign(note.text, self._name, self._key, self._clock())
            own = tuple(one for one in note.signatures if any(one.key_id == key.key_id for key in keys))
            kept = render_note(note.text, (*own, line))
            replace_durably(self._disk, {self._path(checkpoint.origin): kept})
        return Answer(Outcome.COSIGNED, lines=render_signatures((line,)))

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"
