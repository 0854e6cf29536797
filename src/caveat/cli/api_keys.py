"""Issuing, listing and revoking API keys in a data folder."""

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from caveat.cli.data_folder import LEDGER, bundle_in_force, check_data_folder, open_log
from caveat.cli.duration import parse_duration
from caveat.cli.exit import CannotRunError
from caveat.cli.fitted import show_rows
from caveat.ledger.errors import FolderError
from caveat.ledger.folder import CHECKPOINT
from caveat.signing.digest import sha256
from caveat.store.api_keys import ApiKeyStore, StoredKey
from caveat.store.errors import KeyStoreError

_SECRET_BYTES = 32
_LABEL = re.compile(r"[^\x00-\x1f\x7f]{0,80}\Z")
_HINT = "it needs space, and an account that may write there"


def issue_key(data: Path, deployment: str, label: str, expires_in: str | None) -> tuple[str, StoredKey]:
    """A new key and what is kept of it; raises `CannotRunError`."""
    check_data_folder(data)
    if _LABEL.match(label) is None:
        raise CannotRunError("`--label` is at most 80 printable characters", "shorten it")
    _check_deployment(data, deployment)
    now = datetime.now(UTC).replace(microsecond=0)
    expires = None if expires_in is None else _text(now + parse_duration("--expires-in", expires_in))
    secret = f"caveat-{secrets.token_urlsafe(_SECRET_BYTES)}"
    row = StoredKey(sha256(secret.encode()), deployment, label, _text(now), expires)
    try:
        ApiKeyStore(data).add(row)
    except KeyStoreError as error:
        raise CannotRunError(str(error), _HINT) from error
    return secret, row


def list_keys(data: Path) -> tuple[StoredKey, ...]:
    """Every issued key; raises `CannotRunError`."""
    check_data_folder(data)
    try:
        return ApiKeyStore(data).all()
    except KeyStoreError as error:
        raise CannotRunError(str(error), _HINT) from error


def revoke_key(data: Path, key_id: str) -> StoredKey:
    """The key, revoked; raises `CannotRunError` for an id that was never issued."""
    check_data_folder(data)
    try:
        row = ApiKeyStore(data).revoke(key_id, _text(datetime.now(UTC)))
    except KeyStoreError as error:
        raise CannotRunError(str(error), _HINT) from error
    if row is None:
        raise CannotRunError(
            "no API key with this id was issued",
            f"`caveat keys list --data {data}` lists them; a key of the bundle leaves with a change of it",
        )
    return row


def describe_key(row: StoredKey) -> dict[str, str | None]:
    """What anybody may know of a key."""
    return {
        "id": row.id,
        "deployment": row.deployment,
        "label": row.label,
        "state": _state(row),
        "issued_at": row.issued_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
    }


def show_keys(rows: Sequence[dict[str, str | None]]) -> None:
    """A table on standard output."""
    names = ("id", "deployment", "label", "state", "issued_at", "expires_at")
    cells = [[row[name] or ("never" if name == "expires_at" else "") for name in names] for row in rows]
    show_rows(("id", "deployment", "label", "state", "issued", "expires"), cells)


def _state(row: StoredKey) -> str:
    if row.revoked_at is not None:
        return "revoked"
    expired = row.expires_at is not None and datetime.fromisoformat(row.expires_at) <= datetime.now(UTC)
    return "expired" if expired else "good"


def _check_deployment(data: Path, deployment: str) -> None:
    """A misspelt name is told now, wherever a gateway has served from this folder before."""
    if not (data / LEDGER / CHECKPOINT).is_file():
        return
    try:
        bundle = bundle_in_force(open_log(data))
    except FolderError as error:
        raise CannotRunError(str(error), error.hint) from error
    if bundle is not None and deployment not in bundle.deployments:
        known = ", ".join(sorted(bundle.deployments)) or "none"
        raise CannotRunError(
            f"the bundle last in force registers no deployment `{deployment}`", f"registered: {known}"
        )


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
