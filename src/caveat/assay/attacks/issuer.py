"""One issuer who lies: with its own true key, about all that it may attest."""

import random

from caveat.assay.attacks.ask import Ask, Attempt, Family, differing
from caveat.assay.attacks.material import Material
from caveat.assay.generator import Pair
from caveat.assay.protection import Power

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


class Insider(Family):
    """Signs the twin's facts for one role; every other issuer tells the truth."""

    name = "signs-falsely"
    powers = frozenset({Power.ISSUER_KEY})

    def attempt(self, use: Pair, rng: random.Random, material: Material) -> Attempt | None:
        """One role among those that could say anything that helps, drawn."""
        del material  # needs none
        false = differing(use)
        helpful = [(role, facts) for role, facts in ROLES if facts & false.keys()]
        if not helpful:
            return None
        role, facts = rng.choice(helpful)
        bought = {name: value for name, value in use.twin.items() if name in facts}
        signed = {name: value for name, value in use.truth.items() if name not in facts}
        return Attempt((Ask(use.text, {}, signed, bought=bought, insider=role),), variant=role)
