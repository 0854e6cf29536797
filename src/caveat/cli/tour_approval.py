"""A person's part in the tour: at a glance, which counts as none, and after having read."""

import time
from pathlib import Path

from caveat.cli.approving import open_door, sign_decision
from caveat.cli.bundle import load_bundle
from caveat.cli.development import Development
from caveat.evidence.approval import Act

_MARGIN_SECONDS = 0.5


def approve(world: Development, gateway: str, hold: str, role: str, *, read: bool) -> str:
    """Has everybody who may approve in this role do so; the code of whatever counted as none, else empty.

    `read`: each takes as long as the policy says that a review takes.
    """
    seconds = load_bundle(Path(world.bundle)).oversight.of(role).seconds + _MARGIN_SECONDS
    for issuer, key in world.overseers[role].items():
        door = open_door(gateway, key, issuer)
        shown = door.read(hold)
        if read:
            time.sleep(seconds)
        status, answer = door.submit(sign_decision(door, shown, role, Act.APPROVE))
        if status != 201:
            return str(answer.get("error", {}).get("code", status))
    return ""
