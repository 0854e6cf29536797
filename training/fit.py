"""Heads fitted to a corpus: logistic, in whole numbers, calibrated on texts that the fit did not see."""

import warnings
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from caveat.screens.classifier import SCALE
from training.corpus import FOLDS, HEADS, Corpus
from training.network import Network, fit_network
from training.sources import CATEGORIES

DENSE_WEIGHT = 0.3
"""How much the directions count against words and pairs."""
STRENGTH = 20.0
"""The inverse of the regularisation."""
NETWORK_WEIGHT = 1.0
"""How much the network counts against the lines."""
NETWORK_WEIGHT_OF_INJECTION = 0.25
"""The words of an attack say more than the direction of a text."""
MISUSE_SHARE = 0.3
"""How much what says misuse of any kind counts for a category: few texts name one, many a misuse."""
KNOTS = 33


@dataclass(frozen=True, slots=True)
class Head:
    """The score of one window: `dense`, `grams` and `bias` of a line, and `second`, from the units of `network`."""

    dense: NDArray[np.float64]
    grams: NDArray[np.float64]
    bias: float
    second: NDArray[np.float64]
    network: Network

    def windows(self, features: sp.csr_matrix) -> NDArray[np.float64]:
        """The score of each window."""
        line = features @ np.concatenate((self.dense, self.grams)) + self.bias
        directions = features[:, : len(self.dense)].toarray().astype(np.float32)
        found: NDArray[np.float64] = line + self.network.units(directions) @ self.second
        return found


class Fits:
    """Fits of heads to parts of a corpus; what heads share is computed once."""

    def __init__(self, corpus: Corpus, dimensions: int) -> None:
        self.corpus = corpus
        self._dimensions = dimensions
        self._networks: dict[bytes, Network] = {}
        self._lines: dict[tuple[str, bytes], tuple[NDArray[np.float64], float]] = {}

    def head(self, head: str, train: NDArray[np.bool_]) -> Head:
        """`train`: which texts may be learnt from. A category is also moved by what says misuse of any kind."""
        key = np.packbits(train).tobytes()
        if key not in self._networks:
            self._networks[key] = fit_network(self.corpus, train, self._dimensions)
        network = self._networks[key]
        weights, bias = self._line(head, train, key)
        shares = np.eye(len(HEADS))[HEADS.index(head)]
        if head in CATEGORIES:
            more, more_bias = self._line("misuse", train, key)
            weights, bias = weights + MISUSE_SHARE * more, bias + MISUSE_SHARE * more_bias
            shares = shares + MISUSE_SHARE * np.eye(len(HEADS))[HEADS.index("misuse")]
        shares = shares * (NETWORK_WEIGHT_OF_INJECTION if head == "injection" else NETWORK_WEIGHT)
        return Head(
            weights[: self._dimensions] + network.direct @ shares,
            weights[self._dimensions :],
            bias + float(network.bias @ shares),
            network.second @ shares,
            network,
        )

    def _line(self, head: str, train: NDArray[np.bool_], key: bytes) -> tuple[NDArray[np.float64], float]:
        if (head, key) not in self._lines:
            self._lines[head, key] = fit_line(self.corpus, head, train, self._dimensions)
        return self._lines[head, key]


def fit_line(
    corpus: Corpus, head: str, train: NDArray[np.bool_], dimensions: int
) -> tuple[NDArray[np.float64], float]:
    """Weights and bias of a logistic head; texts without a label are left out, and each text counts as one."""
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
    return model.coef_[0] * _scales(len(model.coef_[0]), dimensions), float(model.intercept_[0])


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


def held_out_by_fold(fits: Fits, head: str) -> NDArray[np.float64]:
    """The score of each text by a fit that saw neither it nor its copy."""
    corpus = fits.corpus
    found = np.full(len(corpus.texts), np.nan)
    for fold in range(FOLDS):
        here = corpus.fold == fold
        found[here] = text_scores(corpus, fits.head(head, ~here))[here]
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
