"""Contributions as the gateway asks for them: kept before a record, found when the log is folded."""

from collections.abc import Sequence

from structlog.types import FilteringBoundLogger

from caveat.call.call import Part
from caveat.gateway.contributing import Contributed, Contributions
from caveat.gateway.errors import FaultError
from caveat.gateway.witnesses import NOBODY_APART, Apart
from caveat.labels.subjects import Sighting
from caveat.monitors.contribution import Sealed
from caveat.monitors.keys import ChainKeys, KeysUnavailableError, SubjectKeys
from caveat.monitors.monitors import Monitors
from caveat.screens.identifiers import sightings_of
from caveat.signing.digest import Digest
from caveat.store.contributions import SqliteContributions
from caveat.store.errors import ContributionStoreError

FILE = "monitors.sqlite3"


class ContributionFiles:
    """The store under one chain of keys, with failures as answers."""

    def __init__(
        self,
        store: SqliteContributions,
        keys: SubjectKeys | None,
        log: FilteringBoundLogger | None = None,
        *,
        note: bool = True,
    ) -> None:
        """`store`: opened already; whoever opened it closes it. `note`: that it is kept under this chain from
        now on. Raises `ContributionStoreError`, also for another chain than its own, and
        `KeysUnavailableError`."""
        store.check_chain(keys, note=note)
        self._store, self._keys, self._log = store, keys, log
        self.erasures = store.erasures(keys)
        self._erased = frozenset(one for each in self.erasures for one in each.commitments)

    @property
    def secret(self) -> bytes:
        """Under which figures are drawn that are told; nothing to guess where nobody is told apart."""
        return b"" if self._keys is None else self._keys.at_rest(self._keys.number)

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
        if self._keys is None:
            return
        try:
            self._store.put(sealed, self._keys)
        except (ContributionStoreError, KeysUnavailableError) as error:
            raise FaultError(
                503,
                "monitors_unavailable",
                "who this use reaches could not be stored, so nothing was released",
                "try again later; the operator sees the cause in the log",
            ) from error

    def apart(self, monitors: Monitors) -> Apart:
        """How persons are told apart from now on: not at all without a key, or where the store is full."""
        if self._keys is None:
            return NOBODY_APART
        contributions = Contributions(sightings_of, self._keys, monitors, self._log)

        def contribute(part: Part, id_column: str) -> Contributed | None:
            return None if self._store.is_full else contributions(part, id_column)

        def prepare(part: Part, id_column: str) -> None:
            if not self._store.is_full:
                contributions.made(part, id_column)

        return Apart(contribute, self.keep, None if isinstance(self._keys, ChainKeys) else prepare)
