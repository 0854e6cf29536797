"""API keys that the operator issued beside those of the bundle: who they speak for, and until when.

Fails towards refusal: a key that is revoked, expired or unknown is a 401, and where the list of issued keys
cannot be read, every key that the bundle does not register is a 503.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from caveat.gateway.errors import FaultError, RequestError
from caveat.gateway.ports import Law
from caveat.policy.deployments import Deployment
from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """One key by the SHA-256 of it. The id is the digest's first 16 digits, as in `principal` of a record."""

    digest: Digest
    deployment: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def id(self) -> str:
        """Names the key without giving it away."""
        return self.digest[:16]


class IssuedKeys:
    """The keys as last read. `replace` changes all of them in one step."""

    def __init__(self) -> None:
        """No key is issued yet."""
        self._keys: Mapping[Digest, IssuedKey] = {}
        self._readable = True

    def replace(self, keys: Iterable[IssuedKey] | None) -> tuple[tuple[str, IssuedKey], ...]:
        """Takes over what was read; None: it could not be read. Returns what is new since, by event."""
        self._readable = keys is not None
        if keys is None:
            return ()
        before = self._keys
        self._keys = {key.digest: key for key in keys}
        changes: list[tuple[str, IssuedKey]] = []
        for digest, key in self._keys.items():
            known = before.get(digest)
            if known is None:
                changes.append(("issued", key))
            if key.revoked_at is not None and (known is None or known.revoked_at is None):
                changes.append(("revoked", key))
        changes += [("removed", key) for digest, key in before.items() if digest not in self._keys]
        return tuple(changes)

    def deployment_of(self, law: Law, digest: Digest, now: datetime) -> Deployment:
        """Who the key speaks for; raises `RequestError` 401, or `FaultError` where nobody can tell."""
        if not self._readable:
            raise FaultError(
                503,
                "keys_unavailable",
                "the list of issued API keys cannot be read, so this key cannot be told from a revoked one",
                "tell the operator",
            )
        key = self._keys.get(digest)
        deployment = None if key is None else law.bundle.deployments.get(key.deployment)
        if key is None or deployment is None:
            raise RequestError(
                401,
                "invalid_api_key",
                "this API key belongs to no deployment of the policy bundle in force",
                "check the key; the operator issues one with `caveat keys issue`",
            )
        if key.revoked_at is not None:
            raise RequestError(
                401, "revoked_api_key", "this API key was revoked", "ask the operator for another"
            )
        if key.expires_at is not None and key.expires_at <= now:
            raise RequestError(
                401, "expired_api_key", "this API key has expired", "ask the operator for another"
            )
        return deployment

    def speaks_for(self, principal: str, deployment: str, now: datetime) -> bool:
        """Whether the key that a record names as `principal` is still good for the deployment."""
        return self._readable and any(
            f"key:{key.id}" == principal
            and key.deployment == deployment
            and key.revoked_at is None
            and (key.expires_at is None or now < key.expires_at)
            for key in self._keys.values()
        )
