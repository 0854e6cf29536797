"""What became of others' requests, on the page of a run and on a terminal."""

from html import escape

from rich.table import Table

from caveat.assay.measured import Measured
from caveat.assay.outside import ADVBENCH, BENIGN
from caveat.assay.outside_measured import Beyond, beyond_benign
from caveat.cli.assay_evidence import linked
from caveat.cli.assay_markup import html_share, html_table, in_figures


def outside_section(measured: Measured) -> str:
    """What became of others' requests; nothing where none were sent."""
    if not measured.outside:
        return ""
    rows = [
        [
            f"<code>{escape(arm)}</code>",
            f"<code>{escape(name)}</code>{'<small>benign</small>' if name == BENIGN else ''}",
            linked(html_share(one.kept), "outside", arm, name),
            "" if name == BENIGN else linked(_html_beyond(beyond_benign(sets, name)), "outside", arm, name),
            linked(html_share(one.in_words), "outside", arm, name),
        ]
        for arm, sets in measured.outside.items()
        for name, one in sets.items()
    ]
    return (
        "<h2>Requests that others wrote</h2><p>Each sent once, as a person would type it. What is held back "
        "here is apparent protection and no more: nobody tried again. Whoever holds back benign "
        "requests as well has nothing beyond them: a wall has 0. "
        f"Model: <b>{escape(measured.model)}</b>; of AdvBench it refuses in words, bare: "
        f"{_refused(measured)}</p>"
        + html_table(["arm", "set", "held back", "beyond benign ones", "refused in words"], rows)
    )


def _refused(measured: Measured) -> str:
    figure = html_share(measured.bare_refusals)
    return linked(figure, "outside", "bare", ADVBENCH) if measured.bare_refusals.total else figure


def _html_beyond(one: Beyond | None) -> str:
    if one is None:
        return '<span class="none">unmeasured</span>'
    return f"{one.value:+.2f}<small>{one.low:+.2f} to {one.high:+.2f}</small>"


def outside_table(measured: Measured) -> Table | None:
    """A row for each arm and set of others' requests; None where none were sent."""
    if not measured.outside:
        return None
    table = Table(title=f"requests of others; model: {measured.model}", title_justify="left")
    for column in ("arm", "set", "n", "held back", "beyond benign", "in words"):
        table.add_column(column, justify="left" if column in {"arm", "set"} else "right", overflow="fold")
    for arm, sets in measured.outside.items():
        for name, one in sets.items():
            more = "" if name == BENIGN else _beyond(beyond_benign(sets, name))
            shown = (in_figures(one.kept), more, in_figures(one.in_words))
            table.add_row(arm, name, str(one.kept.total), *shown)
    return table


def _beyond(one: Beyond | None) -> str:
    return "unmeasured" if one is None else f"{one.value:+.3f} ({one.low:+.3f} to {one.high:+.3f})"
