"""Rows or text out of a file that may be hostile, in a process of its own with little time and memory.

`extract` starts this module as a program, which limits itself before it opens anything, so that a zip bomb, a
deep document or an endless one ends as one clear error and nothing else. Formats are told by the file's
ending. Source: attack 170 in `THREAT_MODEL.md`.
"""

import datetime as dt
import decimal
import logging
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import orjson

from caveat.cli.exit import CannotRunError
from caveat.cli.progress import Bar
from caveat.evidence.rows import MAX_ROWS, Row, read_rows

MAX_INPUT_BYTES = 512 * 1024 * 1024
MAX_OUTPUT_BYTES = 256 * 1024 * 1024
MAX_MEMORY_BYTES = 3 * 1024 * 1024 * 1024
MAX_CPU_SECONDS = 60
MAX_WALL_SECONDS = 120
_MAX_INFLATED_BYTES = 256 * 1024 * 1024
_REFUSED = 3

Kind = Literal["rows", "text"]
FORMATS: dict[str, Kind] = {
    ".csv": "rows",
    ".tsv": "rows",
    ".json": "rows",
    ".jsonl": "rows",
    ".ndjson": "rows",
    ".parquet": "rows",
    ".txt": "text",
    ".md": "text",
    ".pdf": "text",
    ".docx": "text",
}


@dataclass(frozen=True, slots=True)
class Extracted:
    """What is in a file: rows of a table, or the text of a document."""

    rows: tuple[Row, ...] = ()
    text: str = ""


class _RefusedError(Exception):
    """The file cannot be read; the message says why, without content."""


