"""What it costs to score a text: processor time for a message, and for the longest line."""

import time

from caveat.screens.classifier import Classifier, load
from caveat.screens.models import shipped

_TEXTS = 300
_SENTENCE = "please summarise the report that our office in the north sent and mark what is still open ."
_WORDS = _SENTENCE.split()
_LINE = "!|+" * 333_333


def measure_message() -> tuple[float, int]:
    """Milliseconds for a text of 200 words and marks, and how many texts were scored."""
    classifier = load(shipped())
    texts = [" ".join(_WORDS[(at + start) % len(_WORDS)] for at in range(200)) for start in range(_TEXTS)]
    _scored(classifier, texts[: len(_WORDS)])
    began = time.thread_time()
    _scored(classifier, texts)
    return (time.thread_time() - began) / _TEXTS * 1e3, _TEXTS


def measure_megabyte() -> tuple[float, int]:
    """Seconds for a line of a megabyte in which every character is a mark of its own, and how many lines."""
    classifier = load(shipped())
    began = time.thread_time()
    _scored(classifier, [_LINE])
    return time.thread_time() - began, 1


def _scored(classifier: Classifier, texts: list[str]) -> None:
    for text in texts:
        classifier.scores(text)
