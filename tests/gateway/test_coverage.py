"""The gateway proves of itself that every shape is decided, and serves nothing where one is not."""

import asyncio
import base64
import dataclasses
import io
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from caveat.gateway import said, text_hold
from caveat.gateway.coverage import CoverageError, CoverageProof, measure_coverage, prove_coverage
from caveat.gateway.coverage.matrix import Cell, measure_cells
from caveat.gateway.coverage.planted import AZURE, Plant, plants
from caveat.gateway.coverage.shapes import Direction, read_shapes
from caveat.gateway.errors import GatewayError
from caveat.gateway.logs import make_logger
from caveat.gateway.routing import Router
from caveat.gateway.upstream import UpstreamConfig
from caveat.gateway.wire import texts
from caveat.gateway.wire.texts import EventTexts
from caveat.gateway.wire.tool_calls import Progress
from caveat.gateway.wire.wire import AZURE_PATHS, WIRES, find_wire
from caveat.service.config import ServiceConfig
from caveat.service.opening import open_service
from tests.support.sdk_shapes_file import FILE, render
from tests.support.small_bundle import SmallBundle

PLANTS = plants(read_shapes())


def cells_of(planted: list[Plant]) -> tuple[Cell, ...]:
    return asyncio.run(measure_cells(planted))


@pytest.mark.slow
def test_every_planted_use_is_refused_at_its_point_and_its_twin_passes() -> None:
    matrix = asyncio.run(measure_coverage())
    assert [(cell.name, cell.fault) for cell in matrix.open] == []
    assert len(matrix.cells) == len(PLANTS)
    assert all(cell.twin_passes for cell in matrix.cells)
    assert {cell.point for cell in matrix.cells} == {"prompt", "tool", "output"}


@pytest.mark.slow
def test_the_shapes_are_those_of_the_official_sdks_that_are_installed() -> None:
    assert FILE.read_text(encoding="utf-8") == render(), "run `python -m tests.support.sdk_shapes_file`"


def test_every_path_that_is_served_has_planted_uses() -> None:
    paths = {plant.at for plant in PLANTS}
    assert set(WIRES) <= paths
    assert {path.replace("{name}", "planted") for path in AZURE_PATHS} == set(AZURE)
    assert paths == set(WIRES) | set(AZURE)


def test_every_sort_of_content_is_planted_at_every_endpoint_that_has_it() -> None:
    found: dict[str, set[str]] = {}
    for plant in PLANTS:
        found.setdefault(plant.at, set()).add(plant.shape.group)
    asked = {
        "system", "user", "history", "tool definitions", "arguments", "results", "reasoning", "images",
        "files", "unknown parts", "unknown members", "unknown events", "text", "settings",
    }  # fmt: skip
    assert asked - found["/v1/messages"] == set()
    assert asked - found["/v1/responses"] == set()
    assert asked - found["/v1/chat/completions"] == {"reasoning", "unknown events"}  # it has no such types
    assert "audio" in found["/v1/chat/completions"]
    for at, shape in {("/v1/messages", True), ("/v1/responses", True), ("/v1/chat/completions", True)}:
        assert {plant.what for plant in PLANTS if plant.at == at} == {"words", "data", "call"}, shape


# --- a hook for each cell: whatever holds its mark is taken out of the decision's sight ---


class Blind:
    """Takes what holds `mark` out of sight, wherever a decision is made of it."""

    def __init__(self) -> None:
        self.mark = ""

    def hides(self, content: object) -> bool:
        text = content.decode(errors="replace") if isinstance(content, bytes) else json.dumps(content)
        in_a_file = base64.b64encode(f"a planted file {self.mark}".encode()).decode()
        return bool(self.mark) and (self.mark in text or in_a_file in text)


def blinded(monkeypatch: pytest.MonkeyPatch) -> Blind:
    """The gateway with a hook in each reading of requests, answers and events."""
    blind = Blind()
    for wire in WIRES.values():
        assert isinstance(wire, ModuleType)
        monkeypatch.setattr(wire, "parse_request", without_parts(blind, wire.parse_request))
        monkeypatch.setattr(wire, "tool_calls", without_calls(blind, wire.tool_calls))
        monkeypatch.setattr(wire, "tool_reader", without_events(blind, wire.tool_reader))
    whole, event = texts.whole_texts, texts.event_texts
    monkeypatch.setattr(
        said, "whole_texts", lambda value: (one for one in whole(value) if not blind.hides(one.text))
    )

    def event_texts(value: Any) -> EventTexts:
        found = event(value)
        return dataclasses.replace(found, texts=tuple(t for t in found.texts if not blind.hides(t.text)))

    monkeypatch.setattr(text_hold, "event_texts", event_texts)
    return blind


