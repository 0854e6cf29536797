"""What overseers do over HTTP: read what waits, and decide about it.

Laws: nobody sees content without a key for approvals, and then only of holds that ask for one of their
roles; that somebody sees it is noted before they see it; a decision is judged and recorded one at a time, so
that no two of a person's decisions are blind to each other; whether it counts is on record either way.
Source: EVIDENCE attacks 74 to 85 in `THREAT_MODEL.md`, ADR-0037.
"""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import orjson

from caveat.evidence.approval import VerifiedApproval
from caveat.evidence.defects import EXPLANATIONS
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.reading import OBSERVERS, OVERSEERS
from caveat.evidence.trust import Issuer, Overseer, Purpose
from caveat.gateway.counters import against_passkey
from caveat.gateway.errors import RequestError
from caveat.gateway.holding import Holding
from caveat.gateway.ports import Law
from caveat.gateway.recorder import Recorder
from caveat.ledger.record import ReviewRecord, render_time
from caveat.oversight.book import KEPT_SECONDS, Entry
from caveat.oversight.hold import Shown, Status
from caveat.oversight.review import MEANING, Act, Decided, Defect, Person, Standing, defect_of
from caveat.oversight.reviewers import Reviewed
from caveat.oversight.vigilance import caught, is_vigilant
from caveat.policy.oversight import Floors
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest

SCHEME = "caveat-overseer "
MAX_DECISION_BYTES = 8 * 1024
_HOUR = timedelta(hours=1)
_YEAR = timedelta(seconds=KEPT_SECONDS)
_NO_VIEW = Digest("")


