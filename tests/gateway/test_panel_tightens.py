"""Whatever a panel says only tightens; one that finds nothing changes no verdict of a real gateway."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from caveat.assay.runner import Unwatched, _ask_all
from caveat.assay.scenario import parse_scenarios
from caveat.assay.staging import Arm, Settings, set_up
from caveat.assay.world import registry_of
from caveat.decision.decide import decide_use
from caveat.decision.verdict import Decision, Reason
from caveat.gateway.screening import with_scores, without_scores
from caveat.screens.panel import Gives, Panel, Seat
from caveat.screens.protocol import Calibration, RawScores
from caveat.store.folder import read_folder
from tests.decision.uses import Situation, situation
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import Reply, scripted_upstream

ROOT = Path(__file__).parents[2]
DEV = (ROOT / "conformance" / "scenarios" / "dev.jsonl").read_bytes()
SCORE = "score"
LEAST, GREATEST = 0, 3
"""The range of the estimated fact that generated bundles have."""
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class Says:
    """A screen that says this, or raises."""

    said: object
    name: str = "says"
    digest: str = "d" * 64
    max_chars: int = 100
    heads: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"x": (0.0, 1.0)})

    def score(self, text: str) -> RawScores:
        if self.said is None:
            raise RuntimeError(text)
        return {"x": self.said}  # type: ignore[dict-item]  # what lies about its type is among what is tried


RISING = Calibration(((0.0, LEAST), (1.0, GREATEST)), "nothing")


def has_a_score(seed: int) -> bool:
    return SCORE in situation(seed).bundle.registry.facts


seeds = st.integers(0, 1499).filter(has_a_score)
raws = st.one_of(
    st.floats(0, 1), st.sampled_from([None, math.nan, math.inf, -1.0, 2.0, "0.1", True]), st.just(0.0)
)
curves = st.lists(st.integers(LEAST, GREATEST), min_size=2, max_size=4).map(
    lambda scores: Calibration(
        tuple((at / (len(scores) - 1), score) for at, score in enumerate(sorted(scores))), "nothing"
    )
)
seats = st.builds(
    lambda raw, curve, unavailable, at: Seat(
        f"s{at}", (Gives(SCORE, "x", 0.0, 1.0, curve, unavailable),), 1.0, local=Says(raw)
    ),
    raws,
    curves,
    st.integers(LEAST + 1, GREATEST),
    st.integers(0, 9),
)
panels = st.lists(seats, min_size=1, max_size=4).map(tuple)


def decided(there: Situation, panel: Panel) -> Decision:
    """The decision on what this panel says of some content."""
    cases = with_scores(without_scores((there.facts,)), there.bundle, panel.read_now("content"))
    decision = decide_use(there.bundle.policy, there.point, cases)
    assume(decision.reason is not Reason.CONFLICT)  # permits and forbids that contradict each other
    return decision


@pytest.mark.slow
@settings(deadline=None)
@given(seeds, panels, seats)
def test_a_further_screen_of_whatever_kind_never_loosens_under_any_bundle(
    seed: int, panel: tuple[Seat, ...], further: Seat
) -> None:
    there = situation(seed)
    before = decided(there, Panel(panel))
    after = decided(there, Panel((*panel, further)))
    assert after.verdict.strictness >= before.verdict.strictness


@pytest.mark.slow
@settings(deadline=None)
@given(seeds, panels)
def test_no_panel_is_looser_than_one_that_finds_nothing(seed: int, panel: tuple[Seat, ...]) -> None:
    there = situation(seed)
    clean = Seat("c", (Gives(SCORE, "x", 0.0, 1.0, Calibration(((0, 0), (1, 3)), "n"), 3),), 1.0)
    nothing = decided(there, Panel((replace(clean, local=Says(0.0)),)))
    assert decided(there, Panel(panel)).verdict.strictness >= nothing.verdict.strictness


@pytest.mark.slow
@settings(deadline=None)
@given(seeds, panels, st.integers(0, 3))
def test_a_screen_that_fails_is_never_looser_than_one_that_finds_nothing(
    seed: int, panel: tuple[Seat, ...], at: int
) -> None:
    there = situation(seed)
    at %= len(panel)
    one = replace(panel[at], gives=(replace(panel[at].gives[0], calibration=RISING),))
    clean, failed = replace(one, local=Says(0.0)), replace(one, local=None)
    rest = (*panel[:at], *panel[at + 1 :])
    before, after = decided(there, Panel((*rest, clean))), decided(there, Panel((*rest, failed)))
    assert after.verdict.strictness >= before.verdict.strictness


@pytest.mark.slow
def test_generated_bundles_and_random_panels_reach_what_a_score_changes() -> None:
    rng = random.Random(1)
    changed = 0
    for seed in [seed for seed in rng.sample(range(1500), 200) if has_a_score(seed)]:
        there = situation(seed)
        low, high = (
            decide_use(
                there.bundle.policy,
                there.point,
                with_scores(
                    without_scores((there.facts,)),
                    there.bundle,
                    Panel(
                        (Seat("s", (Gives(SCORE, "x", 0.0, 1.0, RISING, 3),), 1.0, local=Says(raw)),)
                    ).read_now("content"),
                ),
            )
            for raw in (0.0, 1.0)
        )
        changed += low.verdict is not high.verdict
    assert changed >= 3


FACT = b"""
[facts.of_the_guard]
type = "long"
grade = "estimated"
hi = 1000
severest = 1000
about = "use"
amend = "provider & customer"
text = "What a guard over a network says."
"""
CLAUSE = b"""
@id("P99") @text("Nothing that the guard notices.") @authority("contract") @amend("provider & customer")
forbid (principal, action, resource) when { context.of_the_guard >= 1 };
"""
SCREEN = b"""
[screens.guard]
kind = "http"
text = "Answers clean to everything."
[screens.guard.gives.of_the_guard]
head = "risk"
unavailable = 1000
calibration = [[0, 0], [1000, 1000]]
calibrated_on = "nothing"
"""


def with_a_guard(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The bundle with one more screen, its fact and a clause that binds wherever it finds anything."""
    return {
        **files,
        "facts.toml": files["facts.toml"] + FACT,
        "screens.toml": files["screens.toml"] + SCREEN,
        "clauses/P99-guard.cedar": CLAUSE,
    }


