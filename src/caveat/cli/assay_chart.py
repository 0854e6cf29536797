"""Apparent and real protection of every arm as bars with their intervals, drawn as SVG."""

from html import escape

from caveat.assay.measured import Measured
from caveat.facts.wilson import Share

_LEFT, _WIDTH, _ROW, _BAR = 190, 560, 46, 15


def arms_chart(measured: Measured) -> str:
    """A row for each arm, the most real protection first; what was not measured has no bar.

    A layer alone has its row in the tables only.
    """
    who = measured.strongest
    arms = sorted(
        (arm for arm in measured.arms.values() if not arm.name.startswith("only:")),
        key=lambda arm: (-(arm.real(who).value or 0.0), -(arm.apparent.value or 0.0)),
    )
    height = _ROW * len(arms) + 40
    label = "Apparent and real protection of each arm"
    lines = [f'<svg viewBox="0 0 {_LEFT + _WIDTH + 60} {height}" role="img" aria-label="{label}">']
    for tick in range(0, 101, 25):
        x = _LEFT + _WIDTH * tick / 100
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - 26}"/>')
        lines.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick} %</text>')
    for at, arm in enumerate(arms):
        top = at * _ROW + 8
        lines.append(f'<text x="{_LEFT - 10}" y="{top + 19}" text-anchor="end">{escape(arm.name)}</text>')
        lines.append(_bar(arm.apparent, "apparent", top))
        lines.append(_bar(arm.real(who), "real", top + _BAR))
    return "\n".join([*lines, "</svg>"])


def _bar(share: Share, kind: str, top: int) -> str:
    if share.value is None or share.interval is None:
        return f'<text x="{_LEFT + 6}" y="{top + 12}" opacity=".7">unmeasured</text>'
    low, high = (_LEFT + _WIDTH * end for end in share.interval)
    middle = top + _BAR / 2
    return (
        f'<rect class="{kind}" x="{_LEFT}" y="{top}" width="{_WIDTH * share.value:.1f}" height="{_BAR}">'
        f"<title>{kind}: {share.value:.3f}</title></rect>"
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<line x1="{low:.1f}" x2="{low:.1f}" y1="{middle - 4}" y2="{middle + 4}"/>'
        f'<line x1="{high:.1f}" x2="{high:.1f}" y1="{middle - 4}" y2="{middle + 4}"/>'
    )
