"""One-time statements that were used up, and by which action: a fold over records, kept in memory.

A statement for one use serves every repetition of exactly that action, and no other. Held before release
and folded again at start, so that a restart forgets nothing that was recorded. Source: EVIDENCE attack 6 in
`THREAT_MODEL.md`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest


@dataclass(slots=True)
class OnceIds:
    """Who consumed what. Not durable by itself: the record that cites the id is.

    An action is named by 64 hexadecimal digits; records name it by their member `request`, so whoever folds
    records checks uses under that name too.
    """

    _consumed: dict[Digest, tuple[Digest, int]] = field(default_factory=dict[Digest, tuple[Digest, int]])

    def consumer(self, once: Digest) -> Digest | None:
        """The action that consumed this id, if any has."""
        consumed = self._consumed.get(once)
        return None if consumed is None else consumed[0]

    def consume(self, ids: Iterable[Digest], action: Digest) -> None:
        """Holds the ids for `action`; raises `ValueError` for one that another action has."""
        for once in ids:
            holder, holds = self._consumed.get(once, (action, 0))
            if holder != action:
                raise ValueError("a one-time id serves one action")
            self._consumed[once] = (action, holds + 1)

    def give_back(self, ids: Iterable[Digest], action: Digest) -> None:
        """Undoes one `consume` of an action that was not released after all."""
        for once in ids:
            holder, holds = self._consumed.get(once, (action, 0))
            if holder != action or holds == 0:
                continue
            if holds == 1:
                del self._consumed[once]
            else:
                self._consumed[once] = (action, holds - 1)

    def fold(self, record: JsonObject) -> None:
        """Takes over what a recorded, released use consumed; other records change nothing."""
        rows, action = record.get("evidence"), record.get("request")
        released = record.get("verdict") == "allow" or record.get("enforced") is False
        if record.get("kind") != "decision" or not released:
            return
        if not isinstance(rows, list) or not isinstance(action, str):
            return
        for row in rows:
            once = row.get("once") if isinstance(row, dict) else None
            if isinstance(once, str):
                self._consumed.setdefault(Digest(once), (Digest(action), 1))
