"""Scores of what a text asks for, from a model file; the only module that imports numpy.

The same text and the same file give the same scores on every machine: what is computed is whole numbers, and
square roots and quotients that IEEE 754 rounds in one way. One text at a time. A text of several windows has
the greatest score of any; so has one with something packed inside. Source: ADR-0045.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from caveat.screens import spelling
from caveat.screens.errors import ClassifierFileError, ClassifierMissingError
from caveat.screens.model_file import ModelFile, parse_model
from caveat.screens.pieces import Vocabulary

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError as error:
    raise ClassifierMissingError("numpy is not installed; call: pip install 'caveat[classify]'") from error

WINDOW_WORDS = 96
STRIDE_WORDS = 48
SCALE = 2**14
"""One unit of a score before it is calibrated."""
_MAX_UNIT = 2**24
"""What a unit may say, so that no file makes a sum overflow."""
_MAX_WEIGHT = 2**24
"""What a window adds up to stays below 2**53 then, and a float holds it exactly, in any order."""
_MIX_1 = np.uint64(0x9E3779B97F4A7C15)
_MIX_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_MIX_SKIP = np.uint64(0x165667B19E3779F9)

Whole = NDArray[np.int64]
Exact = NDArray[np.float64]
"""Whole numbers in floats: many times faster to multiply, and the same as long as none is beyond 2**53."""
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Window:
    """What is read of one window. `total`: its rows, summed. `grams`: its words and pairs, by number."""

    total: Whole
    grams: Whole


class Reader:
    """Reads windows of texts; what is trained and what decides read the same."""

    def __init__(self, pieces: Sequence[str], rows: NDArray[np.int8], gram_count: int) -> None:
        """`gram_count`: a power of two."""
        self._vocabulary = Vocabulary(pieces)
        self._rows = rows
        self.gram_count = gram_count
        self._shift = np.uint64(64 - gram_count.bit_length() + 1)
        self._hashes: dict[str, int] = {}

    def windows(self, text: str) -> Iterator[Window]:
        """The windows of a text and of what is packed in it, one at least."""
        for each in (text, *spelling.unpacked(text)):
            words = spelling.words(each, self._vocabulary)
            for start in range(0, max(len(words) - STRIDE_WORDS, 1), STRIDE_WORDS):
                yield self._window(words[start : start + WINDOW_WORDS])

    def _window(self, words: Sequence[str]) -> Window:
        numbers = [number for word in words for number in self._vocabulary.split(word)]
        total = self._rows[numbers].sum(axis=0, dtype=np.int64)
        return Window(total, self._grams([word for word in words if word.isalnum()]))

    def _grams(self, words: Sequence[str]) -> Whole:
        """Words, neighbours, and neighbours but one, each once, by hash."""
        hashes = np.array([self._hash(word) for word in words], dtype=np.uint64)
        pairs = hashes[:-1] * _MIX_1 + hashes[1:] * _MIX_2
        skips = hashes[:-2] * _MIX_SKIP + hashes[2:] * _MIX_1
        mixed = np.concatenate((hashes, pairs, skips)) * _MIX_2
        return np.unique(mixed >> self._shift).astype(np.int64)

    def _hash(self, word: str) -> int:
        found = self._hashes.get(word)
        if found is None:
            if len(self._hashes) >= 50_000:  # remembered for speed alone
                self._hashes = {}
            digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            found = self._hashes[word] = int.from_bytes(digest, "little")
        return found


class Classifier:
    """Scores texts. Immutable but for what it remembers for speed; may be used by any number of threads."""

    def __init__(self, model: ModelFile) -> None:
        self.digest = model.digest
        self.heads = model.heads
        arrays = {
            name: np.frombuffer(array.data, dtype=array.kind).reshape(array.shape)
            for name, array in model.arrays.items()
        }
        self._reader = Reader(model.pieces, arrays["rows"], arrays["grams"].shape[0])
        self._directed: Exact = np.hstack((arrays["dense"], arrays["first"])).astype(np.float64)
        self._bias: Whole = arrays["bias"].astype(np.int64)
        self._first_bias: Whole = arrays["first_bias"].astype(np.int64)
        self._second: Whole = arrays["second"].astype(np.int64)
        self._grams: NDArray[np.int8] = arrays["grams"]
        self._gram_unit: Whole = arrays["gram_unit"].astype(np.int64)
        self._curve: Whole = arrays["curve"].astype(np.int64)
        if (np.diff(self._curve[:, 0]) <= 0).any() or (np.diff(self._curve[:, 1]) < 0).any():
            raise ClassifierFileError("the calibration of the model file does not rise")
        if np.abs(self._directed).max() > _MAX_WEIGHT:
            raise ClassifierFileError("a weight of the model file is too great to be summed exactly")
        if self._curve[:, 1].min() < 0 or self._curve[:, 1].max() > 1000:
            raise ClassifierFileError("the calibration of the model file leaves its range")

    def scores(self, text: str) -> Mapping[str, int]:
        """Each head's probability in thousandths, 0 to 1000, as calibrated on the data of the model card."""
        raw = self.raw(text)
        return MappingProxyType(
            {head: self._calibrated(at, int(raw[at])) for at, head in enumerate(self.heads)}
        )

    def raw(self, text: str) -> Whole:
        """Each head's score before it is calibrated, in units of `SCALE`: the greatest of all windows."""
        found: Whole = np.max([self._window(window) for window in self._reader.windows(text)], axis=0)
        return found

    def _window(self, window: Window) -> Whole:
        length = np.sqrt(float(max(int(window.total @ window.total), 1)))
        directed = np.floor((window.total.astype(np.float64) @ self._directed) / length).astype(np.int64)
        heads = len(self.heads)
        units = np.clip(directed[heads:] + self._first_bias, 0, _MAX_UNIT)
        dense = directed[:heads] + (units @ self._second) // SCALE
        count = np.sqrt(float(max(len(window.grams), 1)))
        summed = self._grams[window.grams].sum(axis=0, dtype=np.int64) * self._gram_unit
        score: Whole = dense + np.floor(summed / count).astype(np.int64) + self._bias
        return score

    def _calibrated(self, head: int, raw: int) -> int:
        xs, ys = (self._curve[head, at].tolist() for at in (0, 1))
        if raw <= xs[0]:
            return int(ys[0])
        for left, right, low, high in zip(xs, xs[1:], ys, ys[1:], strict=False):
            if raw < right:
                return int(low + (high - low) * (raw - left) // (right - left))
        return int(ys[-1])


def load(data: bytes) -> Classifier:
    """The classifier in a model file. Raises `ClassifierFileError` for whatever is none."""
    return Classifier(parse_model(data))
