"""Every verdict derived again, from the bundle that the record cites and the facts that it holds.

No clock, no network, no state: the same bundle digest and the same facts give the same decision on any
machine, years later. A difference is a finding, never an exception.
"""

from collections.abc import Iterator

from caveat.decision.binding import binding_clauses
from caveat.decision.decide import decide_use
from caveat.decision.obligations import ids_of, kinds_of, obligations, with_unreadable
from caveat.decision.verdict import Decision, Verdict, halted
from caveat.ledger.finding import Code, Finding
from caveat.ledger.folder import Folder
from caveat.ledger.record import DecisionRecord, Record, Redaction
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.signing.canonical import MAX_INTEGER
from caveat.signing.digest import Digest

# Not `steps`: a search that takes fewer of them decides the same.
_MEMBERS = ("verdict", "reason", "clauses", "needs", "approvals", "incident")


class Bundles:
    """The bundles of a ledger folder by digest, each parsed once."""

    def __init__(self, folder: Folder) -> None:
        """`folder`: where `bundles/` lies."""
        self._folder = folder
        self._parsed: dict[Digest, Bundle | None] = {}

    def get(self, digest: Digest) -> Bundle | None:
        """The bundle, or None where it is not there or does not check."""
        if digest not in self._parsed:
            self._parsed[digest] = self._parse(digest)
        return self._parsed[digest]

    def greatest(self, digest: Digest, fact: str) -> int:
        """The greatest value that the bundle's registry has for a count; without one, of any record."""
        bundle = self.get(digest)
        spec = None if bundle is None else bundle.registry.facts.get(fact)
        return MAX_INTEGER if spec is None else min(spec.hi, MAX_INTEGER)

    def _parse(self, digest: Digest) -> Bundle | None:
        files = self._folder.bundle(digest)
        if files is None:
            return None
        try:
            return parse_bundle(files)
        except BundleError:
            return None


class ReplayCheck:
    """For `verify`: each recorded decision is the one that its bundle gives for its facts."""

    def __init__(self, bundles: Bundles) -> None:
        """`bundles`: those of the folder that is verified."""
        self._bundles = bundles
        self.replayed = 0

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """A finding where deciding again gives another decision, or where the bundle cannot be read."""
        if not isinstance(record, DecisionRecord):
            return
        bundle = self._bundles.get(record.bundle)
        if bundle is None:
            yield Finding(Code.BUNDLE_UNREADABLE, index, "the bundle that it cites does not check")
            return
        again = decide_again(bundle, record)
        self.replayed += 1
        different = differing_members(record.decision, again)
        if different:
            yield Finding(Code.VERDICT_DIFFERS, index, f"deciding again gives another {', '.join(different)}")
        if not _is_redacted_alike(bundle, record):
            yield Finding(Code.VERDICT_DIFFERS, index, "deciding again has other content replaced")
        if record.mode == "observe" and not record.enforced and again.verdict is not Verdict.ALLOW:
            bound = binding_clauses(bundle.policy, record.point, record.cases)
            if bound:
                text = f"it went through although `{bound[0]}` is always enforced"
                yield Finding(Code.VERDICT_DIFFERS, index, text)


def decide_again(bundle: Bundle, record: DecisionRecord) -> Decision:
    """The decision that the bundle gives on what the record holds."""
    decision = decide_use(bundle.policy, record.point, record.cases)
    found = record.redaction
    if found is not None:
        decision = with_unreadable(decision, found.clauses, found.unreadable)
    return decision if record.halted is None else halted(decision)


def _is_redacted_alike(bundle: Bundle, record: DecisionRecord) -> bool:
    """Whether the record names exactly the clauses that bind, and the kinds that they have replaced."""
    bound = obligations(bundle.policy, bundle.redactions, record.point, record.cases)
    found = record.redaction or Redaction((), ())
    return (found.clauses, set(found.kinds)) == (ids_of(bound), set(kinds_of(bound)))


def differing_members(recorded: Decision, again: Decision) -> tuple[str, ...]:
    """The names of the members in which two decisions differ."""
    return tuple(name for name in _MEMBERS if getattr(recorded, name) != getattr(again, name))
