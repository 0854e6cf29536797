"""A bundle on disk, a data folder, and gates over them in this process; their records, read from outside."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caveat.ledger.read import PublishedLog
from caveat.ledger.record import DecisionRecord, OutputEndRecord, Record
from caveat.library import AsyncGate, Gate
from tests.support.scripted_upstream import EVENT_STREAM, Reply, ScriptedUpstream, Seen
from tests.support.small_bundle import CHAT_KEY
from tests.support.tool_world import tool_bundle


@dataclass
class World:
    """`records` are those that are published: all of them once a gate is closed."""

    folder: Path
    upstream: ScriptedUpstream

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def write(self, files: dict[str, bytes]) -> None:
        for name, content in files.items():
            path = self.bundle / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def settings(self, **changed: Any) -> dict[str, Any]:
        settings: dict[str, Any] = {"data": self.data, "upstream": self.upstream.url, "key": CHAT_KEY}
        return {**settings, "upstream_key": "upstream-secret", "drain_seconds": 10.0, **changed}

    def gate(self, **changed: Any) -> Gate:
        return Gate(self.bundle, **self.settings(**changed))

    def async_gate(self, **changed: Any) -> AsyncGate:
        return AsyncGate(self.bundle, **self.settings(**changed))

    def records(self) -> list[Record]:
        return [entry.record for entry in PublishedLog(self.data / "ledger").entries()]

    def decisions(self) -> list[DecisionRecord]:
        return [record for record in self.records() if isinstance(record, DecisionRecord)]

    def ends(self) -> list[OutputEndRecord]:
        return [record for record in self.records() if isinstance(record, OutputEndRecord)]

    def streams(self, *events: bytes, pause_seconds: float = 0.0) -> None:
        """The upstream answers with these events."""
        self.upstream.script = lambda _seen: Reply(
            headers=EVENT_STREAM, pieces=events, pause_seconds=pause_seconds
        )

    def answers(self, body: bytes | Callable[[Seen], bytes]) -> None:
        """The upstream answers with this body."""
        self.upstream.script = lambda seen: Reply(body=body if isinstance(body, bytes) else body(seen))


def make_world(folder: Path, upstream: ScriptedUpstream) -> World:
    """With the bundle of the tool tests: `chat`, `desk`, `watch`, `agent` and `watched`."""
    world = World(folder, upstream)
    world.write(tool_bundle())
    return world
