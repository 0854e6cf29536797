"""The traffic of `splitting` sent to a gateway that is really served, by many keys of several deployments."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path

import aiohttp

from caveat.signing.digest import sha256
from tests.support.raw_client import asking
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import SmallBundle, adopted
from tests.support.splitting import KEY, START, Outcome, Request

KEYS = 200
DESKS = 4
_DESK = """
[deployments.desk{number}]
kind = "pipeline"
operator = "customer"
owner_group = "agency"
mode = "enforce"
observers = ["totals", "counter"]
key_digests = [{digests}]
id_column = "device_id"
[deployments.desk{number}.facts]
acquisition_channel = "first_party"
"""


def api_key(sender: int) -> str:
    """One of the two hundred; each stands for itself alone."""
    return f"key-of-sender-{sender:03d}"


def files(limit: int) -> dict[str, bytes]:
    """The small bundle with four deployments of one owner group, fifty keys each."""
    found = SmallBundle(signed=False).files()
    found["bundle.toml"] = found["bundle.toml"].replace(b"value = 1000", b"value = %d" % limit)
    for number in range(DESKS):
        senders = range(number, KEYS, DESKS)
        digests = ", ".join(f'"{sha256(api_key(each).encode())}"' for each in senders)
        found["deployments.toml"] += _DESK.format(number=number, digests=digests).encode()
    return adopted(found)


class At:
    """A clock that stands where the traffic is."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def served(folder: Path, limit: int, clock: At) -> Iterator[RunningGateway]:
    """The gateway, with persons told apart."""
    with (
        scripted_upstream() as upstream,
        running_gateway(folder, upstream.url, files(limit), clock=clock, subject_keys=(KEY,)) as gateway,
    ):
        yield gateway


def send_all(gateway: RunningGateway, clock: At, traffic: Iterator[Request], at_once: int) -> Outcome:
    """Every request over HTTP, so many at a time; whoever was served is who was in what was answered."""
    return asyncio.run(_send_all(gateway, clock, traffic, at_once))


async def _send_all(gateway: RunningGateway, clock: At, traffic: Iterator[Request], at_once: int) -> Outcome:
    outcome = Outcome()
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(gateway.url, connector=connector) as session:
        while batch := list(islice(traffic, at_once)):
            clock.now = max(clock.now, batch[-1].at)
            statuses = await asyncio.gather(*(_send(session, one) for one in batch))
            for one, status in zip(batch, statuses, strict=True):
                if status == 200:
                    outcome.allowed += 1
                    outcome.served |= one.persons
                else:
                    assert status == 403, status
                    outcome.refused += 1
    return outcome


async def _send(session: aiohttp.ClientSession, one: Request) -> int:
    body = asking(one.content, caveat={"data": [{"part": "/messages/0/content", "media_type": "text/csv"}]})
    headers = {"authorization": f"Bearer {api_key(one.sender % KEYS)}"}
    async with session.post("/v1/chat/completions", json=body, headers=headers) as answer:
        await answer.read()
        return answer.status