def without_parts(blind: Blind, parse: Callable[..., Any]) -> Callable[..., Any]:
    def parsed(body: bytes, **settings: Any) -> Any:
        request = parse(body, **settings)
        hidden = [f"{part.pointer}/" for part in request.raw_parts if blind.hides(part.content)]
        # What stands around a file is of the same block.
        kept = tuple(
            part
            for part in request.raw_parts
            if not any(pointer.startswith(f"{part.pointer}/") for pointer in hidden)
        )
        form = (
            request.form
            if kept == request.raw_parts
            else dataclasses.replace(request.form, tools=frozenset())
        )
        return dataclasses.replace(request, raw_parts=kept, form=form)

    return parsed


def without_calls(blind: Blind, read: Callable[..., Any]) -> Callable[..., Any]:
    return lambda body: () if blind.hides(body) else read(body)


def without_events(blind: Blind, make: Callable[[], Any]) -> Callable[[], Any]:
    class Reader:
        def __init__(self) -> None:
            self.within = make()

        def concerns(self, window: bytes) -> bool:
            return bool(self.within.concerns(window))

        def read(self, event: bytes) -> Progress:
            found: Progress = Progress() if blind.hides(event) else self.within.read(event)
            return found

    return Reader


@pytest.mark.slow
def test_without_its_decision_no_cell_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = blinded(monkeypatch)
    passed = []
    for plant in PLANTS:
        blind.mark = plant.mark
        passed += [cell.name for cell in cells_of([plant]) if cell.holds]
    assert passed == []
    blind.mark = ""
    assert [cell.name for cell in cells_of(list(PLANTS[::40])) if not cell.holds] == [], (
        "the hook alone changes nothing"
    )


# --- and with such a hook nothing is served ---


def config(folder: Path, log: io.BytesIO, prove: Callable[[], Awaitable[None]]) -> ServiceConfig:
    files = SmallBundle().files()
    upstream = UpstreamConfig("http://upstream.invalid")
    return ServiceConfig(lambda: files, folder, upstream, make_logger(log), prove=prove)


async def started(settings: ServiceConfig) -> list[dict[str, Any]]:
    """What the application says to the server that starts it."""
    service = open_service(settings)
    said_: list[Any] = []
    asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(asked)

    async def send(message: Any) -> None:
        said_.append(message)

    try:
        await service.app({"type": "lifespan"}, receive, send)
    finally:
        if said_[-1]["type"] == "lifespan.startup.failed":
            service.close()
    return list(said_)


def one_of_each() -> Iterator[Plant]:
    """A planted use of each endpoint, direction and sort."""
    met = set()
    for plant in PLANTS:
        sort = (plant.at, plant.shape.direction, plant.what)
        if sort not in met:
            met.add(sort)
            yield plant


@pytest.mark.slow
@pytest.mark.parametrize(
    "plant", list(one_of_each()), ids=lambda plant: f"{plant.at}-{plant.shape.name}-{plant.what}"
)
async def test_a_gateway_with_one_shape_undecided_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plant: Plant
) -> None:
    blinded(monkeypatch).mark = plant.mark
    log = io.BytesIO()
    (message,) = await started(config(tmp_path, log, CoverageProof()))
    assert message["type"] == "lifespan.startup.failed"
    line = json.loads(log.getvalue().splitlines()[0])
    assert line["outcome"] == "refused"
    assert f"{plant.at}, {plant.shape.direction.value}" in line["cause"]
    assert f"`{plant.shape.name}`" in line["cause"]
    assert any(point in line["cause"] for point in plant.points)
    ledger = list((tmp_path / "ledger").rglob("*"))
    assert not any(b'"kind":"start"' in path.read_bytes() for path in ledger if path.is_file())


