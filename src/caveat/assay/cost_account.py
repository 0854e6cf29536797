"""The costs of a run as JSON. Source: docs/reference/assay.md."""

from caveat.assay.cost import Cost, LayerCost
from caveat.assay.protection import Contrast
from caveat.assay.sampled import Mean, Times
from caveat.assay.shares import share
from caveat.signing.canonical import Json, JsonObject

_LISTED = 500


def render_cost(cost: Cost) -> JsonObject:
    """What one arm costs."""
    return {
        "false_blocks": {source: share(one) for source, one in cost.blocked.items()},
        "blocked_prompts": [*cost.blocked_ids[:_LISTED]],
        "blocked_prompts_not_listed": max(0, len(cost.blocked_ids) - _LISTED),
        "over_asking": share(cost.needless),
        "work_done": share(cost.done),
        "questions_per_task": render_mean(cost.questions),
        "facts_asked_per_task": render_mean(cost.facts),
        "added_milliseconds": render_times(cost.added),
    }


def render_layer_cost(cost: LayerCost) -> JsonObject:
    """What a layer costs beyond what stands without it."""
    return {
        "false_blocks": _blocked(cost.blocked),
        "questions_per_task": render_mean(cost.questions),
        "added_milliseconds": render_times(cost.added),
    }


def _blocked(one: Contrast) -> Json:
    if not one.total:
        return None
    return {"more": share(one.share), "fewer": one.undone, "p_value": _rounded(one.p_value)}


def render_mean(one: Mean | None) -> Json:
    """A mean with its interval; null where nothing was measured."""
    if one is None:
        return None
    low, high = one.interval or (None, None)
    return {"mean": _rounded(one.value), "n": one.n, "low95": _rounded(low), "high95": _rounded(high)}


def render_times(one: Times | None) -> Json:
    """Median with its interval, and p95; null where nothing was measured."""
    if one is None:
        return None
    low, high = one.interval or (None, None)
    return {
        "median": _rounded(one.median),
        "n": one.n,
        "low95": _rounded(low),
        "high95": _rounded(high),
        "p95": _rounded(one.p95),
    }


def _rounded(value: float | None) -> Json:
    return None if value is None else round(value, 6)
