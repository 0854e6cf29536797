"""Heads fitted to a corpus: logistic, in whole numbers, calibrated on texts that the fit did not see."""

import warnings
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from caveat.screens.classifier import SCALE
from training.corpus import FOLDS, Corpus

DENSE_WEIGHT = 0.6
"""How much the directions count against words and pairs."""
STRENGTH = 20.0
"""The inverse of the regularisation."""
KNOTS = 33


@dataclass(frozen=True, slots=True)
class Head:
    """`dense`, `grams`, `bias`: of the linear score of one window."""

    dense: NDArray[np.float64]
    grams: NDArray[np.float64]
    bias: float

    def windows(self, features: sp.csr_matrix) -> NDArray[np.float64]:
        """The score of each window."""
        found: NDArray[np.float64] = features @ np.concatenate((self.dense, self.grams)) + self.bias
        return found


def fit_head(corpus: Corpus, head: str, train: NDArray[np.bool_], dimensions: int) -> Head:
    """`train`: which texts may be learnt from; those without a label are left out. Each text counts as one."""
    labels = corpus.labels(head)
    taken = (train & (labels >= 0))[corpus.owner]
    owner = corpus.owner[taken]
    targets = labels[owner]
    weights = _weights(corpus, owner, targets)
    features = corpus.features[taken] @ sp.diags(_scales(corpus.features.shape[1], dimensions))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early is one more regularisation
        model = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3).fit(
            features, targets, sample_weight=weights
        )
    found = model.coef_[0] * _scales(len(model.coef_[0]), dimensions)
    return Head(found[:dimensions], found[dimensions:], float(model.intercept_[0]))


def _scales(width: int, dimensions: int) -> NDArray[np.float64]:
    return np.where(np.arange(width) < dimensions, DENSE_WEIGHT, 1.0)


def _weights(corpus: Corpus, owner: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """A text's windows share its weight; the texts that are and those that are not share the whole evenly."""
    shares = 1.0 / np.bincount(owner, minlength=len(corpus.texts))[owner]
    for target in (0, 1):
        mine = targets == target
        shares[mine] *= len(corpus.texts) / 2 / shares[mine].sum()
    return shares


def text_scores(corpus: Corpus, head: Head) -> NDArray[np.float64]:
    """The score of each text: the greatest of its windows."""
    found = np.full(len(corpus.texts), -np.inf)
    np.maximum.at(found, corpus.owner, head.windows(corpus.features))
    return found


def held_out_by_fold(corpus: Corpus, head: str, dimensions: int) -> NDArray[np.float64]:
    """The score of each text by a fit that saw neither it nor its copy."""
    found = np.full(len(corpus.texts), np.nan)
    for fold in range(FOLDS):
        here = corpus.fold == fold
        found[here] = text_scores(corpus, fit_head(corpus, head, ~here, dimensions))[here]
    return found


def calibration(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Scores in units of `SCALE`, and thousandths, at `KNOTS` places: Platt's curve through held-out scores."""
    known = labels >= 0
    model = LogisticRegression(C=1e6).fit(scores[known, None], labels[known])
    slope, shift = float(model.coef_[0, 0]), float(model.intercept_[0])
    odds = np.linspace(-7.0, 7.0, KNOTS)
    xs = np.rint((odds - shift) / slope * SCALE).astype(np.int64)
    ys = np.rint(1000 / (1 + np.exp(-odds))).astype(np.int64)
    return np.stack((xs, ys))
