"""The run behind each figure of the page: journal, arm, adversary, n, seed and command, and a link to it.

INVARIANT: whatever `linked` points at, `evidence_section` writes. Nothing outside the page is linked.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape

from caveat.assay.command import command_of
from caveat.assay.cost import Cost, arms_of_layer
from caveat.assay.measured import ArmMeasured, LayerMeasured, Measured
from caveat.assay.outside_measured import SetMeasured
from caveat.assay.protection import Contrast
from caveat.facts.wilson import Share

_COMMAND = "command"


def anchor(*names: str) -> str:
    """The id of what these names name together: an arm, an arm and an adversary, a layer and an adversary."""
    return "-".join(re.sub(r"[^a-z0-9]+", "_", name.lower()) for name in names)


def linked(figure: str, *names: str) -> str:
    """The figure as a link to its run."""
    return f'<a class="figure" href="#{anchor(*names)}">{figure}</a>'


def evidence_section(measured: Measured) -> str:
    """A row for each figure of arms, layers and insiders, folded by arm."""
    run, journal = measured.head, measured.journal_sha256 or "not read from a file"
    facts = {
        "journal": f"<code>{escape(journal)}</code>",
        "digest of all verdicts": f"<code>{escape(measured.digest)}</code>",
        "policy bundle": f"<code>{escape(str(run['bundle']))}</code>",
        "seed": escape(str(run["seed"])),
        "attempts of each adversary on each use": escape(str(run["budget"])),
        "model": escape(measured.model),
        "made again by": f"<code>{escape(command_of(run))}</code>",
    }
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    parts = [f'<dl id="{_COMMAND}">{listed}</dl>']
    parts += [_of_arm(arm, measured) for arm in measured.arms.values()]
    parts += ["<h3>Layers</h3>", *(_of_layer(layer, measured) for layer in measured.layers)]
    run_of = _run(measured)
    parts += [_of_outside(arm, sets, run_of) for arm, sets in measured.outside.items()]
    return "\n".join(parts)


def _of_arm(arm: ArmMeasured, measured: Measured) -> str:
    run = _run(measured)
    rows = [
        _row(anchor("arm", arm.name, who), who, f"protected {_of(arm.real(who))}", run)
        for who in measured.adversaries
    ]
    name = anchor("arm", arm.name)
    rows += [
        _row(anchor("arm", arm.name, "unsafe"), "without a key", f"let through {_of(arm.unsafe)}", run),
        _row(
            anchor("arm", arm.name, "released"),
            "without a key",
            f"released without a person {_of(arm.unapproved)}",
            run,
        ),
        _row(anchor("arm", arm.name, "twins"), "none", f"benign twins passed {_of(arm.twins)}", run),
        _row(anchor("arm", arm.name, "time"), "none", f"median of {len(arm.milliseconds)} twins", run),
    ]
    rows += _costs(arm.name, measured.costs[arm.name], run)
    return _folded(name, f"arm <code>{escape(arm.name)}</code>", rows, ("adversary", "figure"))


def _costs(arm: str, cost: Cost, run: str) -> Iterator[str]:
    for source, blocked in cost.blocked.items():
        yield _row(anchor("arm", arm, "blocked", source), "none", f"{source} blocked {_of(blocked)}", run)
    questions = "unmeasured" if cost.questions is None else f"n {cost.questions.n} pieces of work"
    asked = (
        f"asked without need {_of(cost.needless)}, done {_of(cost.done)}, questions and facts: {questions}"
    )
    yield _row(anchor("arm", arm, "work"), "none", asked, run)
    added = "unmeasured" if cost.added is None else f"n {cost.added.n} requests, beside <code>bare</code>"
    yield _row(anchor("arm", arm, "added"), "none", f"time added: {added}", run)


def _of_outside(arm: str, sets: Mapping[str, SetMeasured], run: str) -> str:
    rows = [
        _row(
            anchor("outside", arm, name),
            "nobody tried again",
            f"{escape(name)} held back {_of(one.kept)}, refused in words {_of(one.in_words)}",
            run,
        )
        for name, one in sets.items()
    ]
    title = f"requests of others, arm <code>{escape(arm)}</code>"
    return _folded(anchor("outside", arm), title, rows, ("adversary", "figure"))


def _of_layer(layer: str, measured: Measured) -> str:
    run = _run(measured)
    rows = [
        _row(anchor("layer", layer, who), who, "<br>".join(_contrasts(layer, one)), run)
        for who, one in measured.layers[layer].items()
    ]
    costs = measured.layer_costs.get(layer)
    if costs:
        rows.append(_row(anchor("layer", layer, "costs"), "none", "<br>".join(_pairs(layer)), run))
    return _folded(anchor("layer", layer), f"layer <b>{escape(layer)}</b>", rows, ("adversary", "pairs"))


def _contrasts(layer: str, one: LayerMeasured) -> Iterator[str]:
    for how, contrast in (("by_absence", one.by_absence), ("alone", one.alone)):
        with_layer, without = arms_of_layer(layer)[how]
        arms = f"<code>{escape(with_layer)}</code> against <code>{escape(without)}</code>"
        yield f"{arms}: {_contrast(contrast)}"


def _pairs(layer: str) -> Iterator[str]:
    for with_layer, without in arms_of_layer(layer).values():
        yield (
            f"costs: <code>{escape(with_layer)}</code> minus <code>{escape(without)}</code>, "
            "request by request; the figures of both stand with their arms"
        )


def _contrast(one: Contrast) -> str:
    if not one.total:
        return "unmeasured"
    seen = "nothing" if one.smallest is None else f"{one.smallest:.3f}"
    return f"stops {_of(one.share)}, undoes {one.undone}, p {one.p_value or 0.0:.2g}, could have seen {seen}"


def _run(measured: Measured) -> str:
    short = measured.journal_sha256[:12] or "–"
    seed = escape(str(measured.head["seed"]))
    return f'<a href="#{_COMMAND}">journal <code>{short}</code>, seed {seed}</a>'


def _row(name: str, who: str, figure: str, run: str) -> str:
    return f'<tr id="{name}"><td>{escape(who)}</td><td>{figure}</td><td>{run}</td></tr>'


def _folded(name: str, title: str, rows: list[str], heads: tuple[str, str]) -> str:
    head = "".join(f"<th>{one}</th>" for one in (*heads, "run"))
    return (
        f'<details class="run" id="{name}"><summary>{title}</summary><div class="scroll">'
        f"<table><tr>{head}</tr>{''.join(rows)}</table></div></details>"
    )


def _of(one: Share) -> str:
    if one.interval is None:
        return "unmeasured"
    low, high = one.interval
    return f"{one.count} of {one.total} (95 % {low:.3f} to {high:.3f})"
