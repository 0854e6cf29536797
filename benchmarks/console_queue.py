"""How long the console's queue takes with very many holds open.

`.venv/bin/python -m benchmarks.console_queue [HOLDS]`. A whole gateway on loopback, its queue read over HTTP
by a signed-in overseer; the holds are folded into the book as records, without a model's endpoint.
"""

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tests.console.client import Tab
from tests.support.overseers import ask_about, overseen_bundle
from tests.support.passkeys import Authenticator
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import scripted_upstream

from caveat.ledger.record import DecisionRecord

_ROUNDS = 20


def main(holds: int) -> None:
    """Prints the median and the slowest of the rounds."""
    dana = Authenticator("dana")
    with (
        tempfile.TemporaryDirectory() as data,
        scripted_upstream() as upstream,
        running_gateway(Path(data), upstream.url, overseen_bundle(dana).files()) as gateway,
    ):
        ask_about(gateway)
        console = gateway.service.desk.console
        assert console is not None
        first = next(console.premises.chronicle.uses()).record
        assert isinstance(first, DecisionRecord)
        book = console.premises.overseeing.holding.book
        for number in range(holds - 1):
            book.fold(replace(first, request=f"{number:064x}"), f"{number + 100}-{number:016x}")
        tab = Tab(gateway)
        assert tab.sign_in(dana).status == 303
        for path in ("/console/queue", f"/console/queue?start={holds - 50}"):
            took = sorted(_timed(tab, path, holds) for _ in range(_ROUNDS))
            median = statistics.median(took)
            print(f"{path:<32} {holds:,} holds: median {median:.0f} ms, slowest {took[-1]:.0f} ms")


def _timed(tab: Tab, path: str, holds: int) -> float:
    begun = time.perf_counter()
    answer = tab.get(path)
    took = (time.perf_counter() - begun) * 1000
    assert f"{holds} uses wait".encode() in answer.body
    return took


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
