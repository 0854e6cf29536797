"""What stood in a run beside ours: versions, detectors, what was left out. On a terminal and on the page."""

from collections.abc import Mapping
from html import escape

import click

from caveat.assay.peers import PeerDescription
from caveat.signing.canonical import JsonObject

_SHOWN_DIGEST = 16


def print_described(described: Mapping[str, JsonObject]) -> None:
    """A few lines for each arm that described itself."""
    for arm, said in described.items():
        one = PeerDescription.model_validate(said)
        click.echo(f"{arm}: {one.name} ({_versions(one)}), configuration {one.configuration[:_SHOWN_DIGEST]}")
        click.echo(f"  on: {'; '.join(one.detectors) or 'nothing'}")
        for detector, why in one.left_out.items():
            click.echo(f"  left out: {detector}: {why}")


def render_described(described: Mapping[str, JsonObject]) -> str:
    """A table with a row for each arm that described itself; nothing where none did."""
    if not described:
        return ""
    rows = "".join(_row(arm, PeerDescription.model_validate(said)) for arm, said in described.items())
    heads = "".join(
        f"<th>{head}</th>" for head in ("arm", "what was measured", "on", "left out", "configuration")
    )
    return (
        "<p>What ran beside ours, as it described itself. What was left out could not run here, or is not "
        f'about uses.</p><div class="scroll"><table><tr>{heads}</tr>{rows}</table></div>'
    )


def _row(arm: str, one: PeerDescription) -> str:
    cells = (
        f"<code>{escape(arm)}</code>",
        f"{escape(one.name)}<br>{escape(_versions(one))}",
        "<br>".join(map(escape, one.detectors)) or "nothing",
        "<br>".join(escape(f"{detector}: {why}") for detector, why in one.left_out.items()) or "nothing",
        f"<code>{one.configuration[:_SHOWN_DIGEST]}</code>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _versions(one: PeerDescription) -> str:
    return ", ".join(f"{package} {version}" for package, version in one.versions.items())
