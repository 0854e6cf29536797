"""Sentences of a document, and anchors by which a quote of it is noticed.

Laws of the module: a sentence is the same however its lines are broken; one that is shorter than
`MIN_SENTENCE_BYTES` never stands alone; a quote of `GUARANTEE_CHARACTERS` normalised characters, in which
words are no longer than `WINDOW`, shares an anchor with its document. An anchor is no proof of anything: it
may only restrict. Source: EVIDENCE section 7; winnowing after Schleimer, Wilkerson and Aiken (2003), with
positions limited to the starts of words.
"""

import re
import unicodedata
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import accumulate

from caveat.signing.merkle import leaf_hash

CANONICAL_SENTENCES = "caveat-sentences-v1"
MIN_SENTENCE_BYTES = 24
ANCHOR_CHARACTERS = 32
WINDOW = 32
GUARANTEE_CHARACTERS = ANCHOR_CHARACTERS + WINDOW
"""A quote this long is noticed, whatever stands around it."""

CHEAP_MAP_BYTES = 1 << 21
_MASK = CHEAP_MAP_BYTES - 1
_ENDS, _WIDE_ENDS = ".!?", "\u3002\uff01\uff1f"
# Starts of words; scripts without spaces between words have a start at every character.
_WORD_START = re.compile(r"(?:^|(?<= ))[^ ]|[\u0250-\U0010ffff]")


def normalise(text: str) -> str:
    """The text with one space wherever there was any white space, and compatible characters made equal."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.split())


def split_sentences(normal: str) -> tuple[str, ...]:
    """The sentences of normalised text, in order: joined by spaces they are all of it.

    A short one is joined to the next, and at the end to the one before.
    """
    sentences: list[str] = []
    held = ""
    for piece in _ended(normal):
        held = f"{held} {piece}" if held else piece
        if len(held) >= MIN_SENTENCE_BYTES or len(held.encode()) >= MIN_SENTENCE_BYTES:
            sentences.append(held)
            held = ""
    if held:
        if sentences:
            sentences[-1] = f"{sentences[-1]} {held}"
        else:
            sentences.append(held)
    return tuple(sentences)


def _ended(normal: str) -> list[str]:
    """The text cut at each space behind the end of a sentence."""
    for end in _ENDS if normal.isascii() else _ENDS + _WIDE_ENDS:
        # No line break stands in normalised text, and a search for plain text is many times one by pattern.
        normal = normal.replace(f"{end} ", f"{end}\n")
    return normal.split("\n")


def sentence_leaf(sentence: str) -> bytes:
    """The leaf hash of one sentence. Source: RFC 6962 section 2.1."""
    return leaf_hash(sentence.encode(errors="surrogatepass"))


def _starts(lower: str) -> Iterable[int]:
    if not lower.isascii():
        return (found.start() for found in _WORD_START.finditer(lower))
    # The same for plain text, several times as fast: each word is as long as the way to the next.
    return accumulate(map(len, lower.replace(" ", " \n").split("\n")[:-1]), initial=0)


def positions(lower: str) -> Iterator[tuple[int, int]]:
    """Where an anchor may stand in lower-case normalised text, with the cheap hash that picks among them."""
    crc, last = zlib.crc32, len(lower) - ANCHOR_CHARACTERS
    for start in _starts(lower):
        if start > last:
            return
        yield start, crc(_window(lower, start))


def known_anchors(lower: str, known: bytes | bytearray) -> set[int]:
    """Every anchor in lower-case normalised text whose cheap hash is marked in `known`, a map of 2^24 bits.

    What stands at no position where an anchor may stand is not among them; what is not known may be.
    """
    return {_anchor(window) for window in _marked_windows(lower, known)}


def _marked_windows(lower: str, known: bytes | bytearray) -> list[bytes]:
    if not lower.isascii():
        return [
            _window(lower, start)
            for start, cheap in positions(lower)
            if known[cheap >> 3 & _MASK] & 1 << (cheap & 7)
        ]
    # The same for plain text, written for speed since it sees every word of a prompt: most are nobody's, and
    # of most of those the whole byte is unmarked.
    data, mask, k = lower.encode(), _MASK, ANCHOR_CHARACTERS
    windows = [data[start : start + k] for start in _starts(lower)]
    return [
        window
        for window, cheap in zip(windows, map(zlib.crc32, windows), strict=True)
        if (marks := known[cheap >> 3 & mask]) and marks & 1 << (cheap & 7) and len(window) == k
    ]


def _window(lower: str, start: int) -> bytes:
    return lower[start : start + ANCHOR_CHARACTERS].encode(errors="surrogatepass")


def _anchor(window: bytes) -> int:
    """The 64-bit fingerprint of a window; its upper half is the cheap hash."""
    return zlib.crc32(window) << 32 | int.from_bytes(blake2b(window, digest_size=4).digest(), "big")


def cheap_of(anchor: int) -> int:
    """The cheap hash of an anchor, as `positions` gives it."""
    return anchor >> 32


def winnow(normal: str) -> frozenset[int]:
    """The anchors of a document: of each stretch of `WINDOW` positions the one with the least hash."""
    lower = normal.lower()
    chosen: set[int] = set()
    held: deque[tuple[int, int]] = deque()  # (hash, start) of the stretch, hashes rising: the first is least

    def slide(start: int) -> None:
        # As the stretch moves on to `start`, each one that leaves it makes the next the least.
        while held and held[0][1] < start - WINDOW:
            held.popleft()
            if held:
                chosen.add(held[0][1])

    for start, value in positions(lower):
        slide(start)
        while held and held[-1][0] >= value:
            held.pop()
        held.append((value, start))
        while held[0][1] <= start - WINDOW:
            held.popleft()
        chosen.add(held[0][1])
    slide(len(lower) - ANCHOR_CHARACTERS + 1)
    return frozenset(_anchor(_window(lower, start)) for start in chosen)
