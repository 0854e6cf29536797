"""A recorded decision explained from its record and its bundle."""

from dataclasses import dataclass

import click

from caveat.call.history import HistoryState
from caveat.cli.deciding import (
    CHANGE,
    WORDS,
    clause_texts,
    fact_rows,
    show_deciding,
    show_facts,
    what_changes,
    who_proves,
)
from caveat.decision.binding import binding_clauses
from caveat.decision.decide import decide
from caveat.decision.verdict import Verdict
from caveat.evidence.defects import EXPLANATIONS, DefectCode
from caveat.facts.fact import Facts
from caveat.ledger.record import (
    AssayRecord,
    BundleRecord,
    DecisionRecord,
    DissentRecord,
    EvidenceCited,
    EvidenceRecord,
    FindingRecord,
    Follows,
    HaltRecord,
    HeartbeatRecord,
    HistoryRecord,
    IncidentRecord,
    KeyRecord,
    OutputEndRecord,
    PathsRecord,
    PlantedRecord,
    PlantedSampleRecord,
    Record,
    Redaction,
    Replaced,
    ReviewRecord,
    RevocationsRecord,
    RoutesRecord,
    SampleRecord,
    SamplingRecord,
    StartRecord,
    StoppedRecord,
    TermsRecord,
    TrustRecord,
)
from caveat.ledger.replay import decide_again, differing_members
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Explained:
    """`case`: the one that decided. `differs`: members in which deciding again differs; mostly none."""

    record_id: str
    record: DecisionRecord
    bundle: Bundle
    case: Facts | None
    changes: tuple[str, ...]
    binding: tuple[str, ...]
    differs: tuple[str, ...]

    def render(self) -> JsonObject:
        """As JSON, version 1."""
        record, decision = self.record, self.record.decision
        texts = clause_texts(self.bundle, decision.verdict)
        clauses: list[Json] = [{"id": name, "text": texts.get(name, "")} for name in decision.clauses]
        needs: list[Json] = [{"fact": name, "by": who_proves(self.bundle, name)} for name in decision.needs]
        facts: list[Json] = [] if self.case is None else [*fact_rows(self.bundle, self.case)]
        evidence: list[Json] = [
            {"envelope": cited.envelope, "outcome": cited.outcome, "text": _evidence(cited)}
            for cited in record.evidence
        ]
        return {
            "version": 1,
            "record": self.record_id,
            "time": record.time,
            "deployment": record.deployment,
            "principal": record.principal,
            "point": record.point.value,
            "of": record.of,
            "mode": record.mode,
            "enforced": record.enforced,
            "released": record.released,
            "always_enforced": list[Json](self.binding),
            "bundle": record.bundle,
            "verdict": decision.verdict.value,
            "reason": decision.reason.value,
            "text": WORDS[decision.reason],
            "clauses": clauses,
            "needs": needs,
            "approvals": list[Json](decision.approvals),
            "cases": len(record.cases),
            "facts": facts,
            "changes": list[Json](self.changes),
            "evidence": evidence,
            "differs": list[Json](self.differs),
            "redaction": _redaction(record.redaction),
            "history_state": None if record.history_state is None else record.history_state.value,
        }


def explain_decision(bundle: Bundle, record_id: str, record: DecisionRecord) -> Explained:
    """The decision, derived again from what the record holds."""
    again = decide_again(bundle, record)
    # The strictest case decided, the first among equals: as the decision over all of them takes it.
    case = max(
        record.cases,
        key=lambda one: decide(bundle.policy, record.point, one).verdict.strictness,
        default=None,
    )
    changes = () if case is None else what_changes(bundle, record.point, case, record.decision)
    binding = binding_clauses(bundle.policy, record.point, record.cases) if record.mode == "observe" else ()
    differs = differing_members(record.decision, again)
    return Explained(record_id, record, bundle, case, changes, binding, differs)


def show_explained(explained: Explained) -> None:
    """The explanation for people."""
    record, decision = explained.record, explained.record.decision
    click.echo(f"{decision.verdict.value}: {WORDS[decision.reason]}")
    click.echo(
        f"  {record.point.value} of `{record.deployment}` at {record.time}, record {explained.record_id}"
    )
    click.echo(f"  asked by `{record.principal}`: {_MEANS[record.principal.partition(':')[0]]}")
    if record.of is not None:
        click.echo(f"  it answers the prompt of record {record.of}")
    if record.history_state is not None:
        click.echo(f"  its history is {record.history_state.value}: {_HISTORIES[record.history_state]}")
    click.echo(f"  {_effect(explained)}")
    show_deciding(explained.bundle, decision)
    if record.redaction is not None:
        click.echo(f"  {_redacted(record)}")
    for cited in record.evidence:
        click.echo(f"  evidence {cited.envelope[:16]}: {_evidence(cited)}")
    if explained.changes:
        click.echo(f"  {CHANGE[decision.verdict]}: {', '.join(explained.changes)}")
    if len(record.cases) > 1:
        click.echo(f"  decided for {len(record.cases)} combinations of facts; the strictest is shown")
    if explained.case is not None:
        show_facts(explained.bundle, explained.case, only_said=decision.verdict is not Verdict.NEEDS_EVIDENCE)
    if explained.differs:
        click.echo(f"FINDING  deciding again gives another {', '.join(explained.differs)}")


