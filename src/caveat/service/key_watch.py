"""Issued API keys as the running gateway sees them: read again when their file changes, logged by id.

A key that is issued or revoked is so for the gateway within a second, without a restart. Where the file
cannot be read, no issued key is good until it can be.
"""

import asyncio
from datetime import datetime

from structlog.types import FilteringBoundLogger

from caveat.gateway.background import Background
from caveat.gateway.issued_keys import IssuedKey, IssuedKeys
from caveat.store.api_keys import ApiKeyStore, StoredKey
from caveat.store.errors import KeyStoreError

INTERVAL_SECONDS = 0.25
_Seen = tuple[int, bytes] | None


class KeyWatch:
    """Keeps `IssuedKeys` in step with the file."""

    def __init__(self, store: ApiKeyStore, issued: IssuedKeys, log: FilteringBoundLogger) -> None:
        """Reads nothing yet."""
        self._store = store
        self._issued = issued
        self._log = log
        self._seen: _Seen = None
        self._broken = False
        self._first = True
        self._background = Background(self._watch)

    def start(self) -> None:
        """Reads the keys, and goes on watching in the running loop."""
        self.look()
        self._background.start()

    async def stop(self) -> None:
        """Ends the watching."""
        await self._background.stop()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            self.look()

    def look(self) -> None:
        """Takes over what the file says, if it may have changed since the last look."""
        try:
            seen = self._store.fingerprint()
            if seen == self._seen and not (self._first or self._broken):
                return
            keys = [_issued(key) for key in self._store.all()]
        except (KeyStoreError, ValueError) as error:
            self._issued.replace(None)
            if not self._broken:
                self._log.error("api_keys", outcome="unreadable", cause=type(error).__name__)
            self._broken = True
            return
        # What was read is at least as new as the fingerprint: a change in between is read once more.
        self._seen, self._broken = seen, False
        for event, key in self._issued.replace(keys):
            if not self._first:
                self._log.info("api_key", outcome=event, key=key.id, deployment=key.deployment)
        if self._first and keys:
            self._log.info("api_keys", outcome="read", count=len(keys))
        self._first = False


def _issued(key: StoredKey) -> IssuedKey:
    return IssuedKey(key.digest, key.deployment, _moment(key.expires_at), _moment(key.revoked_at))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time has a zone")
    return moment
