"""Tokens for one use: each is used up before anything else happens, and none from before the start counts.

The memory is this process's. What it cannot know of, tokens issued before it began, it refuses; so a
restart opens no second use. Two gateways do not know of each other. Source: ADR-0023.
"""

import heapq

from caveat.gateway.identity.refused import identity_unavailable, token_used
from caveat.signing.jwt import Validity

MAX_REMEMBERED = 100_000


class UsedTokens:
    """The ids of tokens that were used and have not expired."""

    def __init__(self, started_at: float) -> None:
        """`started_at`: seconds since 1970, no later than the first request."""
        self._started_at = started_at
        self._used: set[tuple[str, str]] = set()
        self._ends: list[tuple[int, tuple[str, str]]] = []

    def use_up(self, issuer: str, token_id: str, validity: Validity, now: float) -> None:
        """Uses the token up; raises `RequestError` 401 if it was, `FaultError` if no more can be kept."""
        while self._ends and self._ends[0][0] <= now:
            self._used.discard(heapq.heappop(self._ends)[1])
        if validity.issued_at < self._started_at:
            raise token_used(before_start=True)
        key = (issuer, token_id)
        if key in self._used:
            raise token_used(before_start=False)
        if len(self._used) >= MAX_REMEMBERED:
            raise identity_unavailable()
        self._used.add(key)
        heapq.heappush(self._ends, (validity.expires_at, key))
