"""The provider-neutral call that every protocol is parsed into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from caveat.call.history import HistoryState
from caveat.signing.canonical import Json
from caveat.signing.digest import Digest


class Point(StrEnum):
    """The points of control: before the model sees it, a tool call it asks for, before the caller sees it."""

    PROMPT = "prompt"
    TOOL = "tool"
    OUTPUT = "output"


class PartKind(StrEnum):
    """`typed`: words of whoever types, within the bundle's limit. `data`: content that evidence may cover."""

    TYPED = "typed"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of content as the model will see it. `pointer` is its place in the request (RFC 6901).

    `content` are exactly the bytes that are forwarded for this part; `digest` is theirs.
    """

    pointer: str
    role: str
    kind: PartKind
    media_type: str
    content: bytes
    digest: Digest
    id_column: str | None = None


@dataclass(frozen=True, slots=True)
class DataParts:
    """The data parts of the tuple `of`, each content once. `known`: the digests again, to look
    one up. `columns`: whether any names one."""

    of: tuple[Part, ...]
    parts: tuple[Part, ...]
    digests: tuple[Digest, ...]
    known: frozenset[Digest]
    columns: bool


def data_parts_of(parts: tuple[Part, ...], before: DataParts | None = None) -> DataParts:
    """Those of `parts`; `before` are those of how it begins."""
    earlier = DataParts((), (), (), frozenset(), columns=False) if before is None else before
    new: dict[Digest, Part] = {}
    for part in parts[len(earlier.of) :]:
        if part.kind is PartKind.DATA and part.digest not in earlier.known:
            new.setdefault(part.digest, part)
    columns = earlier.columns or any(part.id_column is not None for part in new.values())
    known = earlier.known.union(new)
    return DataParts(parts, (*earlier.parts, *new.values()), (*earlier.digests, *new), known, columns)


@dataclass(frozen=True, slots=True)
class Form:
    """What a registered workflow or tool list is compared with, beside the parts. As strict as absent.

    `plain`: every message is a role and text with something in it, and nothing but well-known settings
    stands beside the messages. `tools`: the names of all tools that the request defines.
    `max_output_tokens`: how much the request lets the model answer; None where it does not say.
    """

    plain: bool = False
    tools: frozenset[str] = frozenset()
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One use at one point of control.

    `action_digest` binds approvals and one-time evidence to this exact action: the digest of deployment,
    point, protocol and the bytes forwarded, without evidence and claims. `workflow`: the registered workflow
    that the caller names; nothing follows from the name alone. `targets`: what the caller declares that the
    use is directed at; it is part of the action. `history`: what its earlier messages are; None where nobody
    compared them.
    """

    point: Point
    protocol: str
    deployment: str
    model: str
    parts: tuple[Part, ...]
    claims: Mapping[str, Json]
    stream: bool
    action_digest: Digest
    evidence: tuple[bytes, ...] = field(default=())
    workflow: str | None = None
    form: Form = field(default_factory=Form)
    targets: tuple[str, ...] = ()
    data: DataParts | None = field(default=None, compare=False, repr=False)
    history: HistoryState | None = None

    @property
    def data_parts(self) -> DataParts:
        """The data among its parts."""
        # What was told apart with other parts says nothing of these.
        if self.data is not None and self.data.of is self.parts:
            return self.data
        return data_parts_of(self.parts)
