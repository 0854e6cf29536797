"""Facts of recorded uses as each of two bundles gets to know them.

A fact that a bundle does not declare is not said to it. Nothing of a ledger is read before it is verified.
"""

from collections.abc import Iterator
from pathlib import Path

from caveat.call.call import Point
from caveat.cli.exit import CannotRunError
from caveat.cli.progress import Progress
from caveat.facts.fact import Facts
from caveat.ledger.disk import RealDisk
from caveat.ledger.folder import KEY_FILE, Folder
from caveat.ledger.read import PublishedLog
from caveat.ledger.record import DecisionRecord
from caveat.ledger.replay import Bundles
from caveat.ledger.trust_order import TrustOrderCheck
from caveat.ledger.verify import verify_folder
from caveat.monitors.once import OnceCheck
from caveat.monitors.totals import TotalsCheck
from caveat.policy.bundle import Bundle
from caveat.signing.note import NoteParseError, parse_note_key


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
        checks = (TotalsCheck(Bundles(Folder(RealDisk(), folder)).greatest), OnceCheck(), TrustOrderCheck())
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
