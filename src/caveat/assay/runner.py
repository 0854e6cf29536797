"""Runs a scenario file through an arm: a real gateway over HTTP, or what stands in its place.

The runner is given `Visible` alone, so what only the score may read cannot reach the bytes that are sent.
Each scenario has a deployment, a data part and a lineage root of its own: nothing adds up across them.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import aiohttp

from caveat.assay.client import Answer, Keys, Sent, ask, chat, requests
from caveat.assay.errors import RunError
from caveat.assay.mint import Mint, Stage, issuing_role, stage
from caveat.assay.process import gateway
from caveat.assay.scenario import Defect, Visible
from caveat.assay.upstream import scripted_upstream
from caveat.assay.words import REFUSE_AT, words_score
from caveat.assay.world import Table, World, believe_claims, make_world, registry_of
from caveat.facts.registry import FactSpec

CONCURRENCY = 8
_TIMEOUT = aiohttp.ClientTimeout(total=120)


class Arm(StrEnum):
    """What stands between the scenarios and the model."""

    WHOLE = "whole"
    BARE = "bare"
    PLACEBO = "placebo"
    CLAIMS_BELIEVED = "claims-believed"
    TEXT_ONLY = "text-only"


GATED = frozenset({Arm.WHOLE, Arm.PLACEBO, Arm.CLAIMS_BELIEVED})
"""The arms in which a gateway runs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run is made. `constant_text` stands in for the text of every request; `upstream` for our own."""

    files: Mapping[str, bytes]
    now: datetime
    seed: int = 0
    upstream: str | None = None
    constant_text: str | None = None


@dataclass(frozen=True, slots=True)
class ArmRun:
    """What an arm answered, in the order of the scenarios; `needed`: see `score`."""

    arm: Arm
    answers: tuple[Answer, ...]
    needed: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """The world of a gated arm: every scenario on its stage, and who can attest what there."""

    world: World
    mint: Mint
    stages: tuple[Stage, ...]

    def keys(self, own: Stage) -> Keys:
        """The API keys that this stage has."""
        return Keys(self.world.api_keys[own.deployment], self.world.api_keys.get(own.earlier, ""))

    def sent(self, visible: Visible, text: str) -> tuple[Sent, ...]:
        """What this scenario sends; every second one uploads its genuine evidence ahead."""
        own = self.stages[visible.index]
        return requests(
            visible,
            self.mint.issue(visible, own),
            text,
            self.keys(own),
            upload=visible.index % 2 == 1,
        )


def set_up(arm: Arm, scenarios: Sequence[Visible], settings: Settings) -> Staged:
    """The world of the arm. Equal scenarios, settings and bundle give equal bytes."""
    files = believe_claims(settings.files) if arm is Arm.CLAIMS_BELIEVED else settings.files
    registry = registry_of(files)
    stages = tuple(stage(visible, registry, f"scenario-{visible.index:05d}") for visible in scenarios)
    mode = "observe" if arm is Arm.PLACEBO else "enforce"
    world = make_world(
        files,
        seeded(f"{settings.seed}/{arm.value}"),
        deployments={
            name: table
            for own, visible in zip(stages, scenarios, strict=True)
            for name, table in _deployments(own, visible, mode).items()
        },
        own_roles={
            own.deployment: roles
            for own, visible in zip(stages, scenarios, strict=True)
            if (roles := _self_attested(visible, registry))
        },
    )
    return Staged(world, Mint(world, registry, settings.seed, settings.now), stages)


async def run_arm(
    arm: Arm, scenarios: Sequence[Visible], settings: Settings, advance: Callable[[], None]
) -> ArmRun:
    """Every scenario once through `arm`; `advance` is called as each is done. Raises `RunError`."""
    texts = [settings.constant_text or visible.text for visible in scenarios]
    if arm is Arm.TEXT_ONLY:
        for _ in texts:
            advance()
        return ArmRun(arm, tuple(_judged_by_words(text) for text in texts))
    staged = set_up(arm if arm in GATED else Arm.WHOLE, scenarios, settings)
    async with _upstream(settings) as upstream, aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        if arm not in GATED:
            bare = [
                (Sent(_bare_body(staged, visible, text), {"content-type": "application/json"}),)
                for visible, text in zip(scenarios, texts, strict=True)
            ]
            return ArmRun(arm, await _ask_all(session, upstream, bare, advance, gated=False))
        async with gateway(staged.world.files, upstream) as url:
            sent = [staged.sent(visible, text) for visible, text in zip(scenarios, texts, strict=True)]
            answers = await _ask_all(session, url, sent, advance, gated=True)
            if arm is not Arm.WHOLE:
                return ArmRun(arm, answers)
            permitted = [
                (visible, text)
                for visible, text, answer in zip(scenarios, texts, answers, strict=True)
                if answer.verdict == "allow"
            ]
            return ArmRun(arm, answers, await _needed(session, url, staged, permitted))


def seeded(seed: str) -> Callable[[], bytes]:
    """32 bytes at each call, the same sequence for the same seed: for development worlds alone."""
    count = 0

    def draw() -> bytes:
        nonlocal count
        count += 1
        return hashlib.sha256(f"caveat assay {seed} {count}".encode()).digest()

    return draw


def _deployments(own: Stage, visible: Visible, mode: str) -> Mapping[str, Table]:
    """The deployment of a scenario, and where something is replayed also the one that releases it before."""
    tables = {own.deployment: _deployment(own, mode)}
    if any(defect is Defect.REPLAYED for _, defect in visible.defective):
        tables[own.earlier] = _deployment(own, "observe")
    return tables


def _deployment(own: Stage, mode: str) -> Table:
    return {
        "kind": "pipeline",
        "operator": "assay",
        "owner_group": own.deployment,
        "mode": mode,
        "observers": sorted(own.observers),
    }


def _self_attested(visible: Visible, registry: Mapping[str, FactSpec]) -> tuple[str, ...]:
    return tuple(
        sorted(
            {
                issuing_role(registry[fact])
                for fact, defect in visible.defective
                if defect is Defect.SELF_ATTESTED
            }
        )
    )


def _judged_by_words(text: str) -> Answer:
    return Answer("deny" if words_score(text) >= REFUSE_AT else "allow")


def _bare_body(staged: Staged, visible: Visible, text: str) -> bytes:
    minted = staged.mint.issue(visible, staged.stages[visible.index])
    return chat(visible, minted, text, extended=False)


@asynccontextmanager
async def _upstream(settings: Settings) -> AsyncGenerator[str]:
    if settings.upstream is not None:
        yield settings.upstream.rstrip("/").removesuffix("/v1")
        return
    async with scripted_upstream() as url:
        yield url


async def _ask_all(
    session: aiohttp.ClientSession,
    url: str,
    sent: Sequence[tuple[Sent, ...]],
    advance: Callable[[], None],
    *,
    gated: bool,
) -> tuple[Answer, ...]:
    """The answer to the last request of each scenario, a few scenarios at a time."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(number: int, series: tuple[Sent, ...]) -> Answer:
        async with slots:
            try:
                answer = await _ask_in_turn(session, url, series, gated=gated)
            except RunError as error:
                where = f"scenario {number + 1} of the file"
                raise RunError(tuple(f"{where}: {finding}" for finding in error.findings)) from error
            advance()
            return answer

    return await _all_or_error(one(number, series) for number, series in enumerate(sent))


