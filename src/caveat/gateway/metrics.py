"""What an operator watches, in a registry of this gateway's own. Labels are closed sets, never content."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from caveat.call.call import Point
from caveat.decision.verdict import Decision
from caveat.facts.fact import Facts, Grade
from caveat.ledger.record import Replaced
from caveat.screens.panel import UNAVAILABLE
from caveat.screens.readers import READERS

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counters and histograms, documented in `docs/reference/http.md`."""

    def __init__(self) -> None:
        """A registry of its own, so that two gateways in one process do not mix."""
        self._registry = CollectorRegistry()
        registry = self._registry
        self._decisions = Counter(
            "caveat_decisions",
            "Decisions recorded.",
            ("point", "verdict", "reason", "mode"),
            registry=registry,
        )
        self._histories = Counter(
            "caveat_histories",
            "Requests by what their earlier messages are, compared with what was let through.",
            ("state",),
            registry=registry,
        )
        self._incidents = Counter(
            "caveat_incidents", "Decisions that somebody should look at.", registry=registry
        )
        self._redactions = Counter(
            "caveat_redactions",
            "Values replaced by placeholders, and placeholders restored.",
            ("point", "act"),
            registry=registry,
        )
        self._gate_seconds = Histogram(
            "caveat_gate_seconds",
            "From the whole request read to the prompt decision durable.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._use_seconds = Histogram(
            "caveat_use_seconds",
            "From the whole request read to the last byte released.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._bad_requests = Counter(
            "caveat_bad_requests",
            "Requests that could not be read or were not authentic.",
            ("code",),
            registry=registry,
        )
        self._faults = Counter(
            "caveat_faults",
            "Answers withheld because the gateway or its upstream failed.",
            ("code",),
            registry=registry,
        )
        self._failovers = Counter(
            "caveat_upstream_failovers",
            "Attempts at an upstream that gave no answer, after which another was made.",
            ("code",),
            registry=registry,
        )
        self._streams = Counter("caveat_streams", "Streams by their end.", ("end",), registry=registry)
        self._reloads = Counter(
            "caveat_bundle_reloads", "Reloads of the bundle.", ("outcome",), registry=registry
        )
        self._uploads = Counter(
            "caveat_evidence_uploads", "Uploaded envelopes.", ("outcome",), registry=registry
        )
        self._witness = Counter(
            "caveat_witness_calls", "Checkpoints taken to witnesses.", ("outcome",), registry=registry
        )
        self._witnessed = Gauge(
            "caveat_witnessed_records", "Records under a quorum of witnesses.", registry=registry
        )
        self._in_flight = Gauge("caveat_uses_in_flight", "Uses that are not answered yet.", registry=registry)

        self._holds_waiting = Gauge("caveat_holds_waiting", "Holds that are open.", registry=registry)
        self._oldest_hold = Gauge(
            "caveat_holds_oldest_seconds", "How long the oldest open hold has waited.", registry=registry
        )
        self._halts = Gauge("caveat_halts_in_force", "Halts that are not released.", registry=registry)
        self._reviews_due = Gauge(
            "caveat_reviews_due",
            "Reviews of what went through that nobody has made.",
            ("of",),
            registry=registry,
        )
        self._reviews_overdue = Gauge(
            "caveat_reviews_overdue", "Those of them that were not made in time.", ("of",), registry=registry
        )
        self._probes = Counter(
            "caveat_planted_paths",
            "Uses that the gateway planted on its live paths, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self._open_paths = Gauge(
            "caveat_paths_open", "Live paths on which what was planted last held not.", registry=registry
        )
        self._screens = Counter(
            "caveat_screen_failures",
            "Scores that a recorded decision read and no screen gave, by screen and reason.",
            ("screen", "why"),
            registry=registry,
        )
        self._stuck = Gauge(
            "caveat_screens_stuck",
            "Readings within this process that have outlived their time and still run.",
            registry=registry,
        )
        self._stuck.set_function(lambda: READERS.stuck)
        self._notices = Counter(
            "caveat_notifications",
            "Attempts to deliver a notification.",
            ("sink", "outcome"),
            registry=registry,
        )
        self._notices_waiting = Gauge(
            "caveat_notifications_waiting", "Notifications that are not delivered yet.", registry=registry
        )

    def oversees(
        self, waiting: Callable[[], float], oldest_seconds: Callable[[], float], halts: Callable[[], float]
    ) -> None:
        """Where the figures of oversight come from, whenever somebody reads them."""
        self._holds_waiting.set_function(waiting)
        self._oldest_hold.set_function(oldest_seconds)
        self._halts.set_function(halts)

    def reviews(self, kind: str, due: Callable[[], float], overdue: Callable[[], float]) -> None:
        """Where the figures of reviews of a `sample` or an `emergency` come from."""
        self._reviews_due.labels(kind).set_function(due)
        self._reviews_overdue.labels(kind).set_function(overdue)

    def probed(self, planted: int, faults: Sequence[str]) -> None:
        """So many uses were planted on live paths; those not `refused` were as `faults` says."""
        self._probes.labels("refused").inc(max(planted - len(faults), 0))
        for why in faults:
            self._probes.labels(why).inc()
        self._open_paths.set(len(faults))

    def notified(self, sink: str, outcome: str) -> None:
        """A `webhook`, `email` or `siem` was told (`delivered`) or not (`failed`)."""
        self._notices.labels(sink, outcome).inc()

    def notices_waiting(self, count: int) -> None:
        """So many notifications are in the outbox."""
        self._notices_waiting.set(count)

    def decided(self, point: Point, decision: Decision, mode: str) -> None:
        """One decision is in the ledger."""
        self._decisions.labels(point.value, decision.verdict.value, decision.reason.value, mode).inc()
        if decision.incident:
            self._incidents.inc()

    def unavailable(self, cases: Sequence[Facts]) -> None:
        """The scores of a recorded decision; counts those that stand for a screen that gave none."""
        failed = {
            (fact.role, fact.source.removeprefix(UNAVAILABLE))
            for case in cases
            for fact in case.facts
            if fact.grade is Grade.ESTIMATED and fact.source.startswith(UNAVAILABLE)
        }
        for screen, why in sorted(failed):
            self._screens.labels(screen, why).inc()

    def redacted(self, point: Point, counts: Replaced) -> None:
        """So many values were `replaced`, and so many placeholders `restored`."""
        for act, rows in (("replaced", counts.replaced), ("restored", counts.restored)):
            if rows:
                self._redactions.labels(point.value, act).inc(sum(count for _, count in rows))

    def compared(self, state: str) -> None:
        """The history of a request that was decided."""
        self._histories.labels(state).inc()

    def gated(self, seconds: float) -> None:
        """A prompt decision took this long until it was durable."""
        self._gate_seconds.observe(seconds)

    def answered(self, seconds: float) -> None:
        """A use took this long in all."""
        self._use_seconds.observe(seconds)

    def bad_request(self, code: str) -> None:
        """A request was refused before any decision."""
        self._bad_requests.labels(code).inc()

    def fault(self, code: str) -> None:
        """An answer was withheld."""
        self._faults.labels(code).inc()

    def failed_over(self, code: str) -> None:
        """An attempt at an upstream failed and is followed by another."""
        self._failovers.labels(code).inc()

    def stream_ended(self, end: str) -> None:
        """A stream ended: `complete`, `cut`, `client_gone`, `halted` or `refused`."""
        self._streams.labels(end).inc()

    def reloaded(self, outcome: str) -> None:
        """`changed`, `unchanged` or `refused`."""
        self._reloads.labels(outcome).inc()

    def uploaded(self, outcome: str) -> None:
        """An envelope was stored, or refused with a code."""
        self._uploads.labels(outcome).inc()

    def witness_told(self, outcome: str) -> None:
        """A witness `cosigned`, `refused`, was `unreachable`, or `contradicted` the log."""
        self._witness.labels(outcome).inc()

    def witnessed(self, records: int) -> None:
        """So many records are under a quorum."""
        self._witnessed.set(records)

    def began(self) -> None:
        """A use is in flight."""
        self._in_flight.inc()

    def finished(self) -> None:
        """A use is not in flight any more."""
        self._in_flight.dec()

    def render(self) -> bytes:
        """The text exposition."""
        return generate_latest(self._registry)
