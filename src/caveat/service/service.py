"""One gateway out of a bundle, a data folder and an upstream.

The data folder holds `ledger/` (the log), `log.pem` (the key that signs it, outside the log on purpose),
`audit.key` (names actions in records so that guesses cannot be tested), `evidence.sqlite3`,
`transcripts.sqlite3` (what passed, by keyed digests), and `api_keys.sqlite3` once an API key is issued. Keys
are made at the first start, readable by their owner alone, and never replaced.
"""

import asyncio
import math
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from structlog.types import FilteringBoundLogger

from caveat import __version__
from caveat.evidence.check import EvidenceChecker
from caveat.evidence.envelope import VerifiedCache
from caveat.evidence.trust import parse_trust
from caveat.gateway.app import Gateway
from caveat.gateway.budgets import Budgets
from caveat.gateway.clock import GuardedClock
from caveat.gateway.coverage import once_per_process
from caveat.gateway.errors import GatewayError
from caveat.gateway.exchange import Desk
from caveat.gateway.gate import Gate
from caveat.gateway.guards import GuardsError, registered_guards
from caveat.gateway.holding import Holding
from caveat.gateway.identity.callers import Identities
from caveat.gateway.identity.certificates import Authorities
from caveat.gateway.identity.connection import ConnectionProtocol
from caveat.gateway.identity.sign_in import Provider, SignIn
from caveat.gateway.identity.tokens import Tokens
from caveat.gateway.law import LawError, LawInForce, law_of, read_bundle
from caveat.gateway.metrics import Metrics
from caveat.gateway.observer import Observer
from caveat.gateway.overseeing import Overseeing
from caveat.gateway.planting import Planting
from caveat.gateway.ports import Files, Law, MakeWitnesses
from caveat.gateway.power import Power
from caveat.gateway.probing import Probing
from caveat.gateway.reviewing import Reviewing
from caveat.gateway.revocations import RevocationLists
from caveat.gateway.routes import Routes, single_route
from caveat.gateway.routing import Router
from caveat.gateway.sampling import Sampling
from caveat.gateway.succession import Succession
from caveat.gateway.tracing import NO_TRACE, Tracing
from caveat.gateway.transcripts import Transcripts
from caveat.gateway.trust_succession import TrustSeen, record_trust
from caveat.gateway.upstream import UpstreamConfig
from caveat.gateway.witnesses import BundleWitnesses
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import LedgerError
from caveat.ledger.ledger import Ledger
from caveat.ledger.rotate import key_in_force
from caveat.monitors.keys import KeysUnavailableError, SubjectKeys
from caveat.monitors.logged import Logged
from caveat.monitors.once import Once
from caveat.oversight.book import Book
from caveat.oversight.chronicle import Chronicle
from caveat.oversight.halts import Halts
from caveat.policy.bundle import Bundle
from caveat.policy.chain import Chain
from caveat.service.console import console_of
from caveat.service.contribution_files import FILE as CONTRIBUTIONS
from caveat.service.contribution_files import ContributionFiles
from caveat.service.evidence_files import EvidenceFiles
from caveat.service.history import History
from caveat.service.hold_files import HoldFiles
from caveat.service.key_watch import KeyWatch
from caveat.service.log_keys import DataFolderError, log_keys
from caveat.service.manifest_index import ManifestIndex
from caveat.service.notifier import Notifier, sinks_of, watching
from caveat.service.notify_config import NotifyConfig
from caveat.service.subject_keys import SubjectKeyError
from caveat.service.tls import ServerTls
from caveat.service.watch import Watch, WatchConfig, read_known
from caveat.signing.digest import Digest
from caveat.store.api_keys import ApiKeyStore
from caveat.store.contributions import SqliteContributions
from caveat.store.errors import (
    ChainDiffersError,
    ContributionStoreError,
    EvidenceStoreError,
    HoldStoreError,
    OutboxError,
    StoreError,
    TranscriptStoreError,
)
from caveat.store.evidence import SqliteEvidenceStore
from caveat.store.holds import FILE as HOLDS
from caveat.store.holds import SqliteHolds
from caveat.store.manifests import SqliteManifestStore
from caveat.store.outbox import FILE as OUTBOX
from caveat.store.outbox import SqliteOutbox
from caveat.store.revocations import RevocationFiles
from caveat.store.transcripts import FILE as TRANSCRIPTS
from caveat.store.transcripts import SqliteTranscripts

