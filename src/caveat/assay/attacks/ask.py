"""What an adversary sends: one request as he forms it, and an attempt of one or several. Pure values."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from caveat.assay.attacks.material import Material
from caveat.assay.generator import Pair
from caveat.assay.protection import Power
from caveat.assay.scenario import VerdictName
from caveat.signing.canonical import Json

CALLERS = 4
"""How many API keys the splitter has."""

EARLIER = -1
"""The caller whose requests are all released: what is presented there is used up."""


class Forgery(StrEnum):
    """What is wrong with evidence that is made without an issuer's key, or out of place."""

    STRANGER = "stranger"
    RENAMED = "renamed"
    EDITED = "edited"
    OTHER_DATA = "other_data"
    PART_OF_DATA = "part_of_data"
    OTHER_DEPLOYMENT = "other_deployment"
    EXPIRED = "expired"
    REPLAYED = "replayed"
    SELF_ATTESTED = "self_attested"


class Overseer(StrEnum):
    """What people do who are asked to approve: nothing, sign at a glance, or read for as long as it takes."""

    NOBODY = "nobody"
    HURRIED = "hurried"
    CAREFUL = "careful"


def as_it_is(text: str) -> str:
    """The wording of whoever just asks."""
    return text


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    `claims`: what the caller says. `signed`: facts whose issuers have truly attested them, and that are
    presented. `forged`: facts that are presented with `forgery`. `bought`: false facts signed with the true
    key of issuer role `insider`. `part`: which slice of the source is sent. `caller`: with whose API key.
    `typed`: where nothing but words can be sent, the data are left out. `note`: words put into the data;
    `result`: words put into the result of a tool; `emits`: what the model is made to call. `wording`: what
    becomes of the text, claims in words included, before it is sent. `overseer`: what the
    people do who are asked to approve it.
    """

    text: str
    claims: Mapping[str, Json]
    signed: Mapping[str, Json]
    forged: Mapping[str, Json] = field(default_factory=dict[str, Json])
    forgery: Forgery | None = None
    bought: Mapping[str, Json] = field(default_factory=dict[str, Json])
    insider: str = ""
    part: int = 0
    caller: int = 0
    note: str = ""
    result: str = ""
    emits: str = ""
    typed: bool = False
    wording: Callable[[str], str] = as_it_is
    overseer: Overseer = Overseer.NOBODY


@dataclass(frozen=True, slots=True)
class Attempt:
    """Requests that belong together; sent at once where `at_once`, else one after the other.

    The harm is done when the weights of those that are let through come to `enough`.
    """

    asks: tuple[Ask, ...]
    weights: tuple[int, ...] = (1,)
    enough: int = 1
    at_once: bool = False
    variant: str = ""

    def does_harm(self, let_through: tuple[bool, ...]) -> bool:
        """Whether what was let through is enough."""
        return sum(w for w, through in zip(self.weights, let_through, strict=True) if through) >= self.enough


LET_THROUGH: Mapping[str, frozenset[VerdictName]] = MappingProxyType(
    {
        "deny": frozenset({"allow", "needs_approval"}),
        "needs_approval": frozenset({"allow"}),
    }
)
"""Which verdicts let a use through that the policy denies, or leaves to a person."""


def honest(use: Pair) -> Ask:
    """The use as who tells the truth and proves it would ask for it."""
    return Ask(use.text, use.truth, use.truth)


def benign(use: Pair) -> Ask:
    """Its benign twin, asked for in the same way."""
    return Ask(use.twin_text or use.text, use.twin, use.twin)


class Family(ABC):
    """A way to attack. Subclass it, give `name` and `powers`, and say how an attempt is formed."""

    name: str = ""
    powers: frozenset[Power] = frozenset()
    needs: frozenset[str] = frozenset()
    """Data sets without which it cannot be tried."""

    @abstractmethod
    def attempt(self, use: Pair, rng: random.Random, material: Material) -> Attempt | None:
        """One attempt on this use, drawn with `rng` alone; None where the family has none for it."""

    def every(self, use: Pair) -> Sequence[Attempt]:
        """Attempts that are all tried on this use, whatever the budget: where they are few and known."""
        del use
        return ()

    def twin(self, use: Pair) -> tuple[str, Ask]:
        """What the layer must let pass for its credit against this family, and a name for it."""
        return "plain", benign(use)


def differing(use: Pair) -> dict[str, Json]:
    """The facts about which an adversary would have to deceive, as the twin has them."""
    return {name: value for name, value in use.twin.items() if use.truth[name] != value}


def shared(use: Pair) -> dict[str, Json]:
    """The facts that are true of the use and of its twin."""
    return {name: value for name, value in use.truth.items() if use.twin[name] == value}
