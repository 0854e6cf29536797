"""Evidence belongs to the data, the deployment and the request that it was made for, and opens no other."""

import random
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import aiohttp
import pytest

from caveat.assay.client import Sent, ask, chat, evidence_header
from caveat.assay.process import gateway
from caveat.assay.scenario import parse_scenarios
from caveat.assay.staging import Arm, Settings, set_up
from caveat.assay.upstream import scripted_upstream
from caveat.assay.world import registry_of
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
OPENED = {"allow", "needs_approval"}


async def opened_by_swapping(pairs: list[tuple[int, int]] | None) -> tuple[int, list[tuple[int, int, str]]]:
    """How many swaps were played, and those in which one scenario's evidence opened another."""
    files = read_folder(ROOT / "policies" / "government-analytics")
    dev = (ROOT / "conformance" / "scenarios" / "dev.jsonl").read_bytes()
    scenarios = [each.visible for each in parse_scenarios(dev, registry_of(files))]
    staged = set_up(Arm.WHOLE, scenarios, Settings(files, datetime.now(UTC).replace(microsecond=0)))
    minted = [staged.mint.issue(each, own) for each, own in zip(scenarios, staged.stages, strict=True)]
    played = pairs if pairs is not None else list(permutations(range(len(scenarios)), 2))
    opened: list[tuple[int, int, str]] = []
    async with (
        scripted_upstream() as upstream,
        gateway(staged.world.files, upstream) as url,
        aiohttp.ClientSession() as session,
    ):
        for own, other in played:
            body = chat(scenarios[own], minted[own], scenarios[own].text)
            headers = {
                "authorization": f"Bearer {staged.keys(staged.stages[own]).own}",
                "x-caveat-evidence": evidence_header(minted[other].genuine),
            }
            if not minted[other].genuine:
                del headers["x-caveat-evidence"]
            answer = await ask(session, url, Sent(body, headers))
            if answer.verdict in OPENED:
                opened.append((own, other, answer.verdict))
    return len(played), opened


@pytest.mark.slow
async def test_evidence_of_another_scenario_opens_nothing() -> None:
    pairs = random.Random(3).sample(list(permutations(range(40), 2)), 150)
    assert await opened_by_swapping(pairs) == (150, [])


@pytest.mark.long
async def test_no_swap_between_any_two_scenarios_opens_anything() -> None:
    assert await opened_by_swapping(None) == (1560, [])
