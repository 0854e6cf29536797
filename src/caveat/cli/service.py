"""The composition root: one gateway out of a bundle, a data folder and an upstream.

The data folder holds `ledger/` (the log), `log.pem` (the key that signs it, outside the log on purpose),
`audit.key` (names actions in records so that guesses cannot be tested), `evidence.sqlite3`,
`manifests.sqlite3`, and `api_keys.sqlite3` once an API key is issued. Keys are made at the first start,
readable by their owner alone, and never replaced.
"""

import asyncio
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from structlog.types import FilteringBoundLogger

from caveat import __version__
from caveat.cli.key_watch import KeyWatch
from caveat.cli.manifest_index import ManifestIndex, evidence_fault
from caveat.cli.tls import ServerTls
from caveat.evidence.check import EvidenceChecker
from caveat.evidence.envelope import VerifiedCache, VerifiedEnvelope
from caveat.evidence.trust import parse_trust
from caveat.gateway.app import Gateway
from caveat.gateway.budgets import Budgets
from caveat.gateway.errors import GatewayError
from caveat.gateway.exchange import Desk
from caveat.gateway.gate import Gate
from caveat.gateway.identity.callers import Identities
from caveat.gateway.identity.certificates import Authorities
from caveat.gateway.identity.connection import ConnectionProtocol
from caveat.gateway.identity.tokens import Tokens
from caveat.gateway.law import LawError, LawInForce, make_law
from caveat.gateway.metrics import Metrics
from caveat.gateway.ports import Files, Law, MakeWitnesses
from caveat.gateway.routes import Routes, single_route
from caveat.gateway.routing import Router
from caveat.gateway.tracing import NO_TRACE, Tracing
from caveat.gateway.upstream import UpstreamConfig
from caveat.gateway.witnesses import BundleWitnesses
from caveat.ledger.errors import LedgerError
from caveat.ledger.ledger import Ledger
from caveat.ledger.record import RoutesRecord
from caveat.ledger.wire import parse_record
from caveat.monitors.once import Once
from caveat.monitors.totals import Totals
from caveat.policy.bundle import Bundle
from caveat.signing.digest import Digest
from caveat.signing.keys import (
    Algorithm,
    KeyParseError,
    PrivateKey,
    parse_private_key,
    private_key_from_seed,
)
from caveat.store.api_keys import ApiKeyStore
from caveat.store.errors import EvidenceStoreError, StoreError
from caveat.store.evidence import SqliteEvidenceStore
from caveat.store.manifests import SqliteManifestStore

MAX_BODY_BYTES = 8 * 1024 * 1024
_BACKLOG = 2048
_GRACE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """What makes one gateway. `read_files` is called at start and at every reload.

    `beyond_loopback`: whether other machines can reach it. `authorities`: of trust domains that name a file.
    """

    read_files: Callable[[], Files]
    data: Path
    upstream: UpstreamConfig | Routes
    log: FilteringBoundLogger
    max_body_bytes: int = MAX_BODY_BYTES
    publish_seconds: float = 1.0
    tracing: Tracing = NO_TRACE
    budgets: Budgets = field(default_factory=Budgets)
    beyond_loopback: bool = False
    tls: ServerTls | None = None
    authorities: Authorities = field(default_factory=Authorities)


class DataFolderError(Exception):
    """The data folder cannot be used; the message says what is wrong with it."""


class _Store:
    """The evidence store with failures as answers: the gateway knows no driver."""

    def __init__(self, store: SqliteEvidenceStore) -> None:
        self._store = store

    def put(self, verified: VerifiedEnvelope) -> bool:
        """Keeps one; raises `FaultError`."""
        try:
            return self._store.put(verified)
        except EvidenceStoreError as error:
            raise evidence_fault(error) from error

    def get(self, digests: Iterable[Digest]) -> tuple[bytes, ...]:
        """Finds some; raises `FaultError`: evidence that cannot be read is not evidence that is absent."""
        try:
            return self._store.get(digests)
        except EvidenceStoreError as error:
            raise evidence_fault(error) from error


