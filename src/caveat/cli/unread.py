"""Scores of a use that is stated without its content: what screens say where there is nothing to read."""

from caveat.facts.fact import Fact, Grade
from caveat.policy.bundle import Bundle

SCREEN = "screen"


def unread_facts(bundle: Bundle, stated: set[str]) -> list[Fact]:
    """For each score that something of the bundle gives and nobody states, the one of no content.

    A score that nothing gives stays missing, and a decision takes it at its severest.
    """
    return [
        Fact(name, score, Grade.ESTIMATED, SCREEN, "no content")
        for name, score in bundle.unread.items()
        if name not in stated
    ]
