"""How an arm is stood up and asked: the gateway in a process, a model alone, a dummy, a foreign endpoint."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import aiohttp

from caveat.assay.arms import CLAIMS, ENFORCEMENT, Arm, ArmError, Kind, program_for
from caveat.assay.attacks.ask import Ask, Overseer
from caveat.assay.body import gateway_body, outside_body, plain_body, watched, with_arrival
from caveat.assay.briefing import Model, briefed, render_rules
from caveat.assay.client import evidence_header
from caveat.assay.dummies import dummy
from caveat.assay.generator import Pair
from caveat.assay.lineup import Lineup, line_up
from caveat.assay.overseers import Overseers
from caveat.assay.peers import PeerDescription, Peers, running_peer
from caveat.assay.process import gateway
from caveat.assay.target import Reply, Target
from caveat.assay.upstream import scripted_upstream


@dataclass(frozen=True, slots=True)
class Settings:
    """How arms are stood up. `model`: in place of the scripted one. `api_key`: for endpoints."""

    files: Mapping[str, bytes]
    uses: tuple[Pair, ...]
    seed: int
    now: datetime
    program: Path | None = None
    model: Model | None = None
    api_key: str = ""
    timeout_seconds: float = 30.0
    peers: Peers = field(default_factory=Peers)


@dataclass(frozen=True, slots=True)
class GatewayPlayer:
    """Sends to our gateway, with claims and evidence."""

    session: aiohttp.ClientSession
    target: Target
    lineup: Lineup
    overseers: Overseers

    async def send(self, use: Pair, trial: str, ask: Ask) -> Reply:
        """One request with what it presents; sent again once people have decided, where any do."""
        signed = {name: value for name, value in ask.signed.items() if name not in use.unsigned}
        presented = self.lineup.present(use, trial, replace(ask, signed=signed))
        headers = {
            "authorization": f"Bearer {self.lineup.api_key(use, ask)}",
            "content-type": "application/json",
        }
        if presented.envelopes:
            headers["x-caveat-evidence"] = evidence_header(presented.envelopes)
        body = gateway_body(ask, presented.data, use.workflow, in_text=self.target.words)
        reply = await _asked(self.target, self.session, body, headers, watching=use.watched)
        if ask.overseer is Overseer.NOBODY or not reply.hold:
            return reply
        await self.overseers.decide(ask.overseer, reply.hold, reply.roles)
        return await _asked(self.target, self.session, body, headers, watching=use.watched)

    async def say(self, text: str) -> Reply:
        """Plain words, from the first deployment of this world."""
        key = min(self.lineup.world.api_keys.items())[1]
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        return await self.target.ask(self.session, outside_body(text), headers)


@dataclass(frozen=True, slots=True)
class PlainPlayer:
    """Sends to whatever speaks OpenAI's chat: it is given the claims as text, and no evidence."""

    session: aiohttp.ClientSession
    target: Target
    lineup: Lineup
    api_key: str = ""
    model: str = ""
    description: PeerDescription | None = None

    async def send(self, use: Pair, trial: str, ask: Ask) -> Reply:
        """One request in plain words."""
        data = self.lineup.present(use, trial, ask).data
        body = plain_body(ask, data, self.model) if self.model else plain_body(ask, data)
        return await _asked(self.target, self.session, body, self._headers(), watching=use.watched)

    async def say(self, text: str) -> Reply:
        """Plain words."""
        body = outside_body(text, self.model) if self.model else outside_body(text)
        return await self.target.ask(self.session, body, self._headers())

    def _headers(self) -> Mapping[str, str]:
        key = {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return {"content-type": "application/json", **key}


async def _asked(
    target: Target, session: aiohttp.ClientSession, body: bytes, headers: Mapping[str, str], *, watching: bool
) -> Reply:
    """What came of it; `watching`: and whether the words arrived as they were sent."""
    if not watching:
        return await target.ask(session, body, headers)
    body = watched(body)
    return with_arrival(await target.ask(session, body, headers), body)


@asynccontextmanager
async def stand_up(arm: Arm, settings: Settings) -> AsyncGenerator[GatewayPlayer | PlainPlayer]:
    """The arm, ready to be asked, and taken down at the end. Raises `ArmError` and `RunError`."""
    program = program_for(arm, settings.program)
    lineup = line_up(
        settings.files,
        settings.uses,
        settings.seed,
        settings.now,
        enforced=ENFORCEMENT not in arm.removed,
        claims_believed=CLAIMS in arm.removed,
    )
    timeout = aiohttp.ClientTimeout(total=settings.timeout_seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session, _upstream(arm, settings) as upstream:
        match arm.kind:
            case Kind.GATEWAY:
                async with gateway(lineup.world.files, upstream, program) as url:
                    overseers = await Overseers.of(session, url, lineup.world.overseers)
                    target = Target(url, gated=True, words=arm.words)
                    yield GatewayPlayer(session, target, lineup, overseers)
            case Kind.BARE:
                yield PlainPlayer(session, Target(upstream, gated=False), lineup)
            case Kind.DUMMY:
                async with dummy(arm.name, settings.seed, upstream) as url:
                    yield PlainPlayer(session, Target(url, gated=False), lineup)
            case Kind.ENDPOINT:
                target = Target(arm.url, gated=False)
                yield PlainPlayer(session, target, lineup, settings.api_key, arm.model)
            case Kind.PEER:
                async with running_peer(arm.peer, settings.peers, upstream) as peer:
                    target = Target(peer.url, gated=False)
                    yield PlainPlayer(session, target, lineup, peer.api_key, description=peer.description)


@asynccontextmanager
async def _upstream(arm: Arm, settings: Settings) -> AsyncGenerator[str]:
    if settings.model is None:
        if arm.told or arm.words:
            raise ArmError(
                (f"arm `{arm.name}` needs a real model: a scripted one refuses nothing",),
                "start the small one with --local-model, or name one with --upstream",
            )
        async with scripted_upstream() as url:
            yield url
        return
    async with briefed(settings.model, render_rules(settings.files) if arm.told else "") as url:
        yield url
