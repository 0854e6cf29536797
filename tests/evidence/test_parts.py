"""Rows, sentences, anchors and manifests: known again in any container, and nothing else is."""

import json
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.evidence.manifest import (
    Manifest,
    ManifestParseError,
    parse_manifest,
    rows_manifest,
    sentences_manifest,
)
from caveat.evidence.recognition import Holder, Listed, recognise
from caveat.evidence.rows import Columns, read_rows, readings, render_rows
from caveat.evidence.sentences import (
    ANCHOR_CHARACTERS,
    CHEAP_MAP_BYTES,
    GUARANTEE_CHARACTERS,
    MIN_SENTENCE_BYTES,
    cheap_of,
    normalise,
    split_sentences,
    winnow,
)
from caveat.signing.merkle import root_of

SALT = b"sixteen bytes xx"


class Leaves:
    """An index over manifests, each with an issuer and a lineage."""

    def __init__(self, *listed: tuple[Manifest, str, str]) -> None:
        self.manifests = [
            (one, Listed(one.digest, len(one.leaves), one.root, issuer, lineage))
            for one, issuer, lineage in listed
        ]
        self.tables: list[tuple[Columns, bytes]] = list(
            dict.fromkeys((one.columns, one.salt) for one, _ in self.manifests if one.kind == "rows")
        )
        self.has_sentences = any(one.kind == "sentences" for one, _ in self.manifests)
        self.cheap_anchors = bytearray(CHEAP_MAP_BYTES)
        for one, _ in self.manifests:
            for anchor in one.anchors:
                cheap = cheap_of(anchor)
                self.cheap_anchors[cheap >> 3 & (CHEAP_MAP_BYTES - 1)] |= 1 << (cheap & 7)
        self.has_anchors = any(one.anchors for one, _ in self.manifests)

    def holders(self, leaves: object) -> dict[bytes, tuple[Holder, ...]]:
        found: dict[bytes, list[Holder]] = {}
        for one, listed in self.manifests:
            for leaf, copies in one.copies().items():
                if leaf in set(leaves):  # type: ignore[call-overload]
                    found.setdefault(leaf, []).append(Holder(listed, copies))
        return {leaf: tuple(holders) for leaf, holders in found.items()}

    def anchor_holders(self, anchors: object) -> dict[int, tuple[Holder, ...]]:
        wanted = set(anchors)  # type: ignore[call-overload]
        found: dict[int, list[Holder]] = {}
        for one, listed in self.manifests:
            for anchor in wanted & set(one.anchors):
                found.setdefault(anchor, []).append(Holder(listed, 1))
        return {anchor: tuple(holders) for anchor, holders in found.items()}


def index(*manifests: Manifest) -> Leaves:
    return Leaves(*((one, "issuer", one.digest) for one in manifests))


CELL = st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1, max_size=6)
TABLE = st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8)


@given(TABLE, st.randoms(use_true_random=False))
def test_rows_read_again_from_their_rendering_are_the_same_rows(
    table: list[tuple[str, ...]], rng: random.Random
) -> None:
    columns = ("one", "two", "three")
    lines = [dict(zip(columns, row, strict=True)) for row in table]
    for one in lines:
        keys = list(one)
        rng.shuffle(keys)
    rows = read_rows("\n".join(json.dumps(one) for one in lines))
    assert [row.cells for row in rows] == table
    assert read_rows(render_rows(rows).decode()) == rows
    assert read_rows(json.dumps(lines)) == rows


@pytest.mark.parametrize(
    "text",
    [
        'a,b\n1,"2\n3"\n',
        "a,b\n1,2,3\n",
        "a,b\n1\r2,3\n",
        "a,a\n1,2\n",
        "a,\n1,2\n",
        'a,b\n1,"2\n',
        "a,b\n1,\x002\n",
        "a,b\n1,\u20282\n",
        '{"a": 1, "a": 2}',
        '{"a": [1]}',
        '{"a": NaN}',
        '[{"a": 1}, 2]',
        '{"a": "\\ud800"}',
        "{}",
        "[" * 100_000,
    ],
)
def test_what_two_readers_could_read_differently_is_no_table(text: str) -> None:
    assert all(len(rows) == 0 or rows[0].columns == (text.split("\n")[0],) for rows in readings(text))


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    text = data.decode("utf-8", errors="replace")
    tuple(readings(text))
    recognise(data, index(rows_manifest(read_rows("a,b\n1,2\n"), ("a", "b"), SALT)))