_HISTORIES = {
    HistoryState.NONE: "no turn of a model is in it",
    HistoryState.KNOWN: "every earlier message passed here, in this order",
    HistoryState.TRIMMED: "messages of a known order, with others left out",
    HistoryState.UNRECOGNISED: "not known, and what was known may have been lost",
    HistoryState.CHANGED: "the model's turns are known, and what stands around them is not as it was",
    HistoryState.INVENTED: "a turn of the model in it was never released to this caller",
}
_MEANS = {"key": "an API key", "oidc": "a token of an issuer", "mtls": "a client certificate"}


def _effect(explained: Explained) -> str:
    record = explained.record
    if record.mode == "enforce":
        return "it went through" if record.released else "it was held back"
    if not record.enforced:
        return "it went through: the deployment is only observed, so the verdict had no effect"
    return f"it was held back although only observed: {', '.join(explained.binding)} is always enforced"


def _redaction(redaction: Redaction | None) -> JsonObject | None:
    if redaction is None:
        return None
    counts = redaction.counts or Replaced()
    return {
        "clauses": list[Json](redaction.clauses),
        "kinds": list[Json](redaction.kinds),
        "replaced": dict[str, Json](counts.replaced),
        "restored": dict[str, Json](counts.restored),
        "unreadable": redaction.unreadable,
    }


def _redacted(record: DecisionRecord) -> str:
    redaction = record.redaction or Redaction((), ())
    would = "would be" if record.mode == "observe" else "is"
    said = f"{', '.join(redaction.kinds)} {would} redacted by {', '.join(redaction.clauses)}"
    if redaction.unreadable:
        return f"{said}; {redaction.unreadable} pieces cannot be read, so they cannot be redacted"
    return said + _counted(redaction.counts)


def _counted(counts: Replaced | None) -> str:
    """What a record counts: `: 2 email replaced, 1 email restored`."""
    if counts is None:
        return ""
    rows = [f"{count} {kind} replaced" for kind, count in counts.replaced]
    rows += [f"{count} {kind} restored" for kind, count in counts.restored]
    return f": {', '.join(rows) or 'none was found'}"


def _evidence(cited: EvidenceCited) -> str:
    if cited.outcome not in {code.value for code in DefectCode}:
        return "it counted" if cited.outcome == "accepted" else cited.outcome
    explained = EXPLANATIONS[DefectCode(cited.outcome)]
    return f"{cited.outcome}: {explained.meaning}; next ({explained.who}): {explained.remedy}"


def _by_what(follows: Follows | None) -> str:
    if follows is None or follows.previous is None:
        return ""
    if follows.amendment is None:
        return f" after {follows.previous[:16]}, the same law"
    signers = ", ".join(follows.signers)
    said = f" after {follows.previous[:16]} by amendment {follows.sequence}, signed by {signers}"
    if follows.changes:
        said += f": {'; '.join(follows.changes[:5])}"
    if follows.diff is not None:
        said += f"; it opens {follows.opened_count} uses and closes {follows.closed_count}"
    if follows.opened:
        said += f", as {follows.opened[0]}"
    return said


def _of_trust(record: TrustRecord | RevocationsRecord | EvidenceRecord) -> str:
    match record:
        case TrustRecord(time, trust, version, keys):
            return f"trust: at {time} version {version} of the trust policy, {trust}, with {len(keys)} keys"
        case RevocationsRecord(time, authority, envelope, number, revoked):
            return (
                f"revocations: at {time} list {number} of `{authority}`, {envelope}, revokes "
                f"{len(revoked)} keys"
            )
        case EvidenceRecord(time, deployment, envelope, _key, outcome):
            return f"evidence: at {time} `{deployment}` uploaded the envelope {envelope}: {outcome}"


def _reviewed(record: ReviewRecord | PlantedRecord | PathsRecord) -> str:
    if isinstance(record, PathsRecord):
        said = f"paths: at {record.time} the gateway planted {record.planted} uses on its live paths"
        open_at = ", ".join(f"{one.endpoint} {one.direction} {one.why}".strip() for one in record.open)
        return f"{said}, and not every one was refused: {open_at}" if open_at else f"{said}: all were refused"
    if isinstance(record, PlantedRecord):
        return f"planted: at {record.time} it was revealed that no use waited under hold {record.hold}"
    counted = f"which counts as none: {record.defect}" if record.defect else "which counts"
    return (
        f"review: at {record.time} `{record.person}` decided as `{record.role}` to {record.act} "
        f"hold {record.hold}, {counted}"
    )


