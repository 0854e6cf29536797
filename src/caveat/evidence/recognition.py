"""What of a request the gateway knows again: which rows and sentences of manifests stand in one part.

Laws of the module: a piece is *covered* by a manifest only where a SHA-256 leaf accounts for every byte of it
(blanks between cells and sentences apart); everything else that is known again only *touches* the manifest,
and may restrict but never permit. Bytes that nothing covers are a piece of their own. Pure over the index
that is passed in. Source: EVIDENCE section 7, ADR-0022, attacks 22 to 28 in `THREAT_MODEL.md`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from caveat.evidence.counting import JSONL
from caveat.evidence.rows import Columns, Row, loose_rows, readings, render_rows, row_leaf, table_key
from caveat.evidence.sentences import known_anchors, normalise, sentence_leaf, split_sentences
from caveat.signing.digest import Digest
from caveat.signing.merkle import root_of

_Fragment = TypeVar("_Fragment", bytes, int)
COMMON_AT = 3
"""A sentence in so many unrelated documents says nothing of any of them."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What the index says of one manifest. `issuer`: key that vouched for it when it was stored.

    `lineage`: manifests of one lineage are versions of each other, and so related.
    """

    digest: Digest
    n: int
    root: bytes
    issuer: str
    lineage: str


@dataclass(frozen=True, slots=True)
class Holder:
    """A manifest that has a leaf or an anchor, and how many times it stands there."""

    manifest: Listed
    copies: int


class Index(Protocol):
    """The leaf sets that are at hand. A failure to read is an error of the driver, never an empty answer."""

    @property
    def tables(self) -> Collection[tuple[Columns, bytes]]:
        """Columns and salt of each kind of table that any manifest has; empty where there are none."""
        ...

    @property
    def has_sentences(self) -> bool:
        """Whether there is a manifest of a document."""
        ...

    @property
    def has_anchors(self) -> bool:
        """Whether there are anchors to look for."""
        ...

    def holders(self, leaves: Iterable[bytes]) -> Mapping[bytes, tuple[Holder, ...]]:
        """For each of these leaves that is known, every manifest that has it."""
        ...

    @property
    def cheap_anchors(self) -> bytes | bytearray:
        """A map of 2^24 bits, marked for the cheap hash of every anchor that is known."""
        ...

    def anchor_holders(self, anchors: Iterable[int]) -> Mapping[int, tuple[Holder, ...]]:
        """Every manifest that has one of these anchors.

        Of known anchors with the same holders at least one is answered, with all of them.
        """
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows or sentences of a part with the same `owners`: all manifests that cover them, none where foreign.

    `common`: it stands in so many unrelated documents that it counts only where all its owners agree.
    """

    content: bytes
    owners: frozenset[Digest]
    common: bool = False


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was known again of one part: `pieces` are all of it.

    `exact`: manifests of which the part is exactly the whole set. `touched`: manifests of which any fragment
    stands in it, however little. `media_type`: of the pieces' contents.
    """

    pieces: tuple[Piece, ...]
    exact: frozenset[Digest]
    touched: frozenset[Digest]
    media_type: str

    @property
    def covered(self) -> bool:
        """Whether every byte of the part is covered by some manifest."""
        return all(piece.owners for piece in self.pieces)


def recognise(content: bytes, index: Index) -> Recognition | None:
    """What of `content` is known again; None where nothing is."""
    tables = index.tables
    if not tables and not index.has_sentences:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    touched: frozenset[Digest] = frozenset()
    best: Recognition | None = None
    if tables:
        best = _as_table(text, index)
        if best is None:
            touched = _loosely_touched(text, index)
    if index.has_sentences:
        as_text = _as_sentences(text, index)
        touched |= as_text.touched
        if best is None or (as_text.covered and not best.covered):
            best = as_text if any(piece.owners for piece in as_text.pieces) else best
    if best is None:
        best = Recognition((Piece(content, frozenset()),), frozenset(), frozenset(), "")
    touched |= best.touched
    return Recognition(best.pieces, best.exact, touched, best.media_type) if touched else None


def _as_table(text: str, index: Index) -> Recognition | None:
    """The part as rows, in the reading of which most rows are known; None where none is.

    Rows that have the columns of some table and more are never covered by it, and touch it.
    """
    best: Recognition | None = None
    most = 0
    for rows in readings(text, [columns for columns, _ in index.tables]):
        owners = _row_owners(rows, index)
        known = sum(1 for holders in owners if holders)
        touched = _narrower(rows, index)
        if known > most or (touched and best is None):
            most, read = known, _of_rows(rows, owners)
            best = Recognition(read.pieces, read.exact, read.touched | touched, read.media_type)
    return best


def _narrower(rows: Sequence[Row], index: Index) -> frozenset[Digest]:
    """Manifests of fewer columns than the rows have, of which some row is there."""
    leaves: set[bytes] = set()
    for columns in {row.columns for row in rows}:
        for listed, salt in index.tables:
            if len(listed) < len(columns) and set(listed) < set(columns):
                key = table_key(listed, salt)
                projected = [row.project(listed) for row in rows if row.columns == columns]
                leaves.update(row_leaf(key, cells) for cells in projected if cells is not None)
    held = index.holders(leaves).values() if leaves else ()
    return frozenset(holder.manifest.digest for holders in held for holder in holders)


_Owners = tuple[tuple[bytes, Holder], ...]


def _row_owners(rows: Sequence[Row], index: Index) -> list[_Owners]:
    """For each row, the leaf and holder of each manifest that covers all of its cells."""
    by_columns: dict[Columns, list[tuple[Columns, bytes]]] = {}
    for columns in {row.columns for row in rows}:
        same = frozenset(columns)
        by_columns[columns] = [
            (listed, table_key(listed, salt))
            for listed, salt in index.tables
            if len(listed) == len(columns) and same == frozenset(listed)
        ]
    leaves = [
        [
            row_leaf(key, cells)
            for listed, key in by_columns[row.columns]
            if (cells := row.project(listed)) is not None
        ]
        for row in rows
    ]
    holders = index.holders({leaf for own in leaves for leaf in own})
    return [tuple([(leaf, holder) for leaf in own for holder in holders.get(leaf, ())]) for own in leaves]


def _of_rows(rows: Sequence[Row], owners: Sequence[_Owners]) -> Recognition:
    groups: dict[frozenset[Digest], list[Row]] = {}
    found: dict[Digest, list[tuple[bytes, Holder]]] = {}
    for row, own in zip(rows, owners, strict=True):
        groups.setdefault(frozenset([holder.manifest.digest for _, holder in own]), []).append(row)
        for leaf, holder in own:
            found.setdefault(holder.manifest.digest, []).append((leaf, holder))
    exact = frozenset(digest for digest, leaves in found.items() if _is_all(leaves, len(rows)))
    pieces = tuple(Piece(render_rows(group), key) for key, group in groups.items())
    return Recognition(pieces, exact, frozenset(found), JSONL)


def _is_all(leaves: Sequence[tuple[bytes, Holder]], n: int) -> bool:
    """Whether leaves of a manifest, found in `n` rows, are all of it, each as often as it stands there."""
    if len(leaves) != n or leaves[0][1].manifest.n != n:
        return False
    held, counts = dict(leaves), Counter(leaf for leaf, _ in leaves)
    return all(held[leaf].copies == count for leaf, count in counts.items())


def _loosely_touched(text: str, index: Index) -> frozenset[Digest]:
    """Manifests of which some row stands anywhere in the text."""
    keys: dict[Columns, list[bytes]] = {}
    for columns, salt in index.tables:
        keys.setdefault(columns, []).append(table_key(columns, salt))
    leaves = {
        row_leaf(key, cells) for columns, cells in set(loose_rows(text, tuple(keys))) for key in keys[columns]
    }
    return frozenset(
        holder.manifest.digest for holders in index.holders(leaves).values() for holder in holders
    )


def _as_sentences(text: str, index: Index) -> Recognition:
    normal = normalise(text)
    sentences = split_sentences(normal)
    leaves = [sentence_leaf(sentence) for sentence in sentences]
    holders = index.holders(set(leaves))
    touched = _anchored(normal, index) if index.has_anchors else frozenset[Digest]()
    distinct = _distinct(holders)
    telling = {key: _telling(own) for key, own in distinct.items()}
    touched = touched.union(*telling.values())
    if not holders:
        return Recognition((Piece(text.encode(), frozenset()),), frozenset(), touched, "text/plain")
    exact = _exact_documents(leaves, holders)
    nobodys = (frozenset[Digest](), False)
    kinds: dict[int, tuple[frozenset[Digest], bool]] = {}
    for key, own in distinct.items():
        # Of a document that is there as a whole, no sentence is anybody's boilerplate.
        named = frozenset([holder.manifest.digest for holder in own])
        kinds[key] = named, len(named) > len(telling[key]) and not named & exact
    groups: dict[tuple[frozenset[Digest], bool], list[str]] = {}
    for sentence, leaf in zip(sentences, leaves, strict=True):
        kind = kinds[id(holders[leaf])] if leaf in holders else nobodys
        groups.setdefault(kind, []).append(sentence)
    pieces = tuple(
        Piece(" ".join(group).encode(), named, common) for (named, common), group in groups.items()
    )
    return Recognition(pieces, exact, touched | exact, "text/plain")


def _exact_documents(
    leaves: Sequence[bytes], holders: Mapping[bytes, tuple[Holder, ...]]
) -> frozenset[Digest]:
    """Documents of which these are all the sentences, in order."""
    candidates = [
        holder.manifest for holder in holders.get(leaves[0], ()) if holder.manifest.n == len(leaves)
    ]
    if not candidates:
        return frozenset()
    root = root_of(leaves)
    return frozenset(one.digest for one in candidates if one.root == root)


def _anchored(normal: str, index: Index) -> frozenset[Digest]:
    """Documents that share an anchor with the text, boilerplate apart."""
    wanted = known_anchors(normal.lower(), index.cheap_anchors)
    if not wanted:
        return frozenset()
    # Anchors of one document have the same holders, and there are many of them: an index hands out one tuple
    # for all of those, and what it tells is worked out once.
    distinct = _distinct(index.anchor_holders(wanted))
    return frozenset(digest for own in distinct.values() for digest in _telling(own))


def _distinct(holders: Mapping[_Fragment, tuple[Holder, ...]]) -> dict[int, tuple[Holder, ...]]:
    """The sets of holders that there are, by identity: fragments with the same holders share one tuple."""
    return {id(own): own for own in holders.values()}


def _telling(holders: Sequence[Holder]) -> frozenset[Digest]:
    """The manifests of which a shared fragment tells something.

    It tells nothing of anybody where `COMMON_AT` issuers have it, and nothing of one issuer's documents where
    that issuer has it in as many unrelated ones: nobody makes another's words common by repeating them.
    """
    lineages: dict[str, set[str]] = {}
    for holder in holders:
        lineages.setdefault(holder.manifest.issuer, set()).add(holder.manifest.lineage)
    if len(lineages) >= COMMON_AT:
        return frozenset()
    return frozenset(
        holder.manifest.digest for holder in holders if len(lineages[holder.manifest.issuer]) < COMMON_AT
    )
