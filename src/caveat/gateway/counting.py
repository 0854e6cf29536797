"""How many persons there are in a part, by a column: counted once for each content."""

from collections.abc import Callable
from dataclasses import dataclass, field

from caveat.call.call import Part
from caveat.evidence.counting import Count, count_persons
from caveat.gateway.pieces import Said
from caveat.signing.digest import Digest

Counter = Callable[[Part, str], Count | None]


def count_part(part: Part, id_column: str) -> Count | None:
    """Persons in one part by one column, read in the form that the part was declared to have."""
    return count_persons(part.content, part.media_type, id_column)


@dataclass(slots=True)
class CountCache:
    """Counts by the digest of what was counted: a history that is sent again is not counted again."""

    limit: int = 4096
    _counts: dict[tuple[Digest, str, str], Count | None] = field(
        default_factory=dict[tuple[Digest, str, str], Count | None]
    )

    def __call__(self, part: Part, id_column: str) -> Count | None:
        """As `count_part`."""
        key = (part.digest, part.media_type, id_column)
        if key not in self._counts:
            if len(self._counts) >= self.limit:
                del self._counts[next(iter(self._counts))]
            self._counts[key] = count_part(part, id_column)
        return self._counts[key]


def greatest(said: Said, count: Counter, columns: set[str | None]) -> int | None:
    """The most persons that any of these columns tells apart; None where none of them can be counted."""
    found: list[int] = []
    for column in columns:
        if column is not None:
            counts = [one for part in said.counted if (one := count(part, column)) is not None]
            if len(counts) == len(said.counted):
                found.append(counts[0].persons)
    return max(found, default=None)
