"""One gateway that serves: what runs beside its requests, from its start to its end."""

import asyncio
import signal
import threading

import uvicorn

from caveat import __version__
from caveat.gateway.app import Gateway
from caveat.gateway.desk import Desk
from caveat.gateway.errors import GatewayError
from caveat.gateway.gate import Gate
from caveat.gateway.holding import Holding
from caveat.gateway.identity.callers import Identities
from caveat.gateway.identity.connection import ConnectionProtocol
from caveat.gateway.identity.sign_in import SignIn
from caveat.gateway.identity.tokens import Tokens
from caveat.gateway.law import LawError, LawInForce
from caveat.gateway.observer import Observer
from caveat.gateway.overseeing import Overseeing
from caveat.gateway.planting import Planting
from caveat.gateway.ports import Law, MakeWitnesses
from caveat.gateway.power import Power
from caveat.gateway.probing import Probing
from caveat.gateway.reviewing import Reviewing
from caveat.gateway.routes import Routes, single_route
from caveat.gateway.routing import Router
from caveat.gateway.sampling import Sampling
from caveat.gateway.transcripts import Transcripts
from caveat.ledger.errors import LedgerError
from caveat.ledger.ledger import Ledger
from caveat.service.announcing import Before
from caveat.service.config import ServiceConfig
from caveat.service.console import console_of
from caveat.service.history import History
from caveat.service.hold_files import HoldFiles
from caveat.service.key_watch import KeyWatch
from caveat.service.notifier import Notifier, sinks_of, watching
from caveat.service.oversight_figures import show_oversight
from caveat.service.stores import Stores
from caveat.service.watch import Watch
from caveat.store.api_keys import ApiKeyStore
from caveat.store.errors import StoreError
from caveat.store.outbox import SqliteOutbox
from caveat.store.transcripts import SqliteTranscripts

_BACKLOG = 2048
_GRACE_SECONDS = 20


class Service:
    """A gateway that is ready to be served. Made by `open_service`."""

    def __init__(
        self,
        config: ServiceConfig,
        ledger: Ledger,
        law: LawInForce,
        make_witnesses: MakeWitnesses,
        gate: Gate,
        stores: Stores,
        transcripts: SqliteTranscripts,
        holding: Holding,
        past: History,
        before: Before,
        outbox: SqliteOutbox | None = None,
    ) -> None:
        """Takes over everything that is passed in; `close` releases it."""
        self.ledger = ledger
        self.law = law
        self.make_witnesses = make_witnesses
        self.metrics = gate.metrics
        self._gate = gate
        self._stores = stores
        self._transcripts = transcripts
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
        self.planting = Planting(holding, gate, self._law_now, HoldFiles(stores.holds), config.log)
        overseeing = Overseeing(holding, gate.recorder, ledger.origin)
        self.sampling = Sampling(gate, holding, self._law_now, past.periods, ledger, config.log)
        gate.rulings.sampler = self.sampling
        self.reviewing = Reviewing(holding, gate.recorder, ledger, config.log)
        self.probing = Probing(self._law_now, gate.recorder, gate.metrics, config.log)
        organisation = None if config.sign_in is None else SignIn(config.sign_in, tokens)
        desk = self._desk(config, past, overseeing, holding, organisation)
        self.desk = desk
        show_oversight(self.metrics, holding, gate.halts)
        self.notifier = self._notifier(config, outbox, holding)
        self.app = Gateway(desk, self.start, self.stop)

    def _desk(
        self,
        config: ServiceConfig,
        past: History,
        overseeing: Overseeing,
        holding: Holding,
        organisation: SignIn | None,
    ) -> Desk:
        gate, ledger = self._gate, self.ledger
        power = Power(
            gate.halts,
            past.dissents,
            gate.recorder,
            ledger.origin,
            ledger.has_record,
            Observer(ledger, past.oversight),
            holding.store.count,
        )
        console = console_of(
            overseeing,
            power,
            self.reviewing,
            past.chronicle,
            self._identities,
            self._law_now,
            ledger,
            organisation,
        )
        return Desk(
            gate,
            self._router,
            self.metrics,
            config.log,
            self._law_now,
            config.max_body_bytes,
            self._identities,
            config.budgets,
            config.tracing,
            transcripts=Transcripts(self._transcripts, gate.audit_hmac),
            overseeing=overseeing,
            power=power,
            console=console,
            reviewing=self.reviewing,
            paths_state=lambda: self.probing.state,
        )

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
        self._transcripts.close()
        self._stores.close()

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
