"""What it costs to know parts again: processor time for one part, against stores of manifests on disk."""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from caveat.evidence.manifest import rows_manifest, sentences_manifest
from caveat.evidence.recognition import Index, recognise
from caveat.evidence.rows import Row, render_rows
from caveat.evidence.sentences import normalise
from caveat.signing.canonical import JsonObject
from caveat.store.manifests import SqliteManifestStore

_COLUMNS = ("case", "programme", "amount", "month")
_SALT = b"salt of a measure"[:16]
_LARGE_BYTES, _CHAT_BYTES = 100_000, 4_000


def measure_parts(rounds: int = 15) -> tuple[JsonObject, ...]:
    """Medians over `rounds`, each over another content, so that nothing is remembered.

    The stores hold 20,000 rows in four manifests, and 40 documents of 20 kB with anchors. The 100 kB parts
    are half known and half foreign; the chat is foreign.
    """
    rng = random.Random(20301)  # noqa: S311 - content to measure with
    with tempfile.TemporaryDirectory(prefix="caveat-parts-") as folder:
        full = SqliteManifestStore(Path(folder) / "full.db")
        empty = SqliteManifestStore(Path(folder) / "empty.db")
        tables = [[_row(rng) for _ in range(5_000)] for _ in range(4)]
        documents = [normalise(_prose(rng, 20_000)) for _ in range(40)]
        for table in tables:
            full.put(rows_manifest(table, _COLUMNS, _SALT), "issuer", "")
        for document in documents:
            full.put(sentences_manifest(document), "issuer", document[:20])

        def rows() -> bytes:
            half = rng.sample(rng.choice(tables), 900) + [_row(rng) for _ in range(900)]
            return render_rows(half)[:_LARGE_BYTES].rpartition(b"\n")[0]

        def text() -> bytes:
            start = rng.randrange(10_000)
            known = "".join(document[start : start + 10_000] for document in rng.sample(documents, 5))
            return (known + _prose(rng, _LARGE_BYTES - len(known))).encode()

        def chat() -> bytes:
            return _prose(rng, _CHAT_BYTES).encode()

        figures = (
            _figure("parts_100kb_rows_cpu_ms", "ms", 1e3, _cpu(rows, full, rounds), 20.0, rounds),
            _figure("parts_100kb_text_cpu_ms", "ms", 1e3, _cpu(text, full, rounds), 20.0, rounds),
            _figure("parts_4kb_chat_cpu_ms", "ms", 1e3, _cpu(chat, full, rounds), 1.0, rounds),
            _figure("parts_none_registered_cpu_us", "us", 1e6, _cpu(chat, empty, rounds), None, rounds),
        )
        full.close()
        empty.close()
    return figures


def _cpu(content: Callable[[], bytes], index: Index, rounds: int) -> float:
    spent: list[float] = []
    for _ in range(rounds):
        data = content()
        started = time.process_time()
        recognise(data, index)
        spent.append(time.process_time() - started)
    return sorted(spent)[rounds // 2]


def _figure(name: str, unit: str, scale: float, seconds: float, bar: float | None, n: int) -> JsonObject:
    value = round(seconds * scale, 2)
    holds = None if bar is None else value <= bar
    return {"name": name, "value": value, "unit": unit, "bar": bar, "holds": holds, "n": n}


def _row(rng: random.Random) -> Row:
    number = rng.randrange(10**9)
    return Row(_COLUMNS, (f"C-{number}", "housing benefit", str(number % 900), f"month {number % 12}"))


def _prose(rng: random.Random, size: int) -> str:
    words: list[str] = []
    length = 0
    while length < size:
        word = "".join(rng.choices("abcdefghijklmnoprstuvwy", k=rng.randint(2, 10)))
        word += rng.choice(("", "", "", "", "", "", "", ".", ","))
        words.append(word)
        length += len(word) + 1
    return " ".join(words)[:size]
