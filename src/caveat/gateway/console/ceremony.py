"""What a person's passkey is asked to sign, made on the server and shown with its digest.

The statement is the one that `caveat approvals` signs with a file: same payload, same encoding.
Source: attack 77 in `THREAT_MODEL.md`, ADR-0039.
"""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from caveat.evidence.approval import Act, Approval, render_approval
from caveat.evidence.issuer import Issuer
from caveat.gateway.errors import FaultError
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import IN_TOTO
from caveat.signing.passkey import Passkey, base64url

_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Signing:
    """One ceremony, as the page's script needs it. `credential` and `rp_id` name the passkey."""

    payload: str
    payload_type: str
    credential: str
    rp_id: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a person may decide about a hold."""

    act: str
    role: str
    signing: Signing


def signing_of(payload: bytes, credential: str, rp_id: str) -> Signing:
    """The ceremony over this payload."""
    return Signing(base64url(payload), IN_TOTO, credential, rp_id)


def check_unaltered(shown: dict[str, Any]) -> None:
    """Returns if what is shown has the digest that would be signed; raises `FaultError`."""
    view = shown["view"]
    if sha256(canonical(view)) != shown["action"] or (
        sha256(base64.b64decode(shown["content"])) != view["content"]["digest"]
    ):
        raise FaultError(
            503, "hold_altered", "the store shows something else than it asks to sign", "tell the auditor"
        )


def choices(shown: dict[str, Any], issuer: Issuer, passkey: Passkey, now: datetime) -> tuple[Choice, ...]:
    """What the person may sign of what is shown; raises `FaultError` where that is altered."""
    view = shown["view"]
    check_unaltered(shown)
    roles = frozenset[str]() if issuer.overseer is None else issuer.overseer.roles
    asked = [str(one["role"]) for one in view["asks"] if one["role"] in roles]
    begun = now.replace(microsecond=0)
    life = min(_LIFE, timedelta(seconds=issuer.max_lifetime_seconds))
    found: list[Choice] = []
    for role in asked:
        for act in (Act.APPROVE, Act.REFUSE):
            said = Approval(
                issuer.id,
                role,
                act,
                str(view["hold"]),
                Digest(shown["action"]),
                Digest(view["policy"]),
                str(view["requester"]),
                str(view["deployment"]),
                begun,
                begun + life,
            )
            signing = signing_of(render_approval(said), passkey.credential, passkey.rp_id)
            found.append(Choice(act.value, role, signing))
    return tuple(found)
