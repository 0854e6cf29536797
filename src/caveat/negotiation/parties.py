"""Who negotiates, and the keys by which each is known.

Every act is signed over the digest of this document, so keys cannot be exchanged under a log that has begun.
No key belongs to two parties, and none signs the log's checkpoints: two names are never one hand.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.negotiation.errors import PartiesParseError
from caveat.signing.canonical import StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import KeyParseError, PublicKey, parse_public_key
from caveat.signing.note import NoteParseError, note_key

MAX_PARTIES_BYTES = 64 * 1024
MAX_PARTIES = 64
PARTY = r"^[a-z][a-z0-9_]{0,63}\z"
_PARTY = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Parties:
    """The parties of one negotiation. Made by `make_parties` or `parse_parties`."""

    negotiation: str
    keys: Mapping[str, frozenset[PublicKey]]

    def render(self) -> bytes:
        """The one rendering, read back by `parse_parties`."""
        return canonical(
            {
                "version": 1,
                "negotiation": self.negotiation,
                "parties": {
                    name: sorted(key.render() for key in keys) for name, keys in sorted(self.keys.items())
                },
            }
        )

    @property
    def digest(self) -> Digest:
        """What every act is signed over."""
        return sha256(self.render())

    def owner(self, key: PublicKey) -> str | None:
        """Whose key this is; None for a stranger's."""
        return next((name for name, keys in self.keys.items() if key in keys), None)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _DocumentModel(_Strict):
    version: Literal[1]
    negotiation: str
    parties: dict[str, list[str]]


class _PartyModel(_Strict):
    keys: Annotated[list[str], Field(min_length=1, max_length=16)]
    text: str = ""


class _FileModel(_Strict):
    version: Literal[1]
    parties: dict[str, _PartyModel]


def make_parties(negotiation: str, keys: Mapping[str, frozenset[PublicKey]]) -> Parties:
    """The parties under this id; raises `PartiesParseError` for fewer than two, or a shared key."""
    if not 2 <= len(keys) <= MAX_PARTIES:
        raise PartiesParseError(
            f"a negotiation has 2 to {MAX_PARTIES} parties with keys, not {len(keys)}",
            "enrol a key of each in the bundle's actors, or pass --parties FILE",
        )
    owners: dict[PublicKey, str] = {}
    for name, own in sorted(keys.items()):
        if _PARTY.match(name) is None or not own:
            raise PartiesParseError(
                f"`{name[:64]!a}` is no party: a name in lower case, with at least one key"
            )
        for key in own:
            if owners.setdefault(key, name) != name:
                raise PartiesParseError(f"`{owners[key]}` and `{name}` share a key; two names are one hand")
    try:
        note_key(negotiation, _any_ed25519())
    except NoteParseError as error:
        raise PartiesParseError(
            "the id of a negotiation is visible ASCII without spaces and `+`, as `example.org/terms-1`"
        ) from error
    return Parties(negotiation, dict(sorted(keys.items())))


def parse_parties(data: bytes) -> Parties:
    """The parties document in its one form; raises `PartiesParseError`."""
    try:
        model = _DocumentModel.model_validate(parse_strict(data, max_bytes=MAX_PARTIES_BYTES, max_depth=4))
        keys = {name: frozenset(map(parse_public_key, own)) for name, own in model.parties.items()}
    except (StrictJsonError, ValidationError, KeyParseError) as error:
        raise PartiesParseError("the document names no parties of a negotiation") from error
    parties = make_parties(model.negotiation, keys)
    if parties.render() != data:
        raise PartiesParseError("the parties are not in their canonical form")
    return parties


def parse_party_keys(data: bytes) -> dict[str, frozenset[PublicKey]]:
    """The keys in a parties file (TOML); raises `PartiesParseError`, naming the place."""
    if len(data) > MAX_PARTIES_BYTES:
        raise PartiesParseError("a parties file is at most 64 KiB")
    try:
        model = _FileModel.model_validate(tomllib.loads(data.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise PartiesParseError("the parties file is not TOML in UTF-8") from error
    except ValidationError as error:
        place = ".".join(str(step) for step in error.errors(include_input=False)[0]["loc"])[:80]
        raise PartiesParseError(f"the parties file is malformed at `{place}`") from error
    try:
        return {name: frozenset(map(parse_public_key, party.keys)) for name, party in model.parties.items()}
    except KeyParseError as error:
        raise PartiesParseError(f"the parties file: {error}") from error


def _any_ed25519() -> PublicKey:
    """A point on the curve, by which a name is tried; nobody signs with it."""
    return parse_public_key("ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
