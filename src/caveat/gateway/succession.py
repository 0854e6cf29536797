"""What has come into force here, in order, and which bundle may come next.

The gateway is pinned by its own ledger: what the newest record put into force is followed only through whole
amendments. With an empty ledger it is pinned by a digest that its operator names, or else by the first
bundle that its actors adopted. Holds no file and no clock. Source: POLICY section 5, ADR-0019.
"""

from collections.abc import Callable, Iterator

from caveat.gateway.ports import Files
from caveat.ledger.record import BundleRecord, Follows, Record, StartRecord
from caveat.policy.amendment import Step
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.policy.chain import (
    Chain,
    ChainError,
    Standing,
    adopted_chain,
    chain_to,
    lacks,
    last_sequence,
)
from caveat.policy.changes import changes
from caveat.policy.opened import closed, diff_digest, opened, shortened
from caveat.signing.digest import Digest

FindFiles = Callable[[Digest], Files | None]
_MAX_CHANGES = 50
_LOOK_BACK = 50


class Succession:
    """The bundles that were in force, folded from the ledger, and the rule of what may follow."""

    def __init__(self, find_files: FindFiles, root: Digest | None = None) -> None:
        """`find_files` finds a bundle's files by digest, whose digest was compared; `root`: see above."""
        self._find_files = find_files
        self._root = root
        self._parsed: dict[Digest, Bundle] = {}
        self._seen: dict[Digest, None] = {}
        self._standing: Standing | None = None

    @property
    def standing(self) -> Standing | None:
        """What is in force; None where nothing ever was."""
        return self._standing

    def fold(self, record: Record) -> None:
        """Takes a record into account, in the ledger's order. The number in force never falls."""
        if isinstance(record, StartRecord):
            self.now_in_force(record.bundle, 0)
        elif isinstance(record, BundleRecord):
            self.now_in_force(record.bundle, 0 if record.follows is None else record.follows.sequence)

    def now_in_force(self, digest: Digest, sequence: int) -> None:
        """This bundle is in force from here on."""
        before = 0 if self._standing is None else self._standing.sequence
        self._standing = Standing(digest, max(before, sequence))
        self._seen.pop(digest, None)
        self._seen[digest] = None

    def follow(self, bundle: Bundle) -> Chain:
        """The chain by which this bundle may come into force now; raises `ChainError`."""
        if self._standing is None:
            return self._first(bundle)
        if self._root is not None and self._root not in self._seen:
            raise ChainError([f"the root `{self._root[:16]}` was never in force by this ledger"])
        if bundle.digest == self._standing.digest:
            self._check_still_carried(bundle)
            return Chain(())
        try:
            return chain_to(bundle, self._standing, self.find)
        except ChainError as error:
            if bundle.digest in self._seen:
                first = (
                    f"`{bundle.digest[:16]}` was in force before: a rollback is an amendment like any other"
                )
                raise ChainError([first, *error.findings]) from error
            raise

    def entries(self, bundle: Bundle, chain: Chain) -> Iterator[tuple[Bundle, Follows]]:
        """What has to be recorded, in order, so that `bundle` is in force by this chain."""
        standing = self._standing
        for step in chain.steps:
            yield step.new, _follows(step)
        if chain.steps or (standing is not None and standing.digest == bundle.digest):
            return
        if standing is not None:
            yield bundle, Follows(standing.digest, standing.sequence)
        elif last_sequence(bundle):
            yield bundle, Follows(None, last_sequence(bundle))

    def find(self, digest: Digest) -> Bundle | None:
        """An earlier bundle, or None where its files are not at hand or are no bundle any more."""
        if digest not in self._parsed:
            files = self._find_files(digest)
            if files is None:
                return None
            try:
                self._parsed[digest] = parse_bundle(files)
            except BundleError:
                return None
        return self._parsed[digest]

    def _first(self, bundle: Bundle) -> Chain:
        if self._root is None or bundle.digest == self._root:
            return adopted_chain(bundle, self.find)
        root = self.find(self._root)
        if root is None:
            raise ChainError(
                [f"the files of the root `{self._root[:16]}` are not at hand; name them with --history"]
            )
        adopted_chain(root, self.find)
        return chain_to(bundle, Standing(root.digest, last_sequence(root)), self.find)

    def _check_still_carried(self, bundle: Bundle) -> None:
        """The bundle in force, read again, still has what carries it: signatures of its own, or a chain."""
        without = lacks(bundle, self.find)
        if not without:
            return
        for digest in list(reversed(self._seen))[:_LOOK_BACK]:
            earlier = None if digest == bundle.digest else self.find(digest)
            if earlier is not None and not changes(earlier, bundle):
                return
        raise ChainError([f"the signatures that `{name}` asks for are missing" for name in without])


def _follows(step: Step) -> Follows:
    amendment = step.amendment
    opens, closes = opened(amendment.diff), closed(amendment.diff)
    return Follows(
        previous=amendment.old,
        sequence=amendment.sequence,
        amendment=amendment.digest,
        signers=tuple(sorted(step.signers)),
        changes=tuple(shortened(change.describe()) for change in step.changes[:_MAX_CHANGES]),
        changes_count=len(step.changes),
        diff=diff_digest(amendment.diff),
        opened=opens.first,
        opened_count=opens.count,
        closed=closes.first,
        closed_count=closes.count,
    )
