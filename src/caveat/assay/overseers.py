"""Overseers of a run: enrolled people who read what waits and approve it, over HTTP.

Some sign at a glance, some take the time that a review takes. What comes of it shows in the use that is sent
again; an approval that counts as none is no fault of the run. Source: ADR-0043.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from caveat.assay.attacks.ask import Overseer
from caveat.assay.errors import RunError
from caveat.assay.world import Issuer
from caveat.evidence.approval import Act, Approval, mint_approval
from caveat.evidence.reading import mint_reading
from caveat.signing.digest import Digest

PEOPLE = 9
"""So many times the people that an approval takes are enrolled: some hurry, the others review in turn."""
REVIEW_SECONDS = 3
"""What a review takes in a run, in place of what the bundle says: the floor is measured, not patience."""
_MARGIN_SECONDS = 0.2
_LIFE = timedelta(minutes=30)


class _View(BaseModel):
    model_config = ConfigDict(extra="ignore")
    hold: str
    policy: str
    requester: str
    deployment: str


class _Shown(BaseModel):
    model_config = ConfigDict(extra="ignore")
    action: str
    view: _View


class _Ready(BaseModel):
    model_config = ConfigDict(extra="ignore")
    log: str


class Overseers:
    """The enrolled people of one gateway: the first of each role sign at a glance, the others review."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, origin: str, people: Mapping[str, Sequence[Issuer]]
    ) -> None:
        """`origin`: of the gateway's log."""
        self._session, self._url, self._origin = session, url, origin
        self._hurried = {role: ours[: len(ours) // PEOPLE] for role, ours in people.items()}
        self._rested: dict[str, asyncio.Queue[Issuer]] = {}
        for role, ours in people.items():
            self._rested[role] = asyncio.Queue()
            for one in ours[len(ours) // PEOPLE :]:
                self._rested[role].put_nowait(one)

    @classmethod
    async def of(
        cls, session: aiohttp.ClientSession, url: str, people: Mapping[str, Sequence[Issuer]]
    ) -> Self:
        """Those of a gateway that serves; raises `RunError` where it does not say which log is its own."""
        try:
            async with session.get(f"{url}/readyz") as answer:
                return cls(session, url, _Ready.model_validate_json(await answer.read()).log, people)
        except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
            raise RunError(("the gateway does not say which log is its own",)) from error

    async def decide(self, how: Overseer, hold: str, roles: Mapping[str, int]) -> None:
        """Has as many approve as each role takes. Whether that counts shows when the use is sent again."""
        people = self._hurried if how is Overseer.HURRIED else None
        for role, persons in roles.items():
            if people is not None:
                for one in people.get(role, ()):
                    await self._approve(one, hold, 0)
            elif role in self._rested:
                await self._review(role, persons, hold)

    async def _review(self, role: str, persons: int, hold: str) -> None:
        """One after the other, each rested since the last decision; somebody else where one is not asked."""
        rested = self._rested[role]
        for _ in range(rested.qsize() + persons):
            if not persons:
                return
            one = await rested.get()
            try:
                persons -= await self._approve(one, hold, REVIEW_SECONDS + _MARGIN_SECONDS)
            finally:
                rested.put_nowait(one)

    async def _approve(self, one: Issuer, hold: str, seconds: float) -> bool:
        """Reads it, looks at it for so long and approves; whether that counts."""
        shown = await self._shown(one, hold)
        if shown is None:
            return False
        await asyncio.sleep(seconds)
        said = mint_approval(_approval(one, shown, datetime.now(UTC)), [one.key])
        headers = {"content-type": "application/json"}
        try:
            async with self._session.post(f"{self._url}/v1/approvals", data=said, headers=headers) as answer:
                return answer.status == 201
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _shown(self, one: Issuer, hold: str) -> _Shown | None:
        reading = mint_reading(one.id, self._origin, datetime.now(UTC), one.key)
        headers = {"authorization": f"Caveat-Overseer {base64.urlsafe_b64encode(reading).decode()}"}
        try:
            async with self._session.get(f"{self._url}/v1/approvals/{hold}", headers=headers) as answer:
                return _read(await answer.read()) if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None


def _read(body: bytes) -> _Shown | None:
    try:
        return _Shown.model_validate_json(body)
    except ValidationError:
        return None


def _approval(one: Issuer, shown: _Shown, now: datetime) -> Approval:
    return Approval(
        issuer=one.id,
        role=one.role,
        act=Act.APPROVE,
        hold=shown.view.hold,
        action=Digest(shown.action),
        policy=Digest(shown.view.policy),
        requester=shown.view.requester,
        deployment=shown.view.deployment,
        issued_at=now,
        expires_at=now + _LIFE,
    )
