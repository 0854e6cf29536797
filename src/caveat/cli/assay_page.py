"""A run of the assay as one page: no script, nothing loaded, all of it escaped. Uses stand in it by id."""

from html import escape

from caveat.assay.arms import LAYER_TEXTS
from caveat.assay.measured import LayerMeasured, Measured
from caveat.assay.protection import Effect
from caveat.cli.assay_chart import arms_chart
from caveat.cli.assay_cost import costs_section
from caveat.cli.assay_evidence import evidence_section, linked
from caveat.cli.assay_insiders import insiders_section
from caveat.cli.assay_markup import html_count, html_share, html_table
from caveat.cli.assay_outside import outside_section
from caveat.cli.assay_peers import render_described
from caveat.cli.assay_sentences import layer_sentences

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--head:#f3f5f7;
--good:#116329;--bad:#a40e26;--doubt:#7d4e00;--apparent:#9ec5e8;--real:#0b5cad}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--paper:#14171b;--line:#3a424b;
--head:#1f242a;--good:#56d364;--bad:#ff7b86;--doubt:#e3b341;--apparent:#3d5f80;--real:#6cb6ff}}
*{box-sizing:border-box}body{font:16px/1.55 Georgia,"Times New Roman",serif;max-width:88rem;
margin:2.5rem auto;padding:0 1.25rem;color:var(--ink);background:var(--paper)}
h1,h2,h3,th{font-family:system-ui,sans-serif}h1{line-height:1.2;margin-bottom:.3rem}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line);padding-bottom:.25rem}
table{border-collapse:collapse;width:100%;font-size:.86rem;margin:.8rem 0}
th,td{border:1px solid var(--line);padding:.35rem .5rem;text-align:left;vertical-align:top}
th{background:var(--head)}td small{color:var(--soft);display:block;white-space:nowrap}
code{font-size:.84em;overflow-wrap:anywhere}td code,td b{white-space:nowrap}.soft{color:var(--soft)}
.good{color:var(--good);font-weight:700}
.bad{color:var(--bad);font-weight:700}.none{color:var(--soft)}.banner{border:2px solid var(--doubt);
padding:.6rem .9rem;margin:1rem 0}.scroll{overflow-x:auto}
a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:.18em}a.figure{text-decoration-style:dotted}
.chart{font-family:system-ui,sans-serif;font-size:.86rem;margin:1rem 0}.said li{margin:.35rem 0}
.row{display:grid;grid-template-columns:13rem 1fr;gap:.2rem .8rem;align-items:center;padding:.3rem 0;
break-inside:avoid}.name{text-align:right}.name small,.track small{color:var(--soft);margin-left:.35rem}
.name small{display:block}.track{display:flex;align-items:center;gap:.5rem}.track a{width:5.6rem}
.scale-box{position:relative;flex:1;height:.95rem;border-left:1px solid var(--ink);
background:repeating-linear-gradient(to right,transparent 0 calc(25% - 1px),var(--line) calc(25% - 1px) 25%)}
.scale-box i{position:absolute;left:0;top:.1rem;bottom:.1rem}.scale{position:relative;height:1.2rem;
margin-right:6.1rem;color:var(--soft)}.scale span{position:absolute;transform:translateX(-50%);
white-space:nowrap}
i.apparent{background:var(--apparent)}i.real{background:var(--real)}
.scale-box i.line{top:calc(50% - 1px);bottom:auto;height:2px;background:var(--ink);
outline:1px solid var(--paper)}
.key i:empty{display:inline-block;width:1.1rem;height:.7rem;margin:0 .2rem 0 .7rem}
.key i.line{height:2px;vertical-align:middle;background:var(--ink)}
dt{color:var(--soft);font-size:.86rem}dd{margin:0 0 .5rem}tr:target,details:target>summary,
dl:target{background:var(--head);outline:2px solid var(--real)}
@media(max-width:40rem){body{margin:1rem auto}.row{grid-template-columns:1fr}.name{text-align:left}
.name small{display:inline}}
@media print{body{max-width:none;margin:0}tr{break-inside:avoid}}
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
            f"{escape(measured.model)}. Policy <code>{escape(str(run['bundle']))[:16]}</code>, run "
            f"<code>{escape(measured.digest)[:16]}</code>.</p>"
        ),
        _banner(measured),
        _in_a_word(measured),
        "<h2>What stands before the model, and what is left of it</h2>",
        (
            "<p>The upper bar is what it does against whoever simply asks. The lower bar is what is left "
            f"against the strongest adversary without anybody's key (<i>{escape(measured.strongest)}</i>). "
            "A use counts only where the harm was held and the benign "
            "twin passed.</p>"
        ),
        arms_chart(measured),
        "<h2>What each layer does, in a sentence</h2>",
        layer_sentences(measured),
        "<h2>Arms against adversaries</h2>",
        "<p>Real protection against each adversary.</p>",
        _arms_table(measured),
        render_described(measured.described),
        costs_section(measured),
        "<h2>What each layer does, in figures</h2>",
        (
            "<p>The share of uses that a layer stops: alone, beside the enforcement that it needs, or by its "
            "absence from the whole, whichever is larger. <i>No measured effect</i> is said of a run that "
            "could have seen one; the number beside it is the smallest effect that it could have seen.</p>"
        ),
        _layers_table(measured),
        outside_section(measured),
        "<h2>What got through</h2>",
        _failures(measured),
        "<h2>Insiders, and what is proved of them</h2>",
        insiders_section(measured.agreement),
        "<h2>The run behind each figure</h2>",
        "<p>Each figure above leads to its row here. Failures stand above by the ids of their uses.</p>",
        evidence_section(measured),
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
            held = linked(
                f"{arm.unsafe.total - arm.unsafe.count} of {arm.unsafe.total}", "arm", name, "unsafe"
            )
            passed = linked(html_count(arm.twins), "arm", name, "twins")
            said.append(
                f"{called} held <b>{held}</b> uses that the policy denies, whatever was tried without an "
                f"issuer's key, and let {passed} benign twins pass."
            )
    return f"<p>{' '.join(said)}</p>" if said else ""


def _arms_table(measured: Measured) -> str:
    rows = [
        [
            f"<code>{escape(arm.name)}</code>",
            *(linked(html_share(arm.real(who)), "arm", arm.name, who) for who in measured.adversaries),
        ]
        for arm in measured.arms.values()
    ]
    return html_table(["arm", *map(escape, measured.adversaries)], rows)


def _layers_table(measured: Measured) -> str:
    rows = [
        [
            f"<b>{escape(layer)}</b><small>{escape(LAYER_TEXTS[layer])}</small>",
            *(linked(_layer(one), "layer", layer, who) for who, one in effects.items()),
        ]
        for layer, effects in measured.layers.items()
        if layer not in measured.unmeasured_layers
    ]
    rows += [
        [f"<b>{escape(layer)}</b>", f"unmeasured: {escape(why)}", *[""] * (len(measured.adversaries) - 1)]
        for layer, why in measured.unmeasured_layers.items()
    ]
    return html_table(["layer", *map(escape, measured.adversaries)], rows)


def _layer(one: LayerMeasured) -> str:
    match one.effect:
        case Effect.MEASURED:
            return html_share(one.share)
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
            f"{html_table(['use', 'adversary', 'family', 'variant'], rows)}{rest}</details>"
        )
    return "\n".join(blocks)
