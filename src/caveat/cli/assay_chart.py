"""Apparent and real protection of every arm as bars with their intervals; reads on a phone and in print.

Boxes of the page rather than a drawing, so that the words keep their size where the page is narrow.
"""

from html import escape

from caveat.assay.measured import ArmMeasured, Measured
from caveat.cli.assay_evidence import linked
from caveat.facts.wilson import Share

CALLED = {
    "whole": "the whole gateway",
    "bare": "the model alone",
    "placebo": "decides, enforces nothing",
    "allow-all": "dummy: lets all through",
    "block-all": "dummy: refuses all",
    "random-flags": "dummy: a coin",
    "words": "dummy: a list of words",
}
"""What arms are called for whoever does not know them by name."""


def arms_chart(measured: Measured) -> str:
    """A row for each arm, the most real protection first; what was not measured has no bar.

    A layer alone has its row in the tables only.
    """
    who = measured.strongest
    arms = sorted(
        (arm for arm in measured.arms.values() if not arm.name.startswith("only:")),
        key=lambda arm: (-(arm.real(who).value or 0.0), -(arm.apparent.value or 0.0)),
    )
    rows = "\n".join(_row(arm, who) for arm in arms)
    scale = "".join(f'<span style="left:{tick}%">{tick} %</span>' for tick in range(0, 101, 25))
    return (
        '<div class="chart" role="img" aria-label="Apparent and real protection of each arm">'
        f'{rows}<div class="row"><div></div><div class="scale">{scale}</div></div></div>'
        '<p class="key"><i class="apparent"></i> apparent: against whoever just asks '
        f'<i class="real"></i> real: against <i>{escape(who)}</i> <i class="line"></i> 95 % interval</p>'
    )


def _row(arm: ArmMeasured, who: str) -> str:
    called = CALLED.get(arm.name) or _without(arm.name)
    return (
        f'<div class="row"><div class="name">{escape(arm.name)}<small>{escape(called)}</small></div><div>'
        f"{_bar(arm.apparent, 'apparent', arm.name, 'naive')}{_bar(arm.real(who), 'real', arm.name, who)}"
        "</div></div>"
    )


def _without(name: str) -> str:
    how, _, layer = name.partition(":")
    return f"the whole without {layer}" if how == "without" else "an endpoint of others"


def _bar(share: Share, kind: str, arm: str, who: str) -> str:
    if share.value is None or share.interval is None:
        return f'<div class="track"><small>{kind}: unmeasured</small></div>'
    low, high = share.interval
    said = f"{share.value:.0%}<small>n {share.total}</small>"
    return (
        f'<div class="track"><div class="scale-box"><i class="{kind}" style="width:{share.value:.2%}"></i>'
        f'<i class="line" style="left:{low:.2%};width:{high - low:.2%}"></i></div>'
        f"{linked(said, 'arm', arm, who)}</div>"
    )
