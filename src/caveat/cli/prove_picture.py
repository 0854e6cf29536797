"""The cut sets as a picture: who, alone or together, could open which red line. Inline SVG, no script."""

from dataclasses import dataclass
from html import escape

from caveat.cli.prove_words import rows, sets_of, together
from caveat.signing.canonical import JsonObject

_ROW, _TOP, _BOX, _HEIGHT = 44, 24, 236, 30
_LEFT, _MIDDLE, _RIGHT, _WIDTH = 12, 420, 640, 900


@dataclass(frozen=True, slots=True)
class _Route:
    members: tuple[str, ...]
    line: str
    kind: str


def cut_picture(document: JsonObject) -> str:
    """The picture; a sentence where nobody could open anything."""
    routes = _routes(document)
    if not routes:
        return "<p>No set of actors, issuers or operators was found that could open a red line.</p>"
    people = list(dict.fromkeys(name for route in routes for name in route.members))
    lines = [str(row["id"]) for row in rows(document["red_lines"])]
    height = _TOP * 2 + _ROW * max(len(people), len(routes), len(lines))
    left = _places(people, height)
    right = _places(lines, height)
    joints = _places([str(i) for i in range(len(routes))], height)
    parts: list[str] = []
    for i, route in enumerate(routes):
        y = joints[str(i)]
        parts += [_curve(_LEFT + _BOX, left[name], _MIDDLE, y, route.kind) for name in route.members]
        parts.append(_curve(_MIDDLE, y, _RIGHT, right[route.line], route.kind))
        title = escape(f"{together(route.members)} could open {route.line}")
        parts.append(
            f'<circle class="{route.kind}" cx="{_MIDDLE}" cy="{y}" r="7"><title>{title}</title></circle>'
        )
    parts += [_box(_LEFT, y, name, "who") for name, y in left.items()]
    parts += [_box(_RIGHT, y, name, "line") for name, y in right.items()]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Who could open which red line">'
        + "".join(parts)
        + "</svg>"
    )


def _routes(document: JsonObject) -> list[_Route]:
    found: list[_Route] = []
    for row in rows(document["red_lines"]):
        line = str(row["id"])
        amending = [tuple(each) for each in sets_of(row["cut_sets"])]
        operated = [tuple(each) for each in sets_of(row["cut_sets_with_operator"])]
        found += [_Route(each, line, "amend") for each in amending if each]
        found += [_Route(each, line, "operate") for each in operated if each and each not in amending]
        found += [_Route(tuple(each), line, "lie") for each in sets_of(row["issuer_cut_sets"]) if each]
    return found


def _places(names: list[str], height: int) -> dict[str, float]:
    step = (height - 2 * _TOP) / max(1, len(names))
    return {name: round(_TOP + step * (i + 0.5), 1) for i, name in enumerate(names)}


def _curve(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    bend = (x1 + x2) / 2
    return f'<path class="{kind}" d="M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}"/>'


def _box(x: float, y: float, name: str, kind: str) -> str:
    label = name if len(name) <= 32 else name[:31] + "…"
    return (
        f'<g class="{kind}"><rect x="{x}" y="{y - _HEIGHT / 2}" width="{_BOX}" height="{_HEIGHT}" rx="5"/>'
        f'<text x="{x + 12}" y="{y + 5}">{escape(label)}</text><title>{escape(name)}</title></g>'
    )
