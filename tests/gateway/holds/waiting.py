"""A use that waits, and what a person is shown of it."""

from typing import Any

from tests.support.overseers import BEN, Clock, ask_about, hold_of, read
from tests.support.running_gateway import RunningGateway


def held(gateway: RunningGateway, tag: str = "d") -> str:
    answer = ask_about(gateway, tag=tag)
    assert (answer.status, answer.error["code"]) == (403, "needs_approval")
    return hold_of(answer)


def shown_to(gateway: RunningGateway, clock: Clock, hold: str, who: Any = BEN) -> Any:
    answer = read(gateway, who, clock(), hold)
    assert answer.status == 200, answer.body
    return answer.json
