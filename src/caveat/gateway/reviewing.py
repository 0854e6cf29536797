"""What reviewers do over HTTP with what went through: list what is due, look at it, and say what they found.

Laws: content is shown to cleared persons alone, and that they see it is noted before; nobody reviews what
they asked for or approved; a finding that counts as none is on record as well; `wrong` opens an incident
with all that it touches, found in the log. Source: clause P24 of the example policy, ADR-0042.
"""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import orjson
from structlog.types import FilteringBoundLogger

from caveat.evidence.defects import EXPLANATIONS
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.overseers import VerifiedSaying
from caveat.evidence.predicates import FindingModel, Predicate
from caveat.evidence.trust import Overseer
from caveat.gateway.background import Background
from caveat.gateway.counters import against_passkey
from caveat.gateway.errors import GatewayError, RequestError
from caveat.gateway.holding import Holding
from caveat.gateway.observer import Published
from caveat.gateway.ports import Law
from caveat.gateway.recorder import Recorder
from caveat.ledger.record import (
    FindingRecord,
    IncidentRecord,
    Record,
    parse_record_id,
    record_id_of,
    render_time,
)
from caveat.ledger.wire import parse_record
from caveat.oversight.affected import affected_by
from caveat.oversight.demanded import Demand
from caveat.oversight.finding import MEANING, NO_VIEW, WRONG, Fault, Known, Said, fault_of
from caveat.oversight.hold import Shown
from caveat.oversight.review import Person
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest

_HOUR = timedelta(hours=1)
_TICK_SECONDS = 1.0


