"""Contributions as the gateway asks for them: kept before a record, found when the log is folded."""

from collections.abc import Sequence

from structlog.types import FilteringBoundLogger

from caveat.call.call import Part
from caveat.gateway.contributing import Contributed, Contributions
from caveat.gateway.errors import FaultError
from caveat.gateway.witnesses import NOBODY_APART, Apart
from caveat.labels.subjects import Sighting
from caveat.monitors.contribution import Sealed
from caveat.monitors.monitors import Monitors
from caveat.screens.identifiers import sightings_of
from caveat.signing.digest import Digest
from caveat.store.contributions import SqliteContributions
from caveat.store.errors import ContributionStoreError

FILE = "monitors.sqlite3"


class ContributionFiles:
    """The store under one chain of keys, with failures as answers."""

    def __init__(
        self, store: SqliteContributions, keys: tuple[bytes, ...], log: FilteringBoundLogger | None = None
    ) -> None:
        """`store`: opened already; whoever opened it closes it. Raises `ContributionStoreError`."""
        self._store, self._keys, self._log = store, keys, log
        self.erasures = store.erasures(keys)
        self._erased = frozenset(one for each in self.erasures for one in each.commitments)

    def find(self, commitment: Digest) -> tuple[Sighting, ...] | None:
        """The sightings behind it; none of them where sums stand in its place; None where it is missing.

        What cannot be read is missing too, and counted by its data.
        """
        if commitment in self._erased:
            return ()
        try:
            return self._store.find(commitment, self._keys)
        except ContributionStoreError:
            if self._log is not None:
                self._log.error("contributions", outcome="unreadable")
            return None

    def monitors(self) -> Monitors:
        """Empty monitors that find their contributions here, with what erasures left already in."""
        monitors = Monitors(self.find)
        for erasure in self.erasures:
            for one in erasure.sums:
                monitors.subjects.add_sum(one.scope, one.bucket, one.persons)
        return monitors

    def keep(self, sealed: Sequence[Sealed]) -> None:
        """Makes them durable; raises `FaultError`, with which a use is held back."""
        try:
            self._store.put(sealed, len(self._keys))
        except ContributionStoreError as error:
            raise FaultError(
                503,
                "monitors_unavailable",
                "who this use reaches could not be stored, so nothing was released",
                "try again later; the operator sees the cause in the log",
            ) from error

    def apart(self, monitors: Monitors) -> Apart:
        """How persons are told apart from now on: not at all without a key, or where the store is full."""
        if not self._keys:
            return NOBODY_APART
        contributions = Contributions(sightings_of, self._keys, monitors)

        def contribute(part: Part, id_column: str) -> Contributed | None:
            return None if self._store.is_full else contributions(part, id_column)

        return Apart(contribute, self.keep)
