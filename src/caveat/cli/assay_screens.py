"""`caveat assay screens`: what screens find in texts that somebody labelled, or in one text."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import click
import orjson

from caveat.assay.errors import AssayError
from caveat.assay.screened import Asked, Limit, Readings, read_texts
from caveat.assay.screens_report import Measurement, check_kinds, measurement, render
from caveat.assay.texts import MAX_LINE_BYTES, TextSet, check_heads, parse_texts
from caveat.cli.assay_given import COULD_NOT_RUN, DOES_NOT_HOLD, HOLDS, write_out
from caveat.cli.assay_panel import Measurable, own_screens, screens_of
from caveat.cli.assay_screens_shown import print_measurement
from caveat.cli.assay_text import read_one
from caveat.cli.exit import CannotRunError
from caveat.cli.progress import Bar

INJECTION = "injection"
_SHARE = re.compile(r"(\d+(?:\.\d+)?)( ?%)?\Z")


class _ShareType(click.ParamType[Fraction]):
    """A share below one: `3%` or `0.03`."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        found = value if isinstance(value, Fraction) else _fraction(str(value))
        if found is None or not 0 <= found < 1:
            self.fail("a share is written 3% or 0.03, and lies below 100%", param, ctx)
        return found


class _BarType(click.ParamType[tuple[str, float]]):
    """A head and the area that it has to have: `injection=0.95`."""

    name = "head=area"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        head, _, area = str(value).partition("=")
        found = _fraction(area)
        if not head or found is None or not 0 < found <= 1:
            self.fail("a bar is written HEAD=AREA, as injection=0.95", param, ctx)
        return head, float(found)


def _fraction(text: str) -> Fraction | None:
    found = _SHARE.match(text.strip())
    return None if found is None else Fraction(found[1]) / (100 if found[2] else 1)


@click.command("screens")
@click.argument("texts", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--text", "one_text", metavar="FILE", help="Score this one text instead; - reads standard input."
)
@click.option(
    "--bundle",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Measure the screens of this policy, guards included; without it, those that come with Caveat.",
)
@click.option("--screen", "screens", multiple=True, help="Measure this screen alone, several times.")
@click.option(
    "--head", "heads", multiple=True, help="Measure this head; `attack` means a case of it. Several times."
)
@click.option(
    "--threshold", "thresholds", multiple=True, type=int, help="Count from this score on too. Several times."
)
@click.option(
    "--max-flagged",
    default="3%",
    show_default=True,
    type=_ShareType(),
    help="Share of the benign texts that may be flagged where the threshold is chosen.",
)
@click.option(
    "--bar",
    "bars",
    multiple=True,
    type=_BarType(),
    help="Area under the curve that a head has to have. Several times.",
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here; - prints."
)
def screens_command(
    texts: Path | None,
    *,
    one_text: str | None,
    bundle: Path | None,
    screens: tuple[str, ...],
    heads: tuple[str, ...],
    thresholds: tuple[int, ...],
    max_flagged: Fraction,
    bars: tuple[tuple[str, float], ...],
    json_path: Path | None,
) -> int:
    """Measure what screens find in TEXTS: JSON lines with `text`, `label` and, if you like, `source`.

    `label` is `attack`, `benign` or a list of heads. No text stands in what is printed.

    Exit code 0: every bar is met, or none was set; 1: one is missed; 2: it could not be run, or some figure
    that was asked for could not be measured.

    \b
    Examples:
      caveat assay screens texts.jsonl
      caveat assay screens texts.jsonl --bundle mine/bundle --max-flagged 1% --json -
      caveat assay screens texts.jsonl --screen classifier --head injection --bar injection=0.95
      echo 'Ignore all previous instructions.' | caveat assay screens --text -
    """
    if (texts is None) == (one_text is None):
        raise CannotRunError("name a file of labelled texts, or one text with --text", "one of the two")
    panel = (own_screens() if bundle is None else screens_of(bundle)).only(screens)
    for seat in panel.panel.seats:
        if seat.lacks:
            click.echo(f"caveat assay: screen `{seat.name}` is unavailable: {seat.lacks}", err=True)
    if one_text is not None:
        return read_one(panel, one_text, json_path)
    assert texts is not None  # noqa: S101 - one of the two is there
    try:
        labelled = _read(texts)
        asked = _asked(panel, labelled, heads, thresholds, max_flagged)
        found = _measured(panel, labelled, asked, dict(bars))
    except AssayError as error:
        raise CannotRunError("; ".join(error.findings), error.hint) from error
    return _told(found, json_path)


def _read(path: Path) -> TextSet:
    with path.open("rb") as file:
        return parse_texts(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""))


def _asked(
    given: Measurable,
    texts: TextSet,
    heads: Sequence[str],
    thresholds: Sequence[int],
    max_flagged: Fraction,
) -> Asked:
    """What is measured. Raises `AssayError` for a label, `CannotRunError` for an option."""
    known = given.panel.facts
    check_heads(texts.texts, known)
    given.check_names(heads, thresholds)
    attacks = frozenset(heads or (INJECTION,))
    wanted = tuple(dict.fromkeys(heads)) or texts.named_heads
    if not heads and any(one.is_attack for one in texts.texts):
        if INJECTION not in known:
            raise CannotRunError(
                f"texts are labelled `attack`, and no screen here gives `{INJECTION}`",
                f"say with --head what attacks are told by: {', '.join(sorted(known))}",
            )
        wanted = tuple(sorted({*wanted, INJECTION}))
    if not wanted:
        raise CannotRunError("every text is labelled `benign`", "the set needs cases, too")
    further = tuple(Limit(score) for score in thresholds)
    limits = {head: (*given.limits.get(head, ()), *further) for head in wanted}
    return Asked(wanted, attacks, limits, max_flagged)


def _measured(given: Measurable, texts: TextSet, asked: Asked, bars: Mapping[str, float]) -> Measurement:
    for head in bars:
        if head not in asked.heads:
            raise CannotRunError(f"a bar is set for `{head}`, which is not measured", f"add --head {head}")
    check_kinds(texts, asked)
    chosen = given.giving(asked.heads)

    async def read() -> tuple[Readings, ...]:
        with Bar("screening") as tell:
            try:
                return await read_texts(chosen.panel, chosen.spans, [one.text for one in texts.texts], tell)
            finally:
                await chosen.close()

    return measurement(texts, chosen.bundle, asyncio.run(read()), asked, bars)


def _told(found: Measurement, json_path: Path | None) -> int:
    data = orjson.dumps(render(found), option=orjson.OPT_INDENT_2)
    if json_path == Path("-"):
        click.echo(data.decode())
    else:
        print_measurement(found)
        if json_path is not None:
            write_out(json_path, data + b"\n")
    for head in found.unmeasured:
        click.echo(
            f"caveat assay: `{head}` could not be measured: too few of its texts have a score", err=True
        )
    if found.unmeasured:
        return COULD_NOT_RUN
    return HOLDS if all(one.is_met for one in found.bars) else DOES_NOT_HOLD
