"""The gateway's own keys in its data folder: drawn at the first start, and never replaced by themselves.

`log.pem` signs the log, and stands outside the log on purpose. `audit.key` names actions in records, so that
a guess at what a name stands for cannot be tested. Both are readable by their owner alone.
"""

import os
import secrets
from pathlib import Path

from caveat.signing.keys import (
    Algorithm,
    KeyParseError,
    PrivateKey,
    parse_private_key,
    private_key_from_seed,
)


class DataFolderError(Exception):
    """The data folder cannot be used; the message says what is wrong with it."""


def log_keys(data: Path) -> tuple[bytes, PrivateKey]:
    """The audit key and the log's key; raises `DataFolderError`."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        audit_path, log_path = data / "audit.key", data / "log.pem"
        _create(audit_path, secrets.token_hex(32).encode())
        _create(log_path, private_key_from_seed(Algorithm.ED25519, secrets.token_bytes(32)).pem())
        audit_key = bytes.fromhex(audit_path.read_text("ascii"))
        log_key = parse_private_key(log_path.read_bytes())
    except OSError as error:
        raise DataFolderError(f"the data folder cannot be used: {(error.strerror or '').lower()}") from error
    except (KeyParseError, ValueError) as error:
        raise DataFolderError("`audit.key` or `log.pem` in the data folder is damaged") from error
    if len(audit_key) != 32:
        raise DataFolderError("`audit.key` in the data folder is damaged")
    return audit_key, log_key


def _create(path: Path, content: bytes) -> None:
    """Writes a secret file durably unless there is one; it appears whole or not at all."""
    if path.exists():
        return
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    except OSError:
        draft.unlink()
        raise
    finally:
        os.close(descriptor)
    draft.rename(path)
