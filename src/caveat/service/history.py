"""What the ledger already knows when a gateway starts: folded once, record by record, and kept up from there.

Source: DESIGN section 4 (the only feedback goes through time), ADR-0019, ADR-0021.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from structlog.types import FilteringBoundLogger

from caveat.gateway.clock import GuardedClock
from caveat.gateway.law import check_follows
from caveat.gateway.revocations import RevocationLists
from caveat.gateway.succession import Succession
from caveat.gateway.trust_succession import TrustSeen, check_trust_succession
from caveat.ledger.ledger import Ledger
from caveat.ledger.record import Record, RoutesRecord, parse_time, record_id_of
from caveat.ledger.wire import parse_record
from caveat.monitors.logged import Logged
from caveat.monitors.monitors import Monitors
from caveat.monitors.once import Once
from caveat.oversight.book import Book
from caveat.oversight.chronicle import Chronicle
from caveat.oversight.demanded import Demands
from caveat.oversight.dissents import Dissents
from caveat.oversight.halts import Halts
from caveat.oversight.sampling import Periods
from caveat.oversight.view import Oversight
from caveat.policy.bundle import Bundle
from caveat.policy.chain import Chain
from caveat.service.log_keys import DataFolderError
from caveat.signing.digest import Digest


@dataclass(slots=True)
class History:
    """Everything that is folded from records. `routes`: those that calls went to last."""

    monitors: Monitors
    once: Once
    logged: Logged
    trust: TrustSeen
    lists: RevocationLists
    clock: GuardedClock
    book: Book
    chronicle: Chronicle
    halts: Halts = field(default_factory=Halts)
    dissents: Dissents = field(default_factory=Dissents)
    demands: Demands = field(init=False)
    periods: Periods = field(default_factory=Periods)
    oversight: Oversight = field(default_factory=Oversight)
    routes: Digest | None = None

    def __post_init__(self) -> None:
        """Demands fold behind the book."""
        self.demands = Demands(self.book)

    @property
    def lasting(self) -> tuple[Callable[[Record], None], ...]:
        """The folds that every new record goes through as well."""
        return self.logged.fold, self.trust.fold, self.lists.fold

    @property
    def _named(self) -> tuple[Callable[[Record, str], None], ...]:
        """The folds that take the id of a record too; demands behind the book."""
        return (
            self.book.fold,
            self.demands.fold,
            self.periods.fold,
            self.halts.fold,
            self.dissents.fold,
            self.chronicle.fold,
        )

    def take_up(
        self, ledger: Ledger, succession: Succession, bundle: Bundle, log: FilteringBoundLogger
    ) -> Chain:
        """Folds the whole log, and returns the chain by which `bundle` may come into force now.

        Raises `LawError` where it may not, and `DataFolderError` for a clock behind the log.
        """
        for entry in ledger.records():
            record = parse_record(entry.leaf)
            if isinstance(record, RoutesRecord):
                self.routes = record.routes
            named = record_id_of(entry.index, entry.leaf)
            for keep in self._named:
                keep(record, named)
            self.oversight.fold(record, named, entry.leaf)
            for fold in (self.monitors.fold, self.once.fold, succession.fold, *self.lasting):
                fold(record)
        chain = check_follows(bundle, succession.follow)
        check_trust_succession(bundle, self.trust, chain)
        if ledger.newest_time:
            self.clock.not_before(parse_time(ledger.newest_time))
        if self.clock.is_behind:
            raise DataFolderError(
                f"the machine's clock is {self.clock.behind_seconds:.0f} s behind the newest record; "
                "put it right, for nothing can be checked for age"
            )
        for authority, there in self.lists.open().items():
            if not there:
                log.error("revocations", authority=authority, outcome="missing")
        return chain
