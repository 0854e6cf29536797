"""For `verify`: nothing was let through by an approval that is not in the log, whole, signed and unused.

Source: EVIDENCE attacks 74, 75 and 82 in `THREAT_MODEL.md`, ADR-0037.
"""

from collections.abc import Callable, Iterator

from caveat.call.call import Point
from caveat.ledger.finding import Code, Finding
from caveat.ledger.record import (
    DecisionRecord,
    PlantedRecord,
    Record,
    ReviewRecord,
    parse_time,
    record_id_of,
)
from caveat.ledger.wire import render_record
from caveat.oversight.book import Book, Entry
from caveat.oversight.hold import Asked, Hold, Status
from caveat.oversight.planted import commitment
from caveat.oversight.review import Act
from caveat.signing.canonical import canonical


class ApprovalCheck:
    """Folds the holds as the gateway does, and compares what it released with what people approved.

    `is_signed`: whether the statement of a review holds under the policy that its hold was opened under.
    """

    def __init__(self, is_signed: Callable[[ReviewRecord, Hold], bool]) -> None:
        """No hold yet."""
        self._is_signed = is_signed
        self._book = Book()

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """Findings at this record; takes in what it says."""
        match record:
            case DecisionRecord():
                yield from (Finding(Code.APPROVAL_INVALID, index, why) for why in self._released(record))
            case ReviewRecord():
                entry = self._book.find(record.hold)
                if entry is None:
                    yield Finding(Code.APPROVAL_INVALID, index, "it decides about a hold that nobody opened")
                elif not record.defect and not self._is_signed(record, entry.hold):
                    yield Finding(Code.APPROVAL_INVALID, index, "what was decided is not what was signed")
            case PlantedRecord():
                yield from (Finding(Code.APPROVAL_INVALID, index, why) for why in self._revealed(record))
            case _:
                return
        self._book.fold(record, _opened_id(index, record))

    def _released(self, record: DecisionRecord) -> Iterator[str]:
        given = frozenset(role for case in record.cases for role in case.approvals)
        if record.approved is None:
            if given and record.point is Point.PROMPT:
                yield "it counts approvals of no hold"
            return
        entry = self._book.find(record.approved.hold)
        if entry is None:
            yield "it cites a hold that nobody opened"
        else:
            yield from _defects(record, given, entry)

    def _revealed(self, record: PlantedRecord) -> Iterator[str]:
        """No real use can be called planted afterwards: no secret has its action's name for a digest."""
        entry = self._book.find(record.hold)
        if entry is None:
            yield "it says of a hold that nobody opened that it was planted"
        elif commitment(bytes.fromhex(record.nonce)) != entry.hold.asked.action:
            yield "it calls a hold planted that was not"


def _opened_id(index: int, record: Record) -> str:
    """The id of a record that opens a hold; no other record's is asked for."""
    if isinstance(record, DecisionRecord) and record.hold is not None and record.hold.of is None:
        return record_id_of(index, canonical(render_record(record)))
    return ""


def _defects(record: DecisionRecord, given: frozenset[str], entry: Entry) -> Iterator[str]:
    hold = entry.hold
    if Asked(record.deployment, record.principal, record.request, record.bundle) != hold.asked:
        yield "its hold is of another use"
    status = entry.status(parse_time(record.time))
    if status is not Status.APPROVED:
        yield f"its hold is {status.value}"
    cited = set(() if record.approved is None else record.approved.envelopes)
    counted = [one for one in entry.counted if one.act is Act.APPROVE and one.envelope in cited]
    persons = {role: {one.person for one in counted if one.role == role} for role in hold.roles}
    if not given <= {role for role, number in hold.roles.items() if len(persons[role]) >= number}:
        yield "it counts a role that too few persons approved in"
