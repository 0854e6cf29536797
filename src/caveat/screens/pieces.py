"""Words in pieces of a fixed vocabulary, longest first. Total: every word has pieces, if need be none.

Source: the WordPiece algorithm of BERT, for lower-cased words without accents.
"""

from collections.abc import Mapping, Sequence

_CACHED_WORDS = 50_000
"""So many words are remembered; then the memory starts anew. What is remembered changes no result."""


class Vocabulary:
    """Pieces and their numbers. May be used by any number of readers."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self.numbers: Mapping[str, int] = {piece: at for at, piece in enumerate(pieces)}
        self._seen: dict[str, tuple[int, ...]] = {}

    def __contains__(self, word: object) -> bool:
        return word in self.numbers

    def split(self, word: str) -> tuple[int, ...]:
        """The pieces of `word`; none where some part of it is no piece."""
        found = self._seen.get(word)
        if found is None:
            if len(self._seen) >= _CACHED_WORDS:
                self._seen = {}
            found = self._seen[word] = self._split(word)
        return found

    def _split(self, word: str) -> tuple[int, ...]:
        numbers: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self.numbers.get(("##" if start else "") + word[start:end])
                if number is not None:
                    break
            else:
                return ()
            numbers.append(number)
            start = end
        return tuple(numbers)