class Overseeing:
    """The overseers' door of one gateway. `origin`: of its log, which a reading statement names."""

    def __init__(self, holding: Holding, recorder: Recorder, origin: str) -> None:
        """Opens nothing by itself."""
        self.holding = holding
        self._recorder = recorder
        self.origin = origin
        self._deciding = asyncio.Lock()

    def now(self) -> datetime:
        """The moment by the clock that every record is dated with; raises `FaultError`."""
        return self._recorder.now()

    def authenticate(self, law: Law, headers: Mapping[str, str]) -> Overseer:
        """Who reads; raises `RequestError` 401 that names the origin which a statement has to be about."""
        found = self._reader(law, headers, OVERSEERS)
        if found.overseer is None:
            raise self._unread("the key is not for approvals")
        return found.overseer

    def check_observer(self, law: Law, headers: Mapping[str, str]) -> None:
        """Returns for an overseer, and for whoever may read counts alone; raises as `authenticate` does."""
        self._reader(law, headers, OBSERVERS)

    def _reader(self, law: Law, headers: Mapping[str, str], purposes: frozenset[Purpose]) -> Issuer:
        given = headers.get("authorization", "")
        if not given.lower().startswith(SCHEME):
            raise self._unread("no statement of an overseer came with the request")
        try:
            raw = base64.urlsafe_b64decode(given[len(SCHEME) :].strip() + "==")
        except (binascii.Error, ValueError) as error:
            raise self._unread("the statement is not base64url") from error
        found = law.witnesses.admit_reading(raw, self.origin, self._recorder.now(), purposes)
        if isinstance(found, RejectedEnvelope):
            raise self._unread(EXPLANATIONS[found.code].meaning)
        return found

    def _unread(self, why: str) -> RequestError:
        return RequestError(
            401,
            "not_an_overseer",
            f"nobody may read this: {why}",
            f"sign a reading statement for the log `{self.origin}` with a key for approvals",
        )

    def waiting(self, overseer: Overseer) -> JsonObject:
        """What waits for one of this person's roles, oldest first, without content.

        Says nothing of what others decided, so that two approvers are blind to each other.
        """
        now = self._recorder.now()
        rows: list[Json] = [
            _row(entry)
            for entry in self.holding.book.waiting(overseer.roles, now)
            if overseer.person not in entry.persons
            and not self.holding.planted.hides(entry.hold.id, overseer.person)
        ]
        return {"version": 1, "origin": self.origin, "holds": rows}

    def figures(self, law: Law, overseer: Overseer) -> JsonObject:
        """This person's own figures, and those of the queues without a name."""
        book, oversight = self.holding.book, law.bundle.oversight
        since = self._recorder.now() - _YEAR
        reviewed = Reviewed(book.reviews(since), book.revealed)
        own: list[Json] = []
        for role in sorted(overseer.roles):
            floors = oversight.of(role)
            row: JsonObject = {"role": role, "vigilant": self._is_vigilant(overseer.person, floors)}
            row["floors"] = dict[str, Json](asdict(floors))
            row["afterwards"] = self.holding.demands.figures_of(overseer.person, role).render()
            own.append(row | reviewed.of(role, overseer.person).render())
        queues: list[Json] = [
            reviewed.render_queue(role, oversight.of(role).caught_percent) for role in sorted(overseer.roles)
        ]
        return {"version": 1, "since": render_time(since), "own": own, "queues": queues}

    def _is_vigilant(self, person: str, floors: Floors) -> bool:
        reviews = self.holding.book.decisions_of(person, self._recorder.now() - _YEAR)
        return is_vigilant(caught(reviews, self.holding.planted), floors.caught_percent)

    async def show(self, overseer: Overseer, hold: str) -> JsonObject:
        """Everything that an approval of this hold signs. That it is shown is noted before it is."""
        self._check_asked(overseer, hold)
        shown = await asyncio.to_thread(self.holding.store.get, hold)
        if shown is None:
            raise _unknown()
        now = self._recorder.now()
        first = await asyncio.to_thread(self.holding.store.display, hold, overseer.person, now)
        self.holding.planted.shown(hold, overseer.person)
        return {
            "version": 1,
            "hold": hold,
            "action": shown.digest,
            "view": orjson.loads(shown.view),
            "content": base64.b64encode(shown.content).decode(),
            "first_shown_at": render_time(first),
        }

    def _check_asked(self, overseer: Overseer, hold: str) -> None:
        """Returns if the hold asks for one of this person's roles; nobody else learns anything of it."""
        entry = self.holding.book.find(hold)
        hidden = self.holding.planted.hides(hold, overseer.person)
        if entry is None or hidden or overseer.roles.isdisjoint(entry.hold.roles):
            raise _unknown()

    async def decide(self, law: Law, raw: bytes) -> JsonObject:
        """Judges and records a signed decision. Raises `RequestError` where it counts as none, and says why.

        What no enrolled key has signed is not recorded: anybody can send it.
        """
        found = law.witnesses.admit_approval(raw, self._recorder.now())
        if isinstance(found, RejectedEnvelope):
            explained = EXPLANATIONS[found.code]
            raise RequestError(
                400,
                f"approval_{found.code.value}",
                f"this decision does not hold, so nothing was recorded: {explained.meaning}",
                f"{explained.who}: {explained.remedy}",
            )
        async with self._deciding:
            return await self._judge(law, found, raw)

    async def _judge(self, law: Law, found: VerifiedApproval, raw: bytes) -> JsonObject:
        said, overseer = found.approval, found.overseer
        entry = self.holding.book.find(said.hold)
        if entry is None:
            raise _unknown()
        shown_at = await asyncio.to_thread(self.holding.store.displayed, said.hold, overseer.person)
        shown = await asyncio.to_thread(self.holding.store.get, said.hold)
        now = self._recorder.now()
        decided = Decided(
            said.hold,
            said.role,
            Act(said.act.value),
            Person(overseer.person, overseer.line, overseer.callers),
            found.approver.keyid,
            found.digest,
            said.action,
            said.policy,
            said.requester,
            said.deployment,
            now,
            shown_at,
        )
        floors = law.bundle.oversight.of(said.role)
        against = await self._against_passkey(law, found)
        standing = replace(
            self._standing(law, entry, shown, overseer.person, floors, said.role), passkey=against
        )
        defect = defect_of(decided, entry.hold, floors, standing)
        receipt = await self._recorder.append(_record(decided, raw, defect))
        if defect is not None:
            raise _counts_as_none(defect, receipt.record_id)
        return {
            "version": 1,
            "hold": said.hold,
            "act": said.act.value,
            "counts": True,
            "record": receipt.record_id,
        }

    async def _against_passkey(self, law: Law, found: VerifiedApproval) -> Defect | None:
        bound = found.approval.role in law.bundle.oversight.passkeys.device_bound
        count = self.holding.store.count
        against = await against_passkey(count, found.approver, found.asserted, device_bound=bound)
        return None if against is None else Defect(against)

    def _standing(
        self, law: Law, entry: Entry, shown: Shown | None, person: str, floors: Floors, role: str
    ) -> Standing:
        now = self._recorder.now()
        earlier = self.holding.book.decisions_of(person, now - _HOUR)
        return Standing(
            view=_NO_VIEW if shown is None else shown.digest,
            policy=law.bundle.digest,
            ended=entry.status(now) in {Status.REFUSED, Status.USED, Status.APPROVED},
            decided=entry.persons,
            earlier=tuple(one.at for one in earlier),
            line_of_requester=law.witnesses.line_of(entry.hold.asked.requester),
            vigilant=self._is_vigilant(person, floors),
            review_overdue=self.holding.is_blocked(entry, role, now),
        )


def _record(decided: Decided, raw: bytes, defect: Defect | None) -> ReviewRecord:
    return ReviewRecord(
        render_time(decided.at),
        decided.hold,
        decided.act.value,
        decided.role,
        decided.person.id,
        decided.key,
        decided.envelope,
        raw.decode(),
        None if decided.shown_at is None else render_time(decided.shown_at),
        "" if defect is None else defect.value,
    )


def _row(entry: Entry) -> JsonObject:
    hold = entry.hold
    return {
        "hold": hold.id,
        "deployment": hold.asked.deployment,
        "roles": list[Json](sorted(hold.roles)),
        "clauses": list[Json](hold.clauses),
        "opened_at": render_time(hold.opened_at),
        "expires_at": render_time(hold.expires_at),
    }


def _unknown() -> RequestError:
    return RequestError(
        404,
        "unknown_hold",
        "no such hold waits for you here",
        "list what waits; a hold is there until it ends",
    )


def _counts_as_none(defect: Defect, record: str) -> RequestError:
    meaning, remedy = MEANING[defect]
    return RequestError(
        403, f"approval_{defect.value}", f"this decision counts as none: {meaning} (record {record})", remedy
    )
