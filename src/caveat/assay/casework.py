"""Ordinary work: pieces of several permitted requests on the same data, drawn without end. Pure.

The oracle says of each request that it is allowed, or that a person has to approve it. Equal seeds give equal
pieces. Whether a question was needed is asked of the oracle too: it was, if some value of what was not yet
proved would change the result. Source: ADR-0036.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from caveat.assay.attacks.ask import CALLERS
from caveat.assay.attacks.model import HARMLESS
from caveat.assay.cores import Facts
from caveat.assay.errors import ScenarioError
from caveat.assay.generator import Pair, complete
from caveat.assay.oracle import Label, Result
from caveat.assay.oracle_extended import label_extended
from caveat.assay.wordings import TEXTS
from caveat.facts.registry import FactSpec
from caveat.signing.canonical import Json

FEWEST, MOST = 3, 10
_TASKS = (
    "data_cleaning",
    "predictive_scoring",
    "rewrite_rows",
    "sentiment_analysis",
    "statistical_aggregate",
    "ticket_triage",
)
_COUNTS = (0, 101, 1_001, 10_001, 100_001)
_OF_THE_DATA = (
    "data_category",
    "acquisition_channel",
    "subjects_jurisdiction",
    "consent_basis",
    "subject_count",
    "attributes_joined",
    "purpose_compatible",
)
_OF_THE_OFFICE = ("deployment_type", "deployer_verified", "legal_process")
_TRIES = 400
Domains = Mapping[str, tuple[Json, ...]]


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a piece of work. `right`: allowed, or for a person; `emits`: the tool that is called."""

    use: Pair
    right: Result
    caller: int
    emits: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of work: its requests in order, all on the same data.

    `standing`: facts that come with the data, attested by whoever owns them.
    """

    id: str
    steps: tuple[Step, ...]
    standing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Casework:
    """The pieces of a run, and which values the facts of their requests could have had."""

    pieces: tuple[Piece, ...] = ()
    domains: Domains | None = None

    @property
    def uses(self) -> tuple[Pair, ...]:
        """Every request, as what has to be staged."""
        return tuple(step.use for piece in self.pieces for step in piece.steps)


NO_WORK = Casework()


def generate_casework(registry: Mapping[str, FactSpec], seed: int, count: int) -> Casework:
    """`count` pieces; equal seeds begin with equal ones. Of the registry only values are read."""
    domains = {name: _values(spec) for name, spec in registry.items()}
    return Casework(tuple(_piece(f"w{seed}-{number:05d}", seed, number) for number in range(count)), domains)


def _values(spec: FactSpec) -> tuple[Json, ...]:
    match spec.type.value:
        case "enum":
            return tuple(spec.values)
        case "set":
            return tuple([value] for value in spec.values)
        case "bool":
            return (True, False)
        case _:
            return _COUNTS


def _piece(piece_id: str, seed: int, number: int) -> Piece:
    rng = random.Random(f"caveat assay work {seed} {number}")  # noqa: S311 - cases, no secret
    first = _permitted(rng, {"task": "data_cleaning"}, "allow")
    common: Facts = {name: first[name] for name in (*_OF_THE_DATA, *_OF_THE_OFFICE)}
    length = rng.randrange(FEWEST, MOST + 1)
    for_a_person = rng.randrange(1, length) if number % 5 == 0 else None
    tasks = [task for task in _TASKS if _label({**first, "task": task}).result == "allow"]
    steps = tuple(_step(piece_id, rng, common, tasks, approved=at == for_a_person) for at in range(length))
    return Piece(piece_id, steps, frozenset(_OF_THE_DATA))


def _step(piece_id: str, rng: random.Random, common: Facts, tasks: Sequence[str], *, approved: bool) -> Step:
    if approved:
        core: Facts = {
            "task": "host_containment",
            "action_effect": "cyber_effect",
            "human_in_loop": "in_loop_per_action",
            "target_authorization": "owner_authorized",
        }
    else:
        core = {"task": rng.choice(tasks)}
    right: Result = "needs_approval" if approved else "allow"
    truth = _permitted(rng, {**common, **core}, right)
    text = rng.choice(TEXTS[str(truth["task"])])
    effect = str(truth["action_effect"])
    emits = HARMLESS[effect] if not approved and rng.random() < 0.25 else ""
    use = Pair(piece_id, _label(truth).clauses[0], right, text, truth, truth)
    return Step(use, right, rng.randrange(CALLERS), emits)


def _permitted(rng: random.Random, core: Facts, right: Result) -> Facts:
    for _ in range(_TRIES):
        truth = complete({"subject_count": rng.randrange(1, 10), **core}, rng)
        if _label(truth).result == right:
            return truth
    raise ScenarioError(("no permitted request of a piece of work could be drawn",))


def work_for_prompts(seed: int) -> Pair:
    """What is proved beside an ordinary prompt: a permitted use, so that the words alone can block it."""
    rng = random.Random(f"caveat assay prompts {seed}")  # noqa: S311 - cases, no secret
    truth = _permitted(rng, {"task": "data_cleaning", "acquisition_channel": "synthetic"}, "allow")
    return Pair(f"o{seed}", "P05", "allow", "", truth, truth)


def _label(truth: Mapping[str, Json]) -> Label:
    """By the stricter reading: work that the extended policy permits the example permits as well."""
    return label_extended(truth)


def is_needed(step: Step, proved: Sequence[str], domains: Domains) -> bool:
    """Whether proof was still needed: another value of one or two facts that nobody had proved would change
    the result. More than two at once are not looked at, so a doubt counts against whoever asked."""
    open_facts = [name for name in step.use.truth if name not in proved and name in domains]
    changes = [(name, value) for name in open_facts for value in domains[name]]
    if any(_label({**step.use.truth, name: value}).result != step.right for name, value in changes):
        return True
    return any(
        _label({**step.use.truth, one: value, other: another}).result != step.right
        for (one, value), (other, another) in combinations(changes, 2)
        if one != other
    )
