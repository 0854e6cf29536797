"""The log as other people's software reads it: the Go project's sumdb packages, and sigstore's verifier.

A log of 70,000 entries is made here, accepted, and every seeded tampering with it refused.
"""

import base64
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import verify_checkpoint as sigstore_verify_checkpoint
from sigstore._internal.trust import Keyring, RekorKeyring
from sigstore.errors import VerificationError
from sigstore_models.common.v1 import PublicKey as SigstoreKey
from sigstore_models.common.v1 import PublicKeyDetails

from caveat.ledger.checkpoint import verify_checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.folder import CHECKPOINT, COSIGNED, KEY_FILE, Folder
from caveat.ledger.proof import parse_proof, render_proof
from caveat.ledger.prove import prove
from caveat.ledger.tiles import TilePath
from caveat.ledger.witness import with_signatures
from caveat.signing.cosignature import cosign, cosigner_key
from caveat.signing.note import parse_note
from tests.ledger.logs import KEY, VERIFIER, records, write_log
from tests.ledger.long_log import write_long_log

SOURCE = Path(__file__).parents[2] / "conformance" / "ledger" / "verify.go"
GO = shutil.which("go")
COUNT = 70_000
needs_go = pytest.mark.skipif(GO is None, reason="needs a Go toolchain (Debian: golang-go)")


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier, built without a network from what the toolchain or the distribution carries."""
    assert GO is not None
    folder = tmp_path_factory.mktemp("foreign")
    root = subprocess.run([GO, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    places = [Path(root) / "src/cmd/vendor/golang.org/x", Path("/usr/share/gocode/src/golang.org/x")]
    place = next(place for place in places if (place / "mod/sumdb/tlog").is_dir())
    for package in ("mod/sumdb/note", "mod/sumdb/tlog", "crypto/ed25519"):  # the last one: older note alone
        if (place / package).is_dir():
            ignore = shutil.ignore_patterns("*_test.go", "testdata")
            shutil.copytree(place / package, folder / "src/golang.org/x" / package, ignore=ignore)
    shutil.copy(SOURCE, folder / "verify.go")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(folder), "GOFLAGS": ""}
    subprocess.run([GO, "build", "-o", "verify", "verify.go"], cwd=folder, env=environment, check=True)
    return folder / "verify"


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long") / "log"
    write_long_log(folder, COUNT)
    return folder


def told(*command: object) -> tuple[int, str]:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@needs_go
@pytest.mark.long
def test_go_accepts_a_log_of_seventy_thousand_entries(verifier: Path, long_log: Path) -> None:
    assert told(verifier, long_log) == (
        0,
        f"signature, root and all tiles follow from the entries: {COUNT}\n",
    )


def tamperings(log: Path, dice: random.Random) -> Iterator[tuple[str, Path, bytes | None]]:
    """What is tampered with: its name, the file, and the bytes it then has; None for a file that is gone."""
    entry = log / TilePath(-1, dice.randrange(COUNT // 256)).render()
    data = bytearray(entry.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    yield "a bit of an entry", entry, bytes(data)
    yield "entries that are cut", entry, entry.read_bytes()[: -dice.randrange(1, 500)]
    yield "entries in another order", entry, swapped(entry.read_bytes())
    yield "entries that are withheld", entry, None
    yield "an entry too many", entry, entry.read_bytes() + b"\x00\x02{}"
    tile = log / TilePath(0, dice.randrange(COUNT // 256)).render()
    data = bytearray(tile.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    yield "a bit of a tile", tile, bytes(data)
    upper = log / TilePath(1, 0).render()
    data = bytearray(upper.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    yield "a bit of a tile above", upper, bytes(data)
    checkpoint = log / CHECKPOINT
    lines = checkpoint.read_text("utf-8").split("\n")
    yield "another size", checkpoint, "\n".join([lines[0], str(COUNT - 1), *lines[2:]]).encode()
    root = base64.b64encode(dice.randbytes(32)).decode()
    yield "another root", checkpoint, "\n".join([*lines[:2], root, *lines[3:]]).encode()
    yield "another origin", checkpoint, "\n".join(["other.example", *lines[1:]]).encode()
    data = bytearray(checkpoint.read_bytes())
    data[-dice.randrange(10, 60)] ^= 1
    yield "a bit of the signature", checkpoint, bytes(data)


def swapped(bundle: bytes) -> bytes:
    """The first two entries of a bundle, exchanged."""
    one = 2 + int.from_bytes(bundle[:2])
    two = one + 2 + int.from_bytes(bundle[one : one + 2])
    return bundle[one:two] + bundle[:one] + bundle[two:]


@needs_go
@pytest.mark.long
def test_go_refuses_every_seeded_tampering(verifier: Path, long_log: Path) -> None:
    dice, tried = random.Random(70_000), 0
    for _ in range(4):
        for name, path, data in list(tamperings(long_log, dice)):
            before = path.read_bytes()
            if data is None:
                path.unlink()
            else:
                assert data != before
                path.write_bytes(data)
            code, said = told(verifier, long_log)
            path.write_bytes(before)
            assert (code, said[:4]) == (1, "FAIL"), name
            tried += 1
    assert tried == 44
    assert told(verifier, long_log)[0] == 0


@needs_go
@pytest.mark.long
def test_go_accepts_our_proofs_our_cosignatures_and_our_continuations(
    verifier: Path, long_log: Path, tmp_path: Path
) -> None:
    view = Folder(RealDisk(), long_log)
    for index in (0, 1, 255, 256, 65_535, 65_536, COUNT - 1):
        path = tmp_path / "p"
        path.write_bytes(render_proof(prove(view, index)))
        assert told(verifier, "-proof", path, long_log / KEY_FILE) == (
            0,
            f"the record is in the log: {index} of {COUNT}\n",
        )
        path.write_bytes(path.read_bytes().replace(b"index ", b"index 1", 1))
        assert told(verifier, "-proof", path, long_log / KEY_FILE)[0] == 1
    data = (long_log / CHECKPOINT).read_bytes()
    witness = cosigner_key("w.example", KEY.public())
    line = cosign(parse_note(data).text, "w.example", KEY, 1_700_000_000)
    (long_log / COSIGNED).write_bytes(with_signatures(data, [line]))
    assert told(verifier, long_log, witness.render())[0] == 0
    later = cosign(parse_note(data).text + "x\n", "w.example", KEY, 1_700_000_000)
    (long_log / COSIGNED).write_bytes(with_signatures(data, [later]))
    assert told(verifier, long_log, witness.render())[0] == 1
    (long_log / COSIGNED).unlink()
    write_log(tmp_path / "small", records(700)[:300])
    kept = tmp_path / "kept"
    kept.write_bytes((tmp_path / "small" / CHECKPOINT).read_bytes())
    write_log(tmp_path / "small", records(700)[300:])
    code, said = told(verifier, "-consistent", tmp_path / "small", kept)
    assert (code, said) == (0, "the log continues the older checkpoint: 300 of 700\n")
    assert told(verifier, "-consistent", long_log, kept)[0] == 1


def sigstore_entry(data: bytes, key_id: bytes, root: bytes) -> Any:
    """The parts of a log entry that sigstore's inclusion and checkpoint code reads, out of our proof."""
    proof = parse_proof(data)
    size = int(proof.checkpoint.split(b"\n")[1])
    inner = SimpleNamespace(
        inclusion_proof=SimpleNamespace(
            log_index=proof.index,
            tree_size=size,
            hashes=list(proof.path),
            root_hash=root,
            checkpoint=SimpleNamespace(envelope=proof.checkpoint.decode()),
        ),
        canonicalized_body=proof.leaf,
        log_id=SimpleNamespace(key_id=key_id),
    )
    return SimpleNamespace(_inner=inner)


