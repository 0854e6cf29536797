"""A run as JSON for programs, and two of them compared use by use. Source: docs/reference/assay.md.

Uses and attacks are named by id; nothing that was sent stands in it. What was not measured is null.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from caveat.assay.arms import LAYER_TEXTS
from caveat.assay.command import command_of
from caveat.assay.cost_account import render_cost, render_layer_cost
from caveat.assay.errors import AssayError
from caveat.assay.measured import ArmMeasured, LayerMeasured, Measured
from caveat.assay.outside import BENIGN
from caveat.assay.outside_measured import SetMeasured, beyond_benign
from caveat.assay.paired import SIGNIFICANT
from caveat.assay.protection import Contrast, Credits, contrast
from caveat.assay.shares import share
from caveat.signing.canonical import Json, JsonObject

VERSION = 1
_FAILURES = 500
_MARK = {True: "1", False: "0", None: "-"}
_MARKED: Mapping[str, bool | None] = {"1": True, "0": False, "-": None}


class AccountError(AssayError):
    """The file is no report of this version."""


def render_account(measured: Measured) -> JsonObject:
    """The whole report."""
    head = measured.head
    return {
        "version": VERSION,
        "partial": measured.partial,
        "digest": measured.digest,
        "journal": measured.journal_sha256 or None,
        "run": {
            **{name: head[name] for name in ("seed", "budget", "bundle", "upstream", "adversaries")},
            "command": command_of(head),
        },
        "model": {"name": measured.model, "bare_refusals": share(measured.bare_refusals)},
        "uses": [*_denied(measured)],
        "arms": {name: _arm(arm, measured) for name, arm in measured.arms.items()},
        "described_arms": {**measured.described},
        "unmeasured_arms": {**measured.unmeasured_arms},
        "layers": {layer: _layer(layer, measured) for layer in measured.layers},
        "unmeasured_layers": {**measured.unmeasured_layers},
        "outside": {
            arm: {name: _outside(name, sets) for name in sets} for arm, sets in measured.outside.items()
        },
        "outside_missing": [*measured.outside_missing],
        "families_not_tried": {**measured.not_tried},
        "costs": {name: render_cost(cost) for name, cost in measured.costs.items()},
        "layer_costs": {
            layer: {how: render_layer_cost(cost) for how, cost in each.items()}
            for layer, each in measured.layer_costs.items()
        },
        "benign": head["benign"],
        "concurrency": head["concurrency"],
        "agreement": None if measured.agreement is None else measured.agreement.render(),
    }


def _denied(measured: Measured) -> list[str]:
    uses = measured.head["uses"]
    rows = uses if isinstance(uses, list) else []
    return [str(row[0]) for row in rows if isinstance(row, list) and row[2] == "deny"]


def _arm(arm: ArmMeasured, measured: Measured) -> JsonObject:
    bare = measured.arms.get("bare")
    base = None if bare is None else bare.median_milliseconds
    own = arm.median_milliseconds
    failures: list[Json] = [
        {"use": one.use, "adversary": one.search, "family": one.family, "variant": one.variant}
        for one in arm.failures[:_FAILURES]
    ]
    return {
        "apparent": share(arm.apparent),
        "real": {who: share(arm.real(who)) for who in measured.adversaries},
        "ratio": {who: _rounded(arm.ratio(who)) for who in measured.adversaries},
        "unsafe": share(arm.unsafe),
        "released_without_a_person": share(arm.unapproved),
        "reviewed_and_released": share(arm.reviewed),
        "twins_passed": share(arm.twins),
        "median_milliseconds": own,
        "added_milliseconds": None if base is None or own is None else round(own - base, 2),
        "faults": {**arm.faults},
        "failures": failures,
        "failures_not_listed": max(0, len(arm.failures) - _FAILURES),
        "credits": {
            who: "".join(_MARK[arm.credits[who].get(use)] for use in _denied(measured))
            for who in measured.adversaries
        },
    }


def _layer(layer: str, measured: Measured) -> JsonObject:
    return {
        "text": LAYER_TEXTS[layer],
        "adversaries": {who: _effect(one) for who, one in measured.layers[layer].items()},
    }


def _effect(one: LayerMeasured) -> JsonObject:
    return {
        "effect": one.effect.value,
        "stopped": share(one.share),
        "alone": _contrast(one.alone),
        "by_absence": _contrast(one.by_absence),
    }


def _outside(name: str, sets: Mapping[str, SetMeasured]) -> JsonObject:
    one, more = sets[name], beyond_benign(sets, name)
    if name == BENIGN:
        return {"blocked": share(one.kept), "in_words": share(one.in_words)}
    figures: Json = None
    if more is not None:
        figures = {
            "value": _rounded(more.value),
            "low95": _rounded(more.low),
            "high95": _rounded(more.high),
        }
    return {"held": share(one.kept), "beyond_benign": figures, "in_words": share(one.in_words)}


def _contrast(one: Contrast) -> JsonObject:
    return {
        "effect": one.effect.value,
        "stopped": share(one.share),
        "undone": one.undone if one.total else None,
        "p_value": _rounded(one.p_value),
        "smallest_visible": _rounded(one.smallest),
    }


def _rounded(value: float | None) -> Json:
    return None if value is None else round(value, 6)


class _ArmModel(BaseModel):
    model_config = ConfigDict(extra="ignore")
    credits: dict[str, str]


class _AccountModel(BaseModel):
    model_config = ConfigDict(extra="ignore")
    version: int
    uses: list[str]
    arms: dict[str, _ArmModel]


@dataclass(frozen=True, slots=True)
class Change:
    """One arm against one adversary, in an older and a newer report over the same uses.

    `lost`: protected before and not now; `won`: the other way round.
    """

    arm: str
    adversary: str
    compared: Contrast
    lost: tuple[str, ...]

    @property
    def won(self) -> int:
        """Uses that are protected now and were not."""
        return self.compared.undone

    @property
    def is_regression(self) -> bool:
        """More was lost than chance explains; of the whole gateway, which is to hold all, anything at all."""
        if self.arm == "whole" and self.adversary != "insider":
            return bool(self.lost)
        p_value = self.compared.p_value
        return p_value is not None and p_value <= SIGNIFICANT and len(self.lost) > self.won


def compare(older: bytes, newer: bytes) -> tuple[Change, ...]:
    """Every arm and adversary that both reports measured. Raises `AccountError` where there is none."""
    before, after = _parsed(older), _parsed(newer)
    common = set(before.uses) & set(after.uses)
    if not common:
        raise AccountError(("the two reports have no use in common",), "run both with the same seed")
    changes = tuple(
        _change(name, who, _credits(before, name, who, common), _credits(after, name, who, common))
        for name, arm in before.arms.items()
        if name in after.arms
        for who in arm.credits
        if who in after.arms[name].credits
    )
    if not any(one.compared.total for one in changes):
        raise AccountError(("the two reports measured nothing in common",), "run both with the same arms")
    return changes


def _parsed(data: bytes) -> _AccountModel:
    try:
        found = _AccountModel.model_validate_json(data)
    except ValidationError as error:
        raise AccountError(
            ("a file is no report of the assay",), "`caveat assay report --json` writes one"
        ) from error
    marks = {mark for arm in found.arms.values() for text in arm.credits.values() for mark in text}
    lengths = {len(text) for arm in found.arms.values() for text in arm.credits.values()}
    if found.version != VERSION or not marks <= _MARKED.keys() or not lengths <= {len(found.uses)}:
        raise AccountError(("a file is no report of this version",))
    return found


def _credits(account: _AccountModel, arm: str, who: str, common: set[str]) -> Credits:
    marks = account.arms[arm].credits[who]
    return {use: _MARKED[mark] for use, mark in zip(account.uses, marks, strict=True) if use in common}


def _change(arm: str, who: str, before: Credits, after: Credits) -> Change:
    lost = tuple(use for use, one in before.items() if one and after.get(use) is False)
    return Change(arm, who, contrast(before, after), lost)


def regressions(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes for the worse."""
    return tuple(change for change in changes if change.is_regression)
