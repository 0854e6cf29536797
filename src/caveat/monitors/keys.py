"""The chain of keys under which persons are told apart, whoever holds it. Pure; an agent has the same door.

An id is made under the first key, and wrapped in each that follows. What is kept is sealed under a key of
its own that is derived from the newest: whoever has the disk and no key sees no id, and so not even which
uses reached the same person. Fails closed: a chain that cannot be asked raises, and nobody is told apart
meanwhile. Source: ADR-0047.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from caveat.labels.subjects import KEYED_ID_BYTES, Sighting
from caveat.signing.digest import Digest

NONCE_BYTES = 16
_AT_REST = b"at rest\x00"
_PROOF = b"the chain of this store\x00"


class KeysUnavailableError(Exception):
    """Whoever holds the chain does not answer. The message names the holder's address at most."""


class SubjectKeys(Protocol):
    """A chain. What it answers depends on nothing but its keys."""

    @property
    def number(self) -> int:
        """How many keys there are; at least one."""
        ...

    @property
    def own(self) -> bytes:
        """The key under which ids are made before they are wrapped in all others."""
        ...

    def wrap(self, ids: Sequence[bytes], after: int) -> Sequence[bytes]:
        """Each id under every key after the first `after`, which is at least one, in turn.

        Raises `KeysUnavailableError`.
        """
        ...

    def at_rest(self, number: int) -> bytes:
        """The key under which is sealed what is kept under so many keys; raises `KeysUnavailableError`."""
        ...


class ChainKeys:
    """A chain in this process's memory."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys`: oldest first, at least one."""
        self._keys = tuple(keys)

    @property
    def number(self) -> int:
        """How many keys there are."""
        return len(self._keys)

    @property
    def own(self) -> bytes:
        """The first of them."""
        return self._keys[0]

    def wrap(self, ids: Sequence[bytes], after: int) -> Sequence[bytes]:
        """Each id under every key after the first `after`."""
        return wrap(ids, self._keys[after:])

    def at_rest(self, number: int) -> bytes:
        """The key that seals what is kept under so many keys."""
        return at_rest(self._keys[number - 1])


def wrap(ids: Sequence[bytes], keys: Iterable[bytes]) -> Sequence[bytes]:
    """Each id under each of these keys in turn: how one made before a change of keys goes on counting."""
    for key in keys:
        ids = [hmac.digest(key, b"wrap\x00" + one, "sha256")[:KEYED_ID_BYTES] for one in ids]
    return ids


def at_rest(key: bytes) -> bytes:
    """What is derived from a key of the chain to seal what is kept; it makes and wraps no id."""
    return hmac.digest(key, _AT_REST, "sha256")


def proof_of(keys: SubjectKeys, number: int) -> bytes:
    """By which a store knows a chain again, and nobody guesses it."""
    return hmac.digest(keys.at_rest(number), _PROOF + b"%d" % number, "sha256")


def nonce_of(keys: SubjectKeys, part: Digest) -> bytes:
    """The same part gives the same contribution each time; without the key nobody can say which."""
    return hmac.digest(keys.at_rest(keys.number), b"contribution\x00" + part.encode(), "sha256")[:NONCE_BYTES]


def wrapped(sightings: Sequence[Sighting], keys: SubjectKeys, after: int) -> tuple[Sighting, ...]:
    """The sightings with every id under every key after the first `after`, asked for at once."""
    if after >= keys.number:
        return tuple(sightings)
    ids = list(dict.fromkeys(each for one in sightings for each in one.ids))
    under = dict(zip(ids, keys.wrap(ids, after), strict=True))
    return tuple(replace(one, ids=tuple(sorted(under[each] for each in one.ids))) for one in sightings)
