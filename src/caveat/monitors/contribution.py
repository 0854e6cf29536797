"""What one part of a use adds to the monitors: sightings by keyed ids, kept apart from the ledger.

A record holds a contribution's commitment and nothing of it, so that it can be erased. The commitment is
over bytes that begin with a nonce: once they are gone, the digest that stays behind answers no guess, not
even of somebody with the key. What does not match its commitment is missing, and what is missing is never
zero. Source: ADR-0047.
"""

import re
import zlib
from dataclasses import dataclass

from caveat.labels.subjects import KEYED_ID_BYTES, Sighting, SubjectKind, sighting
from caveat.signing.canonical import Json, StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest, sha256

MAX_SIGHTINGS = 200_000
"""More persons than this in one part are counted by the part, not one by one."""
MAX_BYTES = 64 * 1024 * 1024
_HEX = re.compile(r"[0-9a-f]*\Z")


class ContributionParseError(ValueError):
    """These bytes are no contribution."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """The sightings in one part. `nonce` hides them behind the commitment."""

    nonce: bytes
    sightings: tuple[Sighting, ...]

    @property
    def persons(self) -> int:
        """How many sightings; no two of one part name the same person by the same id."""
        return len(self.sightings)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A contribution as it is kept, with the commitment that its record holds."""

    commitment: Digest
    data: bytes


def seal(contribution: Contribution) -> Sealed:
    """The bytes to keep, and their commitment."""
    rows: list[Json] = [
        [
            one.kind.value,
            b"".join(one.ids).hex(),
            list[Json](sorted(one.attributes)),
            one.points,
            list[Json](sorted(one.days)),
        ]
        for one in sorted(contribution.sightings, key=lambda one: one.ids)
    ]
    plain = canonical({"v": 1, "nonce": contribution.nonce.hex(), "sightings": rows})
    return Sealed(sha256(plain), zlib.compress(plain, 1))


def unseal(data: bytes, commitment: Digest | None) -> Contribution:
    """What `seal` kept; raises `ContributionParseError`.

    `commitment`: None only for bytes whose integrity somebody else has checked.
    """
    try:
        inflate = zlib.decompressobj()
        plain = inflate.decompress(data, MAX_BYTES)
        if inflate.unconsumed_tail or (commitment is not None and sha256(plain) != commitment):
            raise ContributionParseError("these bytes are not what the record speaks of")
        found = parse_strict(plain, max_bytes=MAX_BYTES, max_depth=5)
        if not isinstance(found, dict) or found.get("v") != 1:
            raise ContributionParseError("this is no contribution")
        rows, nonce = found["sightings"], found["nonce"]
        if not isinstance(rows, list) or not isinstance(nonce, str):
            raise ContributionParseError("this is no contribution")
        return Contribution(_bytes(nonce), tuple(_sighting(row) for row in rows))
    except (zlib.error, StrictJsonError, KeyError, ValueError, TypeError) as error:
        raise ContributionParseError("this is no contribution") from error


def _sighting(row: Json) -> Sighting:
    if not isinstance(row, list) or len(row) != 5:
        raise ContributionParseError("this is no sighting")
    kind, ids, attributes, points, days = row
    if not (isinstance(kind, str) and isinstance(ids, str) and isinstance(points, int)):
        raise ContributionParseError("this is no sighting")
    if not (isinstance(attributes, list) and isinstance(days, list)):
        raise ContributionParseError("this is no sighting")
    raw = _bytes(ids)
    return sighting(
        SubjectKind(kind),
        (raw[at : at + KEYED_ID_BYTES] for at in range(0, len(raw), KEYED_ID_BYTES)),
        (str(one) for one in attributes),
        points,
        (one for one in days if isinstance(one, int)),
    )


def _bytes(text: str) -> bytes:
    if _HEX.match(text) is None:
        raise ContributionParseError("this is no sighting")
    return bytes.fromhex(text)
