"""How many persons a text names: a range. No model moves its lower end, and the upper is never below it."""

import asyncio
import importlib.util
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.gateway.guards import SLOW_NOW_CHARS, panel_of
from caveat.policy.screens import GivenScore, Screens, ScreenSpec
from caveat.screens import name_model
from caveat.screens.errors import ClassifierFileError, ClassifierMissingError
from caveat.screens.identifiers.census import census_of
from caveat.screens.named import LEAST, MAX_CHARS, MOST, PIECE_CHARS, PersonsScreen, pieces_of
from caveat.screens.panel import Gives, Panel, Seat
from caveat.screens.protocol import Calibration

ALIKE = ((0.0, 0), (100_000.0, 100_000))
GIVEN = GivenScore("persons", MOST, 0.0, 100_000.0, ALIKE, "counts, as they are", 100_000)
NAMES = st.sampled_from(
    ("Anna Petrova", "PETROVA, Anna", "Petrova", "Tunde Adeyemi", "9", "", "Mx. X", "\u200b")
)
SAID = st.sampled_from(
    (
        "Mr. Juan Garcia called.",
        "ana@example.org",
        "Anna Petrova",
        "name,email\nAnna Lee,a@b.org\n",
        "\n",
        " ",
        "9.",
    )
)
installed = pytest.mark.skipif(
    importlib.util.find_spec("spacy") is None, reason="needs the extra: pip install 'caveat[pii-ner]'"
)


class Says:
    """Takes for names what it is told, and remembers what it was given to read."""

    digest = "0" * 64

    def __init__(self, *names: str) -> None:
        self._names = names
        self.read = ""

    def names(self, pieces: Iterable[str]) -> list[str]:
        self.read = "".join(pieces)
        return list(self._names)


def span(text: str, *names: str) -> tuple[float, float]:
    scores = PersonsScreen(Says(*names)).score(text)
    return scores[LEAST], scores[MOST]


@settings(deadline=None)
@given(st.lists(SAID, max_size=6).map("".join), st.lists(NAMES, max_size=6))
def test_a_model_never_lowers_a_count(text: str, names: list[str]) -> None:
    least, most = span(text, *names)
    assert least == len(census_of(text.encode(), "text/plain", None, "").persons)
    assert most >= least


def test_names_in_sentences_are_the_upper_end_of_the_range() -> None:
    text = "Yesterday Petrova met the mayor; ana@example.org and bo@example.org wrote."
    assert span(text) == (2, 2)
    assert span(text, "Petrova", "Tunde Adeyemi") == (2, 4)


def test_a_name_counts_once_however_it_is_spelt_and_whoever_found_it() -> None:
    text = "Mr. Juan García called."
    assert span(text, "Juan Garcia", "GARCÍA, JUAN", "Garcia", "juan") == (0, 1)
    assert span(text, "Juan Garcia", "Ana Garcia") == (0, 2)


def test_a_model_reads_sentences_in_cells_and_not_the_names_of_columns() -> None:
    reader = Says("Tunde Adeyemi")
    rows = "full_name,email,notes\n" + "".join(
        f"Ana Torre{n},a{n}@b.org,met him with Tunde on Monday\n" for n in range(3)
    )
    assert PersonsScreen(reader).score(rows) == {LEAST: 3, MOST: 4}
    assert "met him with Tunde" in reader.read
    assert "Torre" not in reader.read


@settings(deadline=None)
@given(st.text(" ab.\n\u00e9!", max_size=9_000))
def test_all_of_a_text_is_read_in_pieces_that_are_bounded(text: str) -> None:
    pieces = list(pieces_of(text))
    assert all(0 < len(piece) <= PIECE_CHARS for piece in pieces)
    assert "".join(pieces).split() == [word for word in text.split() if len(word) < 65] or "  " in text


@pytest.mark.parametrize("unit", [")", "'s", "http://", "$1,"])
def test_a_word_of_which_reading_takes_the_square_is_not_read(unit: str) -> None:
    assert "".join(pieces_of(f"Ana {unit * 9_000} Lee")).split() == ["Ana", "Lee"]