def test_a_number_is_what_it_was_written_as() -> None:
    manifest = rows_manifest(read_rows("a,b\n1.50,x\n"), ("a", "b"), SALT)
    assert recognise(b'{"a": 1.50, "b": "x"}', index(manifest)) is not None
    assert recognise(b'{"a": 1.5, "b": "x"}', index(manifest)) is None


def test_a_manifest_is_read_back_and_any_changed_bit_refuses_it() -> None:
    for manifest in (
        rows_manifest(read_rows("a,b\n1,2\n3,4\n1,2\n"), ("a", "b"), SALT),
        sentences_manifest(normalise(" ".join(f"Sentence number {n} of many words." for n in range(9)))),
    ):
        data = manifest.render()
        assert parse_manifest(data) == manifest
        assert manifest.root == root_of(manifest.leaves)
        for place in range(0, len(data), 3):
            spoiled = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            if data[place : place + 1] == b"\n" or spoiled[: len(manifest.head)] != manifest.head:
                # Another head is another manifest: it holds at most under another name.
                with_other_head = _digest_or_none(spoiled)
                assert with_other_head != manifest.digest
            else:
                with pytest.raises(ManifestParseError):
                    parse_manifest(spoiled)


def _digest_or_none(data: bytes) -> str | None:
    try:
        return parse_manifest(data).digest
    except ManifestParseError:
        return None


@given(st.binary(max_size=300))
def test_no_bytes_make_the_manifest_parser_raise_anything_else(data: bytes) -> None:
    assert _digest_or_none(data) is None
    assert (
        _digest_or_none(b'{"canonical":"caveat-rows-v1","columns":["a"],"kind":"rows","n":1}\n' + data)
        is None
    )


TEXT = st.lists(
    st.sampled_from([*string.ascii_lowercase[:6], "long", "words.", "and!", "\n", "é"]), max_size=80
)


@given(TEXT)
def test_sentences_joined_are_the_text_and_none_is_too_short(words: list[str]) -> None:
    normal = normalise(" ".join(words))
    sentences = split_sentences(normal)
    assert " ".join(sentences) == normal
    assert all(len(one.encode()) >= MIN_SENTENCE_BYTES for one in sentences) or len(sentences) == 1


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.booleans())
def test_every_quote_of_the_guaranteed_length_shares_an_anchor(seed: int, start: int, other: bool) -> None:
    rng = random.Random(seed)
    script = "абвгдежз" if other else string.ascii_lowercase + "0123456789"
    words = ["".join(rng.choices(script, k=rng.randint(1, 12))) for _ in range(120)]
    document = " ".join(words)
    start %= len(document) - GUARANTEE_CHARACTERS
    quote = document[start : start + GUARANTEE_CHARACTERS]
    manifest = sentences_manifest(document)
    found = recognise(f"#{quote}#".upper().encode(), index(manifest))
    assert found is not None
    assert found.touched == {manifest.digest}
    assert not found.covered


def test_an_anchor_is_no_shorter_than_it_says() -> None:
    assert winnow("x" * (ANCHOR_CHARACTERS - 1)) == frozenset()
    assert len(winnow("x" * ANCHOR_CHARACTERS)) == 1


def boilerplate(tag: str) -> Manifest:
    own = f"This sentence is of {tag} {tag} {tag} and of nobody else at all. "
    return sentences_manifest(normalise(own + SHARED))


SHARED = "No part of this may be copied without the consent of whoever wrote it."


def test_a_sentence_in_three_unrelated_documents_of_one_issuer_says_nothing_of_them() -> None:
    listed = [(boilerplate(tag), "issuer", tag) for tag in ("one", "two", "three")]
    versions = [(one, issuer, "one lineage") for one, issuer, _ in listed]
    for known, telling in ((listed[:2], True), (listed, False), (versions, True)):
        found = recognise(SHARED.encode(), Leaves(*known))
        assert bool(found and found.touched) is telling


def test_nobody_makes_anothers_words_common_by_repeating_them() -> None:
    victim = boilerplate("victim")
    copies = [(boilerplate(tag), "other", tag) for tag in ("one", "two", "three", "four")]
    found = recognise(SHARED.encode(), Leaves((victim, "issuer", "victim"), *copies))
    assert found is not None
    assert found.touched == {victim.digest}


def test_a_document_that_is_there_as_a_whole_has_no_boilerplate() -> None:
    listed = [(boilerplate(tag), "issuer", tag) for tag in ("one", "two", "three")]
    own = "This sentence is of one one one and of nobody else at all. "
    found = recognise((own + SHARED).encode(), Leaves(*listed))
    assert found is not None
    assert found.exact == {listed[0][0].digest}
    assert found.covered
    assert not any(piece.common for piece in found.pieces)
