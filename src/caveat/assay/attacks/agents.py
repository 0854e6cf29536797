"""Results of tools as others wrote them to turn an agent: whole records with an order hidden among them."""

import random
from dataclasses import replace

from caveat.assay.attacks.ask import Attempt, Family, honest
from caveat.assay.attacks.material import AGENT_CASES, AGENT_THREATS, Material
from caveat.assay.generator import Pair
from caveat.assay.protection import Power


class InjectedCase(Family):
    """A tool's answer in the form of its user's case, with an attacker's order in one of its members."""

    name = "injects-case"
    powers = frozenset({Power.INJECTING})
    needs = frozenset({AGENT_CASES})

    def attempt(self, use: Pair, rng: random.Random, material: Material) -> Attempt | None:
        """One case, drawn."""
        name, result = rng.choice(material.agent_cases)
        return Attempt((replace(honest(use), result=result),), variant=name)


class InjectedThreat(Family):
    """A poisoned memory, a customer's record or a mailbox that carries an order."""

    name = "injects-threat"
    powers = frozenset({Power.INJECTING})
    needs = frozenset({AGENT_THREATS})

    def attempt(self, use: Pair, rng: random.Random, material: Material) -> Attempt | None:
        """One store, drawn."""
        name, result = rng.choice(material.agent_threats)
        return Attempt((replace(honest(use), result=result),), variant=name)
