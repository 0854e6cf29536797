"""One text given to screens: its scores, and which clauses would read them. No text is printed."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from caveat.assay.screened import read_texts
from caveat.assay.texts import MAX_LINE_BYTES
from caveat.cli.assay_given import COULD_NOT_RUN, HOLDS, write_out
from caveat.cli.assay_panel import Measurable
from caveat.cli.exit import CannotRunError
from caveat.screens.panel import UNAVAILABLE, Score
from caveat.signing.canonical import Json, JsonObject


def read_one(given: Measurable, name: str, json_path: Path | None) -> int:
    """Prints every screen's scores of the text in a file or, as `-`, of standard input; 2: one is missing."""
    text = _text(name)
    scores = asyncio.run(_asked(given, text))
    document = orjson.dumps(_rendered(given, scores), option=orjson.OPT_INDENT_2)
    if json_path == Path("-"):
        click.echo(document.decode())
    else:
        _print(given, scores)
        if json_path is not None:
            write_out(json_path, document + b"\n")
    missing = any(is_missing(score) for one in scores.values() for score in one.values())
    return COULD_NOT_RUN if missing else HOLDS


def _text(name: str) -> str:
    """Raises `CannotRunError` where there is none, or too much of it."""
    if name == "-":
        data = sys.stdin.buffer.read(MAX_LINE_BYTES + 1)
    else:
        with Path(name).open("rb") as file:
            data = file.read(MAX_LINE_BYTES + 1)
    if len(data) > MAX_LINE_BYTES:
        raise CannotRunError(f"the text has more than {MAX_LINE_BYTES:,} bytes", "give a part of it")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise CannotRunError("the text is not UTF-8", "save it as UTF-8") from error
    if not text.strip():
        raise CannotRunError(
            "there is no text", "give one, as in: echo 'a text' | caveat assay screens --text -"
        )
    return text


async def _asked(given: Measurable, text: str) -> Mapping[str, Mapping[str, Score]]:
    try:
        readings = await read_texts(given.panel, given.spans, [text], lambda _done, _total: None)
    finally:
        await given.close()
    return {one.screen: one.scores[0] for one in readings}


def is_missing(score: Score) -> bool:
    """Whether what stands there is a declared score, since the screen gave none."""
    return score.source.startswith(UNAVAILABLE)


def _rendered(given: Measurable, scores: Mapping[str, Mapping[str, Score]]) -> JsonObject:
    return {
        "version": 1,
        "bundle": given.bundle or None,
        "screens": {
            screen: {head: _score(given, head, score) for head, score in found.items()}
            for screen, found in scores.items()
        },
    }


def _score(given: Measurable, head: str, score: Score) -> JsonObject:
    missing = is_missing(score)
    limits: list[Json] = [
        {
            "score": limit.score,
            "clauses": [*limit.clauses],
            "points": [*sorted(limit.points)],
            "reached": score.value >= limit.score,
        }
        for limit in given.limits.get(head, ())
    ]
    return {
        "score": None if missing else score.value,
        "declared": score.value if missing else None,
        "digest": None if missing or not score.source else score.source,
        "unavailable": score.source.removeprefix(UNAVAILABLE) if missing else None,
        "limits": limits,
    }


def _print(given: Measurable, scores: Mapping[str, Mapping[str, Score]]) -> None:
    table = Table()
    for column in ("screen", "head", "score", *(["limits"] if given.bundle else [])):
        table.add_column(column, justify="right" if column == "score" else "left", overflow="fold")
    for screen, found in scores.items():
        for head, score in found.items():
            read = [escape(_limits(given, head, score))] if given.bundle else []
            table.add_row(screen, escape(head), _said(score), *read)
    Console().print(table)


def _said(score: Score) -> str:
    if is_missing(score):
        return f"{score.source.removeprefix(UNAVAILABLE)}, counts as {score.value}"
    return str(score.value)


def _limits(given: Measurable, head: str, score: Score) -> str:
    lines: list[str] = []
    for limit in given.limits.get(head, ()):
        if limit.clauses:
            where = f"{', '.join(limit.clauses)} at {', '.join(sorted(limit.points))}"
            verb = "reached" if score.value >= limit.score else "not reached"
            lines.append(f"{where}: {limit.score} {verb}")
    return "\n".join(lines) or "–"