async def test_a_process_proves_once_and_tries_again_after_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[int] = []

    async def prove(**_: Any) -> Any:
        played.append(1)
        if len(played) == 1:
            raise GatewayError(503, "coverage", "an open cell")

    monkeypatch.setattr("caveat.gateway.coverage.proof.prove_coverage", prove)
    proof = CoverageProof()
    with pytest.raises(GatewayError):
        await proof()
    await proof()
    await proof()
    assert len(played) == 2


async def _nothing_read(law: Any, _: Any) -> Any:
    return law.screening.nothing_found()


async def _nothing_heard(screening: Any, _: Any) -> Any:
    return screening.nothing_found()


BYPASSES: dict[str, tuple[str, Any, str]] = {
    "whole answers are not read": (
        "caveat.gateway.exchange.scores_of_answer",
        _nothing_read,
        "answer",
    ),
    "streams are not read": ("caveat.gateway.text_hold.event_texts", lambda _: EventTexts(), "event"),
    "no call in a chat is seen": ("caveat.gateway.wire.openai.tool_calls", lambda _: (), "answer"),
    "calls in a stream pass": ("caveat.gateway.exchange.hold_calls", lambda arriving, *_: arriving, "event"),
    "text is not held back": ("caveat.gateway.exchange.hold_texts", lambda arriving, *_: arriving, "event"),
    "a prompt is not screened": ("caveat.gateway.gate.scores_of", _nothing_heard, "request"),
    "members beside are dropped": ("caveat.gateway.wire.openai.remaining_members", lambda *_: (), "request"),
    "media are dropped": ("caveat.gateway.wire.openai.media_parts", lambda *_: (), "request"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("target", "bypass", "direction"), list(BYPASSES.values()), ids=list(BYPASSES))
async def test_a_bypass_in_the_code_itself_is_found(
    monkeypatch: pytest.MonkeyPatch, target: str, bypass: Any, direction: str
) -> None:
    monkeypatch.setattr(target, bypass)
    with pytest.raises(CoverageError) as caught:
        await prove_coverage()
    assert f", {direction}, " in caught.value.message


@pytest.mark.slow
async def test_refusing_everything_is_no_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.gateway.screening.PhraseScreen.scan", lambda *_: {"planted": 100})
    with pytest.raises(CoverageError, match="harmless twin"):
        await prove_coverage()


@pytest.mark.slow
async def test_an_upstream_body_that_is_changed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Router.ask

    async def changed(self: Any, targets: Any, wire: Any, request: Any, headers: Any) -> Any:
        forward = request.forward.replace(b"hello", b"hullo")
        return await ask(self, targets, wire, dataclasses.replace(request, forward=forward), headers)

    monkeypatch.setattr(Router, "ask", changed)
    with pytest.raises(CoverageError, match="goes on changed"):
        await prove_coverage()


_SERVE_BLIND = """
import sys
import caveat.gateway.wire.anthropic as wire
wire.tool_calls = lambda body: ()
from caveat.cli.main import main
upstream = ["--upstream", "http://127.0.0.1:9", "--port", "0"]
sys.argv = ["caveat", "serve", "--development", "--data", sys.argv[1], *upstream]
main()
"""


@pytest.mark.slow
def test_serve_says_in_one_line_what_is_undecided_and_exits_with_2(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _SERVE_BLIND, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    said_ = run.stderr.splitlines()
    assert any(
        "nothing is served: /v1/messages, answer, whole" in line
        for line in said_
        if line.startswith("caveat")
    )
    assert "Traceback" not in run.stderr


def test_planted_uses_leave_no_trace_where_operators_look(tmp_path: Path) -> None:
    log = io.BytesIO()
    service = open_service(config(tmp_path, log, CoverageProof()))
    try:
        asyncio.run(service.prove_coverage())
        assert service.ledger.size == 0
        assert b"planted" not in log.getvalue()
        assert "caveat_decisions_total{" not in service.metrics.render().decode()
    finally:
        service.close()


def test_each_plant_has_a_mark_of_its_own_in_what_is_refused() -> None:
    assert len({plant.mark for plant in PLANTS}) == len(PLANTS)
    for plant in PLANTS:
        wire = find_wire(plant.at)
        assert wire is not None
        planted = (
            plant.refused.body
            if plant.shape.direction is Direction.REQUEST
            else b"".join(plant.refused.answer.pieces)
        )
        if plant.what != "data":  # which stands in base64
            assert plant.mark.encode() in planted
