"""Runs a scenario file through an arm: a real gateway over HTTP, or what stands in its place.

The runner is given `Visible` alone, so what only the score may read cannot reach the bytes that are sent.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import aiohttp

from caveat.assay.client import Answer, Sent, ask, chat, requests
from caveat.assay.errors import RunError
from caveat.assay.process import gateway
from caveat.assay.scenario import Visible
from caveat.assay.staging import GATED, Arm, Settings, Staged, set_up
from caveat.assay.upstream import scripted_upstream
from caveat.assay.words import REFUSE_AT, words_score

CONCURRENCY = 8
_TIMEOUT = aiohttp.ClientTimeout(total=120)


class Meter(Protocol):
    """Whoever watches a run: how much there is to do, and that one more thing is done."""

    def expect(self, more: int) -> None:
        """So much is to be done beside what was expected before."""
        ...

    def advance(self) -> None:
        """One thing is done."""
        ...


class Unwatched:
    """Nobody watches."""

    def expect(self, more: int) -> None:
        """Nothing."""

    def advance(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class ArmRun:
    """What an arm answered, in the order of the scenarios; `needed`: see `score`."""

    arm: Arm
    answers: tuple[Answer, ...]
    needed: tuple[int, ...] | None = None


async def run_arm(arm: Arm, scenarios: Sequence[Visible], settings: Settings, meter: Meter) -> ArmRun:
    """Every scenario once through `arm`; `meter` is told as each is done. Raises `RunError`."""
    texts = [settings.constant_text or visible.text for visible in scenarios]
    meter.expect(len(texts))
    if arm is Arm.TEXT_ONLY:
        for _ in texts:
            meter.advance()
        return ArmRun(arm, tuple(_judged_by_words(text) for text in texts))
    staged = set_up(arm if arm in GATED else Arm.WHOLE, scenarios, settings)
    async with _upstream(settings) as upstream, aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        if arm not in GATED:
            bare = [
                (Sent(_bare_body(staged, visible, text), {"content-type": "application/json"}),)
                for visible, text in zip(scenarios, texts, strict=True)
            ]
            return ArmRun(arm, await _ask_all(session, upstream, bare, meter, gated=False))
        async with gateway(staged.world.files, upstream) as url:
            sent = [staged.sent(visible, text) for visible, text in zip(scenarios, texts, strict=True)]
            answers = await _ask_all(session, url, sent, meter, gated=True)
            if arm is not Arm.WHOLE:
                return ArmRun(arm, answers)
            permitted = [
                (visible, text)
                for visible, text, answer in zip(scenarios, texts, answers, strict=True)
                if answer.verdict == "allow"
            ]
            return ArmRun(arm, answers, await _needed(session, url, staged, permitted, meter))


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
    meter: Meter,
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
            meter.advance()
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
    session: aiohttp.ClientSession,
    url: str,
    staged: Staged,
    permitted: Sequence[tuple[Visible, str]],
    meter: Meter,
) -> tuple[int, ...]:
    """For each permitted use, how many of its attested facts it cannot do without, found by leaving out.

    Facts are dropped one by one, each time on fresh data; what may go stays away. What is left permits, and
    nothing of it may go.
    """
    meter.expect(len(permitted))
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
            meter.advance()
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
