"""The costs of a run, on its page and on a terminal: what is blocked, asked and waited for without need."""

from html import escape

from rich.table import Table

from caveat.assay.cost import Cost, LayerCost
from caveat.assay.measured import ArmMeasured, Measured
from caveat.assay.protection import Contrast, Effect
from caveat.assay.sampled import Mean, Times
from caveat.cli.assay_evidence import linked
from caveat.cli.assay_markup import html_count, html_table
from caveat.facts.wilson import Share

UNMEASURED = "unmeasured"
_NONE = f'<span class="none">{UNMEASURED}</span>'


def costs_section(measured: Measured) -> str:
    """What each arm costs, and each layer."""
    return "\n".join(
        (
            "<h2>What each costs</h2>",
            html_table(*_arms(measured)),
            "<h2>What it costs who does nothing wrong</h2>",
            _said(measured),
            html_table(*_benign(measured)),
            "<h2>What each layer costs</h2>",
            (
                "<p>With the layer minus without it, over the same requests: what only it blocks, how many "
                "more questions a piece of work takes, and how much longer an answer.</p>"
            ),
            html_table(*_layers(measured)),
        )
    )


def costs_table(measured: Measured) -> Table | None:
    """A row for each arm; None where nobody was asked to do ordinary work."""
    if not any(cost.needless.total for cost in measured.costs.values()):
        return None
    title = "cost for who does nothing wrong" + ("; partial" if measured.partial else "")
    table = Table(title=title, title_justify="left")
    for column in ("arm", "blocked", "of", "asked without need", "of", "questions a task", "added ms", "p95"):
        table.add_column(column, justify="left" if column == "arm" else "right", overflow="fold")
    for name, cost in measured.costs.items():
        blocked = _together(cost)
        questions = UNMEASURED if cost.questions is None else f"{cost.questions.value:.2f}"
        added = (
            (UNMEASURED, "") if cost.added is None else (f"{cost.added.median:.1f}", f"{cost.added.p95:.1f}")
        )
        table.add_row(name, *_counted(blocked), *_counted(cost.needless), questions, *added)
    return table


def _together(cost: Cost) -> Share:
    each = cost.blocked.values()
    return Share(sum(one.count for one in each), sum(one.total for one in each))


def _counted(one: Share) -> tuple[str, str]:
    return (str(one.count), str(one.total)) if one.total else (UNMEASURED, "")


def _said(measured: Measured) -> str:
    missing = measured.missing_sets
    lost = f" Not asked, as it was not there: {escape(', '.join(missing))}." if missing else ""
    return (
        "<p>Of permitted requests, those that were blocked, by where they are from; requests of ordinary "
        "work with a question that the policy did not need; questions until a piece of work is done; and "
        f"time beyond the bare model, request by request, {escape(str(measured.head['concurrency']))} at "
        f"once.{lost}</p>"
    )


def _arms(measured: Measured) -> tuple[list[str], list[list[str]]]:
    heads = [
        "arm",
        "unsafe uses let through",
        "released without a person",
        "benign twins passed",
        "median time",
        "added to the bare model",
        "without a verdict",
    ]
    return heads, [_arm(arm, measured.costs[arm.name]) for arm in measured.arms.values()]


def _arm(arm: ArmMeasured, cost: Cost) -> list[str]:
    own = arm.median_milliseconds
    return [
        f"<code>{escape(arm.name)}</code>",
        linked(html_count(arm.unsafe), "arm", arm.name, "unsafe"),
        linked(html_count(arm.unapproved), "arm", arm.name, "released"),
        linked(html_count(arm.twins), "arm", arm.name, "twins"),
        linked(_NONE if own is None else f"{own:.1f} ms", "arm", arm.name, "time"),
        linked(_times(cost.added), "arm", arm.name, "added"),
        escape(", ".join(f"{count} {fault}" for fault, count in arm.faults.items()) or "none"),
    ]


def _benign(measured: Measured) -> tuple[list[str], list[list[str]]]:
    sources = sorted({source for cost in measured.costs.values() for source in cost.blocked})
    heads = [
        "arm",
        *map(escape, sources),
        "asked without need",
        "work done",
        "questions a task",
        "facts a task",
    ]
    rows = [
        [
            f"<code>{escape(name)}</code>",
            *(
                linked(_share(cost.blocked[source]), "arm", name, "blocked", source)
                if source in cost.blocked
                else _NONE
                for source in sources
            ),
            *(
                linked(figure, "arm", name, "work")
                for figure in (
                    _share(cost.needless),
                    _share(cost.done),
                    _mean(cost.questions),
                    _mean(cost.facts),
                )
            ),
        ]
        for name, cost in measured.costs.items()
    ]
    return heads, rows


def _layers(measured: Measured) -> tuple[list[str], list[list[str]]]:
    heads = ["layer", *(f"{what}, {how}" for how in ("alone", "by its absence") for what in _WHAT)]
    rows = [
        [
            f"<b>{escape(layer)}</b>",
            *(linked(figure, "layer", layer, "costs") for how in _HOW for figure in _layer(costs[how])),
        ]
        for layer, costs in measured.layer_costs.items()
        if costs
    ]
    return heads, rows


_HOW = ("alone", "by_absence")
_WHAT = ("blocked", "questions a task", "added")


def _layer(cost: LayerCost) -> list[str]:
    return [_blocked(cost.blocked), _mean(cost.questions), _times(cost.added)]


def _blocked(one: Contrast) -> str:
    if one.effect is Effect.UNMEASURED:
        return _NONE
    fewer = f", {one.undone} fewer" if one.undone else ""
    return f"{one.stopped} more{fewer} <small>of {one.total}</small>"


def _share(one: Share) -> str:
    if one.interval is None:
        return _NONE
    low, high = one.interval
    return f"{one.count} of {one.total}<small>{low:.3f} to {high:.3f}</small>"


def _mean(one: Mean | None) -> str:
    if one is None:
        return _NONE
    spread = "" if one.interval is None else f"{one.interval[0]:.2f} to {one.interval[1]:.2f}, "
    return f"{one.value:.2f}<small>{spread}n {one.n}</small>"


def _times(one: Times | None) -> str:
    if one is None:
        return _NONE
    spread = "" if one.interval is None else f"{one.interval[0]:.1f} to {one.interval[1]:.1f}, "
    return f"{one.median:.1f} ms<small>{spread}p95 {one.p95:.1f}, n {one.n}</small>"
