"""What overseers do beside deciding: stop and release, and object on the record.

Laws: a halt stops from the moment in which it is admitted, before its record is durable; it takes one person,
and a release two; a passkey whose counter did not go on does nothing; an objection is recorded behind the
one before it; nothing that no enrolled key has signed is recorded. Source: ADR-0041, ADR-0044.
"""

import asyncio
from collections.abc import Callable

from caveat.evidence.defects import EXPLANATIONS
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.overseers import VerifiedSaying
from caveat.evidence.predicates import DissentModel, HaltModel, Predicate
from caveat.gateway.counters import Count, check_counter
from caveat.gateway.errors import FaultError, GatewayError, RequestError
from caveat.gateway.observer import Observer
from caveat.gateway.ports import Law, SayingT
from caveat.gateway.recorder import Recorder
from caveat.ledger.errors import RecordParseError
from caveat.ledger.record import DissentRecord, HaltRecord, parse_record_id
from caveat.oversight.dissents import Dissents
from caveat.oversight.halts import Halt, Halts, Scope, Stopped
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest

MAX_SAYING_BYTES = 32 * 1024


class Power:
    """The halts and dissents of one gateway. `origin`: of its log, which every statement names."""

    def __init__(
        self,
        halts: Halts,
        dissents: Dissents,
        recorder: Recorder,
        origin: str,
        has_record: Callable[[str], bool],
        observer: Observer,
        count: Count,
    ) -> None:
        """`has_record`: whether the log has a published record of this id; it blocks, as `count` does."""
        self.observer = observer
        self.halts = halts
        self.dissents = dissents
        self._recorder = recorder
        self._origin = origin
        self._has_record = has_record
        self._count = count
        self._one_at_a_time = asyncio.Lock()

    async def halt(self, law: Law, raw: bytes) -> JsonObject:
        """Takes a signed halt or release. Raises `RequestError` where it does not hold, and says why."""
        found = self._admitted(law, raw, Predicate.HALT, HaltModel)
        said = found.said
        if said.act == "release":
            async with self._one_at_a_time:
                return await self._release(law, found, raw)
        stopped = Stopped(Scope(said.scope), said.target, said.caller)
        if not stopped.is_whole or said.halt:
            raise _incomplete()
        if self.halts.is_known(found.payload):
            raise _given_before()
        # INVARIANT: in force before anything is awaited.
        self.halts.begin(found.payload, stopped, found.overseer.person)
        try:
            await self._check_brake(found)
            receipt = await self._recorder.append(self._halt_record(law, found, raw, None))
        except GatewayError:
            self.halts.give_up(found.payload, stopped)
            raise
        return {"version": 1, "act": "halt", "halt": receipt.record_id, "in_force": True}

    async def _check_brake(self, found: VerifiedSaying[HaltModel]) -> None:
        """As at everything else that a passkey signs; but a store that fails keeps nobody from stopping."""
        try:
            await check_counter(self._count, found.issuer, found.asserted)
        except FaultError:
            return  # the halt stands, which allows nothing; what cannot be counted releases nothing either

    async def _release(self, law: Law, found: VerifiedSaying[HaltModel], raw: bytes) -> JsonObject:
        said = found.said
        halt = self.halts.find(said.halt)
        if halt is None or halt.released or self.halts.is_known(found.payload):
            raise _nothing_to_release()
        if Stopped(Scope(said.scope), said.target, said.caller) != halt.stopped:
            raise _incomplete()
        await check_counter(self._count, found.issuer, found.asserted)
        second = self._other(law, halt, found.overseer.person)
        await self._recorder.append(self._halt_record(law, found, raw, second))
        return {"version": 1, "act": "release", "halt": halt.id, "in_force": second is None}

    def _other(self, law: Law, halt: Halt, person: str) -> Digest | None:
        """An earlier release by somebody else that still counts now: their key and role are checked again."""
        for digest, record in halt.releases.items():
            found = law.witnesses.admit_saying(
                record.statement.encode(), self._origin, Predicate.HALT, HaltModel, self._recorder.now()
            )
            if not isinstance(found, RejectedEnvelope) and found.overseer.person not in {person, ""}:
                return digest
        return None

    def _halt_record(
        self, law: Law, found: VerifiedSaying[HaltModel], raw: bytes, second: Digest | None
    ) -> HaltRecord:
        said = found.said
        return HaltRecord(
            self._recorder.now_text(),
            said.act,
            said.scope,
            said.target,
            said.caller,
            said.halt or None,
            found.overseer.person,
            found.issuer.keyid,
            found.payload,
            raw.decode(),
            law.bundle.digest,
            second,
        )

    async def dissent(self, law: Law, raw: bytes) -> JsonObject:
        """Takes a signed objection. Raises `RequestError` where it does not hold, and says why."""
        found = self._admitted(law, raw, Predicate.DISSENT, DissentModel)
        about = found.said.about
        if not await asyncio.to_thread(self._is_record, about):
            raise RequestError(
                404, "unknown_record", "this log has no such record", "name the record of an answer"
            )
        async with self._one_at_a_time:
            if self.dissents.is_known(found.payload):
                raise _given_before()
            await check_counter(self._count, found.issuer, found.asserted)
            number, previous, link = self.dissents.next(found.payload)
            record = DissentRecord(
                self._recorder.now_text(),
                about,
                number,
                previous,
                link,
                found.overseer.person,
                found.issuer.keyid,
                found.payload,
                raw.decode(),
                law.bundle.digest,
            )
            receipt = await self._recorder.append(record)
        return {"version": 1, "dissent": receipt.record_id, "number": number, "link": link}

    def _is_record(self, name: str) -> bool:
        try:
            parse_record_id(name)
        except RecordParseError:
            return False
        return self._has_record(name)

    def _admitted(
        self,
        law: Law,
        raw: bytes,
        predicate: Predicate,
        model: type[SayingT],
    ) -> VerifiedSaying[SayingT]:
        found = law.witnesses.admit_saying(raw, self._origin, predicate, model, self._recorder.now())
        if isinstance(found, RejectedEnvelope):
            explained = EXPLANATIONS[found.code]
            raise RequestError(
                400,
                f"statement_{found.code.value}",
                f"this statement does not hold, so nothing was done: {explained.meaning}",
                f"{explained.who}: {explained.remedy}",
            )
        return found

    def list_halts(self) -> JsonObject:
        """Every halt there was, with who made it, for overseers."""
        rows: list[Json] = [
            {
                "halt": halt.id,
                "scope": halt.stopped.scope.value,
                "target": halt.stopped.target,
                "caller": halt.stopped.caller,
                "person": halt.person,
                "time": halt.time,
                "released_by": list[Json](sorted({one.person for one in halt.releases.values()})),
                "released": halt.released or None,
            }
            for halt in self.halts.all()
        ]
        return {"version": 1, "halts": rows}

    def list_dissents(self) -> JsonObject:
        """Every dissent, in its chain, with the statement that its person signed, for overseers."""
        rows: list[Json] = [
            {
                "dissent": one.id,
                "number": one.record.number,
                "previous": one.record.previous,
                "link": one.record.link,
                "said": one.record.said,
                "about": one.record.about,
                "person": one.record.person,
                "time": one.record.time,
                "statement": one.record.statement,
            }
            for one in self.dissents.all()
        ]
        return {"version": 1, "dissents": rows}


def _incomplete() -> RequestError:
    return RequestError(
        400,
        "halt_incomplete",
        "the statement does not name what its scope takes",
        "`everything` takes nothing, `conversation` a deployment and a caller, each other scope a target; "
        "a release repeats what the halt names",
    )


def _given_before() -> RequestError:
    return RequestError(
        409, "statement_given_before", "this very statement is on record already", "sign a new one"
    )


def _nothing_to_release() -> RequestError:
    return RequestError(
        409,
        "halt_not_in_force",
        "there is no such halt in force, or this very statement is on record already",
        "list the halts",
    )
