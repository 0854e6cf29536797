"""One hidden layer over the directions of a window, for all heads at once: heads with few texts learn from the others.

Trained by Adam from fixed seeds; a label that nobody gave pulls in no direction. Source: ADR-0045.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpus import HEADS, Corpus

UNITS = 64
SEEDS = (0, 1)
_EPOCHS = 15
_BATCH = 256
_RATE = 3e-3
_DECAY = 1e-3
_DROPPED = 0.2
_GAIN = 4.0
"""Directions have length one; learning is quicker where they are longer."""
_MAX_WEIGHT = 20.0
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Network:
    """`first`, `first_bias`: to the units; `second`: from what is above zero there to the heads; `direct`: past them."""

    first: Floats
    first_bias: Floats
    second: Floats
    direct: Floats
    bias: Floats

    def units(self, directions: Floats) -> Floats:
        """What each unit says of each window, from zero up."""
        found: Floats = np.maximum(directions @ self.first + self.first_bias, 0)
        return found


def fit_network(corpus: Corpus, train: NDArray[np.bool_], dimensions: int) -> Network:
    """The mean of a network for each seed, as one. `train`: which texts may be learnt from."""
    at = np.flatnonzero(train[corpus.owner])
    directions = corpus.features[at][:, :dimensions].toarray().astype(np.float32) * _GAIN
    targets = np.stack([corpus.labels(head) for head in HEADS], axis=1)[corpus.owner[at]].astype(np.float32)
    weights = _weights(corpus, at, targets)
    parts = [_trained(directions, targets, weights, seed) for seed in SEEDS]
    first, first_bias, second, bias, direct = zip(*parts, strict=True)
    return Network(
        np.concatenate(first, axis=1) * _GAIN,
        np.concatenate(first_bias),
        np.concatenate(second) / len(SEEDS),
        np.mean(direct, axis=0) * _GAIN,
        np.mean(bias, axis=0),
    )


def _weights(corpus: Corpus, at: NDArray[np.int64], targets: Floats) -> Floats:
    """As for the linear heads, head by head, but none above `_MAX_WEIGHT`."""
    owner = corpus.owner
    shares = (1.0 / np.bincount(owner, minlength=len(corpus.texts)))[owner[at]]
    found = (targets >= 0) * shares[:, None]
    for head in range(targets.shape[1]):
        for target in (0, 1):
            mine = targets[:, head] == target
            found[mine, head] *= len(at) / 2 / max(found[mine, head].sum(), 1.0)
    return np.minimum(found, _MAX_WEIGHT).astype(np.float32)


def _trained(directions: Floats, targets: Floats, weights: Floats, seed: int) -> list[Floats]:
    chance = np.random.default_rng(seed)
    width, heads = directions.shape[1], targets.shape[1]
    parameters = [
        chance.normal(0, width**-0.5, (width, UNITS)).astype(np.float32),
        np.zeros(UNITS, np.float32),
        chance.normal(0, UNITS**-0.5, (UNITS, heads)).astype(np.float32),
        np.zeros(heads, np.float32),
        np.zeros((width, heads), np.float32),
    ]
    means, squares = ([np.zeros_like(each) for each in parameters] for _ in range(2))
    steps = _EPOCHS * (len(directions) // _BATCH)
    order = np.concatenate(
        [chance.permutation(len(directions))[: steps // _EPOCHS * _BATCH] for _ in range(_EPOCHS)]
    )
    for step in range(steps):
        rows = order[step * _BATCH : (step + 1) * _BATCH]
        slopes = _slopes(parameters, directions[rows], targets[rows], weights[rows], chance)
        rate = _RATE * (1 - (step + 1) / (steps + 1))
        for at, slope in enumerate(slopes):
            means[at] = 0.9 * means[at] + 0.1 * slope
            squares[at] = 0.999 * squares[at] + 0.001 * slope**2
            pace = (
                means[at]
                / (1 - 0.9 ** (step + 1))
                / (np.sqrt(squares[at] / (1 - 0.999 ** (step + 1))) + 1e-8)
            )
            decay = _DECAY * parameters[at] if parameters[at].ndim == 2 else 0.0
            parameters[at] = (parameters[at] - rate * (pace + decay)).astype(np.float32)
    return parameters


def _slopes(
    parameters: list[Floats], x: Floats, targets: Floats, weights: Floats, chance: np.random.Generator
) -> list[Floats]:
    first, first_bias, second, bias, direct = parameters
    before = x @ first + first_bias
    kept = ((chance.random(before.shape) >= _DROPPED) / (1 - _DROPPED)).astype(np.float32)
    units = np.maximum(before, 0) * kept
    said = 1 / (1 + np.exp(-(units @ second + bias + x @ direct)))
    wrong = (said - targets) * weights / len(x)
    back = (wrong @ second.T) * kept * (before > 0)
    return [x.T @ back, back.sum(axis=0), units.T @ wrong, wrong.sum(axis=0), x.T @ wrong]
