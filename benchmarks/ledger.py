"""Durable records per second by the number of callers, and what the parts of one record cost.

Run `python benchmarks/ledger.py [FOLDER]`; FOLDER lies on the disk in question (default: the temporary one).
"""

import sys
import timeit
from collections.abc import Callable
from pathlib import Path

from caveat.ledger.measure import measure_durable_records, sample_record
from caveat.ledger.tiles import Edge
from caveat.ledger.wal import render_frames
from caveat.ledger.wire import check_shape, parse_record
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256
from caveat.signing.merkle import CompactRange, leaf_hash

SECONDS = 3.0


def main(folder: Path | None) -> None:
    """Prints the figures."""
    print(f"{'callers':>8}  durable records/s")
    for callers in (1, 8, 32, 128, 512):
        print(f"{callers:>8}  {measure_durable_records(callers, SECONDS, folder):>12,.0f}")
    record = sample_record(1, sha256(b"bundle"))
    leaf = canonical(record)
    node, tree, edge = leaf_hash(leaf), CompactRange(), Edge()
    print(f"\nmicroseconds for one record of {len(leaf)} bytes")
    _show("check its shape", lambda: check_shape(record))
    _show("canonical bytes", lambda: canonical(record))
    _show("frame", lambda: render_frames([leaf]))
    _show("leaf hash", lambda: leaf_hash(leaf))
    _show("tree", lambda: tree.append(node))
    _show("tiles", lambda: edge.append(leaf, node))
    edge.take_completed()
    _show("parse (verification)", lambda: parse_record(leaf))


def _show(name: str, function: Callable[[], object]) -> None:
    count = 5000
    best = min(timeit.repeat(function, number=count, repeat=3)) / count
    print(f"{best * 1e6:>8.1f}  {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
