"""Overseers of a run: each enrolled person reads what waits and approves it at once, over HTTP.

What comes of it shows in the use that is sent again; an approval that is refused is no fault of the run.
"""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from caveat.assay.world import Issuer
from caveat.evidence.approval import Act, Approval, mint_approval
from caveat.evidence.reading import mint_reading
from caveat.signing.digest import Digest

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


async def stamp(session: aiohttp.ClientSession, url: str, overseers: Iterable[Issuer], hold: str) -> int:
    """Has everybody approve this hold who may see it; how many of these approvals count."""
    async with session.get(f"{url}/readyz") as answer:
        origin = _Ready.model_validate_json(await answer.read()).log
    counted = 0
    for one in overseers:
        now = datetime.now(UTC)
        reading = base64.urlsafe_b64encode(mint_reading(one.id, origin, now, one.key)).decode()
        headers = {"authorization": f"Caveat-Overseer {reading}"}
        async with session.get(f"{url}/v1/approvals/{hold}", headers=headers) as answer:
            shown = _read(await answer.read()) if answer.status == 200 else None
        if shown is None:
            continue
        said = mint_approval(_approval(one, shown, now), [one.key])
        content = {"content-type": "application/json"}
        async with session.post(f"{url}/v1/approvals", data=said, headers=content) as answer:
            counted += answer.status == 201
    return counted


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