async def _ask_in_turn(
    session: aiohttp.ClientSession, url: str, series: Sequence[Sent], *, gated: bool
) -> Answer:
    """The answer to the last request; those before it must have been released."""
    for earlier in series[:-1]:
        if (await ask(session, url, earlier, gated=gated)).verdict != "allow":
            raise RunError(("an earlier request was not released, so nothing was used up",))
    return await ask(session, url, series[-1], gated=gated)


async def _needed(
    session: aiohttp.ClientSession, url: str, staged: Staged, permitted: Sequence[tuple[Visible, str]]
) -> tuple[int, ...]:
    """For each permitted use, how many of its attested facts it cannot do without, found by leaving out.

    Facts are dropped one by one, each time on fresh data; what may go stays away. What is left permits, and
    nothing of it may go.
    """
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(visible: Visible, text: str) -> int:
        async with slots:
            kept = dict(visible.genuine)
            for name in visible.genuine:
                fewer = {other: value for other, value in kept.items() if other != name}
                trial = replace(visible, genuine=fewer, defective=())
                own = staged.stages[visible.index]
                minted = staged.mint.issue(trial, own, trial=f"without {name}")
                (request,) = requests(trial, minted, text, staged.keys(own), upload=False)
                if (await ask(session, url, request)).verdict == "allow":
                    kept = fewer
            return len(kept)

    return await _all_or_error(one(visible, text) for visible, text in permitted)


_T = TypeVar("_T")


async def _all_or_error(work: Iterable[Coroutine[None, None, _T]]) -> tuple[_T, ...]:
    """Every result in order; the first `RunError` ends the rest and is raised by itself."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(item) for item in work]
    except* RunError as errors:
        raise errors.exceptions[0] from errors
    return tuple(task.result() for task in tasks)
