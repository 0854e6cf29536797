"""What the screens can do, on texts that the fit did not see; printed, and kept for the model card.

    python -m training.evaluate [--table var/table.npz] [--out training/figures.json]

For a source, everything of it is left out of the fit, and so is a fifth of every other source. Its positives are
told from the benign texts of that fifth, its benign texts from the positives of that fifth. Source: ADR-0045.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from caveat.assay import separation
from caveat.screens.classifier import SCALE, Reader
from training import outside
from training.build import GRAMS, MODELS, load_table
from training.corpus import Corpus, read
from training.fit import Fits, calibration, held_out_by_fold, text_scores
from training.sources import CATEGORIES, HEADS, ROOT

MIN_ROWS = 10
_TWINS = {"injecagent": "injecagent_plain", "injecagent_plain": "injecagent"}
_ATTACK_SOURCES = ("in_the_wild_jailbreaks", "injecagent", "injecagent_plain", "written")
_LATER = ("everyday", "registers", "second", "tool_results")
"""Written after the others had been judged: judged as sources of their own, and no other is judged against them."""
Figures = dict[str, object]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judge:
    """A corpus and what is needed to fit on parts of it."""

    corpus: Corpus
    sources: NDArray[np.str_]
    fits: Fits

    def own(self, *names: str) -> Mask:
        """Everything of these sources, and of what shares their texts."""
        return np.isin(self.sources, [*names, *(_TWINS[name] for name in names if name in _TWINS)])

    def without(self, head: str, *names: str) -> NDArray[np.float64]:
        """Every text's score by a fit that saw nothing of these sources, nor the held-out fifth of the others."""
        train = ~self.own(*names) & (self.corpus.fold != 0)
        return text_scores(self.corpus, self.fits.head(head, train))

    def rest(self, *names: str) -> Mask:
        """The held-out fifth of the other sources, without what was written later: so figures compare."""
        later = np.isin(self.sources, _LATER)
        return (self.corpus.fold == 0) & ~self.own(*names) & ~later & ~self.corpus.made


def main() -> None:
    """Prints every figure; the figures are a function of the sentences, the table and the locked packages."""
    parser = argparse.ArgumentParser(description="figures of the screens")
    parser.add_argument("--table", type=Path, default=Path("var/table.npz"), help="what training.table wrote")
    parser.add_argument("--out", type=Path, default=ROOT / "training" / "figures.json")
    given = parser.parse_args()
    pieces, rows = load_table(given.table)
    corpus = read(Reader(pieces, rows, GRAMS))
    judge = Judge(corpus, corpus.sources(), Fits(corpus, rows.shape[1]))
    heads = {}
    for at, head in enumerate(HEADS, 1):
        sys.stderr.write(f"evaluating: head {at} of {len(HEADS)}: {head}\n")
        heads[head] = {"sources": _by_source(judge, head), "calibration": _calibration(judge, head)}
    manifest = json.loads((MODELS / "manifest.json").read_text())
    found: Figures = {
        "version": 1,
        "model": manifest["files"]["classifier.npz"],
        "data": _data(corpus),
        "heads": heads,
        "notinject": _notinject(judge),
        "xstest": _xstest(judge),
        "outside": outside.figures(),
    }
    text = json.dumps(found, indent=1) + "\n"
    given.out.write_text(text)
    sys.stdout.write(text)


def _data(corpus: Corpus) -> Figures:
    """Texts by source: how many, how many benign, and positives by head; what is learnt and not judged by is counted apart."""
    found: Figures = {}
    sources = corpus.sources()
    for name in sorted(set(sources.tolist())):
        here = (sources == name) & ~corpus.made
        counts = {head: int((corpus.labels(head)[here] == 1).sum()) for head in HEADS}
        benign = int((corpus.labels("misuse")[here] == 0).sum())
        found[name] = {"texts": int(here.sum()), "benign": benign, **{k: v for k, v in counts.items() if v}}
    found["learnt and not judged by"] = {"texts": int(corpus.made.sum())}
    return found


def _benign(judge: Judge, head: str) -> Mask:
    labels = judge.corpus.labels(head) == 0
    return labels if head in ("injection", "jailbreak") else labels & (judge.corpus.labels("misuse") == 0)


