"""Whether there may be a copy of the authenticator that signed: its counter goes on with each signature.

Source: ADR-0039, ADR-0044; W3C Web Authentication, 6.1.1.
"""

import asyncio
from collections.abc import Callable
from typing import Literal, TypeAlias

from caveat.evidence.issuer import Issuer
from caveat.gateway.errors import RequestError
from caveat.signing.passkey import Asserted

Count: TypeAlias = Callable[[str, int], bool]
"""Whether the counter of the passkey with this key went on, which is on disk by then; raises `FaultError`."""


async def has_gone_on(count: Count, signer: Issuer, asserted: Asserted | None) -> bool:
    """Whether a key in a file signed, or a passkey whose counter went on; raises `FaultError`."""
    return asserted is None or await asyncio.to_thread(count, signer.keyid, asserted.counter)


async def against_passkey(
    count: Count, signer: Issuer, asserted: Asserted | None, *, device_bound: bool
) -> Literal["passkey_counter", "passkey_synced"] | None:
    """Why nothing that this passkey signed counts, if one signed; its counter is on disk before it does.

    `device_bound`: the role takes only one that stays on its device.
    """
    if asserted is None:
        return None
    if not await has_gone_on(count, signer, asserted):
        return "passkey_counter"
    return "passkey_synced" if asserted.synced and device_bound else None


async def check_counter(count: Count, signer: Issuer, asserted: Asserted | None) -> None:
    """Returns where it has gone on; raises `RequestError` where it has not, and `FaultError`."""
    if not await has_gone_on(count, signer, asserted):
        raise RequestError(
            403,
            "passkey_counter",
            "the counter of the passkey did not go on, so there may be a copy of it, and nothing was done",
            "sign anew; if that says the same, have whoever keeps the trust policy replace the key",
        )
