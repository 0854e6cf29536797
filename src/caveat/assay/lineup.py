"""The world that generated uses are played in: a few deployments for all of them, and who may attest there.

Uses differ in which facts they speak of, and so in which observers their deployment can have; uses that need
the same observers share its deployments. Nothing adds up between them: every attempt has a source of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import tomli_w

from caveat.assay.attacks.ask import CALLERS, EARLIER, Ask
from caveat.assay.attacks.model import TOOLS
from caveat.assay.generator import Pair
from caveat.assay.mint import Stage, stage
from caveat.assay.overseers import PEOPLE, REVIEW_SECONDS
from caveat.assay.presenting import Presented, Presenter
from caveat.assay.scenario import Visible
from caveat.assay.staging import seeded
from caveat.assay.world import (
    Table,
    World,
    believe_claims,
    issuer_roles,
    make_world,
    registry_of,
    reviewed_within,
    workflows_of,
)
from caveat.facts.registry import FactSpec
from caveat.signing.canonical import Json


@dataclass(frozen=True, slots=True)
class Place:
    """Where a use is played. `deployments`: by caller. `neutral`: facts that are attested at no value of
    their own, because their observer had to go."""

    deployments: tuple[str, ...]
    earlier: str
    neutral: Mapping[str, Json]

    def of(self, ask: Ask) -> str:
        """The deployment that this request comes from."""
        return self.earlier if ask.caller == EARLIER else self.deployments[ask.caller]


@dataclass(frozen=True, slots=True)
class Lineup:
    """One arm's world."""

    world: World
    presenter: Presenter
    registry: Mapping[str, FactSpec]
    names: Mapping[frozenset[str], str]

    def place(self, use: Pair) -> Place:
        """The place of a use and of its twin, which speak of the same facts."""
        own = _stage(use, self.registry)
        name = self.names[own.observers]
        return Place(tuple(f"{name}-{at}" for at in range(CALLERS)), f"{name}-earlier", own.neutral)

    def present(self, use: Pair, trial: str, ask: Ask) -> Presented:
        """The data and the evidence of one request; equal trials give equal data."""
        place = self.place(use)
        return self.presenter.present(
            f"{use.id}/{trial}", ask, place.deployments, place.earlier, place.neutral
        )

    def api_key(self, use: Pair, ask: Ask) -> str:
        """The key that the request is sent with."""
        return self.world.api_keys[self.place(use).of(ask)]


def line_up(
    files: Mapping[str, bytes],
    uses: Iterable[Pair],
    seed: int,
    now: datetime,
    *,
    enforced: bool = True,
    claims_believed: bool = False,
) -> Lineup:
    """The world for these uses. Without `enforced` every deployment only observes."""
    files = {**files, "tools.toml": _tools()}
    files = reviewed_within(files, REVIEW_SECONDS)
    files = believe_claims(files) if claims_believed else files
    registry = registry_of(files)
    needed = sorted({_stage(use, registry).observers for use in uses}, key=sorted)
    names = {observers: f"stage-{at}" for at, observers in enumerate(needed)}
    workflows = workflows_of(files)
    tables: dict[str, Table] = {}
    for observers, name in names.items():
        mode = "enforce" if enforced else "observe"
        tables |= {f"{name}-{at}": _table(name, observers, mode, workflows) for at in range(CALLERS)}
        tables[f"{name}-earlier"] = _table(name, observers, "observe", workflows)
    roles = issuer_roles(registry)
    world = make_world(
        files,
        seeded(f"{seed}/lineup"),
        deployments=tables,
        own_roles={f"{name}-0": roles for name in names.values()},
        people=PEOPLE,
    )
    return Lineup(world, Presenter(world, registry, seed, now), registry, names)


def _stage(use: Pair, registry: Mapping[str, FactSpec]) -> Stage:
    return stage(Visible(0, use.text, use.truth, {}), registry)


def _table(group: str, observers: frozenset[str], mode: str, workflows: Table) -> Table:
    return {
        "kind": "agent",
        "operator": "assay",
        "owner_group": group,
        "mode": mode,
        "observers": sorted(observers),
        "tools": sorted(TOOLS),
        **({"workflows": workflows} if workflows else {}),
    }


def _tools() -> bytes:
    tools = {
        name: {"effect": effect, "text": f"A tool of the assay; its effect: {effect}."}
        for name, effect in TOOLS.items()
    }
    return tomli_w.dumps({"version": 1, "tools": tools}).encode()
