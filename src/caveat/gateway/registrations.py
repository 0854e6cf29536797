"""Whether who asked is still registered, when what they asked for goes on under the law of now."""

from collections.abc import Callable
from datetime import datetime

from caveat.gateway.errors import RequestError
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.ports import Law
from caveat.gateway.ruling import Use
from caveat.policy.deployments import Deployment


class Registrations:
    """Who may go on with what they began."""

    def __init__(self, issued: IssuedKeys, now: Callable[[], datetime]) -> None:
        """`issued`: the API keys beside those of the bundle. `now` raises `FaultError`."""
        self._issued = issued
        self._now = now

    def deployment(self, before: Use, law: Law) -> Deployment:
        """The deployment as `law` registers it; raises `RequestError` where it or its caller is gone."""
        current = law.bundle.deployments.get(before.deployment.id)
        if current is None or not (
            self._is_good(before.principal, current)
            and all(speaker.speaks_for(law.bundle, current.id) for speaker in before.speakers)
        ):
            raise RequestError(401, "unknown_key", "the deployment or its caller is no longer registered")
        return current

    def _is_good(self, principal: str, deployment: Deployment) -> bool:
        if not principal.startswith("key:"):
            return True  # a token or a certificate, which is among the speakers
        return any(
            f"key:{digest[:16]}" == principal for digest in deployment.key_digests
        ) or self._issued.speaks_for(principal, deployment.id, self._now())
