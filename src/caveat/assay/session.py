"""A whole run: which arms, in which order, what is written down of each, and when it came to its end.

An arm that cannot be stood up or that is lost on the way is left out by name, never counted; the others
go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caveat.assay.arms import Arm, ArmError, parse_arm
from caveat.assay.attacks.ask import Family
from caveat.assay.benign_sets import SETS
from caveat.assay.campaign import ArmLostError, Campaign, Plan
from caveat.assay.errors import RunError
from caveat.assay.journal import Journal
from caveat.assay.outside import Suite, ask_outside
from caveat.assay.players import PlainPlayer, Settings, stand_up
from caveat.assay.protection import ADVERSARIES
from caveat.assay.runner import Meter
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `digest`: over all verdicts and outcomes; None where some arm was left out."""

    digest: str | None
    left_out: Mapping[str, str]


def head_of(
    plan: Plan,
    arms: Sequence[Arm],
    bundle: Digest,
    model: str | None,
    outside: Suite | None = None,
    unused: Mapping[str, str] | None = None,
    *,
    local: bool = False,
) -> JsonObject:
    """What tells two runs apart, and what a report needs to know of one. No address stands in it.

    `model`: the name of a real one. `outside`: the requests of others that are sent beside. `unused`: layers
    that the policy has nothing for, and why. `local`: the model is the small local one.
    """
    suite = outside or Suite()
    families: JsonObject = {family.name: _family(family, plan) for family in plan.families}
    uses: list[Json] = [[use.id, use.clause, use.right] for use in plan.uses]
    return {
        "seed": plan.seed,
        "budget": plan.budget,
        "bundle": bundle,
        "upstream": "scripted" if model is None else "local" if local else "given",
        "model": model or "scripted",
        "outside": {
            "sets": {name: len(prompts) for name, prompts in suite.sets.items()},
            "of_bare": len(suite.of_bare),
            "missing": [*suite.missing],
        },
        "arms": [arm.name for arm in arms],
        "adversaries": {name: [*sorted(ADVERSARIES[name])] for name in plan.adversaries},
        "families": families,
        "unused_layers": {**(unused or {})},
        "concurrency": plan.concurrency,
        "benign": _benign(plan),
        "uses": uses,
    }


def _benign(plan: Plan) -> JsonObject:
    """What is asked of who does nothing wrong, and which sets of prompts were not there to be asked."""
    sets = [prompt.set for prompt in plan.prompts]
    wanted: list[Json] = [*(name for name in SETS if plan.prompts and name not in sets)]
    return {
        "pieces": len(plan.casework.pieces),
        "requests": len(plan.casework.uses),
        "prompts": {name: sets.count(name) for name in sorted(set(sets))},
        "missing": wanted,
    }


def _family(family: Family, plan: Plan) -> JsonObject:
    missing = sorted(family.needs - plan.material.sets)
    return {
        "powers": [*sorted(family.powers)],
        "twin": family.twin(plan.uses[0])[0],
        "missing": [*missing],
    }


async def run_session(
    plan: Plan,
    arms: Sequence[Arm],
    settings: Settings,
    journal: Journal,
    meter: Meter,
    outside: Suite | None = None,
) -> Ended:
    """Every arm in turn. What was done before an interruption stands in the journal.

    Where others' requests are for the bare model and it is no arm of this run, it is asked these alone.
    """
    suite = outside or Suite()
    meter.expect(plan.most() * len(arms) + sum(len(suite.of(arm.name)) for arm in arms))
    named = {arm.name for arm in arms}
    beside = [parse_arm("bare")] if suite.of_bare and "bare" not in named else []
    meter.expect(sum(len(suite.of_bare) for _ in beside))
    for arm in (*beside, *arms):
        prompts = suite.of_bare if arm in beside else suite.of(arm.name)
        try:
            async with stand_up(arm, settings) as player:
                if isinstance(player, PlainPlayer) and player.description is not None:
                    journal.describe(arm.name, player.description.model_dump(mode="json"))
                if arm.name in named:
                    await Campaign(plan, arm.name, player, journal, meter).run()
                await ask_outside(prompts, arm.name, player, journal, meter, plan.concurrency)
        except (ArmError, RunError) as error:
            journal.leave_out(arm.name, error.findings[0])
        except ArmLostError as lost:
            journal.leave_out(arm.name, f"no verdicts came any more: {lost}")
    if journal.unmeasured_arms:
        return Ended(None, dict(journal.unmeasured_arms))
    return Ended(journal.end(), {})
