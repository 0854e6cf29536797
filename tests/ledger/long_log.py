"""A long log, written straight into its tiles: as the publisher leaves it, without a sync for each batch."""

from pathlib import Path

from caveat.ledger import Ledger
from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner
from caveat.ledger.folder import CHECKPOINT, WAL
from caveat.ledger.tiles import Edge, TilePath
from caveat.ledger.wire import render_record
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256
from caveat.signing.merkle import leaf_hash
from tests.ledger.logs import FILES, KEY, ORIGIN, decision_record, moment

_FIRST = canonical(render_record(decision_record(1)))


def leaf_of(number: int) -> bytes:
    """A decision that differs with `number`: canonical bytes, made without making the record."""
    leaf = _FIRST.replace(sha256(b"1").encode(), sha256(b"%d" % number).encode())
    return leaf.replace(moment(1).encode(), moment(number).encode())


def write_long_log(folder: Path, count: int) -> None:
    """A published log of `count` decisions, without a write-ahead log, as a copy of one is."""
    ledger = Ledger.open(folder, KEY, origin=ORIGIN)
    ledger.store_bundle(FILES)
    ledger.close()
    for segment in (folder / WAL).iterdir():
        segment.unlink()
    edge, made = Edge(), set[Path]()

    def put(path: TilePath, data: bytes) -> None:
        file = folder / path.render()
        if file.parent not in made:
            file.parent.mkdir(parents=True, exist_ok=True)
            made.add(file.parent)
        file.write_bytes(data)

    for number in range(count):
        leaf = leaf_of(number)
        edge.append(leaf, leaf_hash(leaf))
        for path, data in edge.take_completed().items():
            put(path, data)
    for path, data in edge.partials().items():
        put(path, data)
    signer = CheckpointSigner(ORIGIN, KEY, Checkpoint(ORIGIN, 0, b""))
    (folder / CHECKPOINT).write_bytes(signer.sign(count, edge.compact().root()))
