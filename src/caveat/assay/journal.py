"""What a run has done so far: one line for each thing, appended and flushed, so that it can be resumed.

The first line says which run it is; the last one, and only that of a run that came to its end, says so and
carries the digest. A torn last line is dropped. No text that was sent stands in it: only ids.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Literal, Self, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.assay.arms import ArmError
from caveat.assay.errors import AssayError, why
from caveat.assay.scenario import VerdictName
from caveat.signing.canonical import Json, JsonObject, canonical

VERSION = 1
TWIN, WORK, PROMPT = "twin", "work", "prompt"
Result = Literal["held", "breached", "passed", "blocked", "unmeasured"]
"""What came of an attempt (held or breached), or of what is permitted (passed or blocked)."""


_WRITTEN = "name a journal that `caveat assay run --out` wrote"


class JournalError(AssayError):
    """The file is no journal, or one of another run."""


class Entry(BaseModel):
    """One attempt, or one benign twin (`search` is then `twin` and `family` names which), or one request of a
    piece of work (`work`, `at` is its place), or one ordinary prompt (`prompt`, `family` is its set).

    `search`: the adversary for whom it was tried. `verdicts`: of each request; None where there was a fault.
    `asked`: facts that proof was asked for. `needless`: how many of the questions the policy did not need.
    `in_words`: how many of the answers refuse in their words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    arm: str
    use: str
    search: str
    at: int
    family: str
    variant: str = ""
    outcome: Result
    verdicts: list[VerdictName | None] = Field(default_factory=list[VerdictName | None])
    faults: list[str] = Field(default_factory=list[str])
    clauses: list[str] = Field(default_factory=list[str])
    milliseconds: list[float] = Field(default_factory=list[float])
    asked: list[str] = Field(default_factory=list[str])
    needless: int = 0
    in_words: int = 0

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What it is an entry of."""
        return (self.arm, self.use, self.search, self.at)

    def of_digest(self) -> JsonObject:
        """What two equal runs have in common: all but times."""
        return {
            "arm": self.arm,
            "use": self.use,
            "search": self.search,
            "at": self.at,
            "family": self.family,
            "variant": self.variant,
            "outcome": self.outcome,
            "verdicts": [*self.verdicts],
            "faults": [*self.faults],
            **({"asked": [*self.asked], "needless": self.needless} if self.asked or self.needless else {}),
            **({"in_words": self.in_words} if self.in_words else {}),
        }


@dataclass(slots=True)
class Journal:
    """The entries of one run, in memory and on disk. `complete`: the run came to its end.

    `proved`: what the analysis says of the same uses. `sha256`: of the file, where it was read.
    """

    head: JsonObject
    entries: dict[tuple[str, str, str, int], Entry] = field(
        default_factory=dict[tuple[str, str, str, int], Entry]
    )
    unmeasured_arms: dict[str, str] = field(default_factory=dict[str, str])
    described: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    complete: bool = False
    proved: JsonObject | None = None
    sha256: str = ""
    _file: FileIO | None = None

    @classmethod
    def begin(cls, path: Path, head: JsonObject, *, resume: bool) -> Self:
        """A journal at `path` for the run that `head` describes. Raises `JournalError` where there is one
        already, or, with `resume`, one of another run."""
        there = path.exists()
        if there and not resume:
            raise JournalError((f"`{path}` is there already",), "go on with it by --resume, or name another")
        journal = cls(head)
        if there and not _is_barely_begun(path):
            journal = cls.read(path)
            if canonical(journal.head) != canonical(head):
                raise JournalError(
                    (f"`{path}` is of a run with other settings",), "resume it with the options it began with"
                )
            journal.complete, journal.sha256 = False, ""
            journal._file = _opened(path, "r+b")
            _drop_torn_line(journal._file)
            journal._write({"resumed": True})
        else:
            journal._file = _opened(path, "wb" if there else "xb")
            journal._write({"version": VERSION, "run": head})
        journal.unmeasured_arms = {}
        return journal

    @classmethod
    def read(cls, path: Path) -> Self:
        """The journal in a file; raises `JournalError`."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise JournalError((f"`{path}` cannot be read: {why(error)}",), _WRITTEN) from error
        lines = data.split(b"\n")
        head = _line(lines[0], path, 1)
        run = head.get("run")
        if head.get("version") != VERSION or not isinstance(run, dict):
            raise JournalError((f"`{path}` is no journal of this version",), _WRITTEN)
        journal = cls(run, sha256=hashlib.sha256(data).hexdigest())
        whole = lines[1:-1]  # what follows the last line break is torn
        for number, line in enumerate(whole, start=2):
            journal._take(_line(line, path, number), path, number)
        return journal

    def _take(self, document: JsonObject, path: Path, number: int) -> None:
        self.complete = False
        if document.get("end") is True:
            self.complete = True
        elif "described_arm" in document:
            said = document.get("as")
            if not isinstance(said, dict):
                raise JournalError((f"`{path}`, line {number}: no description of an arm",), _WRITTEN)
            self.described[str(document["described_arm"])] = said
        elif document.get("resumed") is True:
            self.unmeasured_arms.clear()  # each is tried again, and left out again where that fails
        elif "proved" in document:
            proved = document["proved"]
            self.proved = proved if isinstance(proved, dict) else None
        elif "unmeasured_arm" in document:
            self.unmeasured_arms[str(document["unmeasured_arm"])] = str(document.get("why"))
        else:
            try:
                entry = Entry.model_validate(document)
            except ValidationError as error:
                raise JournalError((f"`{path}`, line {number}: no entry of a journal",), _WRITTEN) from error
            self.entries[entry.key] = entry

    def known(self, key: tuple[str, str, str, int]) -> Entry | None:
        """What was measured before under this key; what was not measured is asked again."""
        entry = self.entries.get(key)
        return None if entry is None or entry.outcome == "unmeasured" else entry

    def add(self, entry: Entry) -> None:
        """Keeps an entry, on disk before it returns."""
        self.entries[entry.key] = entry
        self._write(entry.model_dump(mode="json"))

    def leave_out(self, arm: str, why: str) -> None:
        """Says that an arm could not be measured."""
        self.unmeasured_arms[arm] = why
        self._write({"unmeasured_arm": arm, "why": why})

    def describe(self, arm: str, description: JsonObject) -> None:
        """Says what an arm is. Raises `ArmError` where a run that is resumed began it as something else."""
        known = self.described.get(arm)
        if known is not None and canonical(known) != canonical(description):
            raise ArmError((f"arm `{arm}` is not what the run began with: other versions or configuration",))
        if known is None:
            self.described[arm] = description
            self._write({"described_arm": arm, "as": description})

    def note_proved(self, proved: JsonObject) -> None:
        """Keeps what the analysis says of the uses, once."""
        if self.proved is None:
            self.proved = proved
            self._write({"proved": proved})

    def end(self) -> str:
        """Marks the run as complete; returns its digest."""
        digest = digest_of(self.entries.values())
        self.complete = True
        self._write({"end": True, "digest": digest})
        return digest

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, document: Mapping[str, object]) -> None:
        if self._file is None:
            return
        left = memoryview(orjson.dumps(document) + b"\n")
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise JournalError(
                (f"the journal can no longer be written: {why(error)}",),
                "make room, then go on with the same command and --resume",
            ) from error


