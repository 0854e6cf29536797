"""Benign prompts of others through the gateway: how many are blocked, or asked for proof, without need.

The prompts are ordinary words without data, evidence or claims; what is blocked among them is a false block.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import aiohttp
import orjson

from caveat.assay.benign_sets import BenignError, Prompt
from caveat.assay.process import gateway
from caveat.assay.runner import Meter
from caveat.assay.scenario import VerdictName
from caveat.assay.staging import seeded
from caveat.assay.target import Reply, Target
from caveat.assay.upstream import scripted_upstream
from caveat.assay.world import make_world
from caveat.facts.value import render_value
from caveat.facts.wilson import Share
from caveat.policy.bundle import BundleError, parse_bundle

CONCURRENCY = 8
_TIMEOUT = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class SetMeasured:
    """What became of one set. `blocked`: ids of prompts with another verdict than allow; faults count for
    nothing."""

    passed: Share
    verdicts: Mapping[VerdictName, int]
    blocked: tuple[str, ...]
    faults: Mapping[str, int]
    median_milliseconds: float | None


async def measure_benign(
    files: Mapping[str, bytes], prompts: Sequence[Prompt], deployment: str, seed: int, meter: Meter
) -> Mapping[str, SetMeasured]:
    """Every prompt once from `deployment`, which enforces. Raises `BenignError` and `RunError`."""
    try:
        known = parse_bundle(files).deployments
    except BundleError as error:
        raise BenignError(error.findings) from error
    if deployment not in known:
        raise BenignError(
            (f"the bundle has no deployment `{deployment}`",), f"it has {', '.join(sorted(known)) or 'none'}"
        )
    own = known[deployment]
    table: dict[str, object] = {
        "kind": own.kind,
        "operator": own.operator,
        "owner_group": own.owner_group,
        "mode": "enforce",
        "observers": sorted(own.observers),
        "facts": {name: render_value(value) for name, value in own.facts.items()},
    }
    world = make_world(files, seeded(f"{seed}/benign"), deployments={deployment: table})
    meter.expect(len(prompts))
    async with (
        scripted_upstream() as upstream,
        aiohttp.ClientSession(timeout=_TIMEOUT) as session,
        gateway(world.files, upstream) as url,
    ):
        player = _Player(session, Target(url, gated=True), world.api_keys[deployment], meter)
        replies = await asyncio.gather(*(player.ask(prompt) for prompt in prompts))
    names = dict.fromkeys(prompt.set for prompt in prompts)
    return {
        name: _measured([pair for pair in zip(prompts, replies, strict=True) if pair[0].set == name])
        for name in names
    }


class _Player:
    """Asks a few prompts at a time."""

    def __init__(self, session: aiohttp.ClientSession, target: Target, key: str, meter: Meter) -> None:
        self._session, self._target, self._meter = session, target, meter
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def ask(self, prompt: Prompt) -> Reply:
        """One prompt as a person would type it."""
        body = orjson.dumps({"model": "assay", "messages": [{"role": "user", "content": prompt.text}]})
        async with self._slots:
            reply = await self._target.ask(self._session, body, self._headers)
        self._meter.advance()
        return reply


def _measured(pairs: Sequence[tuple[Prompt, Reply]]) -> SetMeasured:
    answered = [(prompt, reply) for prompt, reply in pairs if reply.verdict is not None]
    verdicts: dict[VerdictName, int] = {}
    faults: dict[str, int] = {}
    for _, reply in pairs:
        if reply.verdict is not None:
            verdicts[reply.verdict] = verdicts.get(reply.verdict, 0) + 1
        elif reply.fault is not None:
            faults[reply.fault.value] = faults.get(reply.fault.value, 0) + 1
    times = [reply.milliseconds for _, reply in answered]
    return SetMeasured(
        passed=Share(verdicts.get("allow", 0), len(answered)),
        verdicts=verdicts,
        blocked=tuple(prompt.id for prompt, reply in answered if reply.verdict != "allow"),
        faults=faults,
        median_milliseconds=round(median(times), 2) if times else None,
    )
