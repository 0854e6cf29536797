"""What went through, reviewed afterwards: a bundle that asks for it, and who reviews."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from caveat.evidence.overseers import mint_saying
from caveat.evidence.predicates import Predicate
from tests.support.overseers import ANNA, BEN, Clock, Enrolled, Somebody, decide, overseen_bundle, read
from tests.support.powers import look, post
from tests.support.raw_client import Answer
from tests.support.running_gateway import RunningGateway
from tests.support.small_bundle import SmallBundle

IDA = Somebody("ida", role="auditor", cleared=("*",))
JON = Somebody("jon", role="auditor", cleared=("chat",))
UNCLEARED = Somebody("kim", role="auditor")
EMERGENCY = """version = 1
[emergency.officer]
reviewers = ["auditor"]
review_seconds = 1200
"""
SAMPLED = """version = 1
[sampling]
roles = ["auditor"]
share_percent = {percent}
least = {least}
period_seconds = 3600
review_seconds = 7200
keep_seconds = 10800
"""


def sampled(percent: int = 100, least: int = 1, more: str = "") -> str:
    """An `oversight.toml` that asks for reviews of so many per cent."""
    return SAMPLED.format(percent=percent, least=least) + more


def reviewed_bundle(
    oversight: str, *people: Enrolled, persons: int = 2, clauses: str | None = None
) -> SmallBundle:
    """The small bundle with officers, a role that reviews, and what is asked of it."""
    everybody = (ANNA, BEN, IDA, JON, UNCLEARED, *people)
    return overseen_bundle(*everybody, persons=persons, oversight=oversight, clauses=clauses)


def step(gateway: RunningGateway) -> None:
    """What the gateway does each second: draws and opens incidents, over what is published."""
    gateway.records()
    for work in (gateway.service.sampling.step, gateway.service.reviewing.step):
        run(gateway, work())
    gateway.records()


def run(gateway: RunningGateway, work: Coroutine[Any, Any, None]) -> None:
    """Runs something in the gateway's own loop."""
    asyncio.run_coroutine_threadsafe(work, gateway.loop).result(20)


def due(gateway: RunningGateway, who: Somebody, now: datetime) -> list[dict[str, Any]]:
    """What somebody may review."""
    answer = look(gateway, who, now, "/v1/reviews")
    assert answer.status == 200, answer.body
    return list(answer.json["reviews"])


def review(gateway: RunningGateway, who: Somebody, now: datetime, about: str) -> Answer:
    """One review as somebody is shown it."""
    return look(gateway, who, now, f"/v1/reviews/{about}")


def statement(
    gateway: RunningGateway, who: Somebody, now: datetime, seen: Any, finding: str = "right", **changed: Any
) -> bytes:
    """What somebody signs of what they were shown. `origin` and `key` are of the envelope."""
    origin = changed.pop("origin", gateway.service.ledger.origin)
    key = changed.pop("key", who.key)
    said = {
        "issuer": who.person,
        "role": who.role,
        "about": seen["review"],
        "finding": finding,
        "code": "facts_untrue" if finding == "wrong" else "",
        "shown": seen["action"],
        **changed,
    }
    return mint_saying(Predicate.FINDING, origin, said, now, now + timedelta(minutes=30), key)


def find(
    gateway: RunningGateway, who: Somebody, now: datetime, seen: Any, finding: str = "right", **changed: Any
) -> Answer:
    """Signs and sends a finding."""
    return post(gateway, "/v1/reviews", statement(gateway, who, now, seen, finding, **changed))


def approve(gateway: RunningGateway, clock: Clock, hold: str, *people: Somebody) -> list[Answer]:
    """Each of them reads it, waits as long as a review takes, and approves."""
    answers: list[Answer] = []
    for who in people or (ANNA, BEN):
        shown = read(gateway, who, clock(), hold).json
        clock.move(11)
        answers.append(decide(gateway, shown, who, clock()))
    return answers
