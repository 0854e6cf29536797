"""A law on its way into force: each step is a record, so that the ledger alone shows the way there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from caveat.gateway.gate import Gate
from caveat.gateway.succession import Succession
from caveat.gateway.trust_succession import TrustSeen, record_trust
from caveat.ledger.ledger import Ledger
from caveat.policy.bundle import Bundle
from caveat.policy.chain import Chain
from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class Announcing:
    """Records how one law comes to follow another, and keeps the bundles of every step."""

    gate: Gate
    ledger: Ledger
    succession: Succession
    trust: TrustSeen

    async def __call__(self, bundle: Bundle, chain: Chain) -> None:
        """The trust policy first, then each step; raises `LedgerError` where one cannot be recorded."""
        await record_trust(self.gate, bundle, self.trust, chain)
        for step in chain.steps:
            await asyncio.to_thread(self.ledger.store_bundle, step.old.files)
        for each, follows in list(self.succession.entries(bundle, chain)):
            await asyncio.to_thread(self.ledger.store_bundle, each.files)
            await self.gate.recorder.bundle(each, follows)
            self.succession.now_in_force(each.digest, follows.sequence)
        self.succession.now_in_force(bundle.digest, 0)


@dataclass(frozen=True, slots=True)
class Before:
    """What a start has to say before it serves: which routes were last, and how its bundle came to follow."""

    routes: Digest | None
    take_up: Callable[[Bundle], Awaitable[None]]