def seat_of(screen: PersonsScreen) -> Seat:
    gives = (Gives("persons", MOST, 0.0, 100_000.0, Calibration(ALIKE, ""), 100_000),)
    return Seat("persons", gives, 5.0, local=screen, inline_chars=0, now_chars=SLOW_NOW_CHARS)


class Where:
    """Notes which thread reads."""

    digest = "1" * 64
    seen: threading.Thread | None = None

    def names(self, pieces: Iterable[str]) -> list[str]:
        list(pieces)
        self.seen = threading.current_thread()
        return []


def test_a_slow_screen_never_holds_the_loop_up() -> None:
    where = Where()
    asyncio.run(Panel((seat_of(PersonsScreen(where)),)).read("Ana wrote."))
    assert where.seen not in {None, threading.main_thread()}


class Breaks(Says):
    def names(self, pieces: Iterable[str]) -> list[str]:
        raise ValueError(f"{len(list(pieces))} pieces are too many")


@pytest.mark.parametrize("text", ["a " * MAX_CHARS, "short"])
def test_a_text_that_nothing_read_has_the_declared_score(text: str) -> None:
    panel = Panel((seat_of(PersonsScreen(Breaks())),))
    for scored in (asyncio.run(panel.read(text)), panel.read_now(text)):
        assert scored["persons"].value == 100_000
        assert scored["persons"].source.startswith("unavailable:")


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)


def test_without_the_extra_the_screen_is_unavailable_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch, "spacy")
    with pytest.raises(ClassifierMissingError, match="pii-ner"):
        name_model.load()
    (seat,) = panel_of(Screens(panel=(ScreenSpec("persons", "persons", 1000, (GIVEN,)),))).seats
    assert seat.local is None
    assert "caveat[pii-ner]" in seat.lacks
    assert asyncio.run(Panel((seat,)).read("Ana"))["persons"].value == 100_000


def test_a_bundle_has_it_read_by_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.gateway.guards.load_names", Where)
    (seat,) = panel_of(Screens(panel=(ScreenSpec("persons", "persons", 1000, (GIVEN,)),))).seats
    assert (seat.inline_chars, seat.now_chars) == (0, SLOW_NOW_CHARS)


def test_files_of_another_digest_are_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loaded: list[Path] = []

    def load(path: Path, exclude: list[str]) -> SimpleNamespace:
        loaded.append(path)
        return SimpleNamespace(left_out=exclude)

    spacy = ModuleType("spacy")
    vars(spacy).update(load=load, __version__="3")
    monkeypatch.setitem(sys.modules, "spacy", spacy)
    (tmp_path / "config.cfg").write_text("[nlp]")
    known = name_model.digest_of(tmp_path)
    name_model.load(tmp_path, known)
    (tmp_path / "config.cfg").write_text("[nlp] ")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ClassifierFileError, match="model of names"):
            name_model.load(folder, known)
    assert len(loaded) == 1


@installed
@pytest.mark.slow
def test_the_model_finds_names_and_keeps_none_of_them() -> None:
    model = name_model.load()
    screen = PersonsScreen(model)
    text = "Yesterday Anna Petrova met Nguyen Van An. Wei Zhang and anna petrova agreed. Mail bo@example.org."
    first: Mapping[str, float] = screen.score(text)
    assert first[LEAST] == 1
    assert 3 <= first[MOST] <= 5
    strings = model._language.vocab.strings  # type: ignore[attr-defined] # of spaCy, to see that nothing is left
    before = len(strings)
    screen.score("Xqwertzu Yqwertzu met Zqwertzu Aqwertzu.")
    assert len(strings) == before
    assert screen.score(text) == first


@installed
@pytest.mark.slow
def test_threads_that_read_at_once_read_what_one_reads() -> None:
    screen = PersonsScreen(name_model.load())
    texts = [
        f"Anna Petrova met Wei Zhang and Tunde Ade{chr(97 + n)}emi in Springfield." * (n + 1)
        for n in range(8)
    ]
    alone = [screen.score(text) for text in texts]
    found: dict[int, Mapping[str, float]] = {}
    threads = [
        threading.Thread(target=lambda at=at: found.update({at: screen.score(texts[at])})) for at in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[at] for at in range(8)] == alone
