"""Makes the model file that comes with Caveat.

    python -m training.build [--table var/table.npz]

Deterministic: the same sentences, packages and kind of processor give the same bytes. Source: ADR-0045.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from caveat.screens.classifier import SCALE, Reader
from caveat.screens.model_file import Array, render_model
from training.corpus import read
from training.fit import Fits, Head, calibration, held_out_by_fold
from training.sources import HEADS, ROOT

MODELS = ROOT / "src" / "caveat" / "screens" / "models"
GRAMS = 2**18


def main() -> None:
    """Fits every head on everything, calibrates it on what folds held out, and writes the file and the manifest."""
    parser = argparse.ArgumentParser(description="make the model file")
    parser.add_argument("--table", type=Path, default=Path("var/table.npz"), help="what training.table wrote")
    pieces, rows = load_table(parser.parse_args().table)
    corpus = read(Reader(pieces, rows, GRAMS))
    fits = Fits(corpus, rows.shape[1])
    everything = np.ones(len(corpus.texts), dtype=np.bool_)
    heads, curves = [], []
    for at, name in enumerate(HEADS, 1):
        sys.stderr.write(f"training: head {at} of {len(HEADS)}: {name}\n")
        heads.append(fits.head(name, everything))
        curves.append(_curve(fits, name))
    data = render_model(HEADS, pieces, arrays(rows, heads, np.stack(curves)))
    (MODELS / "classifier.npz").write_bytes(data)
    found = {"files": {"classifier.npz": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}}}
    (MODELS / "manifest.json").write_text(json.dumps(found, indent=2) + "\n")


def load_table(path: Path) -> tuple[list[str], NDArray[np.int8]]:
    """Pieces and their rows."""
    with np.load(path, allow_pickle=False) as table:
        return bytes(table["pieces"]).decode().split("\n"), table["rows"]


def _curve(fits: Fits, name: str) -> NDArray[np.int64]:
    """Copies are left out: they are no texts of their own."""
    corpus = fits.corpus
    scores, labels = held_out_by_fold(fits, name), corpus.labels(name)
    return calibration(scores[~corpus.made], labels[~corpus.made])


def arrays(rows: NDArray[np.int8], heads: list[Head], curves: NDArray[np.int64]) -> dict[str, Array]:
    """The heads in whole numbers."""
    dense = np.rint(np.stack([head.dense for head in heads], axis=1) * SCALE)
    bias = np.rint(np.array([head.bias for head in heads]) * SCALE)
    grams = np.stack([head.grams for head in heads], axis=1)
    network = heads[0].network
    second = np.stack([head.second for head in heads], axis=1)
    unit = np.maximum(np.ceil(np.abs(grams).max(axis=0) * SCALE / 127), 1)
    found = {
        "rows": rows,
        "dense": dense.astype("<i4"),
        "first": np.rint(network.first * SCALE).astype("<i4"),
        "first_bias": np.rint(network.first_bias * SCALE).astype("<i4"),
        "second": np.rint(second * SCALE).astype("<i4"),
        "bias": bias.astype("<i4"),
        "grams": np.clip(np.rint(grams * SCALE / unit), -127, 127).astype(np.int8),
        "gram_unit": unit.astype("<i4"),
        "curve": curves.astype("<i4"),
    }
    return {name: Array(each.dtype.str, each.shape, each.tobytes()) for name, each in found.items()}


if __name__ == "__main__":
    main()
