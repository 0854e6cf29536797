"""What each API key has used up, against what its deployment may.

A budget is no verdict: a call beyond it is turned away before it is read, so nothing is decided and nothing
recorded; every call that is decided has its records as ever. Counts are of this process and in memory: a
restart begins them anew. Tokens are known when they are spent, so calls under way may pass the limit; the
next one is turned away. Source: ADR-0016.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from caveat.gateway.errors import RequestError
from caveat.policy.deployments import Budget

_MINUTE = 60.0
_NO_LIMIT = Budget()


@dataclass(slots=True)
class _Spent:
    calls: deque[float] = field(default_factory=deque[float])
    day: date = date.min
    tokens: int = 0


class Budgets:
    """Counts by principal, which names one API key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds that never go back."""
        self._clock = clock
        self._spent: dict[str, _Spent] = {}

    def admit(self, principal: str, budget: Budget, today: date) -> None:
        """Counts one call; beyond the budget it counts nothing and raises `RequestError` 429 or 403."""
        if budget == _NO_LIMIT:
            return
        spent = self._spent.setdefault(principal, _Spent())
        if budget.tokens_per_day is not None:
            used = spent.tokens if spent.day == today else 0
            if used >= budget.tokens_per_day:
                raise RequestError(
                    403,
                    "token_budget",
                    "this API key has used up its tokens of today",
                    "the day ends at midnight UTC; the operator sets `budget.tokens_per_day`",
                )
        if budget.requests_per_minute is not None:
            now = self._clock()
            while spent.calls and spent.calls[0] <= now - _MINUTE:
                spent.calls.popleft()
            if len(spent.calls) >= budget.requests_per_minute:
                error = RequestError(
                    429,
                    "request_budget",
                    "this API key has made its calls of this minute",
                    "wait as `retry-after` says; the operator sets `budget.requests_per_minute`",
                )
                error.retry_after = max(1, math.ceil(spent.calls[0] + _MINUTE - now))
                raise error
            spent.calls.append(now)

    def spend(self, principal: str, tokens: int, today: date) -> None:
        """Counts tokens of an answer, whatever became of it."""
        spent = self._spent.setdefault(principal, _Spent())
        if spent.day != today:
            spent.day, spent.tokens = today, 0
        spent.tokens += tokens
