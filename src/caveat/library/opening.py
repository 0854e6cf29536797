"""What a program says of its gate, and the gateway that this makes; each failure is one clear line."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from caveat.gateway.law import LawError
from caveat.gateway.logs import bridge_logger
from caveat.gateway.routes import URL_PATTERN, Routes, RoutesError, parse_routes
from caveat.gateway.upstream import UpstreamConfig
from caveat.ledger.errors import LedgerError, LockedError, PolicyParseError
from caveat.ledger.quorum import Policy, parse_policy
from caveat.library.errors import GateError
from caveat.service.config import ServiceConfig
from caveat.service.log_keys import DataFolderError
from caveat.service.opening import open_service
from caveat.service.service import Service
from caveat.service.watch import WatchConfig
from caveat.store.errors import FolderError, StoreError
from caveat.store.folder import read_folder

KEY_VARIABLE = "CAVEAT_UPSTREAM_KEY"
LOGGER = "caveat"
_URL = re.compile(URL_PATTERN.removesuffix("$") + r"\Z")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """What makes one gate, as `Gate` takes it."""

    bundle: Path
    data: Path
    upstream: str | None
    upstream_key: str | None
    routes: Path | None
    witnesses: Path | None
    known_checkpoint: Path | None
    heartbeat_seconds: int


def service_config(settings: Settings) -> ServiceConfig:
    """The gateway of these settings; raises `GateError`. Reads files, opens nothing."""
    watch = WatchConfig(
        None if settings.witnesses is None else _witnesses(settings.witnesses),
        heartbeat_seconds=settings.heartbeat_seconds,
        known=settings.known_checkpoint,
    )
    return ServiceConfig(
        lambda: read_folder(settings.bundle),
        settings.data,
        _endpoint(settings),
        bridge_logger(LOGGER),
        watch=watch,
        reload_on_hangup=False,
    )


def open_or_explain(config: ServiceConfig) -> Service:
    """`open_service`, with one `GateError` for whatever stands in the way. Blocks."""
    try:
        return open_service(config)
    except FolderError as error:
        raise GateError(
            "bundle_unreadable", str(error), "`bundle` is the folder with `bundle.toml`"
        ) from error
    except LawError as error:
        more = f" (and {len(error.findings) - _SHOWN} more)" if len(error.findings) > _SHOWN else ""
        raise GateError(
            "bundle_refused",
            f"the bundle may not come into force: {'; '.join(error.findings[:_SHOWN])}{more}",
            "`caveat check --signed` lists what it lacks",
        ) from error
    except (DataFolderError, StoreError) as error:
        raise GateError(
            "data_folder", str(error), "`data` is a folder that this account may write, on a disk with space"
        ) from error
    except LedgerError as error:
        raise ledger_fault(error) from error
    except OSError as error:
        why = (error.strerror or "").lower()
        raise GateError(
            "data_folder", f"a file of this gate cannot be used: {why}", "look at its paths"
        ) from error


def ledger_fault(error: LedgerError) -> GateError:
    """The log cannot be written on, in the ledger's own words."""
    locked = isinstance(error, LockedError)
    return GateError("ledger_locked" if locked else "ledger", str(error), error.hint)


def _endpoint(settings: Settings) -> UpstreamConfig | Routes:
    if settings.routes is not None:
        if settings.upstream is not None:
            raise GateError("upstream", "`upstream` and `routes` both name endpoints", "give one of them")
        return _routes(settings.routes)
    if settings.upstream is None:
        raise GateError(
            "upstream", "there is no model to stand before", "name its URL with `upstream`, or `routes`"
        )
    if _URL.match(settings.upstream) is None:
        raise GateError(
            "upstream", "`upstream` is no URL of an endpoint", "write it like http://127.0.0.1:8000"
        )
    key = settings.upstream_key or os.environ.get(KEY_VARIABLE) or None
    return UpstreamConfig(settings.upstream, key)


def _routes(path: Path) -> Routes:
    try:
        return parse_routes(path.read_bytes(), os.environ)
    except OSError as error:
        raise GateError("upstream", "`routes` names no file that can be read", "name a TOML file") from error
    except RoutesError as error:
        raise GateError("upstream", f"the routes may not be used: {error}") from error


def _witnesses(path: Path) -> Policy:
    try:
        return parse_policy(path.read_bytes())
    except OSError as error:
        raise GateError("witnesses", "`witnesses` names no file that can be read") from error
    except PolicyParseError as error:
        raise GateError("witnesses", f"`witnesses` is no policy of witnesses: {error}") from error
