"""A process that appends under load and tells its parent each receipt, until it is killed."""

import asyncio
import os
import sys
from pathlib import Path

from caveat.ledger import Ledger
from caveat.ledger.wire import render_record
from tests.ledger.logs import FILES, KEY, ORIGIN, decision_record


async def _write(folder: Path, first: int) -> None:
    ledger = Ledger.open(folder, KEY, origin=ORIGIN, publish_seconds=0.01, segment_bytes=200_000)
    ledger.store_bundle(FILES)

    async def call(caller: int) -> None:
        for step in range(1_000_000):
            receipt = await ledger.append(render_record(decision_record(first + caller + step)))
            os.write(1, f"{receipt.index} {receipt.leaf_hash}\n".encode())

    await asyncio.gather(*(call(caller) for caller in range(32)))


if __name__ == "__main__":
    asyncio.run(_write(Path(sys.argv[1]), int(sys.argv[2])))