class Reviewing:
    """The reviewers' door of one gateway. `ledger`: what is published of its log."""

    def __init__(
        self, holding: Holding, recorder: Recorder, ledger: Published, log: FilteringBoundLogger
    ) -> None:
        """Opens nothing by itself."""
        self.holding = holding
        self._recorder = recorder
        self._ledger = ledger
        self._log = log
        self._one_at_a_time = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._background = Background(self._run)

    def start(self) -> None:
        """Opens incidents from now on, in the running loop."""
        self._background.start()

    async def stop(self) -> None:
        """Ends it. What is not opened yet is opened after the next start."""
        await self._background.stop()

    async def _run(self) -> None:
        while True:
            try:
                await self.step()
            except (GatewayError, OSError) as error:
                self._log.error("reviews", outcome="failed", cause=type(error).__name__)
            await asyncio.sleep(_TICK_SECONDS)

    async def step(self) -> None:
        """Opens every incident that has no record yet; raises `GatewayError` where it could not.

        One whose cause is not published yet is left for the next time, so that what it touches is whole.
        """
        async with self._opening:
            now = self._recorder.now()
            for demand, cause, reason in list(self.holding.demands.unopened(now)):
                if demand.about in self.holding.planted_samples:
                    continue  # it is revealed right away, and nothing went through
                size = self._ledger.published_size
                if size <= max(parse_record_id(cause)[0], parse_record_id(demand.about)[0]):
                    continue
                touched = await asyncio.to_thread(
                    lambda: affected_by(demand.about, self._records(demand.about, size))  # noqa: B023 - awaited here
                )
                await self._recorder.append(
                    IncidentRecord(
                        self._recorder.now_text(),
                        demand.about,
                        cause,
                        reason,
                        touched.first,
                        len(touched.ids),
                        touched.digest,
                        size,
                    )
                )
                self._log.error("incident", reason=reason, about=demand.about, affected=len(touched.ids))

    def _records(self, about: str, size: int) -> Iterator[tuple[str, Record]]:
        for entry in self._ledger.records(parse_record_id(about)[0]):
            if entry.index >= size:
                return
            yield record_id_of(entry.index, entry.leaf), parse_record(entry.leaf)

    def due(self, law: Law, overseer: Overseer) -> JsonObject:
        """What this person may review and nobody has, oldest first, without content."""
        now = self._recorder.now()
        rows: list[Json] = [
            {
                "review": one.about,
                "kind": one.kind,
                "deployment": one.deployment,
                "roles": list[Json](sorted(self._roles(law, one))),
                "clauses": list[Json](one.clauses),
                "opened_at": render_time(one.opened_at),
                "review_by": render_time(one.review_by),
                "overdue": one.is_overdue(now),
            }
            for one in self.holding.demands.due()
            if self._may_read(law, overseer, one)
        ]
        return {"version": 1, "reviews": rows}

    @staticmethod
    def _roles(law: Law, demand: Demand) -> frozenset[str]:
        sampling = law.bundle.oversight.sampling
        if demand.kind == "emergency":
            return demand.reviewers
        return frozenset() if sampling is None else sampling.roles

    def _may_read(self, law: Law, overseer: Overseer, demand: Demand) -> bool:
        return (
            overseer.is_cleared(demand.deployment)
            and not overseer.roles.isdisjoint(self._roles(law, demand))
            and overseer.person not in demand.involved
            and demand.requester not in overseer.callers
        )

    async def show(self, law: Law, overseer: Overseer, about: str) -> JsonObject:
        """Everything that a finding signs. That it is shown is noted before it is."""
        demand = self.holding.demands.find(about)
        if demand is None or not self._may_read(law, overseer, demand):
            raise _unknown()
        shown = await asyncio.to_thread(self.holding.store.get, about)
        first = await asyncio.to_thread(
            self.holding.store.display, about, overseer.person, self._recorder.now()
        )
        said: JsonObject = {
            "version": 1,
            "review": about,
            "kind": demand.kind,
            "roles": list[Json](sorted(self._roles(law, demand))),
            "review_by": render_time(demand.review_by),
            "first_shown_at": render_time(first),
        }
        if shown is None:
            return said | {"action": NO_VIEW, "view": None, "content": None}
        return said | {
            "action": shown.digest,
            "view": orjson.loads(shown.view),
            "content": base64.b64encode(shown.content).decode(),
        }

    async def find(self, law: Law, raw: bytes) -> JsonObject:
        """Judges and records a signed finding. Raises `RequestError` where it counts as none, and says why.

        What no enrolled key has signed is not recorded: anybody can send it.
        """
        found = law.witnesses.admit_saying(
            raw, self._ledger.origin, Predicate.FINDING, FindingModel, self._recorder.now()
        )
        if isinstance(found, RejectedEnvelope):
            explained = EXPLANATIONS[found.code]
            raise RequestError(
                400,
                f"statement_{found.code.value}",
                f"this statement does not hold, so nothing was done: {explained.meaning}",
                f"{explained.who}: {explained.remedy}",
            )
        if (found.said.finding == "wrong") != (found.said.code in set(WRONG)):
            raise RequestError(
                400,
                "finding_incomplete",
                "`wrong` takes one of the codes, and `right` none",
                f"write one of {', '.join(WRONG)}",
            )
        async with self._one_at_a_time:
            return await self._judge(law, found, raw)

    async def _judge(self, law: Law, found: VerifiedSaying[FindingModel], raw: bytes) -> JsonObject:
        said, overseer = found.said, found.overseer
        demand = self.holding.demands.find(said.about)
        if demand is None or not overseer.is_cleared(demand.deployment) or said.role not in overseer.roles:
            raise _unknown()
        if self.holding.demands.is_known(found.payload):
            raise RequestError(
                409, "statement_given_before", "this very statement is on record already", "sign a new one"
            )
        shown_at = await asyncio.to_thread(self.holding.store.displayed, said.about, overseer.person)
        shown = await asyncio.to_thread(self.holding.store.get, said.about)
        now = self._recorder.now()
        finding = Said(
            said.role,
            said.finding == "wrong",
            Person(overseer.person, overseer.line, overseer.callers),
            Digest(said.shown),
            now,
            shown_at,
        )
        known = replace(
            self._known(law, demand, shown, overseer), passkey=await self._against_passkey(law, found)
        )
        fault = fault_of(finding, demand, law.bundle.oversight.of(said.role), known)
        record = FindingRecord(
            time=render_time(now),
            about=said.about,
            kind=demand.kind,
            finding=said.finding,
            code=said.code,
            role=said.role,
            person=overseer.person,
            key=found.issuer.keyid,
            said=found.payload,
            shown=Digest(said.shown),
            statement=raw.decode(),
            bundle=law.bundle.digest,
            shown_at=None if shown_at is None else render_time(shown_at),
            defect="" if fault is None else fault.value,
        )
        receipt = await self._recorder.append(record)
        if fault is not None:
            raise _counts_as_none(fault, receipt.record_id)
        return {
            "version": 1,
            "review": said.about,
            "finding": said.finding,
            "counts": True,
            "record": receipt.record_id,
        }

    async def _against_passkey(self, law: Law, found: VerifiedSaying[FindingModel]) -> Fault | None:
        bound = found.said.role in law.bundle.oversight.passkeys.device_bound
        count = self.holding.store.count
        against = await against_passkey(count, found.issuer, found.asserted, device_bound=bound)
        return None if against is None else Fault(against)

    def _known(self, law: Law, demand: Demand, shown: Shown | None, overseer: Overseer) -> Known:
        since = self._recorder.now() - _HOUR
        decided = (one.at for one in self.holding.book.decisions_of(overseer.person, since))
        found = self.holding.demands.findings_of(overseer.person, since)
        return Known(
            view=NO_VIEW if shown is None else shown.digest,
            roles=self._roles(law, demand),
            earlier=tuple(sorted((*decided, *found))),
            line_of_requester=law.witnesses.line_of(demand.requester),
        )


def _unknown() -> RequestError:
    return RequestError(
        404,
        "unknown_review",
        "no such review waits for you here",
        "list what is due; who reviews is enrolled in a role for it and cleared for the deployment",
    )


def _counts_as_none(fault: Fault, record: str) -> RequestError:
    meaning, remedy = MEANING[fault]
    return RequestError(
        403, f"finding_{fault.value}", f"this finding counts as none: {meaning} (record {record})", remedy
    )
