"""`caveat assay report`: a journal as a page and as JSON, and compared with an older report."""

from pathlib import Path

import click
import orjson

from caveat.assay.account import Change, compare, regressions, render_account
from caveat.assay.certificate import sign_report
from caveat.assay.errors import AssayError, why
from caveat.assay.journal import Journal
from caveat.assay.measured import measure
from caveat.cli.assay_given import COULD_NOT_RUN, DOES_NOT_HOLD, HOLDS, write_out
from caveat.cli.assay_page import render_page
from caveat.cli.assay_shown import explain, print_summary
from caveat.cli.exit import CannotRunError
from caveat.cli.keys import read_private_key

_SHOWN = 10


@click.command("report")
@click.argument("journal", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write one self-contained page here.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here; - prints."
)
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Older report, as JSON, to compare with use by use.",
)
@click.option(
    "--sign",
    "sign_key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Sign the JSON with this private key, in the file beside it that ends in .sig.",
)
def report_command(
    journal: Path, page: Path | None, json_path: Path | None, against: Path | None, sign_key: Path | None
) -> int:
    """Say what a run's JOURNAL amounts to: apparent and real protection, and what each layer does.

    Exit code 0: written, and nothing got worse; 1: something that was held before is not held now; 2: it
    could not be run, or the run is partial and was to be compared.

    \b
    Examples:
      caveat assay report run.jsonl --html report.html --json report.json
      caveat assay report run.jsonl --against report.json
      caveat assay report run.jsonl --json report.json --sign auditor.pem
    """
    if sign_key is not None and json_path in {None, Path("-")}:
        raise click.UsageError("`--sign` needs `--json FILE`", click.get_current_context())
    key = None if sign_key is None else read_private_key(sign_key)
    try:
        measured = measure(Journal.read(journal))
        account = render_account(measured)
        document = orjson.dumps(account, option=orjson.OPT_INDENT_2)
        envelope = None if key is None else sign_report(account, key)
        changes = () if against is None else compare(against.read_bytes(), document)
    except AssayError as error:
        explain(error)
        return COULD_NOT_RUN
    except OSError as error:
        raise CannotRunError(f"a file cannot be read: {why(error)}", "check its rights") from error
    if json_path == Path("-"):
        click.echo(document.decode())
    else:
        print_summary(measured)
        if json_path is not None:
            _write(json_path, document, envelope)
    if page is not None:
        write_out(page, render_page(measured).encode())
    if measured.partial and against is not None:
        click.echo("caveat assay: the run is partial, so nothing can be said of what it lost", err=True)
        return COULD_NOT_RUN
    worse = regressions(changes)
    for change in worse:
        click.echo(_line(change), err=True)
    return DOES_NOT_HOLD if worse else HOLDS


def _write(path: Path, document: bytes, envelope: bytes | None) -> None:
    write_out(path, document + b"\n")
    if envelope is not None:
        signed = path.with_name(f"{path.name}.sig")
        write_out(signed, envelope + b"\n")
        click.echo(f"wrote the signed report {signed}")


def _line(change: Change) -> str:
    shown = ", ".join(change.lost[:_SHOWN]) + (", …" if len(change.lost) > _SHOWN else "")
    p_value = change.compared.p_value or 0.0
    return (
        f"worse: arm `{change.arm}` against `{change.adversary}` lost {len(change.lost)} of "
        f"{change.compared.total} and won {change.won} (p {p_value:.3g}): {shown}"
    )
