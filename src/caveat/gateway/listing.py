"""Which data parts a record lists: those that no record that it cites lists. None of a use is left out."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from caveat.call.call import Part, PartKind
from caveat.gateway.conversations import Turn
from caveat.gateway.errors import RequestError
from caveat.ledger.record import DataPart, History

_TOGETHER_BYTES = 24_000  # with the facts, they have to fit into one record of 65,535 bytes
_ALONE_BYTES = 48_000
_PART_BYTES = 130  # of a part in its record, without its pointer
MAX_RECORDS = 16
"""Of parts alone, before one decision."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What the records of a use say of its data parts."""

    parts: tuple[DataPart, ...] = ()
    history: History | None = None


def new_parts(parts: Sequence[Part], turn: Turn) -> Listed:
    """The data parts that are not in the record that the turn cites, and that record."""
    cited = turn.cited
    if cited is None or cited.data == 0:
        return Listed(_data(parts))
    return Listed(_data(parts[len(cited.settled) :]), History(cited.record_id, cited.data))


async def shortened(
    listed: Listed, append: Callable[[tuple[DataPart, ...], History | None], Awaitable[str]]
) -> Listed:
    """The same with no more parts than fit beside a decision; the others go into records before it.

    Raises `RequestError` where those would be too many.
    """
    if _size(listed.parts) <= _TOGETHER_BYTES:
        return listed
    groups = list(_groups(listed.parts))
    if len(groups) > MAX_RECORDS:
        raise RequestError(
            413,
            "record_too_large",
            "the use has more data parts than its records hold",
            "send fewer at once",
        )
    history = listed.history
    for group in groups:
        record = await append(group, history)
        history = History(record, len(group) + (0 if history is None else history.parts))
    return Listed((), history)


def _data(parts: Sequence[Part]) -> tuple[DataPart, ...]:
    return tuple(
        DataPart(part.pointer, part.digest, len(part.content)) for part in parts if part.kind is PartKind.DATA
    )


def _size(parts: Sequence[DataPart]) -> int:
    return sum(_PART_BYTES + len(part.pointer) for part in parts)


def _groups(parts: Sequence[DataPart]) -> Iterator[tuple[DataPart, ...]]:
    group: list[DataPart] = []
    size = 0
    for part in parts:
        size += _PART_BYTES + len(part.pointer)
        if size > _ALONE_BYTES:
            yield tuple(group)
            group, size = [], _PART_BYTES + len(part.pointer)
        group.append(part)
    yield tuple(group)
