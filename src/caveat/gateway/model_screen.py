"""The project's own classifier as a screen of a panel. What it needs beside the core is an extra."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from caveat.screens.protocol import RawScores, Screen

MAX_MODEL_BYTES = 64 * 1024 * 1024


class Classifier(Protocol):
    """What `caveat.screens.classifier.load` gives."""

    digest: str
    heads: tuple[str, ...]

    def scores(self, text: str) -> Mapping[str, int]:
        """Each head's score, 0 to 1000."""
        ...


class ModelScreen:
    """Scores by a model file, whose digest stands in every record that its scores were read for."""

    name = "model"

    def __init__(self, classifier: Classifier) -> None:
        """Of a classifier that is loaded."""
        self._classifier = classifier
        self.digest = classifier.digest
        self.heads: Mapping[str, tuple[float, float]] = dict.fromkeys(classifier.heads, (0.0, 1000.0))

    @classmethod
    def load(cls, path: Path) -> Screen | None:
        """The screen of a model file; None where it cannot be had, which makes the screen unavailable."""
        try:
            if path.stat().st_size > MAX_MODEL_BYTES:
                return None
            module = importlib.import_module("caveat.screens.classifier")
            return cls(cast("Classifier", module.load(path.read_bytes())))
        except (ImportError, OSError, ValueError):
            return None

    def score(self, text: str) -> RawScores:
        """As the classifier scores this one text."""
        return dict(self._classifier.scores(text))