def sigstore_keyring() -> RekorKeyring:
    """The log's key in sigstore's own type; it tries its keys for an id that it does not know."""
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    der = Ed25519PublicKey.from_public_bytes(KEY.public().raw).public_bytes(*form)
    details = PublicKeyDetails.PKIX_ED25519
    key = SigstoreKey(raw_bytes=base64.b64encode(der), key_details=details, valid_for=None)
    return RekorKeyring(Keyring([key]))


@pytest.mark.slow
def test_sigstore_s_verifier_accepts_our_proofs_and_refuses_tampered_ones(tmp_path: Path) -> None:
    """Its Merkle and checkpoint code, which nobody here wrote.

    One record in ten of a log, and each altered.
    """
    log, ring = tmp_path / "log", sigstore_keyring()
    write_log(log, records(700))
    view = Folder(RealDisk(), log)
    root = verify_checkpoint((log / CHECKPOINT).read_bytes(), VERIFIER).root
    for index in range(0, 700, 10):
        entry = sigstore_entry(render_proof(prove(view, index)), VERIFIER.key_id, root)
        verify_merkle_inclusion(entry)
        sigstore_verify_checkpoint(ring, entry)
        proof = entry._inner.inclusion_proof
        entry._inner.canonicalized_body += b" "
        with pytest.raises(VerificationError):
            verify_merkle_inclusion(entry)
        proof.root_hash = bytes(32)
        with pytest.raises(VerificationError):
            sigstore_verify_checkpoint(ring, entry)
        proof.root_hash = root
        proof.checkpoint.envelope = proof.checkpoint.envelope.replace("\n700\n", "\n701\n")
        with pytest.raises(VerificationError):
            sigstore_verify_checkpoint(ring, entry)