def extract(file: Path) -> Extracted:
    """The rows or the text of `file`; raises `CannotRunError` for what cannot be read within the limits."""
    kind = FORMATS.get(file.suffix.lower())
    if kind is None:
        raise CannotRunError(f"`{file.name}` has no ending that is known", f"one of {' '.join(FORMATS)}")
    if file.stat().st_size > MAX_INPUT_BYTES:
        raise CannotRunError(
            f"`{file.name}` is larger than {MAX_INPUT_BYTES} bytes", "attest it in several files"
        )
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaint:
        process = subprocess.Popen(  # noqa: S603 - this very module, without a shell
            [sys.executable, "-I", "-m", "caveat.cli.extract", str(file.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=complaint,
        )
        status = _wait(process, out.fileno(), file)
        complaint.seek(0)
        _check(status, complaint.read(2000).decode(errors="replace"), file)
        out.seek(0)
        written = out.read()
    if kind == "text":
        return Extracted(text=written.decode("utf-8"))
    lines = written.splitlines()
    columns = tuple(orjson.loads(lines[0])) if lines else ()
    return Extracted(rows=tuple([Row(columns, tuple(orjson.loads(line))) for line in lines[1:]]))


def _wait(process: subprocess.Popen[bytes], out: int, file: Path) -> int:
    import os

    until = time.monotonic() + MAX_WALL_SECONDS
    size = max(file.stat().st_size, 1)
    try:
        with Bar(f"reading {file.name}") as progress:
            while time.monotonic() < until:
                try:
                    return process.wait(timeout=0.2)
                except subprocess.TimeoutExpired:
                    progress(min(os.fstat(out).st_size, size), size)
        raise CannotRunError(f"`{file.name}` takes longer than {MAX_WALL_SECONDS} seconds to read", _HINT)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


_HINT = "nothing was signed; attest a simpler form of the same data"


def _check(status: int, complaint: str, file: Path) -> None:
    if status == 0:
        return
    if status == _REFUSED:
        message, _, hint = complaint.strip().partition("\n")
        raise CannotRunError(f"`{file.name}`: {message}", hint or _HINT)
    if status == -signal.SIGXCPU or status == -signal.SIGKILL:
        raise CannotRunError(f"`{file.name}` takes more than {MAX_CPU_SECONDS} processor seconds", _HINT)
    if status == -signal.SIGXFSZ or "File too large" in complaint:
        raise CannotRunError(f"`{file.name}` holds more than {MAX_OUTPUT_BYTES} bytes of rows or text", _HINT)
    if "MemoryError" in complaint:
        raise CannotRunError(f"`{file.name}` takes more than {MAX_MEMORY_BYTES >> 20} MB of memory", _HINT)
    raise CannotRunError(f"`{file.name}` cannot be read as what its ending says", _HINT)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _main(name: str) -> int:
    _limit()
    logging.disable()  # readers complain about broken files in their own words
    file = Path(name)
    try:
        suffix = file.suffix.lower()
        if FORMATS[suffix] == "rows":
            rows = _parquet_rows(file) if suffix == ".parquet" else _text_rows(file)
            _write_rows(rows)
        else:
            reader = {".pdf": _pdf_text, ".docx": _docx_text}.get(suffix, _plain_text)
            for piece in reader(file):
                sys.stdout.buffer.write(piece.encode("utf-8", errors="replace") + b"\n")
        sys.stdout.buffer.flush()
    except _RefusedError as error:
        sys.stderr.write(str(error))
        return _REFUSED
    except ModuleNotFoundError as error:
        sys.stderr.write(f"reading it needs `{error.name}`\ncall `pip install 'caveat[data]'`")
        return _REFUSED
    return 0


def _library(name: str) -> Any:  # noqa: ANN401 - typed by nobody
    """A reader of the extra `data`, whose types are its own affair."""
    return import_module(name)


def _write_rows(rows: Iterator[tuple[tuple[str, ...], tuple[str, ...]]]) -> None:
    columns: tuple[str, ...] | None = None
    for number, (names, cells) in enumerate(rows):
        if number >= MAX_ROWS:
            raise _RefusedError(f"it has more than {MAX_ROWS} rows")
        if columns is None:
            columns = names
            sys.stdout.buffer.write(orjson.dumps(columns) + b"\n")
        if names != columns:
            by_name = dict(zip(names, cells, strict=True))
            if by_name.keys() != set(columns):
                raise _RefusedError("its rows have different columns")
            cells = tuple([by_name[column] for column in columns])
        sys.stdout.buffer.write(orjson.dumps(cells) + b"\n")


def _text_rows(file: Path) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    rows = read_rows(_decoded(file))
    if not rows:
        raise _RefusedError("it is no table that every reader reads alike\nsee docs/reference/parts.md")
    return ((row.columns, row.cells) for row in rows)


def _parquet_rows(file: Path) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    pa, pq = _library("pyarrow"), _library("pyarrow.parquet")

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    try:
        opened: Any = pq.ParquetFile(file, memory_map=False)
        columns = tuple(str(name) for name in opened.schema_arrow.names)
        for batch in opened.iter_batches(batch_size=4096, use_threads=False):
            lists = [column.to_pylist() for column in batch.columns]
            for cells in zip(*lists, strict=True):
                yield columns, tuple([_cell(cell) for cell in cells])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise _RefusedError("it is no Parquet file that can be read") from error


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (int, float, decimal.Decimal)):
        return str(value)
    if isinstance(value, str) and "\n" not in value and value.isprintable():
        return value.strip(" \t")
    raise _RefusedError("a cell of it is nested, binary or of several lines")


def _decoded(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise _RefusedError("it is not in UTF-8") from error


def _plain_text(file: Path) -> Iterator[str]:
    yield _decoded(file)


# pypdf has an error of its own, and lets these through for broken files.
_PDF_FAULTS = (RecursionError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError)


def _pdf_text(file: Path) -> Iterator[str]:
    pypdf = _library("pypdf")

    try:
        for page in pypdf.PdfReader(file, strict=False).pages:
            yield page.extract_text()
    except (
        pypdf.errors.PyPdfError,
        RecursionError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise _RefusedError("it is no PDF whose text can be read") from error


def _docx_text(file: Path) -> Iterator[str]:
    docx = _library("docx")

    try:
        with zipfile.ZipFile(file) as archive:
            inflated = sum(entry.file_size for entry in archive.infolist())
        if inflated > _MAX_INFLATED_BYTES:
            raise _RefusedError(f"it would unpack to more than {_MAX_INFLATED_BYTES} bytes")
        for block in docx.Document(str(file)).iter_inner_content():
            if hasattr(block, "rows"):
                for row in block.rows:
                    yield " ".join(cell.text for cell in row.cells)
            else:
                yield block.text
    except (zipfile.BadZipFile, ValueError, KeyError, SyntaxError) as error:
        raise _RefusedError("it is no DOCX file whose text can be read") from error


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
