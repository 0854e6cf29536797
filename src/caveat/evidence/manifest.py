"""Manifests: what an issuer signs to bind facts to the rows or sentences of data instead of to a whole file.

A manifest is a head, which is what gets signed by its digest, and a list that the head commits to: the leaf
hashes of rows or sentences in their order, and anchors. Only `parse_manifest` makes one from outside bytes,
and it makes none whose list is not the one under the head. Nothing in a manifest says who issued it or what
is true of the data: that is said by statements with the head's digest as a subject.
Source: EVIDENCE section 7, RFC 6962 section 2.1, ADR-0022.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.evidence.rows import (
    CANONICAL_ROWS,
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    MAX_ROWS,
    Columns,
    Row,
    row_leaf,
    table_key,
)
from caveat.evidence.sentences import (
    CANONICAL_SENTENCES,
    sentence_leaf,
    split_sentences,
    winnow,
)
from caveat.signing.canonical import JsonObject, StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest, sha256
from caveat.signing.merkle import HASH_BYTES, root_of

MEDIA_TYPE = "application/vnd.caveat.manifest"
ANCHOR_BYTES = 8
MAX_HEAD_BYTES = 64 * 1024
MAX_ANCHORS = 1_000_000
MAX_MANIFEST_BYTES = MAX_HEAD_BYTES + MAX_ROWS * HASH_BYTES + MAX_ANCHORS * ANCHOR_BYTES

Kind = Literal["rows", "sentences"]


class ManifestParseError(ValueError):
    """The bytes are no manifest, or its list is not the one that its head commits to."""

    def __init__(self, what: str) -> None:
        """`what`: one line without content."""
        super().__init__(f"no manifest: {what}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A head with its list. `digest` is over the head's bytes: the subject that statements name.

    `leaves`: leaf hashes in the order of the data. `columns` and `salt` are of rows, `anchors` of sentences.
    """

    digest: Digest
    kind: Kind
    root: bytes
    leaves: tuple[bytes, ...]
    columns: Columns = ()
    salt: bytes = b""
    anchors: tuple[int, ...] = ()

    @property
    def head(self) -> bytes:
        """The canonical bytes that `digest` is over."""
        return canonical(_head(self.kind, self.root, len(self.leaves), self.columns, self.salt, self.anchors))

    def copies(self) -> Mapping[bytes, int]:
        """How many times each leaf stands in it."""
        return Counter(self.leaves)

    def render(self) -> bytes:
        """The detached file: the head in one line, then leaves and anchors packed."""
        return self.head + b"\n" + b"".join(self.leaves) + _packed(self.anchors)


def rows_manifest(rows: Sequence[Row], columns: Columns, salt: bytes) -> Manifest:
    """The manifest of these columns of `rows`, in order; raises `ManifestParseError` if a row lacks one."""
    key = table_key(columns, salt)
    leaves: list[bytes] = []
    for row in rows:
        cells = row.project(columns)
        if cells is None:
            raise ManifestParseError("a row lacks one of the columns")
        leaves.append(row_leaf(key, cells))
    return _made("rows", tuple(leaves), columns, salt, ())


def sentences_manifest(normal: str, *, anchors: bool = True) -> Manifest:
    """The manifest of normalised text. Without `anchors` no unmarked quote of it is noticed."""
    leaves = tuple(sentence_leaf(sentence) for sentence in split_sentences(normal))
    return _made("sentences", leaves, (), b"", tuple(sorted(winnow(normal))) if anchors else ())


def _made(
    kind: Kind, leaves: tuple[bytes, ...], columns: Columns, salt: bytes, anchors: tuple[int, ...]
) -> Manifest:
    if not leaves:
        raise ManifestParseError(f"there are no {kind}")
    if len(leaves) > MAX_ROWS or len(anchors) > MAX_ANCHORS:
        raise ManifestParseError(f"there are more than {MAX_ROWS} {kind}")
    root = root_of(leaves)
    digest = sha256(canonical(_head(kind, root, len(leaves), columns, salt, anchors)))
    return Manifest(digest, kind, root, leaves, columns, salt, anchors)