def _measured(record: AssayRecord) -> str:
    said = f"assay: at {record.time} a report on {record.bundle} was recorded, signed by {record.key[:16]}"
    whole = next((one for one in record.arms if one.arm == "whole"), None)
    if whole is None or whole.unsafe is None:
        return said
    part = "" if record.complete else ", in a run that is not complete"
    return f"{said}; the whole gateway let {whole.unsafe} of {whole.uses} uses through{part}"


def _of_the_log(record: KeyRecord | StoppedRecord) -> str:
    if isinstance(record, KeyRecord):
        return f"key: at {record.time} the log was handed over to the key {record.after}"
    return f"stopped: at {record.time} the ledger stopped: {record.reason}"


def _stopped_or_objected(record: HaltRecord | DissentRecord) -> str:
    if isinstance(record, DissentRecord):
        return (
            f"dissent: at {record.time} `{record.person}` objected to record {record.about}, as number "
            f"{record.number}, {record.link[:16]}"
        )
    what = " ".join(word for word in (record.scope, record.target, record.caller) if word)
    if record.act == "halt":
        return f"halt: at {record.time} `{record.person}` halted {what}"
    effect = "it waits for another person" if record.second is None else "with a second person, so it ended"
    return f"halt: at {record.time} `{record.person}` released {what}, record {record.halt}: {effect}"


def _by_an_overseer(record: ReviewRecord | PlantedRecord | PathsRecord | HaltRecord | DissentRecord) -> str:
    if isinstance(record, HaltRecord | DissentRecord):
        return _stopped_or_objected(record)
    return _reviewed(record)


def _sampled(record: SamplingRecord | SampleRecord | PlantedSampleRecord) -> str:
    if isinstance(record, PlantedSampleRecord):
        return (
            f"planted sample: at {record.time} it was revealed that what was shown as the use of record "
            f"{record.about} in period {record.period} was planted"
        )
    if isinstance(record, SamplingRecord):
        return (
            f"sampling: at {record.time} period {record.number} began, by the secret with the digest "
            f"{record.commitment[:16]}; {len(record.shares)} rows say how much is reviewed"
        )
    return (
        f"sample: at {record.time} the use of record {record.about} was drawn in period "
        f"{record.period}; its review is due by {record.review_by}"
    )


def _afterwards(
    record: SamplingRecord | SampleRecord | PlantedSampleRecord | FindingRecord | IncidentRecord,
) -> str:
    if isinstance(record, SamplingRecord | SampleRecord | PlantedSampleRecord):
        return _sampled(record)
    if isinstance(record, IncidentRecord):
        return (
            f"incident: at {record.time} one was opened about record {record.about}: {record.reason}, by "
            f"record {record.cause}; it touches {record.affected_count} of the first {record.size} records"
        )
    what = f"{record.finding} ({record.code})" if record.code else record.finding
    counted = f"which counts as none: {record.defect}" if record.defect else "which counts"
    return (
        f"finding: at {record.time} `{record.person}` found as `{record.role}` that the {record.kind} "
        f"{record.about} was {what}, {counted}"
    )


def say_record(record: Record) -> str:
    """One sentence for a record that is no decision."""
    match record:
        case SamplingRecord() | SampleRecord() | PlantedSampleRecord() | FindingRecord() | IncidentRecord():
            return _afterwards(record)
        case ReviewRecord() | PlantedRecord() | PathsRecord() | HaltRecord() | DissentRecord():
            return _by_an_overseer(record)
        case TrustRecord() | RevocationsRecord() | EvidenceRecord():
            return _of_trust(record)
        case StartRecord(time, bundle, version, origin):
            return f"start: at {time} a gateway of version {version} began to serve {bundle} for {origin}"
        case BundleRecord(time, bundle, _development, follows):
            return f"bundle: at {time} the bundle {bundle} came into force{_by_what(follows)}"
        case RoutesRecord(time, routes):
            return f"routes: at {time} calls began to go to the upstreams with the digest {routes}"
        case OutputEndRecord(time, of, _released, size, complete, counts):
            end = "to its end" if complete else "and was cut off"
            said = f"output_end: at {time} the stream of record {of} had let {size} bytes through, {end}"
            return said if counts is None else f"{said}; redacted{_counted(counts)}"
        case HistoryRecord(time, deployment, parts, _history):
            return f"history: at {time} {len(parts)} data parts of a use of `{deployment}` were listed"
        case TermsRecord(time, bundle, _envelope):
            return f"terms: at {time} an act of a negotiation was recorded, about {bundle}"
        case HeartbeatRecord(time, every_seconds, witnessed):
            said = f"{witnessed} records were under a quorum of witnesses"
            return f"heartbeat: at {time} the gateway was alive, as every {every_seconds} s; {said}"
        case AssayRecord():
            return _measured(record)
        case KeyRecord() | StoppedRecord():
            return _of_the_log(record)
        case DecisionRecord():
            return f"decision: {record.decision.verdict.value} for `{record.deployment}` at {record.time}"
