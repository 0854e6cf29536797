"""The rates of durable records and of verification, with decision records of a usual size and shape."""

import asyncio
import tempfile
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

from caveat.call.call import Point
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner
from caveat.ledger.disk import RealDisk
from caveat.ledger.folder import CHECKPOINT, WAL
from caveat.ledger.ledger import Ledger
from caveat.ledger.record import DataPart, DecisionRecord, EvidenceCited, Reservation, render_time
from caveat.ledger.tiles import WIDTH, Edge
from caveat.ledger.verify import verify_folder
from caveat.ledger.wire import render_record
from caveat.signing.canonical import JsonObject, canonical
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import Algorithm, private_key_from_seed
from caveat.signing.merkle import leaf_hash
from caveat.signing.note import NoteKey

_FACTS = (
    ("task", "entity_resolution", Grade.ATTESTED, "registration"),
    ("data_category", frozenset({"commercial_records", "location"}), Grade.ATTESTED, "data_owner"),
    ("acquisition_channel", "purchased", Grade.ATTESTED, "data_owner"),
    ("subjects_jurisdiction", "domestic", Grade.ATTESTED, "data_owner"),
    ("subject_count", 999, Grade.OBSERVED, "counter"),
    ("cumulative_subject_count_12m", 999, Grade.OBSERVED, "totals"),
)


def sample_record(number: int, bundle: Digest) -> JsonObject:
    """A decision over one data part with six facts: about 1.7 kB as a leaf."""
    digest = sha256(b"%d" % number)
    facts = tuple(
        Fact(name, value, grade, role, f"{role}:{digest[:16]}") for name, value, grade, role in _FACTS
    )
    return render_record(
        DecisionRecord(
            time=render_time(_now()),
            point=Point.PROMPT,
            protocol="openai",
            deployment="records-triage",
            principal="analyst-7",
            model="example-1",
            action="chat",
            request=digest,
            bundle=bundle,
            parts=(DataPart("/messages/0/content/1", digest, 31_337),),
            cases=(Facts(facts, {"task": "entity_resolution"}),),
            decision=Decision(Verdict.ALLOW, Reason.PERMITTED, ("P03", "P04"), steps=3),
            evidence=(EvidenceCited(digest, digest, "accepted"),),
            reserve=(Reservation(f"source-{number}", digest, 999, 999),),
            mode="enforce",
            enforced=True,
        )
    )


def measure_durable_records(callers: int, seconds: float, folder: Path | None = None) -> float:
    """Records per second that became durable and signed before their caller went on; `callers` at once.

    On a temporary folder under `folder`: give one on the disk in question.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        return asyncio.run(_measure(Path(temporary) / "log", callers, seconds))


def measure_verification(records: int, folder: Path | None = None) -> tuple[float, float]:
    """CPU seconds for the verification of a million records, and megabytes that it took at its peak.

    Measured on `records` of them and scaled: the time grows with the records, the memory does not. The
    checks that need state for each source or one-time id are not among them.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        root = Path(temporary) / "log"
        key = _write_published(root, records)
        tracemalloc.start()
        verify_folder(root, key)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        start = time.process_time()
        report = verify_folder(root, key)
        seconds = time.process_time() - start
    if not report.holds:
        raise RuntimeError("the log that was written to be measured does not verify")
    return seconds * 1_000_000 / records, peak / 1e6


def _write_published(root: Path, records: int) -> NoteKey:
    """A log whose tiles are written straight away: it is read here, not written, that is measured."""
    key = private_key_from_seed(Algorithm.ED25519, bytes(range(32)))
    origin = "measure.invalid/log"
    ledger = Ledger.open(root, key, origin=origin)
    bundle = ledger.store_bundle({"bundle.toml": b""})
    ledger.close()
    for segment in (root / WAL).iterdir():
        segment.unlink()
    edge, disk = Edge(), RealDisk()
    sample = canonical(sample_record(0, bundle))
    for number in range(records):
        leaf = sample.replace(b'"analyst-7"', b'"analyst-%d"' % number)
        edge.append(leaf, leaf_hash(leaf))
        if (number + 1) % WIDTH == 0 or number + 1 == records:
            tiles = {**edge.take_completed(), **(edge.partials() if number + 1 == records else {})}
            for path, data in tiles.items():
                (root / path.render()).parent.mkdir(parents=True, exist_ok=True)
                disk.write(root / path.render(), data)
    signer = CheckpointSigner(origin, key, Checkpoint(origin, 0, b""))
    disk.write(root / CHECKPOINT, signer.sign(records, edge.compact().root()))
    return signer.verifier


async def _measure(folder: Path, callers: int, seconds: float) -> float:
    key = private_key_from_seed(Algorithm.ED25519, bytes(range(32)))
    ledger = Ledger.open(folder, key, origin="measure.invalid/log")
    bundle = ledger.store_bundle({"bundle.toml": b""})
    records = [sample_record(number, bundle) for number in range(64)]
    done = 0

    async def call(number: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await ledger.append(records[(number + done) % len(records)])
            done += 1

    try:
        start = time.perf_counter()
        end = start + seconds
        await asyncio.gather(*(call(number) for number in range(callers)))
        return done / (time.perf_counter() - start)
    finally:
        ledger.close()


def _now() -> datetime:
    return datetime.now(UTC)
