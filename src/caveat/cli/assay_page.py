"""A run of the assay as one page: no script, nothing loaded, all of it escaped. Uses stand in it by id."""

from html import escape

from caveat.assay.arms import LAYERS, NOT_TAKEN_OUT
from caveat.assay.measured import ArmMeasured, LayerMeasured, Measured
from caveat.assay.protection import Effect
from caveat.cli.assay_chart import arms_chart
from caveat.cli.assay_peers import render_described
from caveat.facts.wilson import Share

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--head:#f3f5f7;
--good:#116329;--bad:#a40e26;--doubt:#7d4e00;--apparent:#9ec5e8;--real:#0b5cad}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--paper:#14171b;--line:#3a424b;
--head:#1f242a;--good:#56d364;--bad:#ff7b86;--doubt:#e3b341;--apparent:#3d5f80;--real:#6cb6ff}}
*{box-sizing:border-box}body{font:16px/1.55 Georgia,"Times New Roman",serif;max-width:88rem;
margin:2.5rem auto;padding:0 1.25rem;color:var(--ink);background:var(--paper)}
h1,h2,th,svg text{font-family:system-ui,sans-serif}h1{line-height:1.2;margin-bottom:.3rem}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line);padding-bottom:.25rem}
table{border-collapse:collapse;width:100%;font-size:.86rem;margin:.8rem 0}
th,td{border:1px solid var(--line);padding:.35rem .5rem;text-align:left;vertical-align:top}
th{background:var(--head)}td small{color:var(--soft);display:block;white-space:nowrap}
code{font-size:.84em;overflow-wrap:anywhere}td code,td b{white-space:nowrap}.soft{color:var(--soft)}
.good{color:var(--good);font-weight:700}
.bad{color:var(--bad);font-weight:700}.none{color:var(--soft)}.banner{border:2px solid var(--doubt);
padding:.6rem .9rem;margin:1rem 0}.scroll{overflow-x:auto}svg{width:100%;height:auto;margin:.6rem 0}
svg text{font-size:13px;fill:var(--ink)}.apparent{fill:var(--apparent)}.real{fill:var(--real)}
svg line{stroke:var(--ink)}svg line.grid{stroke:var(--line)}
@media print{body{max-width:none;margin:0}tr,svg{break-inside:avoid}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_SHOWN_FAILURES = 60


def render_page(measured: Measured) -> str:
    """The whole page."""
    run = measured.head
    uses = run["uses"]
    count = len(uses) if isinstance(uses, list) else 0
    parts = [
        "<h1>How much of each safeguard is real</h1>",
        (
            f'<p class="soft">{count} uses, each with a benign twin in the same words; seed '
            f"{escape(str(run['seed']))}, up to {escape(str(run['budget']))} attempts of each adversary on "
            f"each use; model: "
            f"{escape(str(run['upstream']))}. Policy <code>{escape(str(run['bundle']))[:16]}</code>, run "
            f"<code>{escape(measured.digest)[:16]}</code>.</p>"
        ),
        _banner(measured),
        _in_a_word(measured),
        "<h2>What stands before the model, and what is left of it</h2>",
        (
            "<p>The light bar is what it does against somebody who simply asks. The dark bar is what is left "
            f"against the strongest adversary without anybody's key (<i>{escape(measured.strongest)}</i>). "
            "The thin lines are 95 % intervals. A use counts only where the harm was held and the benign "
            "twin passed.</p>"
        ),
        arms_chart(measured),
        "<h2>Arms against adversaries</h2>",
        "<p>Real protection against each adversary.</p>",
        _arms_table(measured),
        render_described(measured.described),
        "<h2>What each costs</h2>",
        _cost_table(measured),
        "<h2>What each layer does</h2>",
        (
            "<p>The share of uses that a layer stops: alone, beside the enforcement that it needs, or by its "
            "absence from the whole, whichever is larger. <i>No measured effect</i> is said of a run that "
            "could have seen one; the number beside it is the smallest effect that it could have seen.</p>"
        ),
        _layers_table(measured),
        "<h2>What got through</h2>",
        _failures(measured),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>How much of each safeguard is real</title><style>{_STYLE}</style></head><body>\n{body}\n"
        "</body></html>\n"
    )


def _banner(measured: Measured) -> str:
    lines: list[str] = []
    if measured.partial:
        lines.append("This run did not come to its end: its figures are of a part of it.")
    lines += [
        f"Arm <code>{escape(arm)}</code> is unmeasured: {escape(why)}."
        for arm, why in measured.unmeasured_arms.items()
    ]
    lines += [
        f"Attacks <code>{escape(name)}</code> were not tried: no data set {escape(missing)}."
        for name, missing in measured.not_tried.items()
    ]
    return f'<div class="banner">{"<br>".join(lines)}</div>' if lines else ""


def _in_a_word(measured: Measured) -> str:
    """What a reader should know who reads no further."""
    said: list[str] = []
    for name, called in (("whole", "The whole gateway"), ("bare", "The model alone")):
        arm = measured.arms.get(name)
        if arm is not None and arm.unsafe.total:
            held = arm.unsafe.total - arm.unsafe.count
            said.append(
                f"{called} held <b>{held} of {arm.unsafe.total}</b> uses that the policy denies, whatever "
                f"was tried without an issuer's key, and let {arm.twins.count} of {arm.twins.total} benign "
                "twins pass."
            )
    return f"<p>{' '.join(said)}</p>" if said else ""


def _arms_table(measured: Measured) -> str:
    rows = [
        [f"<code>{escape(arm.name)}</code>", *(_share(arm.real(who)) for who in measured.adversaries)]
        for arm in measured.arms.values()
    ]
    return _table(["arm", *map(escape, measured.adversaries)], rows)


def _cost_table(measured: Measured) -> str:
    heads = [
        "arm",
        "unsafe uses let through",
        "released without a person",
        "benign twins passed",
        "median time",
        "added to the bare model",
        "without a verdict",
    ]
    return _table(heads, [_cost(arm, measured.arms.get("bare")) for arm in measured.arms.values()])


def _cost(arm: ArmMeasured, bare: ArmMeasured | None) -> list[str]:
    own, base = arm.median_milliseconds, None if bare is None else bare.median_milliseconds
    return [
        f"<code>{escape(arm.name)}</code>",
        _count(arm.unsafe),
        _count(arm.unapproved),
        _count(arm.twins),
        _milliseconds(own),
        _milliseconds(None if own is None or base is None else own - base),
        escape(", ".join(f"{count} {fault}" for fault, count in arm.faults.items()) or "none"),
    ]


def _layers_table(measured: Measured) -> str:
    rows = [
        [
            f"<b>{escape(layer)}</b><small>{escape(LAYERS[layer])}</small>",
            *(_layer(one) for one in effects.values()),
        ]
        for layer, effects in measured.layers.items()
    ]
    rows += [
        [f"<b>{escape(layer)}</b>", f"unmeasured: {escape(why)}", *[""] * (len(measured.adversaries) - 1)]
        for layer, why in NOT_TAKEN_OUT.items()
    ]
    return _table(["layer", *map(escape, measured.adversaries)], rows)


def _layer(one: LayerMeasured) -> str:
    match one.effect:
        case Effect.MEASURED:
            return _share(one.share)
        case Effect.NONE_MEASURED:
            visible = one.by_absence.smallest or one.alone.smallest or 0.0
            return f'<span class="none">no measured effect<small>could have seen {visible:.3f}</small></span>'
        case Effect.UNMEASURED:
            return '<span class="none">unmeasured</span>'


def _failures(measured: Measured) -> str:
    of = {
        name: arm for name, arm in measured.arms.items() if name not in {"bare", "placebo"} and arm.failures
    }
    if not of:
        return "<p>Nothing, but through the bare model and the placebo.</p>"
    blocks: list[str] = []
    for name, arm in of.items():
        rows = [
            [escape(one.use), escape(one.search), escape(one.family), escape(one.variant)]
            for one in arm.failures[:_SHOWN_FAILURES]
        ]
        more = len(arm.failures) - len(rows)
        rest = f'<p class="soft">and {more} more, in the JSON</p>' if more else ""
        blocks.append(
            f"<details><summary><code>{escape(name)}</code>: {len(arm.failures)}</summary>"
            f"{_table(['use', 'adversary', 'family', 'variant'], rows)}{rest}</details>"
        )
    return "\n".join(blocks)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _share(one: Share) -> str:
    if one.interval is None or one.value is None:
        return '<span class="none">unmeasured</span>'
    low, high = one.interval
    return f"{one.value:.2f}<small>{low:.2f} to {high:.2f}, n {one.total}</small>"


def _count(one: Share) -> str:
    return f"{one.count} of {one.total}" if one.total else '<span class="none">unmeasured</span>'


def _milliseconds(value: float | None) -> str:
    return '<span class="none">unmeasured</span>' if value is None else f"{value:.1f} ms"