class Service:
    """A gateway that is ready to be served. Made by `open_service`."""

    def __init__(
        self,
        config: ServiceConfig,
        ledger: Ledger,
        law: LawInForce,
        make_witnesses: MakeWitnesses,
        gate: Gate,
        stores: tuple[SqliteEvidenceStore, SqliteManifestStore],
        routes_before: Digest | None,
    ) -> None:
        """Takes over everything that is passed in; `close` releases it."""
        self.ledger = ledger
        self.law = law
        self.make_witnesses = make_witnesses
        self.metrics = gate.metrics
        self._gate = gate
        self._stores = stores
        self._log = config.log
        upstream = config.upstream
        routes = upstream if isinstance(upstream, Routes) else single_route(upstream)
        self._router = Router(routes, self._failed_over)
        self._tracing = config.tracing
        self._reloading: set[asyncio.Task[bool]] = set()
        self._key_watch = KeyWatch(ApiKeyStore(config.data), gate.issued, config.log)
        self._routes_before = routes_before
        self._tls = config.tls
        self._authorities = config.authorities
        self._identities = Identities(gate.issued, Tokens(_now()), config.authorities)
        self._ask_for_certificates()
        desk = Desk(
            gate,
            self._router,
            self.metrics,
            config.log,
            self._law_now,
            config.max_body_bytes,
            self._identities,
            config.budgets,
            config.tracing,
        )
        self._desk = desk
        self.app = Gateway(desk, self._start, self._stop)

    def _law_now(self) -> Law:
        return self.law.current

    async def _start(self) -> None:
        bundle = self.law.current.bundle
        await self._gate.record_start(bundle, __version__, self.ledger.origin)
        routes = self._router.routes.digest
        if routes != self._routes_before:
            await self._gate.record_routes(routes)
        self._key_watch.start()
        self._log.info("start", bundle=bundle.digest, origin=self.ledger.origin, version=__version__)
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _failed_over(self, upstream: str, code: str) -> None:
        self.metrics.failed_over(code)
        self._log.warning("failover", upstream=upstream, code=code)

    def _on_hangup(self) -> None:
        task = asyncio.get_running_loop().create_task(self.reload())
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    def _ask_for_certificates(self) -> None:
        if self._tls is not None:
            self._tls.ask_for(self._authorities.all(self.law.current.bundle))

    def _renew_certificate(self) -> None:
        try:
            if self._tls is not None:
                self._tls.renew()
        except OSError as error:
            self._log.error("tls", outcome="kept", cause=type(error).__name__)

    async def reload(self) -> bool:
        """Reads the bundle again. True if a new one came into force; a bad one changes nothing.

        Reads the gateway's own certificate again too, and keeps the one it has if that cannot be used.
        """
        self._renew_certificate()
        try:
            changed = await self.law.reload()
        except LawError as error:
            self._log.error("reload", outcome="refused", findings=error.findings[:20])
            self.metrics.reloaded("refused")
            return False
        except (GatewayError, LedgerError, StoreError, OSError) as error:
            self._log.error("reload", outcome="refused", cause=type(error).__name__)
            self.metrics.reloaded("refused")
            return False
        self._ask_for_certificates()
        outcome = "changed" if changed else "unchanged"
        self._log.info("reload", outcome=outcome, bundle=self.law.current.bundle.digest)
        self.metrics.reloaded(outcome)
        return changed

    async def _stop(self) -> None:
        await self._desk.settle()
        await self._key_watch.stop()
        await self._identities.close()
        await self._router.close()
        await asyncio.to_thread(self.close)
        await asyncio.to_thread(self._tracing.close)
        self._log.info("stop")

    def close(self) -> None:
        """Commits and publishes what is left, and lets the folder go."""
        self.ledger.close()
        for store in self._stores:
            store.close()

    def uvicorn_config(self, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
        """How this gateway is served: one process, uvloop, httptools, graceful stop. Source: ADR-0009."""
        tls = self._tls
        return uvicorn.Config(
            self.app,
            host=host,
            port=port,
            loop="uvloop",
            http=ConnectionProtocol,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )


def open_service(config: ServiceConfig) -> Service:
    """A gateway over `config`.

    Raises `LawError` for a bundle that may not be served, `DataFolderError` for the data folder, and the
    ledger's own errors for a log that may not be written on.
    """
    audit_key, log_key = _keys(config.data)
    metrics, totals, once = Metrics(), Totals(), Once()
    try:
        store = SqliteEvidenceStore(config.data / "evidence.sqlite3")
        manifests = SqliteManifestStore(config.data / "manifests.sqlite3")
    except EvidenceStoreError as error:
        raise DataFolderError(str(error)) from error
    index = ManifestIndex(manifests)
    files, cache = config.read_files(), VerifiedCache()

    def make_witnesses(bundle: Bundle) -> BundleWitnesses:
        config.authorities.all(bundle)  # a bundle whose callers could not be checked is no law
        checker = EvidenceChecker(parse_trust(bundle.files["trust.toml"]), bundle.registry, cache)
        return BundleWitnesses(bundle, checker, _Store(store), totals, once, index)

    first = make_law(files, make_witnesses, beyond_loopback=config.beyond_loopback)
    ledger = Ledger.open(
        config.data / "ledger",
        log_key,
        origin=f"caveat.invalid/log/{log_key.public().keyid[:16]}",
        publish_seconds=config.publish_seconds,
    )
    routes_before: Digest | None = None
    for entry in ledger.records():
        record = parse_record(entry.leaf)
        if isinstance(record, RoutesRecord):
            routes_before = record.routes
        totals.fold(record)
        once.fold(record)
    ledger.store_bundle(first.bundle.files)
    gate = Gate(ledger, metrics, _now, audit_key)

    async def announce(bundle: Bundle) -> None:
        await asyncio.to_thread(ledger.store_bundle, bundle.files)
        await gate.record_bundle(bundle)

    law = LawInForce(
        first, config.read_files, make_witnesses, announce, beyond_loopback=config.beyond_loopback
    )
    return Service(config, ledger, law, make_witnesses, gate, (store, manifests), routes_before)


def _now() -> datetime:
    return datetime.now(UTC)


def _keys(data: Path) -> tuple[bytes, PrivateKey]:
    """The audit key and the log's key, drawn at the first start."""
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
