"""What makes one gateway: where its law, its data and its upstream are, and what it may use here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from structlog.types import FilteringBoundLogger

from caveat.gateway.budgets import Budgets
from caveat.gateway.coverage import once_per_process
from caveat.gateway.identity.certificates import Authorities
from caveat.gateway.identity.sign_in import Provider
from caveat.gateway.ports import Files
from caveat.gateway.routes import Routes
from caveat.gateway.tracing import NO_TRACE, Tracing
from caveat.gateway.upstream import UpstreamConfig
from caveat.monitors.keys import SubjectKeys
from caveat.service.notify_config import NotifyConfig
from caveat.service.tls import ServerTls
from caveat.service.watch import WatchConfig
from caveat.signing.digest import Digest

MAX_BODY_BYTES = 8 * 1024 * 1024


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
