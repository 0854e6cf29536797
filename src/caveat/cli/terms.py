"""`caveat terms`: a policy bundle as a page for lawyers, and its negotiation on the record."""

from pathlib import Path

import click
from markdown_it import MarkdownIt

from caveat.cli.bundle import load_bundle
from caveat.cli.terms_act import accept_command, counter_command, offer_command, refuse_command
from caveat.cli.terms_import import import_command
from caveat.cli.terms_prove import prove_command
from caveat.cli.terms_show import show_command
from caveat.policy.terms import render_terms

_STYLE = (
    "body{font:16px/1.5 Georgia,serif;max-width:76rem;margin:3rem auto;padding:0 1.5rem;color:#1b1f24}"
    "h1,h2{font-family:system-ui,sans-serif;line-height:1.2}"
    "h2{margin-top:2.5rem;border-bottom:1px solid #d0d7de}"
    "table{border-collapse:collapse;width:100%;font-size:14px}"
    "th,td{border:1px solid #d0d7de;padding:.45rem .6rem;text-align:left;vertical-align:top}"
    "th{background:#f3f5f7;font-family:system-ui,sans-serif}code{font-size:.86em;overflow-wrap:anywhere}"
    "td:first-child{white-space:nowrap}"
)


@click.group("terms")
def terms_group() -> None:
    """Read terms as a page, and negotiate them as signed records."""


@terms_group.command("page")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "html"]),
    default="markdown",
    show_default=True,
    help="Of the page.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
def page_command(bundle: Path, form: str, out: Path | None) -> int:
    """Print the policy bundle in the folder BUNDLE as a page for lawyers.

    \b
    Examples:
      caveat terms page policies/government-analytics
      caveat terms page policies/government-analytics --format html --out terms.html
    """
    loaded = load_bundle(bundle)
    page = render_terms(loaded)
    if form == "html":
        body = MarkdownIt("commonmark", {"html": False}).enable("table").render(page)
        page = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f"<title>{loaded.manifest.name}</title>"
            f"<style>{_STYLE}</style></head><body>\n{body}</body></html>\n"
        )
    if out is None:
        click.echo(page, nl=False)
    else:
        out.write_text(page, encoding="utf-8")
        click.echo(f"wrote {out}")
    return 0


for command in (
    offer_command,
    counter_command,
    accept_command,
    refuse_command,
    import_command,
    show_command,
    prove_command,
):
    terms_group.add_command(command)
