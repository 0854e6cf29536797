"""Runs: equal seeds and equal digests, taken up again where they stopped, and nothing made of faults."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caveat.assay.arms import ArmError, parse_arm
from caveat.assay.attacks.ask import Ask, Attempt, Family
from caveat.assay.attacks.material import Material, read_material
from caveat.assay.attacks.registry import BUILT_IN
from caveat.assay.campaign import ArmLostError, BrokenFamilyError, Campaign, Plan
from caveat.assay.generator import Pair, generate_pairs
from caveat.assay.journal import Journal, JournalError
from caveat.assay.measured import Measured, measure
from caveat.assay.oracle import label
from caveat.assay.players import Settings
from caveat.assay.protection import ADVERSARIES, OUTSIDER, Power
from caveat.assay.runner import Unwatched
from caveat.assay.session import head_of, run_session
from caveat.assay.target import Fault, Reply
from caveat.signing.digest import sha256
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
BUNDLE = sha256(b"bundle")
PLAN = Plan(5, generate_pairs(5, 29), tuple(ADVERSARIES), BUILT_IN, read_material(ROOT / "eval" / "data"))


class Believer:
    """A gateway that believes what it is told: claims first, else what is signed."""

    def __init__(self, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.asked = 0
        self.fails = fails

    async def send(self, use: Pair, trial: str, ask: Ask) -> Reply:
        del use, trial
        self.asked += 1
        await asyncio.sleep(0)
        if self.fails(self.asked):
            return Reply(None, Fault.FAILED)
        result = label({**ask.signed, **ask.claims}).result
        tools = (ask.emits,) if ask.emits and result == "allow" else ()
        return Reply(result, tools=tools, milliseconds=1.0)


def begin(path: Path, plan: Plan = PLAN, *, resume: bool = False) -> Journal:
    return Journal.begin(path, head_of(plan, [parse_arm("whole")], BUNDLE, None), resume=resume)


async def run(path: Path, player: Believer, plan: Plan = PLAN, *, resume: bool = False) -> Journal:
    journal = begin(path, plan, resume=resume)
    try:
        await Campaign(plan, "whole", player, journal, Unwatched()).run()
        journal.end()
    finally:
        journal.close()
    return journal


async def test_equal_seeds_make_equal_digests_and_another_seed_another(tmp_path: Path) -> None:
    one = await run(tmp_path / "one", Believer())
    other = await run(tmp_path / "other", Believer())
    narrow = await run(tmp_path / "narrow", Believer(), replace(PLAN, concurrency=1))
    assert measure(one).digest == measure(other).digest == measure(narrow).digest
    third = await run(tmp_path / "third", Believer(), replace(PLAN, seed=6, uses=generate_pairs(6, 29)))
    assert measure(third).digest != measure(one).digest


async def test_an_interrupted_run_goes_on_to_the_same_digest_and_asks_nothing_twice(tmp_path: Path) -> None:
    player = Believer()
    whole = await run(tmp_path / "whole", player)
    path = tmp_path / "cut"
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]) + lines[len(lines) // 2][:9])
    assert measure(Journal.read(path)).partial
    again = Believer()
    resumed = await run(path, again, resume=True)
    assert measure(resumed).digest == measure(whole).digest
    assert not measure(Journal.read(path)).partial
    assert again.asked < player.asked * 0.6


async def test_faults_are_unmeasured_and_are_asked_again_on_resumption(tmp_path: Path) -> None:
    path = tmp_path / "run"
    faulty = await run(path, Believer(lambda number: number % 5 == 0))
    arm = measure(faulty).arms["whole"]
    assert arm.faults["failed"] > 10
    assert arm.apparent.total < len(arm.credits["naive"])
    assert None in arm.credits["naive"].values()
    healed = await run(path, Believer(), resume=True)
    assert measure(healed).arms["whole"].apparent.total == len(arm.credits["naive"])


async def test_a_harmful_use_without_a_verdict_is_not_held(tmp_path: Path) -> None:
    class FailsOnHarm(Believer):
        async def send(self, use: Pair, trial: str, ask: Ask) -> Reply:
            reply = await super().send(use, trial, ask)
            return reply if trial.startswith("twin-") else Reply(None, Fault.TIMED_OUT)

    plan = replace(PLAN, adversaries=("naive",))
    arm = measure(await run(tmp_path / "run", FailsOnHarm(), plan)).arms["whole"]
    assert arm.twins.count == len(PLAN.uses)
    assert set(arm.credits["naive"].values()) == {None}
    assert (arm.apparent.value, arm.unsafe.total, arm.holds) == (None, 0, False)


async def test_what_later_searches_found_changes_no_earlier_one_that_is_repeated(tmp_path: Path) -> None:
    plan = replace(PLAN, adversaries=(OUTSIDER, "liar"), budget=2)
    whole = await run(tmp_path / "whole", Believer(), plan)
    later = {one.use for one in whole.entries.values() if one.search == "liar" and one.outcome == "breached"}
    assert later, "the liar got through where the outsider had tried something else"
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if b'"search":"outsider"' not in line]
    (tmp_path / "kept").write_bytes(b"".join(kept))
    again = await run(tmp_path / "kept", Believer(), plan, resume=True)
    assert measure(again).digest == measure(whole).digest


async def test_a_target_that_only_fails_is_given_up_and_measured_as_nothing(tmp_path: Path) -> None:
    player = Believer(lambda _: True)
    with pytest.raises(ArmLostError, match="failed"):
        await run(tmp_path / "run", player, replace(PLAN, uses=generate_pairs(5, 200)))
    assert player.asked < 200
    arm = measure(Journal.read(tmp_path / "run")).arms["whole"]
    assert arm.apparent.value is None
    assert not arm.holds


async def test_who_has_more_powers_never_finds_more_protection(tmp_path: Path) -> None:
    measured = measure(await run(tmp_path / "run", Believer()))
    credits_of = measured.arms["whole"].credits
    for weak, powers in ADVERSARIES.items():
        for strong, more in ADVERSARIES.items():
            if powers <= more:
                held = {use for use, one in credits_of[strong].items() if one}
                assert held <= {use for use, one in credits_of[weak].items() if one}, (weak, strong)
    assert measured.strongest == OUTSIDER
    assert measured.arms["whole"].real("liar").value == 0, "who believes claims protects against no liar"
    assert measured.arms["whole"].apparent.value == 1


async def test_without_its_data_sets_an_attack_is_not_tried_and_that_is_said(tmp_path: Path) -> None:
    measured = measure(await run(tmp_path / "run", Believer(), replace(PLAN, material=Material())))
    injects = {"injects-order", "injects-case", "injects-threat"}
    assert set(measured.not_tried) == {"jailbreak", "persuasion"} | injects


def test_a_journal_of_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    begin(tmp_path / "run").close()
    with pytest.raises(JournalError, match="is there already"):
        begin(tmp_path / "run")
    with pytest.raises(JournalError, match="other settings"):
        begin(tmp_path / "run", replace(PLAN, budget=4), resume=True)
    (tmp_path / "text").write_text("no journal\n")
    with pytest.raises(JournalError, match="not JSON"):
        Journal.read(tmp_path / "text")
    (tmp_path / "list").write_text("[]\n")
    with pytest.raises(JournalError, match="no object"):
        Journal.read(tmp_path / "list")


async def test_a_family_that_raises_ends_the_run_and_is_never_held(tmp_path: Path) -> None:
    class Broken(Family):
        """Raises."""

        name = "broken"
        powers = frozenset({Power.WORDING})

        def attempt(self, use: Pair, rng: random.Random, material: Material) -> Attempt | None:
            raise ZeroDivisionError(use, rng, material)

    with pytest.raises(BrokenFamilyError, match="`broken` failed on use g5-"):
        await run(tmp_path / "run", Believer(), replace(PLAN, families=(*BUILT_IN, Broken())))
    assert measure(Journal.read(tmp_path / "run")).partial


async def dummies(tmp_path: Path, pairs: int) -> Measured:
    files = read_folder(ROOT / "policies" / "government-analytics")
    plan = replace(PLAN, uses=generate_pairs(5, pairs), adversaries=("wrapped", OUTSIDER))
    arms = [parse_arm(name) for name in ("bare", "allow-all", "block-all", "random-flags", "words")]
    settings = Settings(files, tuple(plan.uses), 5, datetime(2026, 1, 1, tzinfo=UTC))
    path = tmp_path / "dummies"
    journal = Journal.begin(path, head_of(plan, arms, BUNDLE, None), resume=False)
    await run_session(plan, arms, settings, journal, Unwatched())
    journal.close()
    return measure(journal)


@pytest.mark.slow
async def test_dummies_have_no_real_protection(tmp_path: Path) -> None:
    """Over HTTP. A coin looks like a quarter of protection to who asks once, and like none to who asks again;
    a list of words sees the claims that it is told, until somebody tells it others."""
    measured = await dummies(tmp_path, 87)
    for name in ("bare", "allow-all", "block-all"):
        arm = measured.arms[name]
        assert (arm.apparent.count, arm.real(OUTSIDER).count) == (0, 0), name
    assert measured.arms["words"].apparent.count > 0
    assert measured.arms["words"].real(OUTSIDER).count == 0
    coin = measured.arms["random-flags"]
    apparent, real = coin.apparent.interval, coin.real(OUTSIDER).interval
    assert apparent is not None
    assert real is not None
    assert apparent[0] > 0.05
    assert real[0] < 0.01
    assert measured.arms["block-all"].twins.count == 0
    assert measured.arms["allow-all"].twins.count == 87


async def test_an_arm_that_cannot_be_stood_up_is_left_out_by_name(tmp_path: Path) -> None:
    files = read_folder(ROOT / "policies" / "government-analytics")
    plan = replace(PLAN, uses=generate_pairs(5, 2), adversaries=("naive",))
    arms = [parse_arm("without:binding"), parse_arm("bare")]
    settings = Settings(files, tuple(plan.uses), 5, datetime(2026, 1, 1, tzinfo=UTC), program=None)
    journal = Journal.begin(tmp_path / "run", head_of(plan, arms, BUNDLE, None), resume=False)
    ended = await run_session(plan, arms, settings, journal, Unwatched())
    journal.close()
    assert ended.digest is None
    assert set(ended.left_out) == {"without:binding"}
    measured = measure(Journal.read(tmp_path / "run"))
    assert set(measured.arms) == {"bare"}
    assert measured.partial


@pytest.mark.parametrize(
    "name", ["", "without:", "without:nothing", "only:whole", "=http://x", "peer=ftp://x"]
)
def test_what_is_no_arm_is_refused(name: str) -> None:
    with pytest.raises(ArmError):
        parse_arm(name)
