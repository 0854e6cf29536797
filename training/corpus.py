"""The texts with what is made of them: sentences from templates, and each short text once more between wrappers, in American spelling."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from caveat.screens.classifier import Reader
from training import attacks, combined, templates
from training.sources import BENIGN, HEADS, Text, attack_on_a_model, misuse_of, texts

SEED = 45
FOLDS = 5
ATTACKS = 1_200
PLAYS = 400
MORE_PLAYS = 200
COMBINED = "combined"
RESULTS = "tool_results"
_WRAPPED_SOURCES = (
    "written",
    "templates",
    COMBINED,
    "xstest",
    "notinject",
    "advbench",
    "forbidden_questions",
)
_MAX_WRAPPED_CHARS = 300


@dataclass(frozen=True, slots=True)
class Corpus:
    """Rows of `features` are windows. `owner`: the number of the text each is of; `made`: the text is a wrapped copy.

    `fold`: one of `FOLDS`, the same for all of a group of written texts and for a text and its copy.
    """

    texts: tuple[Text, ...]
    made: NDArray[np.bool_]
    fold: NDArray[np.int64]
    owner: NDArray[np.int64]
    features: sp.csr_matrix

    def labels(self, head: str) -> NDArray[np.int64]:
        """1, 0, or -1 where nobody knows, for each text."""
        return np.array([each.labels.get(head, -1) for each in self.texts], dtype=np.int64)

    def sources(self) -> NDArray[np.str_]:
        """Each text's source."""
        return np.array([each.source for each in self.texts])


def all_texts() -> tuple[tuple[Text, ...], tuple[Text, ...]]:
    """The texts, and what is learnt and never judged by: more of the same kinds, and the wrapped copies of the short ones."""
    chance = random.Random(SEED)
    whole, more = (*texts(), *_made()), tuple(_more())
    copies = tuple(
        Text(each.source, _wrapped(each.text, chance), each.labels, _kin(each))
        for each in (*whole, *more)
        if each.source in _WRAPPED_SOURCES and len(each.text) < _MAX_WRAPPED_CHARS
    )
    return whole, (*more, *copies)


def _made() -> Iterator[Text]:
    for group, line in templates.benign(SEED):
        yield Text("templates", line, BENIGN, group)
    for line in attacks.harmless(SEED):
        yield Text("templates", line, BENIGN, "words of attacks")
    for category, line in templates.misuse(SEED):
        yield Text("templates", line, misuse_of(category), category)
    for line, role in attacks.attacks(SEED, ATTACKS):
        yield Text("templates", line, attack_on_a_model(jailbreak=role), "attacks")
    for kind, thing, line in combined.requests(SEED):
        yield Text(COMBINED, line, BENIGN if kind == "benign" else misuse_of(kind), thing)
    for is_order, line, result in combined.tool_results(SEED):
        yield Text(RESULTS, result, attack_on_a_model(jailbreak=False) if is_order else BENIGN, line)
    for lawless, line in combined.plays(SEED, PLAYS):
        yield Text(COMBINED, line, attack_on_a_model(jailbreak=True) if lawless else BENIGN, line)


def _more() -> Iterator[Text]:
    """Learnt and never judged by."""
    for kind, thing, line in combined.requests(SEED, combined.MORE):
        yield Text(COMBINED, line, BENIGN if kind == "benign" else misuse_of(kind), thing)
    for lawless, line in combined.plays(SEED, MORE_PLAYS, combined.MORE):
        yield Text(COMBINED, line, attack_on_a_model(jailbreak=True) if lawless else BENIGN, line)
    for line in combined.uses(SEED):
        yield Text("templates", line, BENIGN, line)


def read(reader: Reader) -> Corpus:
    """Everything, read as the screens read it."""
    whole, copies = all_texts()
    everything = (*whole, *copies)
    made = np.arange(len(everything)) >= len(whole)
    fold = np.array(
        [_fold(each.group if copy else _kin(each)) for each, copy in zip(everything, made, strict=True)]
    )
    owner, features = matrix(reader, [each.text for each in everything])
    return Corpus(everything, made, fold, owner, features)


def _wrapped(text: str, chance: random.Random) -> str:
    return combined.american(chance.choice((templates.wrapped, combined.placed))(text, chance))


def _kin(text: Text) -> str:
    """Texts that ask for the same thing in other frames are in one fold."""
    return text.group if text.source in (COMBINED, RESULTS) else text.text


def _fold(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % FOLDS


def matrix(reader: Reader, lines: Sequence[str]) -> tuple[NDArray[np.int64], sp.csr_matrix]:
    """The owner of each window, and the windows: the direction of the sum, and words and pairs of length one."""
    dense, grams, owner = [], [], []
    for at, line in enumerate(lines):
        for window in reader.windows(line):
            length = np.sqrt(max(float(window.total @ window.total), 1.0))
            dense.append(window.total / length)
            grams.append(window.grams)
            owner.append(at)
    starts = np.concatenate(([0], np.cumsum([len(each) for each in grams])))
    values = np.concatenate([np.full(len(each), 1 / np.sqrt(max(len(each), 1))) for each in grams])
    sparse = sp.csr_matrix((values, np.concatenate(grams), starts), shape=(len(grams), reader.gram_count))
    return np.array(owner), sp.hstack([sp.csr_matrix(np.array(dense)), sparse]).tocsr()


__all__ = ["FOLDS", "HEADS", "SEED", "Corpus", "all_texts", "matrix", "read"]