MAX_BODY_BYTES = 8 * 1024 * 1024
_BACKLOG = 2048
_GRACE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """What makes one gateway. `read_files` is called at start and at every reload.

    `beyond_loopback`: whether other machines can reach it. `authorities`: of trust domains that name a file.
    `root`: the bundle that an empty ledger begins from. `history` finds the files of earlier bundles that
    the ledger does not have, their digest compared. `reload_on_hangup`: SIGHUP is this process's to answer.
    `clock`: of this machine. `prove`: that every shape is decided, before anything is served; raises
    `GatewayError`. `sign_in`: where people sign in at the console beside passkeys.
    `subject_keys`: under which persons are told apart; without any, uses are counted by their data.
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
    root: Digest | None = None
    history: Callable[[Digest], Files | None] = lambda _digest: None
    watch: WatchConfig = field(default_factory=WatchConfig)
    reload_on_hangup: bool = True
    prove: Callable[[], Awaitable[None]] = once_per_process
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    notify: NotifyConfig | None = None
    sign_in: Provider | None = None
    subject_keys: SubjectKeys | None = field(default=None, repr=False)


class Service:
    """A gateway that is ready to be served. Made by `open_service`."""

    def __init__(
        self,
        config: ServiceConfig,
        ledger: Ledger,
        law: LawInForce,
        make_witnesses: MakeWitnesses,
        gate: Gate,
        stores: tuple[
            SqliteEvidenceStore, SqliteManifestStore, SqliteTranscripts, SqliteHolds, SqliteContributions
        ],
        holding: Holding,
        past: History,
        before: "_Before",
        outbox: SqliteOutbox | None = None,
    ) -> None:
        """Takes over everything that is passed in; `close` releases it."""
        self.ledger = ledger
        self.law = law
        self.make_witnesses = make_witnesses
        self.metrics = gate.metrics
        self._gate = gate
        self._stores = stores
        self._log = config.log
        self._prove = config.prove
        self.start_fault: GatewayError | None = None
        upstream = config.upstream
        routes = upstream if isinstance(upstream, Routes) else single_route(upstream)
        self._router = Router(routes, self._failed_over)
        self._tracing = config.tracing
        self._reload_on_hangup = config.reload_on_hangup
        self._reloading: set[asyncio.Task[bool]] = set()
        self._key_watch = KeyWatch(ApiKeyStore(config.data), gate.issued, config.log)
        self._tls = config.tls
        self._authorities = config.authorities
        tokens = Tokens(config.clock())
        self._identities = Identities(gate.issued, tokens, config.authorities)
        self._ask_for_certificates()
        self._before = before
        self._watch = Watch(
            config.watch,
            config.data / "ledger",
            self.metrics,
            config.log,
            gate.recorder.heartbeat,
            lambda: int(config.clock().timestamp()),
        )
        self.planting = Planting(holding, gate, self._law_now, HoldFiles(stores[3]), config.log)
        overseeing = Overseeing(holding, gate.recorder, ledger.origin)
        self.sampling = Sampling(gate, holding, self._law_now, past.periods, ledger, config.log)
        gate.sampler = self.sampling
        self.reviewing = Reviewing(holding, gate.recorder, ledger, config.log)
        observer = Observer(ledger, past.oversight)
        power = Power(
            gate.halts,
            past.dissents,
            gate.recorder,
            ledger.origin,
            ledger.has_record,
            observer,
            holding.store.count,
        )
        organisation = None if config.sign_in is None else SignIn(config.sign_in, tokens)
        self.probing = Probing(self._law_now, gate.recorder, gate.metrics, config.log)
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
            transcripts=Transcripts(stores[2], gate.audit_hmac),
            overseeing=overseeing,
            power=power,
            console=console_of(
                overseeing,
                power,
                self.reviewing,
                past.chronicle,
                self._identities,
                self._law_now,
                ledger,
                organisation,
            ),
            reviewing=self.reviewing,
            paths_state=lambda: self.probing.state,
        )
        self.desk = desk
        _show_oversight(self.metrics, holding, gate.halts)
        self.notifier = self._notifier(config, outbox, holding)
        self.app = Gateway(desk, self.start, self.stop)

    def _notifier(
        self, config: ServiceConfig, outbox: SqliteOutbox | None, holding: Holding
    ) -> Notifier | None:
        if config.notify is None or outbox is None:
            return None
        return Notifier(
            outbox,
            sinks_of(config.notify, config.clock),
            self.ledger,
            watching(holding, self._law_now),
            self.metrics,
            config.log,
        )

    def _law_now(self) -> Law:
        return self.law.current

    async def start(self) -> None:
        """Ready to serve in the running loop, once; raises `LedgerError` where the log may not be written on,
        and `GatewayError` where some shape is not decided.

        Whoever starts it stops it, also when the start failed.
        """
        await self.prove_coverage()
        bundle = self.law.current.bundle
        await self._before.take_up(bundle)
        try:
            await self._watch.start()  # before the first record: a log that is contradicted is not written on
        except LedgerError as error:
            self._log.error("start", outcome="refused", cause=str(error), hint=error.hint)
            raise
        await self._gate.recorder.start(bundle, __version__, self.ledger.origin)
        routes = self._router.routes.digest
        if routes != self._before.routes:
            await self._gate.recorder.routes(routes)
        self._key_watch.start()
        if self.notifier is not None:
            self.notifier.start()
        await self.sampling.step()  # a secret is committed to before anything that it draws
        self.planting.start()
        self.sampling.start()
        self.reviewing.start()
        self.probing.start()
        self._log.info("start", bundle=bundle.digest, origin=self.ledger.origin, version=__version__)
        self._say_which_screens_are_away()
        if self._reload_on_hangup and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)

    async def prove_coverage(self) -> None:
        """Before the first record: a gateway in which something passes undecided serves nothing."""
        try:
            await self._prove()
        except GatewayError as error:
            self.start_fault = error
            self._log.critical("start", outcome="refused", cause=error.message, hint=error.hint)
            raise

    def _say_which_screens_are_away(self) -> None:
        """Each has its declared score until somebody does what the line says."""
        screening = self.law.current.screening
        for seat in () if screening is None else screening.panel.seats:
            if seat.lacks:
                self._log.warning("screen", screen=seat.name, outcome="unavailable", hint=seat.lacks)

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
        if changed:
            self._say_which_screens_are_away()
        outcome = "changed" if changed else "unchanged"
        self._log.info("reload", outcome=outcome, bundle=self.law.current.bundle.digest)
        self.metrics.reloaded(outcome)
        return changed

    async def stop(self) -> None:
        """Waits for what has begun, then lets everything go; the ledger holds all that was decided."""
        await self.planting.stop()
        await self.probing.stop()
        await self.desk.settle()
        await self.sampling.stop()
        await self.reviewing.stop()
        await self._watch.stop()
        await self._key_watch.stop()
        if self.notifier is not None:
            await self.notifier.stop()
        await self._identities.close()
        await self._router.close()
        await self.law.close()
        await asyncio.to_thread(self.close)
        await self._watch.close()
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

    Raises `LawError` for a bundle that may not be served, `DataFolderError` for the data folder,
    `SubjectKeyError` for another chain of keys than its own, and the ledger's own errors for a log that may
    not be written on.
    """
    audit_key, log_key = log_keys(config.data)
    try:
        contributions = SqliteContributions(config.data / CONTRIBUTIONS)
        apart = ContributionFiles(contributions, config.subject_keys, config.log)
    except (ChainDiffersError, KeysUnavailableError) as error:
        raise SubjectKeyError(str(error)) from error
    except ContributionStoreError as error:
        raise DataFolderError(str(error)) from error
    history = History(
        apart.monitors(),
        Once(),
        Logged(),
        TrustSeen(),
        RevocationLists(RevocationFiles(config.data / "revocations")),
        GuardedClock(config.clock),
        Book(),
        Chronicle(),
    )
    try:
        store = SqliteEvidenceStore(config.data / "evidence.sqlite3")
        manifests = SqliteManifestStore(config.data / "manifests.sqlite3")
        holds = SqliteHolds(config.data / HOLDS)
    except (EvidenceStoreError, HoldStoreError) as error:
        raise DataFolderError(str(error)) from error
    cache, index = VerifiedCache(), ManifestIndex(manifests)

    def make_witnesses(bundle: Bundle) -> BundleWitnesses:
        config.authorities.all(bundle)  # a bundle whose callers could not be checked is no law
        trust = parse_trust(bundle.files["trust.toml"])
        checker = EvidenceChecker(trust, bundle.registry, cache, history.lists.book, history.logged.first)
        return BundleWitnesses(
            bundle,
            checker,
            EvidenceFiles(store),
            history.monitors,
            history.once,
            history.lists,
            index,
            history.book.measured,
            apart.apart(history.monitors),
        )

    bundle = read_bundle(config.read_files(), beyond_loopback=config.beyond_loopback)
    try:
        guards = registered_guards(os.environ)
    except GuardsError as error:
        raise LawError((str(error),)) from error
    first = law_of(bundle, make_witnesses, guards)
    folder = config.data / "ledger"
    in_force = key_in_force(RealDisk(), folder)  # after a change of keys the log keeps its name
    ledger = Ledger.open(
        folder,
        log_key,
        origin=f"caveat.invalid/log/{log_key.public().keyid[:16]}" if in_force is None else in_force.name,
        publish_seconds=config.publish_seconds,
        known=read_known(config.watch.known, folder),
    )
    succession = Succession(
        lambda digest: ledger.stored_bundle(digest) or config.history(digest), config.root
    )
    try:
        transcripts = SqliteTranscripts(
            config.data / TRANSCRIPTS,
            lost_if_new=ledger.size > 0,
            on_fault=lambda cause: config.log.error("transcripts", outcome="lost", cause=cause),
        )
    except TranscriptStoreError as error:
        ledger.close()
        store.close()
        manifests.close()
        holds.close()
        contributions.close()
        raise DataFolderError(f"{error}; without the file, histories are unrecognised for a while") from error
    outbox = None
    try:
        chain = history.take_up(ledger, succession, bundle, config.log)
        outbox = None if config.notify is None else _open_outbox(config.data)
    except BaseException:
        ledger.close()
        store.close()
        manifests.close()
        holds.close()
        contributions.close()
        transcripts.close()
        raise
    ledger.store_bundle(bundle.files)
    holding = Holding(history.book, HoldFiles(holds), history.clock, history.demands)
    gate = Gate(
        ledger,
        Metrics(),
        history.clock,
        audit_key,
        history.lasting,
        holding,
        history.halts,
        [history.chronicle.fold],
    )
    gate.recorder.also(history.dissents.fold)
    gate.recorder.also(history.periods.fold)

    async def announce(bundle: Bundle, chain: Chain) -> None:
        """Every step is a record, so that the ledger alone shows the way from one law to the next."""
        await record_trust(gate, bundle, history.trust, chain)
        for step in chain.steps:
            await asyncio.to_thread(ledger.store_bundle, step.old.files)
        for each, follows in list(succession.entries(bundle, chain)):
            await asyncio.to_thread(ledger.store_bundle, each.files)
            await gate.recorder.bundle(each, follows)
            succession.now_in_force(each.digest, follows.sequence)
        succession.now_in_force(bundle.digest, 0)

    law = LawInForce(
        first,
        config.read_files,
        make_witnesses,
        succession.follow,
        announce,
        beyond_loopback=config.beyond_loopback,
        guards=guards,
    )
    before = _Before(history.routes, lambda bundle: announce(bundle, chain))
    return Service(
        config,
        ledger,
        law,
        make_witnesses,
        gate,
        (store, manifests, transcripts, holds, contributions),
        holding,
        history,
        before,
        outbox,
    )


