"""What can stand before the model in a run, and which layers of ours can be taken out.

A layer is taken out by the bundle where a bundle can say so, else by a program outside the package that
starts the gateway with one function replaced. Nothing in the package can do the latter. Source: ADR-0032.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from caveat.assay.errors import AssayError

ENFORCEMENT, CLAIMS, APPROVALS = "enforcement", "claims", "approvals"
_PEER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class ArmError(AssayError):
    """No such arm, or one that needs what was not given."""


class Kind(StrEnum):
    """What answers."""

    GATEWAY = "gateway"
    BARE = "bare"
    DUMMY = "dummy"
    ENDPOINT = "endpoint"
    PEER = "peer"


LAYERS: Mapping[str, str] = MappingProxyType(
    {
        ENFORCEMENT: "verdicts take effect",
        CLAIMS: "a claim is not evidence",
        "signatures": "evidence is signed by the key it names",
        "time": "evidence is neither too old nor too early",
        "binding": "evidence is about these data and this deployment",
        "other-issuer": "nobody attests for himself",
        "single-use": "what was used up is not used again",
        "totals": "uses of one source add up over twelve months",
        "tool-calls": "each call of a tool is decided",
        "answers": "each answer is decided",
        "phrases": "listed phrases are found in words",
        "workflows": "a workflow is its instruction and nothing else",
        "redaction": "what is to be replaced does not reach the model",
        APPROVALS: "an approval that was no review counts as none",
    }
)
"""The layers that can be taken out, and what each says."""

OVERSEEN = frozenset({"whole", f"without:{APPROVALS}", f"only:{APPROVALS}", f"only:{ENFORCEMENT}"})
"""The arms in which people approve: those that tell what their floors do. In all others nobody does."""

MODEL_REFUSALS = "model-refusals"
"""The layer that is the model itself, told the rules in its system prompt. It needs a real model."""

LAYER_TEXTS: Mapping[str, str] = MappingProxyType(
    {**LAYERS, MODEL_REFUSALS: "the model is told the rules, and refuses in words"}
)

DUMMIES = ("allow-all", "block-all", "random-flags", "words")


@dataclass(frozen=True, slots=True)
class Arm:
    """One thing to measure. `removed`: the layers that are out. `url`, `model`: of a foreign endpoint.

    `told`: the model has the rules in its system prompt. `words`: what it refuses in words is held, though
    our gateway let it through. `peer`: the name of the folder with its program.
    """

    name: str
    kind: Kind
    removed: frozenset[str] = frozenset()
    url: str = ""
    model: str = ""
    told: bool = False
    words: bool = False
    peer: str = ""

    @property
    def by_program(self) -> tuple[str, ...]:
        """What the program outside the package has to take out."""
        return tuple(sorted(self.removed - {ENFORCEMENT, CLAIMS}))


_MODEL_ARMS = (
    Arm(f"only:{MODEL_REFUSALS}", Kind.BARE, told=True),
    Arm(f"with:{MODEL_REFUSALS}", Kind.GATEWAY, told=True, words=True),
    Arm(f"without:{MODEL_REFUSALS}", Kind.GATEWAY, words=True),
)
"""The model alone and told; the whole before it, told and not told. In both of those words count."""


def parse_arm(text: str) -> Arm:
    """The arm of this name; raises `ArmError`.

    `whole`, `bare`, `placebo`; `without:LAYER`; `only:LAYER`, which keeps the enforcement that it needs;
    `only:enforcement`; `with:model-refusals`; a dummy; `peer:NAME`; `NAME=URL` or `NAME=URL#MODEL` for an
    endpoint that speaks OpenAI's chat.
    """
    if "=" in text:
        name, _, where = text.partition("=")
        url, _, model = where.partition("#")
        if not name or not url.startswith(("http://", "https://")):
            raise ArmError((f"`{text}` names no endpoint",), "write it NAME=http://HOST:PORT")
        return Arm(name, Kind.ENDPOINT, url=url.rstrip("/").removesuffix("/v1"), model=model)
    if text in DUMMIES:
        return Arm(text, Kind.DUMMY)
    plain = {
        "whole": Arm("whole", Kind.GATEWAY),
        "bare": Arm("bare", Kind.BARE),
        "placebo": Arm("placebo", Kind.GATEWAY, frozenset({ENFORCEMENT})),
        **{arm.name: arm for arm in _MODEL_ARMS},
    }
    how, _, layer = text.partition(":")
    if text in plain:
        return plain[text]
    if how == "peer" and _PEER.fullmatch(layer):
        return Arm(text, Kind.PEER, peer=layer)
    if layer in LAYERS and how == "without":
        return Arm(text, Kind.GATEWAY, frozenset({layer}))
    if layer in LAYERS and how == "only":
        return Arm(text, Kind.GATEWAY, frozenset(LAYERS) - {layer, ENFORCEMENT})
    raise ArmError(
        (f"no arm is called `{text}`",),
        f"whole, bare, placebo, {', '.join(DUMMIES)}, peer:NAME, without:LAYER, only:LAYER with "
        f"{', '.join(LAYERS)}",
    )


def every_arm(unused: Collection[str] = (), *, real_model: bool = False) -> tuple[Arm, ...]:
    """The arms that say of each layer what it does: alone, and by its absence. `unused`: layers left out.
    What a model refuses can be measured of a real one alone."""
    used = [layer for layer in LAYERS if layer not in unused]
    names = ["bare", "whole", "placebo", *DUMMIES]
    names += [f"without:{layer}" for layer in used if layer != ENFORCEMENT]
    names += [f"only:{layer}" for layer in used]
    return (*(parse_arm(name) for name in names), *(_MODEL_ARMS if real_model else ()))


def program_for(arm: Arm, program: Path | None) -> tuple[str, ...]:
    """What Python is to run for this arm; raises `ArmError` where there is no such program."""
    if not arm.by_program:
        return ("-m", "caveat")
    if program is None or not program.is_file():
        raise ArmError(
            (f"arm `{arm.name}` takes layers out, which the package cannot do",),
            "name the program with --arms-program; it is `eval/arms/without.py` in the repository",
        )
    return (str(program.resolve()), "--without", ",".join(arm.by_program))
