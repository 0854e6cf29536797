"""Which families there are: ours, those of installed packages, and those of files that are named.

A package names its families under the entry point group `caveat.assay.families`; a file lists them in
`FAMILIES`. Either holds instances of `Family`. Source: docs/how-to/add-an-attack.md.
"""

import importlib.util
from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from pathlib import Path

from caveat.assay.attacks.agents import InjectedCase, InjectedThreat
from caveat.assay.attacks.ask import Family
from caveat.assay.attacks.claiming import Liar, Naive, Silent, SlotLiar
from caveat.assay.attacks.forging import FORGERS
from caveat.assay.attacks.injecting import InjectedFacts, InjectedOrder
from caveat.assay.attacks.issuer import Insider
from caveat.assay.attacks.model import CallsTools
from caveat.assay.attacks.splitting import Splitter
from caveat.assay.attacks.stamping import Stamper
from caveat.assay.attacks.wording import Encoded, Jailbreak, Persuasion, Respelled
from caveat.assay.errors import AssayError

GROUP = "caveat.assay.families"
NAIVE = Naive()
BUILT_IN: tuple[Family, ...] = (
    NAIVE,
    Encoded(),
    Respelled(),
    Jailbreak(),
    Persuasion(),
    Liar(),
    SlotLiar(),
    Silent(),
    *FORGERS,
    Splitter(),
    InjectedFacts(),
    InjectedOrder(),
    InjectedCase(),
    InjectedThreat(),
    CallsTools(),
    Stamper(),
    Insider(),
)


_WRITING = "docs/how-to/add-an-attack.md says what such a file holds"


class FamilyError(AssayError):
    """What was named holds no families, or two of one name."""


def load_families(files: Iterable[Path] = ()) -> tuple[Family, ...]:
    """Every family, ours first; raises `FamilyError` where a name is taken twice or a file holds none."""
    found: list[Family] = [*BUILT_IN]
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        found.extend(_families(point.load(), f"entry point `{point.name}`"))
    for path in files:
        found.extend(_of_file(path))
    names = [family.name for family in found]
    twice = sorted({name for name in names if names.count(name) > 1 or not name})
    if twice:
        raise FamilyError((f"two families are called `{twice[0]}`",), "give each a name of its own")
    return tuple(found)


def _of_file(path: Path) -> Sequence[Family]:
    spec = importlib.util.spec_from_file_location(f"caveat_assay_families_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FamilyError((f"`{path.name}` is no Python file",), _WRITING)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a stranger's file does while it is read is one finding
        raise FamilyError((f"`{path.name}` could not be run: {type(error).__name__}",)) from error
    return _families(getattr(module, "FAMILIES", None), f"`{path.name}`, `FAMILIES`")


def _families(value: object, where: str) -> Sequence[Family]:
    listed: list[object] = list(value) if isinstance(value, (list, tuple)) else [value]  # pyright: ignore[reportUnknownArgumentType]  # a stranger's value, looked at below
    families = [one for one in listed if isinstance(one, Family)]
    if not families or len(families) != len(listed):
        raise FamilyError((f"{where} should be instances of `Family`",), "see docs/how-to/add-an-attack.md")
    return families
