"""The world that an arm is played in, and what each scenario sends there.

Each scenario has a deployment, a data part and a lineage root of its own: nothing adds up across them.
Equal scenarios, settings and bundle give equal bytes.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from caveat.assay.client import Keys, Sent, requests
from caveat.assay.mint import Mint, Stage, issuing_role, stage
from caveat.assay.scenario import Defect, Visible
from caveat.assay.world import Table, World, believe_claims, make_world, registry_of
from caveat.facts.registry import FactSpec


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
