"""Who is who among the names beside one identifier: spellings of one name, or people of one household.

Two whole names are one person's where surname and given name are spelt alike; a name with an initial is
whoever of them it can be, where that is one alone. So brothers who share a telephone stay two, and
`J. Garcia` is `Juan Garcia`. Linear in the names. Source: ADR-0046.
"""

from collections.abc import Iterable

from caveat.screens.identifiers.names import Name, exact_word, near_keys, near_word, pair_keys

_HOUSEHOLD = 16
"""Beside more names than these stands an office, where consonants alone would make two of its people one."""


class Namesakes:
    """The different names beside one identifier."""

    def __init__(self, names: Iterable[Name]) -> None:
        """Whole names are put together first, and what is shortened to them afterwards."""
        self._parent: dict[str, str] = {}
        distinct = tuple(dict.fromkeys(names))
        self._word_key = near_word if len(distinct) <= _HOUSEHOLD else exact_word
        self._coarse = {name: pair_keys(name, near_word) for name in distinct}
        whole = [(name, self._pairs(name)) for name in distinct if self._coarse[name]]
        for _, keys in whole:
            self._join(keys)
        self._bearers: dict[str, set[str]] = {}
        for name, keys in whole:
            root = self._root(min(keys))
            for key in (*self._coarse[name], *near_keys(name), *map(near_word, name.full)):
                self._bearers.setdefault(key, set()).add(root)
        self._persons = {self._root(min(keys)) for _, keys in whole}
        for name in distinct:
            if not self._coarse[name]:
                self._persons |= self._meant(name)

    @property
    def are_one(self) -> bool:
        """Whether all of them may be one person."""
        return len(self._persons) <= 1

    def keys(self, name: Name) -> frozenset[str]:
        """What stands for a name beside the identifier: nothing that another person there shares."""
        coarse = (*self._coarse[name], *near_keys(name))
        alone = (key for key in coarse if len(self._bearers.get(key, ())) <= 1)
        return self._pairs(name).union(alone)

    def _pairs(self, name: Name) -> frozenset[str]:
        return self._coarse[name] if self._word_key is near_word else pair_keys(name, self._word_key)

    def _meant(self, name: Name) -> set[str]:
        """The one person whom a shortened name can mean, or somebody else."""
        own = near_keys(name)
        for key in own:
            bearers = self._bearers.get(key, set())
            if len(bearers) == 1:
                return bearers
        return {min(own)} if own else set()

    def _join(self, keys: Iterable[str]) -> None:
        first, *others = sorted(keys)
        for key in others:
            a, b = self._root(first), self._root(key)
            self._parent[max(a, b)] = min(a, b)

    def _root(self, key: str) -> str:
        self._parent.setdefault(key, key)
        while self._parent[key] != key:
            self._parent[key] = self._parent[self._parent[key]]
            key = self._parent[key]
        return key
