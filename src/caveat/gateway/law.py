"""The bundle in force, and its change while the process serves.

Guarantees: a bundle that does not parse, lint or follow the one in force by whole amendments never comes into
force, and the old one stays; a change is in the ledger before it is in force; a request sees one law from
its start, and a stream is asked again when the law has changed under it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from caveat.gateway.decisions import Decisions
from caveat.gateway.guards import NOBODY, Guards
from caveat.gateway.ports import Files, Law, MakeWitnesses
from caveat.gateway.redacting import redacting_of
from caveat.gateway.screening import screening_of
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.policy.chain import Chain, ChainError


class LawError(ValueError):
    """The bundle may not be served. `findings`: every reason, one line each."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        """`findings`: not empty."""
        super().__init__(findings[0])
        self.findings = findings


MayFollow: TypeAlias = Callable[[Bundle], Chain]
"""The chain by which a bundle may come into force now; raises `ChainError`."""


def read_bundle(files: Files, *, beyond_loopback: bool = False) -> Bundle:
    """The bundle in these files, whoever signed it; raises `LawError`.

    `beyond_loopback`: other machines can reach this gateway, so keys for trying out may not rule it.
    """
    try:
        bundle = parse_bundle(files)
    except BundleError as error:
        raise LawError(error.findings) from error
    if bundle.unsafe:
        raise LawError(bundle.unsafe)
    if bundle.manifest.development and beyond_loopback:
        raise LawError(("it is a development bundle, which is served on loopback only",))
    return bundle


def check_follows(bundle: Bundle, may_follow: MayFollow) -> Chain:
    """The chain by which the bundle may come into force; raises `LawError`."""
    try:
        return may_follow(bundle)
    except ChainError as error:
        raise LawError(error.findings) from error


def law_of(bundle: Bundle, make_witnesses: MakeWitnesses, guards: Guards = NOBODY) -> Law:
    """The law of a bundle that may be served; raises `LawError` where its trust policy does not check.

    `guards`: what the operator registered of the screens that are asked over a network.
    """
    callers = {
        digest: deployment for deployment in bundle.deployments.values() for digest in deployment.key_digests
    }
    try:
        return Law(
            bundle,
            Decisions(bundle.policy),
            make_witnesses(bundle),
            callers,
            screening_of(bundle, guards),
            redacting_of(bundle),
        )
    except ValueError as error:
        raise LawError((str(error),)) from error


class LawInForce:
    """Holds the law. `current` changes in one step, never in the middle of a decision."""

    def __init__(
        self,
        first: Law,
        read_files: Callable[[], Files],
        make_witnesses: MakeWitnesses,
        may_follow: MayFollow,
        announce: Callable[[Bundle, Chain], Awaitable[None]],
        *,
        beyond_loopback: bool = False,
        guards: Guards = NOBODY,
    ) -> None:
        """`announce` makes the change durable, and raises if it cannot."""
        self.current = first
        self._read_files = read_files
        self._make_witnesses = make_witnesses
        self._may_follow = may_follow
        self._announce = announce
        self._guards = guards
        self._beyond_loopback = beyond_loopback
        self._one_at_a_time = asyncio.Lock()

    async def reload(self) -> bool:
        """Puts the files as they are now into force; True if they differ from what was.

        Raises `LawError` for a bundle that may not be served, and whatever `announce` raises; the old law
        is then still in force.
        """
        async with self._one_at_a_time:
            law, chain = await asyncio.to_thread(self._read)
            if law.bundle.digest == self.current.bundle.digest:
                return False
            await self._announce(law.bundle, chain)
            self.current = law
            return True

    async def close(self) -> None:
        """Lets go of the connections to guards."""
        for one in self._guards.values():
            await one.connection.close()

    def _read(self) -> tuple[Law, Chain]:
        try:
            files = self._read_files()
        except OSError as error:
            raise LawError((f"the bundle cannot be read: {error.strerror}",)) from error
        bundle = read_bundle(files, beyond_loopback=self._beyond_loopback)
        chain = check_follows(bundle, self._may_follow)
        return law_of(bundle, self._make_witnesses, self._guards), chain
