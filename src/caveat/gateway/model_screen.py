"""The project's own classifier as a screen of a panel. What it needs beside the core is an extra."""

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from caveat.screens.errors import ClassifierFileError
from caveat.screens.models import shipped
from caveat.screens.protocol import RawScores

MAX_MODEL_BYTES = 64 * 1024 * 1024
MAX_CHARS = 262_144
"""What is read of one text; a longer one is answered by nobody, which is a failure and not a clean text."""
_MAX_WITHIN = 64
"""So many times JSON is looked for within the strings of a text."""


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
    max_chars = MAX_CHARS

    def __init__(self, classifier: Classifier) -> None:
        """Of a classifier that is loaded."""
        self._classifier = classifier
        self.digest = classifier.digest
        self.heads: Mapping[str, tuple[float, float]] = MappingProxyType(
            dict.fromkeys(classifier.heads, (0.0, 1000.0))
        )

    @classmethod
    def load(cls, path: Path | None, pinned: str = "") -> "ModelScreen":
        """The screen of a model file; without a path, of the one that comes with Caveat.

        `pinned`: the only digest that will do, where one is named. Raises `ScreenError` with what to do.
        """
        module = importlib.import_module("caveat.screens.classifier")
        classifier = cast("Classifier", module.load(shipped() if path is None else _file(path)))
        if pinned not in {"", classifier.digest}:
            raise ClassifierFileError(
                f"the model file is {classifier.digest[:16]}, and the bundle asks for another"
            )
        return cls(classifier)

    def score(self, text: str) -> RawScores:
        """As the classifier scores this one text; of JSON, what stands in it and not its marks."""
        return dict(self._classifier.scores(said_in(text)))


def said_in(text: str) -> str:
    """Every name and value of a text that is JSON, and of JSON in its strings, a line each; else the text.

    The marks of JSON say nothing, and look to a model of words like an attack. Nothing else is left out: of a
    name that comes twice both values are read.
    """
    waiting: list[object] = [text]
    found: list[str] = []
    left = _MAX_WITHIN
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            inner = _json_of(one) if left else None
            if inner is None:
                found.append(one)
            else:
                left -= 1
                waiting.append(inner)
        elif isinstance(one, (list, tuple)):
            waiting.extend(reversed(cast("Sequence[object]", one)))
        elif one is not None:
            found.append(str(one))
    return "\n".join(found)


def _json_of(text: str) -> object:
    """The objects and lists that a text is, objects as pairs; None where it is no JSON."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        value: object = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None
    return value


def _file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ClassifierFileError("the model file is larger than any of ours")
        return path.read_bytes()
    except OSError as error:
        raise ClassifierFileError("the model file that is registered cannot be read") from error