def _open_outbox(data: Path) -> SqliteOutbox:
    try:
        return SqliteOutbox(data / OUTBOX)
    except OutboxError as error:
        raise DataFolderError(str(error)) from error


def _show_oversight(metrics: Metrics, holding: Holding, halts: Halts) -> None:
    """Figures that are computed when somebody reads them; not a number while the clock cannot be used."""
    queue = holding.queue

    def waiting() -> float:
        try:
            return queue.waiting(holding.clock())
        except GatewayError:
            return math.nan

    def oldest_seconds() -> float:
        try:
            now = holding.clock()
        except GatewayError:
            return math.nan
        entry = queue.oldest(now)
        return 0.0 if entry is None else (now - entry.hold.opened_at).total_seconds()

    metrics.oversees(waiting, oldest_seconds, lambda: halts.in_force)
    for kind in ("sample", "emergency"):
        metrics.reviews(kind, *_reviews(holding, kind))


def _reviews(holding: Holding, kind: str) -> tuple[Callable[[], float], Callable[[], float]]:
    def due() -> float:
        return sum(one.kind == kind for one in holding.demands.due())

    def overdue() -> float:
        try:
            now = holding.clock()
        except GatewayError:
            return math.nan
        return sum(one.kind == kind and one.is_overdue(now) for one in holding.demands.due())

    return due, overdue


@dataclass(frozen=True, slots=True)
class _Before:
    """What a start has to say before it serves: which routes were last, and how its bundle came to follow."""

    routes: Digest | None
    take_up: Callable[[Bundle], Awaitable[None]]
