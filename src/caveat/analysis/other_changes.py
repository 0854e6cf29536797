"""What no clause shows: roles, tools, deployments, issuers, settings, and what gives a fact its value.

Each row says whether it could change a verdict all the same; if so, two bundles are not equivalent. Source:
ADR-0018.
"""

from collections.abc import Sequence

from caveat.analysis.difference import OtherChange
from caveat.policy.amend import render_amend
from caveat.policy.bundle import Bundle
from caveat.policy.changes import Change
from caveat.policy.parts import Kind

_NO_VERDICT = frozenset({Kind.ACTOR, Kind.TEXT, Kind.PROCESS})
_QUIET_SETTINGS = frozenset({"name", "text", "development", "definitions"})


def other_changes(old: Bundle, new: Bundle, changed: Sequence[Change]) -> tuple[OtherChange, ...]:
    """What no clause shows: each with whether it could change a verdict all the same."""
    rows: list[OtherChange] = []
    for change in changed:
        if change.kind in (Kind.LIMIT, Kind.RED_LINE):
            continue
        if change.kind is Kind.CLAUSE:
            if any(change.id == one.id for side in (old, new) for one in side.redactions):
                # What it has replaced shows in no verdict; what cannot be replaced is refused.
                rows.append(_other(change, f"redaction {change.action}", verdicts=True))
            if _enforced_otherwise(old, new, change.id):
                rows.append(_other(change, "enforced otherwise", verdicts=True))
        elif change.kind is Kind.FACT:
            if _joined_otherwise(old, new, change.id):
                rows.append(_other(change, "joined otherwise", verdicts=True))
        else:
            rows.append(_other(change, change.action, verdicts=_could_change(old, new, change)))
    return tuple(rows)


def _other(change: Change, action: str, *, verdicts: bool) -> OtherChange:
    return OtherChange(change.kind.value, change.id, action, render_amend(change.needs), verdicts)


def _enforced_otherwise(old: Bundle, new: Bundle, policy: str) -> bool:
    sides = [{c.always_enforced for c in bundle.clauses if c.id == policy} for bundle in (old, new)]
    return bool(sides[0] and sides[1]) and sides[0] != sides[1]


def _joined_otherwise(old: Bundle, new: Bundle, name: str) -> bool:
    """Whether data give the fact another value before any clause reads it, or it changed its type."""
    one, other = old.registry.facts.get(name), new.registry.facts.get(name)
    if one is None or other is None:
        return False
    return (one.type, one.join, one.about, one.neutral) != (
        other.type,
        other.join,
        other.about,
        other.neutral,
    )


def _could_change(old: Bundle, new: Bundle, change: Change) -> bool:
    if change.kind is Kind.ROLE:
        roles = [bundle.manifest.roles.get(change.id) for bundle in (old, new)]
        return None not in roles and len({role.persons for role in roles if role is not None}) > 1
    if change.kind is Kind.SETTING:
        return change.id not in _QUIET_SETTINGS
    return change.kind not in _NO_VERDICT
