"""Classifiers small enough to read, and how well one tells two kinds of cases apart that it has not seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Classifier = Callable[[Matrix, Vector, Matrix], Vector]
"""Trained on the first rows with their labels, scores the others."""
FOLDS = 5
_BINS = 16


@dataclass(frozen=True)
class Cases:
    """Rows of features, each centred and of one width, and whether each is one of those to be told."""

    names: tuple[str, ...]
    rows: Matrix
    labels: Vector

    @classmethod
    def of(cls, features: Sequence[Mapping[str, float]], labels: Sequence[bool]) -> "Cases":
        """Every feature that differs between cases, and its logarithm."""
        names = sorted({name for one in features for name in one})
        plain = np.array([[float(one.get(name, 0.0)) for name in names] for one in features])
        both = np.hstack([plain, np.log1p(np.abs(plain))])
        width = both.std(axis=0)
        kept = width > 0
        rows = (both[:, kept] - both[:, kept].mean(axis=0)) / width[kept]
        every = [*names, *(f"log {name}" for name in names)]
        said = tuple(name for name, keep in zip(every, kept, strict=True) if keep)
        return cls(said, rows, np.array(labels, dtype=np.float64))

    def best_alone(self, seed: int) -> tuple[str, float]:
        """The feature that tells best in one half of the cases, and how well it does in the other."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        train, test = order[: len(order) // 2], order[len(order) // 2 :]
        told = [auc(column, self.labels[train]) for column in self.rows[train].T]
        best = int(np.argmax(np.abs(np.array(told) - 0.5)))
        sign = 1.0 if told[best] >= 0.5 else -1.0
        return self.names[best], auc(sign * self.rows[test, best], self.labels[test])


def auc(scores: Vector, labels: Vector) -> float:
    """How often one of those to be told scores above another; ties count half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    ones = labels.sum()
    return float((ranks[labels == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(labels) - ones)))


def out_of_fold_auc(cases: Cases, classifier: Classifier, seed: int) -> float:
    """The mean over folds, each scored by what was trained on the others."""
    folds = np.array_split(np.random.default_rng(seed).permutation(len(cases.labels)), FOLDS)
    found: list[float] = []
    for fold in folds:
        train = np.setdiff1d(np.arange(len(cases.labels)), fold)
        scores = classifier(cases.rows[train], cases.labels[train], cases.rows[fold])
        found.append(auc(scores, cases.labels[fold]))
    return float(np.mean(found))


def logistic(rows: Matrix, labels: Vector, others: Matrix) -> Vector:
    """A regression with a penalty, to its end by Newton's steps."""
    told = np.hstack([np.ones((len(rows), 1)), rows])
    weights = np.zeros(told.shape[1])
    penalty = np.full(told.shape[1], 20.0)
    penalty[0] = 1e-6
    for _ in range(12):
        chance = _sigmoid(told @ weights)
        slope = told.T @ (chance - labels) + penalty * weights
        bend = (told * (chance * (1 - chance))[:, None]).T @ told + np.diag(penalty)
        weights -= np.linalg.solve(bend, slope)
    return np.asarray(np.hstack([np.ones((len(others), 1)), others]) @ weights)


def boosted(rows: Matrix, labels: Vector, others: Matrix) -> Vector:
    """120 small trees, each grown on what those before it leave."""
    edges = [np.unique(np.quantile(column, np.linspace(0, 1, _BINS + 1)[1:-1])) for column in rows.T]
    binned = np.stack([np.searchsorted(edge, column) for edge, column in zip(edges, rows.T, strict=True)])
    asked = np.stack([np.searchsorted(edge, column) for edge, column in zip(edges, others.T, strict=True)])
    margin, found = np.zeros(len(rows)), np.zeros(len(others))
    for _ in range(120):
        chance = _sigmoid(margin)
        left = labels - chance
        bend = chance * (1 - chance)
        here, there = np.zeros(len(rows)), np.zeros(len(others))
        _grow(binned, asked, left, bend, np.ones(len(rows), bool), np.ones(len(others), bool), here, there, 2)
        margin += 0.1 * here
        found += 0.1 * there
    return found


def _grow(
    binned: NDArray[np.int64],
    asked: NDArray[np.int64],
    left: Vector,
    bend: Vector,
    inside: NDArray[np.bool_],
    within: NDArray[np.bool_],
    here: Vector,
    there: Vector,
    depth: int,
) -> None:
    """One node: a value for what is inside, or a split of it where one gains."""
    found = _split(binned[:, inside], left[inside], bend[inside]) if depth else None
    if found is None:
        value = left[inside].sum() / (bend[inside].sum() + 1.0)
        here[inside], there[within] = value, value
        return
    column, edge = found
    low, asked_low = binned[column] <= edge, asked[column] <= edge
    _grow(binned, asked, left, bend, inside & low, within & asked_low, here, there, depth - 1)
    _grow(binned, asked, left, bend, inside & ~low, within & ~asked_low, here, there, depth - 1)


def _split(binned: NDArray[np.int64], left: Vector, bend: Vector) -> tuple[int, int] | None:
    """The column and its bin that part what is left best; None where nothing gains."""
    columns, cases = binned.shape
    if cases < 40:
        return None
    place = (binned + np.arange(columns)[:, None] * _BINS).ravel()
    size = columns * _BINS
    each = np.bincount(place, np.tile(left, columns), size).reshape(columns, _BINS).cumsum(axis=1)
    width = np.bincount(place, np.tile(bend, columns), size).reshape(columns, _BINS).cumsum(axis=1)
    all_left, all_bend = left.sum(), bend.sum()
    gain = each**2 / (width + 1) + (all_left - each) ** 2 / (all_bend - width + 1)
    gain[(width < 3) | (all_bend - width < 3)] = -1.0
    best = int(np.argmax(gain))
    if gain.flat[best] <= all_left**2 / (all_bend + 1) + 1e-9:
        return None
    return best // _BINS, best % _BINS


def nearest(rows: Matrix, labels: Vector, others: Matrix) -> Vector:
    """Of the 41 cases most alike, those to be told."""
    apart = (others**2).sum(axis=1)[:, None] - 2 * others @ rows.T + (rows**2).sum(axis=1)[None, :]
    close = np.argpartition(apart, 41, axis=1)[:, :41]
    return np.asarray(labels[close].mean(axis=1))


def _sigmoid(value: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-np.clip(value, -30, 30))))