def digest_of(entries: Iterable[Entry]) -> str:
    """One digest over all verdicts and outcomes, whatever their order; equal runs have equal ones."""
    lines = sorted(canonical(entry.of_digest()) for entry in entries)
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def _line(line: bytes, path: Path, number: int) -> JsonObject:
    try:
        document = cast("Json", orjson.loads(line))
    except orjson.JSONDecodeError as error:
        raise JournalError((f"`{path}`, line {number}: not JSON",), _WRITTEN) from error
    if not isinstance(document, dict):
        raise JournalError((f"`{path}`, line {number}: no object",), _WRITTEN)
    return document


def _is_barely_begun(path: Path) -> bool:
    """Whether a run was stopped before its first line was whole: there is nothing to go on with."""
    try:
        return b"\n" not in path.read_bytes()
    except OSError as error:
        raise JournalError((f"`{path}` cannot be read: {why(error)}",), _WRITTEN) from error


def _opened(path: Path, mode: Literal["r+b", "wb", "xb"]) -> FileIO:
    """Without a buffer of ours: what was added is with the system, whatever becomes of this process."""
    try:
        return path.open(mode, buffering=0)
    except OSError as error:
        raise JournalError(
            (f"`{path}` cannot be written: {why(error)}",), "name a file that you may write"
        ) from error


def _drop_torn_line(file: FileIO) -> None:
    data = file.readall()
    file.seek(data.rfind(b"\n") + 1)
    file.truncate()
