"""OpenLineage events, read for countersigning: the small part that is shown to whoever signs.

Such an event is unsigned: anybody may have written it. Nothing in it becomes a fact. An issuer looks at it,
and a statement that names its digest as a further subject says that the issuer did. Source: OpenLineage
2-0-2, `RunEvent` and `DatasetEvent`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from caveat.signing.canonical import Json, StrictJsonError, parse_strict
from caveat.signing.digest import Digest, sha256

MAX_EVENT_BYTES = 4 * 1024 * 1024
_MAX_DATASETS = 256
_MAX_TEXT = 512


class LineageParseError(ValueError):
    """The bytes are no OpenLineage event that may be shown."""

    def __init__(self, what: str) -> None:
        """`what`: one line without content."""
        super().__init__(f"no OpenLineage event: {what}")


@dataclass(frozen=True, slots=True)
class LineageDataset:
    """One data set of the event. `role`: `input`, `output` or `dataset`; `facets`: their names, sorted."""

    role: str
    namespace: str
    name: str
    facets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineageEvent:
    """What is shown of an event. `digest` is over its bytes as they are."""

    digest: Digest
    event_time: str
    producer: str
    job: str
    datasets: tuple[LineageDataset, ...]


def parse_lineage(data: bytes) -> LineageEvent:
    """The event in `data`; raises `LineageParseError` and nothing else, whatever the bytes."""
    try:
        event = parse_strict(data, max_bytes=MAX_EVENT_BYTES, max_depth=32, floats=True)
    except StrictJsonError as error:
        raise LineageParseError("not JSON that every parser reads alike") from error
    if not isinstance(event, dict):
        raise LineageParseError("not an object")
    datasets = tuple(_datasets(event))
    if not datasets:
        raise LineageParseError("it names no data set")
    job = event.get("job")
    return LineageEvent(
        sha256(data),
        _text(event, "eventTime"),
        _text(event, "producer"),
        f"{_text(job, 'namespace')}/{_text(job, 'name')}" if isinstance(job, dict) else "",
        datasets,
    )


def _datasets(event: dict[str, Json]) -> Iterator[LineageDataset]:
    listed: list[tuple[str, Json]] = [("dataset", event["dataset"])] if "dataset" in event else []
    for role in ("input", "output"):
        several = event.get(f"{role}s", [])
        if not isinstance(several, list) or len(several) > _MAX_DATASETS:
            raise LineageParseError(f"`{role}s` is no list of data sets")
        listed += [(role, one) for one in several]
    for role, one in listed:
        if not isinstance(one, dict):
            raise LineageParseError("a data set is no object")
        facets = one.get("facets", {})
        if not isinstance(facets, dict):
            raise LineageParseError("`facets` is no object")
        names = tuple(sorted(_printable(name) for name in facets))
        yield LineageDataset(role, _text(one, "namespace"), _text(one, "name"), names)


def _text(holder: dict[str, Json], name: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value:
        raise LineageParseError(f"`{name}` is missing or no text")
    return _printable(value)


def _printable(text: str) -> str:
    if len(text) > _MAX_TEXT or not text.isprintable():
        raise LineageParseError("a text in it is too long to be shown, or has characters that do not show")
    return text
