"""One issuer who lies: with its own true key, about all that it may attest."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from types import MappingProxyType

from caveat.assay.attacks.ask import LET_THROUGH, Ask, Attempt, Family, differing
from caveat.assay.attacks.material import Material
from caveat.assay.generator import Pair
from caveat.assay.oracle import label
from caveat.assay.protection import Power
from caveat.signing.canonical import Json

ROLES: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "data_owner",
        frozenset(
            {
                "data_category",
                "acquisition_channel",
                "subjects_jurisdiction",
                "consent_basis",
                "subject_count",
                "attributes_joined",
                "purpose_compatible",
                "sensitive_location",
            }
        ),
    ),
    (
        "registrar",
        frozenset(
            {
                "task",
                "selection_criteria",
                "human_in_loop",
                "action_effect",
                "deployment_type",
                "deployer_verified",
                "attribution",
                "onward_recipient",
            }
        ),
    ),
    ("legal_officer", frozenset({"legal_process"})),
    ("target_authority", frozenset({"target_class", "target_authorization"})),
    ("oversight_service", frozenset({"review_seconds_median", "approval_mode"})),
    ("totals_service", frozenset({"cumulative_subject_count_12m"})),
)
"""Who attests what in the example policy."""


_HARMLESS: Mapping[str, tuple[Json, ...]] = MappingProxyType(
    {
        "data_category": (["product_catalogue"],),
        "acquisition_channel": ("synthetic", "first_party", "consented", "public"),
        "subjects_jurisdiction": ("foreign", "none"),
        "consent_basis": ("explicit_specific",),
        "subject_count": (1,),
        "attributes_joined": ([],),
        "purpose_compatible": (True,),
        "sensitive_location": (False,),
        "task": ("summarize_document", "point_defense"),
        "selection_criteria": ("aggregate_only", "specific_selector"),
        "human_in_loop": ("in_loop_per_action", "on_loop"),
        "action_effect": ("advisory",),
        "deployment_type": ("test_range_simulation", "tactical_c2"),
        "deployer_verified": (True,),
        "attribution": ("attributed",),
        "onward_recipient": ("none", "domestic_research_partner"),
        "legal_process": ("warrant", "ag_approved_procedure", "emergency_exigent"),
        "target_class": ("materiel",),
        "target_authorization": ("owner_authorized",),
        "review_seconds_median": (45,),
        "approval_mode": ("per_item",),
        "cumulative_subject_count_12m": (1,),
    }
)
"""What a liar would say of each fact: every value that helps somewhere."""

_MOST_LIES = 3


class Insider(Family):
    """Each issuer in turn signs whatever helps most; every other issuer tells the truth."""

    name = "signs-falsely"
    powers = frozenset({Power.ISSUER_KEY})

    def attempt(self, use: Pair, rng: random.Random, material: Material) -> Attempt | None:
        """None: nothing is drawn, since every role is tried."""
        del use, rng, material
        return None

    def every(self, use: Pair) -> Sequence[Attempt]:
        """One attempt for each role; the variant names whose key it is. None where there is nothing to lie
        about: use and twin differ in their words alone."""
        if not differing(use):
            return ()
        return tuple(_attempt(use, role, facts) for role, facts in ROLES)


def _attempt(use: Pair, role: str, facts: frozenset[str]) -> Attempt:
    bought = next(_lies(use, facts), None) or _as_the_twin(use, facts)
    signed = {name: value for name, value in use.truth.items() if name not in bought}
    return Attempt((Ask(use.text, {}, signed, bought=bought, insider=role),), variant=role)


def is_decided_by_facts(use: Pair) -> bool:
    """Whether attested facts alone decide this use: no words and no registered instruction do."""
    return not use.workflow and label(use.truth).result == use.right


def _lies(use: Pair, facts: frozenset[str]) -> Iterator[dict[str, Json]]:
    """The fewest lies about these facts after which the oracle lets the use through."""
    if not is_decided_by_facts(use):
        return
    spoken = sorted(facts & use.truth.keys())
    for count in range(1, _MOST_LIES + 1):
        for names in combinations(spoken, count):
            for values in product(*(_HARMLESS[name] for name in names)):
                lie = dict(zip(names, values, strict=True))
                if label({**use.truth, **lie}).result in LET_THROUGH[use.right]:
                    yield lie


def _as_the_twin(use: Pair, facts: frozenset[str]) -> dict[str, Json]:
    """Where no lie is known to help: what the twin has, and the most harmless of all else."""
    told = {name: _HARMLESS[name][0] for name in sorted(facts)}
    return told | {name: value for name, value in differing(use).items() if name in facts}