def _by_source(judge: Judge, head: str) -> Figures:
    found: Figures = {}
    labels = judge.corpus.labels(head)
    for name in sorted(set(judge.sources.tolist())):
        mine = (judge.sources == name) & ~judge.corpus.made
        positives, negatives = mine & (labels == 1), mine & _benign(judge, head)
        if max(positives.sum(), negatives.sum()) < MIN_ROWS:
            continue
        scores, rest = judge.without(head, name), judge.rest(name)
        row = {
            "positives": (positives, rest & _benign(judge, head)),
            "benign": (rest & (labels == 1), negatives),
            "within": (positives, negatives),
            "others": (positives, rest & (labels == 0) & (judge.corpus.labels("misuse") == 1)),
        }
        found[name] = {
            key: {"auc": _auc(scores[yes], scores[no]), "rows": int((no if key == "benign" else yes).sum())}
            for key, (yes, no) in row.items()
            if min(yes.sum(), no.sum()) >= MIN_ROWS
        }
    return found


def _auc(yes: NDArray[np.float64], no: NDArray[np.float64]) -> float:
    found = separation.auc(yes.tolist(), no.tolist())
    assert found is not None  # noqa: S101 - rows without either kind are left out before
    return round(found, 3)


def _calibration(judge: Judge, head: str) -> list[Mapping[str, object]]:
    """How often it was so where the screen says so, on folds held out; the curve is Platt's, through four of them."""
    corpus, labels = judge.corpus, judge.corpus.labels(head)
    scores = held_out_by_fold(judge.fits, head)
    known = (labels >= 0) & ~corpus.made
    said = np.full(len(scores), np.nan)
    for fold in range(5):
        here = corpus.fold == fold
        said[here] = _platt(scores[known & ~here], labels[known & ~here], scores[here])
    bins = separation.calibration(said[known].tolist(), (labels[known] == 1).tolist())
    return [{"said": round(one.said, 3), "was": round(one.was, 3), "texts": one.count} for one in bins]


def _platt(
    scores: NDArray[np.float64], labels: NDArray[np.int64], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    xs, ys = calibration(scores, labels)
    return np.interp(asked * SCALE, xs, ys / 1000)


def _cutoff(scores: NDArray[np.float64], percent: int) -> float:
    """The lowest score above which no more than so many of these lie."""
    found = separation.cutoff(scores.tolist(), Fraction(percent, 100))
    assert found is not None  # noqa: S101 - of something, and of less than all of it
    return found


def _share_above(scores: NDArray[np.float64], cutoff: float) -> float:
    return round(float((scores > cutoff).mean()), 3)


def _notinject(judge: Judge) -> Figures:
    """Recall of each attack source where at most 3 % of NotInject are flagged, by fits that saw neither."""
    found: Figures = {"share": 0.03, "recall": {}}
    labels = judge.corpus.labels("injection") == 1
    benign = (judge.sources == "notinject") & ~judge.corpus.made
    recall = {}
    for name in _ATTACK_SOURCES:
        scores = judge.without("injection", "notinject", name)
        mine = (judge.sources == name) & labels & ~judge.corpus.made
        recall[name] = _share_above(scores[mine], _cutoff(scores[benign], 3))
    found["recall"] = recall
    return found


def _xstest(judge: Judge) -> Figures:
    """Safe prompts flagged where 1 % of other benign texts are, and recall where 2 % of the safe prompts are."""
    found: Figures = {}
    safe = (judge.sources == "xstest") & _benign(judge, "misuse") & ~judge.corpus.made
    for head in (*CATEGORIES, "misuse"):
        scores, rest = judge.without(head, "xstest"), judge.rest("xstest")
        labels = judge.corpus.labels(head)
        elsewhere = _cutoff(scores[rest & _benign(judge, head)], 1)
        found[head] = {
            "flagged_at_one_percent_elsewhere": _share_above(scores[safe], elsewhere),
            "recall_at_one_percent_elsewhere": _share_above(scores[rest & (labels == 1)], elsewhere),
            "recall_at_two_percent_here": _share_above(
                scores[rest & (labels == 1)], _cutoff(scores[safe], 2)
            ),
        }
    return found


if __name__ == "__main__":
    main()
