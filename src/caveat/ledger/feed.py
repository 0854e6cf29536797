"""The log's side of witnessing: each new checkpoint is taken to the witnesses, and what they sign kept.

A witness that cannot be reached costs nothing but its cosignature. One that knows more records than the log,
or another history, contradicts it: then the disk was rolled back or the log was forked, and nobody may go on
as if it were not so. Source: C2SP tlog-witness; EVIDENCE attacks 47, 48, 51 and 64.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from caveat.ledger.checkpoint import verify_checkpoint
from caveat.ledger.disk import replace_durably
from caveat.ledger.errors import CheckpointParseError, FolderError, SubmissionParseError, TileParseError
from caveat.ledger.folder import CHECKPOINT, COSIGNED, Folder
from caveat.ledger.quorum import Cosigned, Policy, Witness
from caveat.ledger.tiles import nodes_of
from caveat.ledger.witness import Submission, parse_lines, render_submission, with_signatures
from caveat.signing.cosignature import cosigned_at
from caveat.signing.merkle import consistency_proof
from caveat.signing.note import NoteKey, NoteParseError, NoteSignature, parse_note

Post = Callable[[str, bytes], Awaitable[tuple[int, bytes]]]
"""Sends a body to a URL and returns status and body; raises `OSError` or `TimeoutError`."""

_SIZE_BYTES = 20


class Told(StrEnum):
    """What became of one submission to one witness."""

    COSIGNED = "cosigned"
    CONTRADICTED = "contradicted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Fed:
    """One round: what each witness did, and what the kept checkpoint is worth now."""

    told: dict[str, Told]
    cosigned: Cosigned | None

    @property
    def contradicted(self) -> tuple[str, ...]:
        """The witnesses that know another history, or more of it."""
        return tuple(name for name, told in self.told.items() if told is Told.CONTRADICTED)


class Feeder:
    """Takes the published checkpoint to the witnesses of a policy that have a URL."""

    def __init__(
        self, view: Folder, log: NoteKey, policy: Policy, post: Post, clock: Callable[[], int]
    ) -> None:
        """`log`: the key in force. `clock`: POSIX seconds."""
        self._view = view
        self._log = log
        self._policy = policy
        self._post = post
        self._clock = clock
        self._sizes: dict[str, int] = {}

    async def feed(self) -> Fed:
        """One round; raises `FolderError` where what is published cannot be read, `OSError` for the disk."""
        data = self._view.disk.read(self._view.root / CHECKPOINT)
        try:
            size = verify_checkpoint(data, self._log).size
        except CheckpointParseError as error:
            raise FolderError(
                f"the published checkpoint does not hold: {error}", "verify the folder"
            ) from error
        reachable = [witness for witness in self._policy.witnesses.values() if witness.url is not None]
        answers = await asyncio.gather(*(self._submit(witness, data, size) for witness in reachable))
        told = {witness.name: answer[0] for witness, answer in zip(reachable, answers, strict=True)}
        lines = [line for _, found in answers for line in found]
        return Fed(told, self._keep(data, lines))

    def _keep(self, data: bytes, lines: list[NoteSignature]) -> Cosigned | None:
        """Keeps the checkpoint with its cosignatures unless the kept one is worth more."""
        if not lines:
            return self._kept()
        fresh = with_signatures(data, lines)
        found = self._verify(fresh)
        kept = self._kept()
        if kept is not None and kept.quorum and found is not None and not found.quorum:
            return kept
        replace_durably(self._view.disk, {self._view.root / COSIGNED: fresh})
        return found

    def _kept(self) -> Cosigned | None:
        try:
            return self._verify(self._view.disk.read(self._view.root / COSIGNED))
        except FileNotFoundError:
            return None

    def _verify(self, data: bytes) -> Cosigned | None:
        try:
            return self._policy.verify(data, now_seconds=self._clock(), log=self._log)
        except CheckpointParseError:
            return None  # of an earlier key, or damaged: worth nothing, and replaced

    async def _submit(
        self, witness: Witness, data: bytes, size: int
    ) -> tuple[Told, tuple[NoteSignature, ...]]:
        url = f"{witness.url}/add-checkpoint"
        for _ in range(2):  # the second time from the size that the witness says it knows
            old = self._sizes.get(witness.name, 0)
            if old > size:
                return Told.CONTRADICTED, ()
            try:
                status, body = await self._post(url, self._body(old, size, data))
            except (OSError, TimeoutError):
                return Told.UNREACHABLE, ()
            if status == 200:
                lines = self._own(witness, data, body)
                self._sizes[witness.name] = size
                return (Told.COSIGNED, lines) if lines else (Told.REFUSED, ())
            if status == 422:
                return Told.CONTRADICTED, ()
            known = _size(body) if status == 409 else None
            if known is None:
                return Told.REFUSED, ()
            if known > size or known == old:
                return Told.CONTRADICTED, ()
            self._sizes[witness.name] = known
        return Told.REFUSED, ()

    def _body(self, old: int, size: int, data: bytes) -> bytes:
        try:
            path = consistency_proof(old, size, nodes_of(size, self._view.tile))
        except (FileNotFoundError, TileParseError) as error:
            raise FolderError(
                "tiles under the checkpoint are missing or broken", "verify the folder"
            ) from error
        return render_submission(Submission(old, path, data))

    @staticmethod
    def _own(witness: Witness, data: bytes, body: bytes) -> tuple[NoteSignature, ...]:
        """The lines that are this witness's cosignatures of this checkpoint.

        Whatever else it sent is dropped.
        """
        try:
            lines = parse_lines(body)
            note = parse_note(with_signatures(data, lines))
        except (SubmissionParseError, NoteParseError):
            return ()
        if cosigned_at(note, witness.key) is None:
            return ()
        return tuple(
            line for line in lines if (line.name, line.key_id) == (witness.key.name, witness.key.key_id)
        )


def _size(body: bytes) -> int | None:
    text = body[: _SIZE_BYTES + 1].strip(b"\n")
    return int(text) if text.isdigit() and len(text) < _SIZE_BYTES else None
