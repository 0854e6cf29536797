"""A proof that one record is in a log, to keep and to check with no log at hand.

Law: `parse_proof` accepts exactly the bytes that rendering the result gives back. The record travels as the
proof's extra data, which is believed only because its hash is the proven leaf.
Source: C2SP tlog-proof, RFC 6962 section 2.1.1; EVIDENCE attacks 60 and 61 in `THREAT_MODEL.md`.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from caveat.ledger.checkpoint import MAX_CHECKPOINT_BYTES, Checkpoint
from caveat.ledger.errors import ProofParseError
from caveat.ledger.tiles import MAX_LEAF_BYTES
from caveat.signing.merkle import HASH_BYTES, leaf_hash, verify_inclusion

MAX_PROOF_HASHES = 63
MAX_PROOF_BYTES = 256 * 1024
_HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True, slots=True)
class LogProof:
    """The record `leaf` at `index`, its audit path, and a signed checkpoint, perhaps with cosignatures."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    leaf: bytes

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Whether the record is in the tree of this checkpoint, which the caller has verified."""
        return verify_inclusion(leaf_hash(self.leaf), self.index, checkpoint.size, self.path, checkpoint.root)


def render_proof(proof: LogProof) -> bytes:
    """The text form, to be kept as `.tlog-proof`."""
    lines = [_HEADER, f"extra {_base64(proof.leaf)}", f"index {proof.index}", *map(_base64, proof.path), ""]
    return "\n".join(lines).encode() + b"\n" + proof.checkpoint


def parse_proof(data: bytes) -> LogProof:
    """The proof in `data`, nothing verified yet; raises `ProofParseError` and nothing else."""
    if len(data) > MAX_PROOF_BYTES:
        raise ProofParseError("the proof is too large")
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise ProofParseError("the proof's lines are not ASCII") from error
    if not blank or len(checkpoint) > MAX_CHECKPOINT_BYTES or len(lines) < 3 or lines[0] != _HEADER:
        raise ProofParseError(f"a proof starts with `{_HEADER}` and ends with a checkpoint")
    if not lines[1].startswith("extra "):
        raise ProofParseError("the proof does not carry the record that it proves")
    found = _INDEX.match(lines[2])
    if found is None or int(found[1]) >= 2**63:
        raise ProofParseError("the proof has no index")
    leaf, path = _decode(lines[1].removeprefix("extra ")), parse_hash_lines(lines[3:])
    if len(leaf) > MAX_LEAF_BYTES:
        raise ProofParseError("a record is at most 65535 bytes")
    proof = LogProof(int(found[1]), path, checkpoint, leaf)
    if render_proof(proof) != data:
        raise ProofParseError("the proof is not in its canonical form")
    return proof


def parse_hash_lines(lines: Sequence[str]) -> tuple[bytes, ...]:
    """One SHA-256 hash a line, at most 63 of them; raises `ProofParseError`."""
    if len(lines) > MAX_PROOF_HASHES:
        raise ProofParseError(f"a proof has at most {MAX_PROOF_HASHES} hashes")
    hashes = tuple(_decode(line) for line in lines)
    if any(len(node) != HASH_BYTES for node in hashes):
        raise ProofParseError("a hash of the proof has another length")
    return hashes


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ProofParseError("the base64 is malformed") from error
    if _base64(raw) != text:
        raise ProofParseError("the base64 is not in its canonical form")
    return raw
