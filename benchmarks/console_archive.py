"""How long the console's search takes beyond what is in memory.

`.venv/bin/python -m benchmarks.console_archive [RECORDS]`. A whole gateway on loopback and a real ledger on
disk; a search that finds nothing looks at as many older records as one request may.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.console.client import Tab
from tests.support.overseers import ask_about, overseen_bundle
from tests.support.passkeys import Authenticator
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream

from caveat.gateway.console.archive import LOOKED_AT
from caveat.ledger.wire import render_record
from caveat.oversight.chronicle import KEPT

_ROUNDS, _AT_ONCE = 20, 2_000


def main(records: int) -> None:
    """Prints the median and the slowest of the rounds."""
    dana = Authenticator("dana")
    with (
        tempfile.TemporaryDirectory() as data,
        scripted_upstream() as upstream,
        running_gateway(Path(data), upstream.url, overseen_bundle(dana).files()) as gateway,
    ):
        ask_about(gateway)
        asyncio.run_coroutine_threadsafe(_fill(gateway, records), gateway.loop).result()
        gateway.records("none")
        tab = Tab(gateway)
        assert tab.sign_in(dana).status == 303
        for name, path in (
            ("newest uses", "/console/uses"),
            ("older uses", f"/console/uses?before={records // 2}"),
            (f"{LOOKED_AT:,} older, none found", f"/console/search?q=none&before={records // 2}"),
        ):
            took = sorted(_timed(tab, path) for _ in range(_ROUNDS))
            median = statistics.median(took)
            print(f"{name:<26} {records:,} records: median {median:.0f} ms, slowest {took[-1]:.0f} ms")


async def _fill(gateway: RunningGateway, records: int) -> None:
    console = gateway.service.desk.console
    assert console is not None
    chronicle = console.premises.chronicle
    record = render_record(next(chronicle.uses()).record)
    for _ in range(0, records, _AT_ONCE):
        await asyncio.gather(*(gateway.service.ledger.append(record) for _ in range(_AT_ONCE)))
    use = next(chronicle.uses()).record
    for number in range(KEPT):  # what is in memory is what a log of this length would have there
        chronicle.fold(use, f"{records + number}-{0:016x}")


def _timed(tab: Tab, path: str) -> float:
    begun = time.perf_counter()
    answer = tab.get(path)
    took = (time.perf_counter() - begun) * 1000
    assert answer.status == 200
    return took


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
