"""Proofs of one record: one spelling, and they hold for their record, place and log alone."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.ledger import FolderError
from caveat.ledger.checkpoint import verify_checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import ProofParseError
from caveat.ledger.folder import Folder
from caveat.ledger.proof import LogProof, parse_proof, render_proof
from caveat.ledger.prove import prove
from tests.ledger.logs import VERIFIER, records, write_log

COUNT = 300


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    root = tmp_path_factory.mktemp("proof") / "log"
    write_log(root, records(COUNT))
    return Folder(RealDisk(), root)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 298, 299])
def test_a_proof_holds_for_its_record_and_no_other(view: Folder, index: int) -> None:
    proof = parse_proof(render_proof(prove(view, index)))
    checkpoint = verify_checkpoint(proof.checkpoint, VERIFIER)
    assert proof.holds(checkpoint)
    assert not replace(proof, leaf=proof.leaf.replace(b"analyst", b"nobody!")).holds(checkpoint) or index == 0
    assert not replace(proof, leaf=b"{}").holds(checkpoint)
    assert not replace(proof, index=index ^ 1).holds(checkpoint)
    assert not replace(proof, path=proof.path[:-1]).holds(checkpoint)
    assert not replace(proof, path=(*proof.path, bytes(32))).holds(checkpoint)


def test_what_is_not_published_has_no_proof(view: Folder) -> None:
    with pytest.raises(FolderError, match="no record 300"):
        prove(view, COUNT)


def test_another_spelling_is_refused(view: Folder) -> None:
    good = render_proof(prove(view, 17))
    assert parse_proof(good).index == 17
    for bad in (
        b"",
        good[1:],
        good.replace(b"@v1", b"@v2", 1),
        good.replace(b"index 17", b"index 017"),
        good.replace(b"index 17", b"index +17"),
        good.replace(b"index 17", b"index 9223372036854775808"),
        good.replace(b"index 17", b"index  17"),
        good.replace(b"index 17\n", b""),
        good.replace(b"extra ", b"extra  ", 1),
        good.replace(b"extra ", b"other ", 1),
        good.replace(b"\n", b"\r\n", 1),
        good.replace(b"=\n\n", b"\n\n", 1),
        good.partition(b"\n\n")[0] + b"\n",
        good + b"x" * 300_000,
        b"\xff" + good,
    ):
        with pytest.raises(ProofParseError):
            parse_proof(bad)


@given(st.binary(max_size=300))
def test_no_bytes_raise_another_error(data: bytes) -> None:
    for whole in (data, b"c2sp.org/tlog-proof@v1\n" + data):
        with contextlib.suppress(ProofParseError):
            parse_proof(whole)


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(max_size=99),
)
def test_a_proof_reads_back(index: int, path: list[bytes], leaf: bytes) -> None:
    proof = LogProof(index, tuple(path), b"a checkpoint", leaf)
    assert parse_proof(render_proof(proof)) == proof
