"""Facts of scenarios and of recorded uses as each of two bundles gets to know them.

A fact that a bundle does not declare is not said to it. Nothing of a ledger is read before it is verified.
"""

from collections.abc import Iterator
from pathlib import Path

from caveat.assay.scenario import Defect, Visible
from caveat.call.call import Point
from caveat.cli.exit import CannotRunError
from caveat.cli.progress import Progress
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.facts.observers import OBSERVERS
from caveat.ledger.disk import RealDisk
from caveat.ledger.folder import KEY_FILE, Folder
from caveat.ledger.read import PublishedLog
from caveat.ledger.record import DecisionRecord
from caveat.ledger.replay import Bundles
from caveat.ledger.verify import verify_folder
from caveat.monitors.once import OnceCheck
from caveat.monitors.totals import TotalsCheck
from caveat.policy.bundle import Bundle
from caveat.signing.note import NoteParseError, parse_note_key

_FINDINGS = {Defect.FORGED: Finding.FORGED, Defect.REPLAYED: Finding.REPLAYED}


def scenario_facts(bundle: Bundle, visible: Visible) -> tuple[Point, tuple[Facts, ...]]:
    """What the bundle's gateway would know of the scenario: what is proved, observed and claimed."""
    facts: list[Fact] = []
    for name, spec in bundle.registry.facts.items():
        value = spec.parse(visible.genuine[name]) if name in visible.genuine else None
        observers = sorted(spec.observed_by & OBSERVERS)
        if value is not None and spec.attested_by:
            facts.append(Fact(name, value, Grade.ATTESTED, min(spec.attested_by)))
        elif value is not None and spec.observed_by:
            facts.append(Fact(name, value, Grade.OBSERVED, min(spec.observed_by)))
        elif name not in visible.genuine and spec.neutral is not None and observers:
            facts.append(Fact(name, spec.neutral, Grade.OBSERVED, observers[0]))
    claims = {name: value for name, value in visible.claims.items() if name in bundle.registry.facts}
    findings = frozenset(_FINDINGS[defect] for _, defect in visible.defective if defect in _FINDINGS)
    return Point.PROMPT, (Facts(tuple(facts), claims or None, frozenset(), findings),)


def recorded_cases(
    folder: Path, key_file: Path | None, old: Bundle, new: Bundle, progress: Progress
) -> Iterator[tuple[str, Point, tuple[Facts, ...], tuple[Facts, ...]]]:
    """Each recorded decision with its facts as both bundles know them; raises `CannotRunError` where the
    ledger does not hold.
    """
    _verify(folder, key_file)
    entries = [entry for entry in PublishedLog(folder).entries() if isinstance(entry.record, DecisionRecord)]
    for done, entry in enumerate(entries, start=1):
        progress(done, len(entries))
        record = entry.record
        if isinstance(record, DecisionRecord):
            sides = [tuple(_known(bundle, case) for case in record.cases) for bundle in (old, new)]
            yield str(entry.index), record.point, sides[0], sides[1]


def _verify(folder: Path, key_file: Path | None) -> None:
    try:
        text = (key_file or folder / KEY_FILE).read_text(encoding="utf-8", errors="replace")
        key = parse_note_key(text.removesuffix("\n"))
        checks = (TotalsCheck(Bundles(Folder(RealDisk(), folder)).greatest), OnceCheck())
        report = verify_folder(folder, key, checks=checks)
    except NoteParseError as error:
        raise CannotRunError(str(error), "--key FILE names the verifier key of the ledger") from error
    if not report.holds:
        raise CannotRunError(
            "the ledger does not hold, so nothing is said of its records",
            f"`caveat ledger verify {folder}` lists what is wrong",
        )


def _known(bundle: Bundle, case: Facts) -> Facts:
    declared = bundle.registry.facts
    claims = {name: value for name, value in (case.claims or {}).items() if name in declared}
    facts = tuple(fact for fact in case.facts if fact.name in declared)
    return Facts(facts, claims or None, case.approvals, case.findings)
