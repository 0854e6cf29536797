"""Drafts of registrations from the traffic that was seen: to be read, put right and signed by people.

A draft holds what callers claimed and nobody proved. It is never read by a gateway, and a file that exists
is never overwritten.
"""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import tomli_w

from caveat.cli.exit import CannotRunError
from caveat.cli.observed import Watched
from caveat.cli.settling import Settlement, Step
from caveat.policy.bundle import Bundle
from caveat.signing.digest import Digest

FILE = "deployments.draft.toml"
_HEAD = """\
# DRAFT FOR SIGNATURE. Written from observed traffic: the values below were claimed by callers, and nobody
# has checked them. A registration holds for whatever a caller of the deployment may send, so register only
# what is true of all of it. To adopt: read, correct, replace the table of the same name in deployments.toml,
# and have the parties sign the bundle. This file is not read by any gateway.
"""


def write_drafts(
    folder: Path,
    found: Sequence[tuple[Watched, Settlement]],
    bundle_of: Callable[[Digest], Bundle | None],
) -> Path:
    """The file that was written; raises `CannotRunError` where one is there already."""
    parts = [_HEAD]
    for watched, settlement in found:
        bundle = None if watched.bundle is None else bundle_of(watched.bundle)
        steps = [step for step in settlement.steps if step.how in ("register", "observe")]
        if bundle is not None and steps:
            parts.append(_draft(watched, steps, bundle))
    if len(parts) == 1:
        parts.append("\n# No registration would settle anything: what is missing has to be attested.\n")
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write("".join(parts))
    except FileExistsError as error:
        raise CannotRunError(
            f"`{path}` exists already", "drafts are never overwritten; name another folder with --write"
        ) from error
    return path


def _draft(watched: Watched, steps: Sequence[Step], bundle: Bundle) -> str:
    table = _table(bundle, watched.deployment)
    facts = dict(cast("dict[str, object]", table.get("facts", {})))
    observers = list(cast("list[str]", table.get("observers", [])))
    lines = [f"\n# {watched.deployment}: {watched.refused} of {watched.uses} uses would have been refused."]
    for step in steps:
        if step.how == "observe":
            observers += [step.by[0]] if step.by[0] not in observers else []
            lines.append(f"# observer {step.by[0]}: establishes {step.fact}; settles {step.uses} uses.")
        elif step.value is None:
            spec = bundle.registry.facts[step.fact]
            words = f": one of {', '.join(spec.values)}" if spec.values else ""
            lines.append(f"# {step.fact} = ?  no single value was seen{words}; settles {step.uses} uses.")
        else:
            facts[step.fact] = step.value
            lines.append(f"# {step.fact}: every caller claimed this value; settles {step.uses} uses.")
    changed = {**table, "observers": observers, "facts": facts}
    return "\n".join(lines) + "\n" + tomli_w.dumps({"deployments": {watched.deployment: changed}})


def _table(bundle: Bundle, deployment: str) -> dict[str, object]:
    tables = tomllib.loads(bundle.files["deployments.toml"].decode()).get("deployments", {})
    return dict(tables.get(deployment, {}))
