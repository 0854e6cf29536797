"""What overseers have stopped, folded from records. Pure: the log alone says what is halted.

Laws: one overseer halts; a release takes two statements of two persons, whatever was said before; a halt
never ends by time, by a restart or by another law. Not for several threads: the event loop owns it.
Source: ADR-0041.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from caveat.ledger.record import HaltRecord, Record
from caveat.signing.digest import Digest


class Scope(StrEnum):
    """What a halt stops. A conversation is all that one caller does at one deployment."""

    USE = "use"
    CONVERSATION = "conversation"
    DEPLOYMENT = "deployment"
    MODEL = "model"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Stopped:
    """What exactly is stopped. `target`: a record, a deployment or a model; `caller` of a conversation."""

    scope: Scope
    target: str = ""
    caller: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it names what its scope takes, and nothing beside."""
        return bool(self.target) == (self.scope is not Scope.EVERYTHING) and bool(self.caller) == (
            self.scope is Scope.CONVERSATION
        )


@dataclass(frozen=True, slots=True)
class Doing:
    """What a use is, as far as halts see it. `models`: every name of the model that would serve it.

    `records`: the ids that the use goes by: of its prompt, and of the hold that it waits under.
    """

    deployment: str
    caller: str
    models: tuple[str, ...]
    records: tuple[str, ...] = ()

    def stopped_by(self) -> Iterator[Stopped]:
        """Everything that would stop it."""
        yield Stopped(Scope.EVERYTHING)
        yield Stopped(Scope.DEPLOYMENT, self.deployment)
        yield Stopped(Scope.CONVERSATION, self.deployment, self.caller)
        for model in self.models:
            yield Stopped(Scope.MODEL, model)
        for record in self.records:
            yield Stopped(Scope.USE, record)


@dataclass(slots=True)
class Halt:
    """One halt. `said`: the digest of what was signed; `id` of its record, empty until that is durable."""

    said: Digest
    stopped: Stopped
    person: str
    time: str = ""
    id: str = ""
    record: HaltRecord | None = None
    releases: dict[Digest, HaltRecord] = field(default_factory=dict[Digest, HaltRecord])
    released: str = ""
    """When it was released; empty while it is in force."""


class Halts:
    """All halts of one gateway."""

    def __init__(self) -> None:
        """Nothing is halted."""
        self._all: dict[str, Halt] = {}
        self._in_force: dict[Stopped, dict[Digest, Halt]] = {}
        self._known: set[Digest] = set()

    def fold(self, record: Record, record_id: str) -> None:
        """What this record, which has this id, says of halts."""
        if not isinstance(record, HaltRecord):
            return
        self._known.add(record.said)
        if record.act == "release":
            self._release(record)
            return
        stopped = stopped_of(record)
        halt = self._in_force.setdefault(stopped, {}).setdefault(
            record.said, Halt(record.said, stopped, record.person)
        )
        halt.time, halt.id, halt.record = record.time, record_id, record
        self._all[record_id] = halt

    def _release(self, record: HaltRecord) -> None:
        halt = self._all.get(record.halt or "")
        if halt is None:
            return
        first = None if record.second is None else halt.releases.get(record.second)
        halt.releases[record.said] = record
        if first is not None and first.person != record.person and not halt.released:
            halt.released = record.time
            self._lift(halt)

    def _lift(self, halt: Halt) -> None:
        rest = self._in_force.get(halt.stopped, {})
        rest.pop(halt.said, None)
        if not rest:
            self._in_force.pop(halt.stopped, None)

    def begin(self, said: Digest, stopped: Stopped, person: str) -> None:
        """In force from this moment, before its record is durable: nothing gets in between."""
        self._known.add(said)
        self._in_force.setdefault(stopped, {})[said] = Halt(said, stopped, person)

    def give_up(self, said: Digest, stopped: Stopped) -> None:
        """There will be no record of it, so it stops nothing."""
        halt = self._in_force.get(stopped, {}).get(said)
        if halt is not None and not halt.id:
            self._known.discard(said)
            self._lift(halt)

    @property
    def are_none(self) -> bool:
        """Whether nothing at all is halted."""
        return not self._in_force

    @property
    def in_force(self) -> int:
        """How many halts are not released."""
        return sum(map(len, self._in_force.values()))

    def covering(self, doing: Doing) -> Halt | None:
        """A halt that stops this use; None where nothing does. One look for each scope."""
        for stopped in doing.stopped_by():
            found = self._in_force.get(stopped)
            if found:
                return next(iter(found.values()))
        return None

    def is_known(self, said: Digest) -> bool:
        """Whether this very statement was given already."""
        return said in self._known

    def find(self, halt: str) -> Halt | None:
        """The halt with this record's id."""
        return self._all.get(halt)

    def rows(self) -> Iterator[tuple[str, HaltRecord, str]]:
        """Of every halt: the id of its record, the record, and when it was released, or nothing."""
        for halt in self._all.values():
            if halt.record is not None:
                yield halt.id, halt.record, halt.released

    def all(self) -> Iterable[Halt]:
        """Every halt there was, in the order of the log."""
        return self._all.values()


def stopped_of(record: HaltRecord) -> Stopped:
    """What the record stops."""
    return Stopped(Scope(record.scope), record.target, record.caller)