def _head(
    kind: Kind, root: bytes, n: int, columns: Columns, salt: bytes, anchors: tuple[int, ...]
) -> JsonObject:
    head: JsonObject = {
        "version": 1,
        "kind": kind,
        "canonical": CANONICAL_ROWS if kind == "rows" else CANONICAL_SENTENCES,
        "n": n,
        "root": root.hex(),
    }
    if kind == "rows":
        head["columns"], head["salt"] = list(columns), salt.hex()
    else:
        head["anchors"], head["anchors_sha256"] = len(anchors), sha256(_packed(anchors))
    return head


def _packed(anchors: Iterable[int]) -> bytes:
    return b"".join(anchor.to_bytes(ANCHOR_BYTES, "big") for anchor in anchors)


_Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]
_Column = Annotated[str, Field(min_length=1, max_length=MAX_CELL_CHARACTERS)]


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    version: Literal[1]
    n: Annotated[int, Field(ge=1, le=MAX_ROWS)]
    root: _Hex64


class _RowsHead(_Head):
    kind: Literal["rows"]
    canonical: Literal["caveat-rows-v1"]
    columns: Annotated[list[_Column], Field(min_length=1, max_length=MAX_COLUMNS)]
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}\z")]


class _SentencesHead(_Head):
    kind: Literal["sentences"]
    canonical: Literal["caveat-sentences-v1"]
    anchors: Annotated[int, Field(ge=0, le=MAX_ANCHORS)]
    anchors_sha256: _Hex64


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in `data`; raises `ManifestParseError` and nothing else, whatever the bytes.

    In this order: sizes, strict JSON of the head, its schema, its one rendering, the exact length of the
    list, the order of the anchors and their digest, the root over the leaves.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise ManifestParseError(f"it is longer than {MAX_MANIFEST_BYTES} bytes")
    end = data.find(b"\n", 0, MAX_HEAD_BYTES)
    if end < 0:
        raise ManifestParseError("there is no line with a head")
    head = _parse_head(data[:end])
    body = memoryview(data)[end + 1 :]
    count = head.anchors if isinstance(head, _SentencesHead) else 0
    if len(body) != head.n * HASH_BYTES + count * ANCHOR_BYTES:
        raise ManifestParseError("the list is not as long as the head says")
    cut = head.n * HASH_BYTES
    leaves = tuple([bytes(body[at : at + HASH_BYTES]) for at in range(0, cut, HASH_BYTES)])
    packed = bytes(body[cut:])
    anchors = tuple(
        [int.from_bytes(packed[at : at + ANCHOR_BYTES], "big") for at in range(0, len(packed), ANCHOR_BYTES)]
    )
    if isinstance(head, _SentencesHead) and (
        sha256(packed) != head.anchors_sha256 or list(anchors) != sorted(set(anchors))
    ):
        raise ManifestParseError("the anchors are not those of the head")
    if root_of(leaves).hex() != head.root:
        raise ManifestParseError("the leaves are not those under the head's root")
    manifest = Manifest(
        digest=sha256(data[:end]),
        kind=head.kind,
        root=bytes.fromhex(head.root),
        leaves=leaves,
        columns=tuple(head.columns) if isinstance(head, _RowsHead) else (),
        salt=bytes.fromhex(head.salt) if isinstance(head, _RowsHead) else b"",
        anchors=anchors,
    )
    if manifest.head != data[:end]:
        raise ManifestParseError("the head is not written in its one form")
    return manifest


def _parse_head(line: bytes) -> _RowsHead | _SentencesHead:
    try:
        value = parse_strict(line, max_bytes=MAX_HEAD_BYTES, max_depth=3)
    except StrictJsonError as error:
        raise ManifestParseError("the head is no JSON that every parser reads alike") from error
    model = _RowsHead if isinstance(value, dict) and value.get("kind") == "rows" else _SentencesHead
    try:
        head = model.model_validate(value)
    except ValidationError as error:
        raise ManifestParseError("the head has a missing, unknown or ill-formed field") from error
    if isinstance(head, _RowsHead) and len(set(head.columns)) != len(head.columns):
        raise ManifestParseError("a column is named twice")
    return head
