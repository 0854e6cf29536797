"""Insiders beside what is proved of them, on the page of a run and on a terminal."""

from html import escape

import click

from caveat.assay.agreement import Agreement
from caveat.cli.assay_markup import html_table

_NAMED = 10


def insiders_section(agreement: Agreement | None) -> str:
    """What one issuer who lies got through, beside what the analysis says that he can."""
    if agreement is None:
        return '<p class="none">Unmeasured: the solver was not asked in this run.</p>'
    rendered = agreement.render()
    roles = rendered["roles"]
    rows = [
        [f"<code>{escape(role)}</code>", str(row["breached"]), str(row["could"])]
        for role, row in (roles.items() if isinstance(roles, dict) else ())
        if isinstance(row, dict)
    ]
    said = (
        f"<p>Each issuer alone was tried on each denied use, and {escape(agreement.proved.solver)} was asked "
        f"who alone could open it. They agree in "
        f"<b>{agreement.agreed} of {agreement.compared}</b> answers.</p>"
    )
    defects = [
        f'<p class="bad">{what}: {", ".join(f"{escape(use)} by {escape(role)}" for use, role in tried)}</p>'
        for what, tried in (
            ("Got through, though proved closed", agreement.breached_unproved),
            ("Got through inside a red line by no cut set of it", agreement.outside_cut_sets),
        )
        if tried
    ]
    return said + "".join(defects) + html_table(["issuer", "got through", "can open, proved"], rows)


def print_agreement(agreement: Agreement | None) -> bool:
    """Says how insiders agree with what is proved of them; whether nothing was got through that is closed."""
    if agreement is None:
        return True
    said = f"{agreement.agreed} of {agreement.compared}"
    click.echo(f"insiders agree with prove: {said} (each issuer alone, on each denied use)")
    defects = {
        "got through, though proved closed": agreement.breached_unproved,
        "got through inside a red line by no cut set of it": agreement.outside_cut_sets,
        "held, though it could be got through": agreement.held_though_open,
    }
    for what, tried in defects.items():
        if tried:
            named = ", ".join(f"{use} by {role}" for use, role in tried[:_NAMED])
            click.echo(f"  {what}: {len(tried)}: {named}{', …' if len(tried) > _NAMED else ''}", err=True)
    return agreement.holds
