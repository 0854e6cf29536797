"""Small logs to test with: keys, records of every kind, and folders that hold them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caveat.call.call import Point
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.ledger import Ledger, Receipt
from caveat.ledger.record import (
    BundleRecord,
    DataPart,
    DecisionRecord,
    EvidenceCited,
    EvidenceRecord,
    OutputEndRecord,
    Record,
    Reservation,
    StartRecord,
    render_time,
)
from caveat.ledger.wire import render_record
from caveat.policy.bundle import bundle_digest
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import Algorithm, private_key_from_seed
from caveat.signing.note import note_key

ORIGIN = "log.example/test"
KEY = private_key_from_seed(Algorithm.ED25519, b"\x01" * 32)
OTHER_KEY = private_key_from_seed(Algorithm.ED25519, b"\x02" * 32)
VERIFIER = note_key(ORIGIN, KEY.public())
FILES = {"bundle.toml": b"name = 'test'\n", "clauses/P01.cedar": b"permit(principal, action, resource);\n"}
BUNDLE: Digest = bundle_digest(FILES)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

ALLOWED = Decision(Verdict.ALLOW, Reason.PERMITTED, ("P01",))
DENIED = Decision(Verdict.DENY, Reason.CLAUSE, ("R1",), incident=True, steps=7)


def moment(seconds: float) -> str:
    """A time, so many seconds after the start of the test's year."""
    return render_time(EPOCH + timedelta(seconds=seconds))


def decision_record(
    number: int,
    *,
    point: Point = Point.PROMPT,
    decision: Decision = ALLOWED,
    of: str | None = None,
    reserve: Sequence[Reservation] = (),
    once: str | None = None,
    request: Digest | None = None,
    cases: tuple[Facts, ...] | None = None,
    enforced: bool = True,
) -> DecisionRecord:
    """A decision record that differs with `number`."""
    digest = sha256(b"%d" % number)
    fact = Fact("subject_count", number, Grade.OBSERVED, "counter", "counter")
    return DecisionRecord(
        time=moment(number),
        point=point,
        protocol="openai",
        deployment="triage",
        principal="analyst",
        model="example-1",
        action="chat",
        request=request or digest,
        bundle=BUNDLE,
        parts=(DataPart("/messages/0/content", digest, 100),),
        cases=(Facts((fact,), {"task": "sorting"}),) if cases is None else cases,
        decision=decision,
        evidence=(EvidenceCited(digest, digest, "accepted", once),),
        reserve=tuple(reserve),
        mode="enforce" if enforced else "observe",
        enforced=enforced,
        of=of,
    )


def records(count: int) -> list[Record]:
    """A start record and decisions behind it, every third a refusal."""
    start: list[Record] = [StartRecord(moment(0), BUNDLE, "0.1.0", ORIGIN)]
    rest = [decision_record(n, decision=DENIED if n % 3 == 0 else ALLOWED) for n in range(1, count)]
    return [*start, *rest]


def other_records(receipt: Receipt, after: int) -> list[Record]:
    """One record of each kind that is no decision; `receipt` is an output decision's."""
    return [
        BundleRecord(moment(after), BUNDLE),
        EvidenceRecord(moment(after + 1), "triage", sha256(b"envelope"), "key", "accepted"),
        OutputEndRecord(moment(after + 2), receipt.record_id, sha256(b"released"), 31, complete=True),
    ]


def append_all(ledger: Ledger, items: Sequence[Record]) -> list[Receipt]:
    """Appends the records in order, all at once; returns their receipts in order."""

    async def run() -> list[Receipt]:
        return list(await asyncio.gather(*[ledger.submit(render_record(item)) for item in items]))

    return asyncio.run(run())


def write_log(folder: Path, items: Sequence[Record]) -> list[Receipt]:
    """A closed log that holds the records."""
    ledger = Ledger.open(folder, KEY, origin=ORIGIN, publish_seconds=0)
    try:
        ledger.store_bundle(FILES)
        return append_all(ledger, items)
    finally:
        ledger.close()