async def verdicts(folder: Path, files: Mapping[str, bytes], upstream: str) -> list[str]:
    """What a gateway answers to each scenario, with its evidence, over HTTP."""
    scenarios = [one.visible for one in parse_scenarios(DEV, registry_of(files))]
    staged = set_up(Arm.WHOLE, scenarios, Settings(files, NOW))
    sent = [staged.sent(one, one.text) for one in scenarios]
    with running_gateway(folder, upstream, dict(staged.world.files), clock=lambda: NOW) as gateway:
        async with aiohttp.ClientSession() as session:
            answers = await _ask_all(session, gateway.url, sent, Unwatched(), gated=True)
    return [answer.verdict for answer in answers]


@pytest.mark.slow
async def test_a_guard_that_answers_clean_to_everything_changes_no_verdict_of_the_scenarios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = read_folder(ROOT / "policies" / "government-analytics")
    with (
        scripted_upstream() as upstream,
        scripted_upstream(lambda _: Reply(body=b'{"risk": 0}')) as clean,
        scripted_upstream(lambda _: Reply(body=b'{"risk": 1000}')) as alarmed,
    ):
        before = await verdicts(tmp_path / "before", plain, upstream.url)
        monkeypatch.setenv("CAVEAT_SCREEN_GUARD_URL", f"{clean.url}/score")
        after = await verdicts(tmp_path / "after", with_a_guard(plain), upstream.url)
        monkeypatch.setenv("CAVEAT_SCREEN_GUARD_URL", f"{alarmed.url}/score")
        refused = await verdicts(tmp_path / "refused", with_a_guard(plain), upstream.url)
        asked = len(clean.seen)
    assert after == before
    assert len(set(before)) >= 3
    assert asked >= 40
    assert set(refused) == {"deny"}
