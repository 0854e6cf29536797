"""Ordinary work: what is drawn is permitted, who asks too much is found, and a run goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from caveat.assay.arms import parse_arm
from caveat.assay.attacks.ask import Ask
from caveat.assay.benign_sets import Prompt, read_prompts, sample
from caveat.assay.campaign import Campaign, Plan, staged_uses
from caveat.assay.casework import FEWEST, MOST, Casework, generate_casework, is_needed
from caveat.assay.generator import Pair
from caveat.assay.journal import Journal
from caveat.assay.measured import Measured, measure
from caveat.assay.oracle import label
from caveat.assay.oracle_extended import label_extended
from caveat.assay.runner import Unwatched
from caveat.assay.scenario import VerdictName
from caveat.assay.session import head_of
from caveat.assay.target import Fault, Reply
from caveat.assay.world import registry_of
from caveat.signing.canonical import canonical
from caveat.store.folder import read_folder
from tests.assay.test_campaign import BUNDLE, PLAN

ROOT = Path(__file__).parents[2]
REGISTRY = registry_of(read_folder(ROOT / "policies" / "government-analytics"))
WORK = generate_casework(REGISTRY, 3, 40)
PROMPTS = (Prompt("letters", "letters-1", "Write a letter."), Prompt("letters", "letters-2", "Thank them."))


class Office:
    """Allows what is permitted and proved. `asks`: facts that it wants proved of every request."""

    def __init__(self, asks: tuple[str, ...] = ("task",), otherwise: VerdictName | None = None) -> None:
        self.asks, self.otherwise = asks, otherwise
        self.asked = 0

    async def send(self, use: Pair, trial: str, ask: Ask) -> Reply:
        self.asked += 1
        missing = tuple(name for name in self.asks if name not in ask.signed)
        if trial == "work" and missing:
            return Reply("needs_evidence", needs=missing, milliseconds=9.0)
        verdict = self.otherwise or label(use.truth).result
        if trial.startswith("prompt-"):
            verdict = "deny" if "letter" in ask.text else "allow"
        return Reply(verdict, tools=(ask.emits,) if ask.emits else (), milliseconds=4.0)


async def played(
    path: Path, player: Office, work: Casework = WORK, arm: str = "whole", *, resume: bool = False
) -> Journal:
    plan = replace(PLAN, uses=PLAN.uses[:2], adversaries=("naive",), casework=work, prompts=PROMPTS)
    journal = Journal.begin(path, head_of(plan, [parse_arm(arm)], BUNDLE, None), resume=resume)
    try:
        await Campaign(plan, arm, player, journal, Unwatched()).run()
        journal.end()
    finally:
        journal.close()
    return journal


async def measured(path: Path, player: Office) -> Measured:
    return measure(await played(path, player))


def test_work_is_permitted_has_several_steps_and_uses_the_same_data_again() -> None:
    assert generate_casework(REGISTRY, 3, 50).pieces[:40] == WORK.pieces
    approvals = tools = 0
    for piece in WORK.pieces:
        assert FEWEST <= len(piece.steps) <= MOST
        data = {canonical({n: step.use.truth[n] for n in sorted(piece.standing)}) for step in piece.steps}
        assert len(data) == 1, "the data stay the same"
        for step in piece.steps:
            assert step.use.id == piece.id, "equal ids have equal data"
            assert label(step.use.truth).result == label_extended(step.use.truth).result == step.right
            approvals += step.right == "needs_approval"
            tools += bool(step.emits)
    assert approvals == 8
    assert tools > 10
    assert len({step.caller for piece in WORK.pieces for step in piece.steps}) > 2


def test_a_question_is_needed_only_while_its_answer_could_change_something() -> None:
    assert WORK.domains is not None
    step = next(step for piece in WORK.pieces for step in piece.steps if step.right == "allow")
    assert is_needed(step, [], WORK.domains)
    assert not is_needed(step, [*step.use.truth], WORK.domains)
    harmless = [name for name in step.use.truth if name not in {"consent_basis"}]
    assert not is_needed(step, harmless, WORK.domains)


async def test_who_asks_once_and_for_what_matters_asks_nothing_needless(tmp_path: Path) -> None:
    cost = (await measured(tmp_path / "run", Office(("task", "selection_criteria")))).costs["whole"]
    assert (cost.needless.count, cost.done.value) == (0, 1.0)
    assert cost.questions is not None
    assert cost.facts is not None
    assert cost.facts.value == 2
    assert cost.questions.value == pytest.approx(1 + 8 / 40), "once in each piece, and eight approvals"


async def test_who_asks_for_what_changes_nothing_is_found_to_over_ask(tmp_path: Path) -> None:
    proved = tuple(sorted({name for use in WORK.uses for name in use.truth}))
    cost = (await measured(tmp_path / "run", Office((*proved, "no_such_fact")))).costs["whole"]
    assert cost.needless.count == cost.needless.total == len(WORK.uses), "asked again for what is proved"
    assert cost.done.count == 0


async def test_approvals_that_no_clause_wants_are_over_asking_and_false_blocks(tmp_path: Path) -> None:
    cost = (await measured(tmp_path / "run", Office((), "needs_approval"))).costs["whole"]
    assert cost.needless.count == cost.needless.total - 8
    assert cost.blocked["casework"].count == len(WORK.uses) - 8


async def test_blocked_prompts_of_others_are_counted_by_set_and_named_by_id(tmp_path: Path) -> None:
    cost = (await measured(tmp_path / "run", Office())).costs["whole"]
    assert (cost.blocked["letters"].count, cost.blocked["letters"].total) == (1, 2)
    assert cost.blocked_ids == ("letters-1",)


async def test_without_a_verdict_a_request_of_work_is_unmeasured(tmp_path: Path) -> None:
    class Fails(Office):
        async def send(self, use: Pair, trial: str, ask: Ask) -> Reply:
            reply = await super().send(use, trial, ask)
            return Reply(None, Fault.FAILED) if self.asked % 7 == 0 else reply

    path = tmp_path / "run"
    cost = (await measured(path, Fails())).costs["whole"]
    assert 0 < cost.blocked["casework"].total < len(WORK.uses)
    assert 0 < cost.done.total < 40
    healed = measure(await played(path, Office(), resume=True)).costs["whole"]
    assert healed.done.total == 40


async def test_work_goes_on_where_it_stopped_to_the_same_digest(tmp_path: Path) -> None:
    player = Office(("task", "selection_criteria"))
    whole = await played(tmp_path / "whole", player)
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut").write_bytes(b"".join(lines[: len(lines) // 2]))
    again = Office(("task", "selection_criteria"))
    resumed = await played(tmp_path / "cut", again, resume=True)
    assert measure(resumed).digest == measure(whole).digest
    assert again.asked < player.asked * 0.6


def test_prompts_are_drawn_alike_for_equal_seeds_and_as_many_of_each_set() -> None:
    prompts = read_prompts(ROOT / "eval" / "data", [ROOT / "conformance" / "prompts" / "ordinary.jsonl"])
    drawn = sample(prompts, 20, 4)
    assert drawn == sample(prompts, 20, 4) != sample(prompts, 20, 5)
    assert {
        name: sum(one.set == name for one in drawn) for name in {one.set for one in drawn}
    } == dict.fromkeys(("xstest", "notinject", "cyberseceval_frr", "ordinary"), 20)


def test_everything_that_is_asked_has_a_place_in_the_world() -> None:
    plan = Plan(1, PLAN.uses, ("naive",), PLAN.families, PLAN.material, casework=WORK, prompts=PROMPTS)
    assert {use.id for use in staged_uses(plan)} == {
        *(use.id for use in PLAN.uses),
        *(piece.id for piece in WORK.pieces),
        "o1",
    }
