"""Records of the law in force, of whom it trusts, and of what parties sign beside a use."""

from dataclasses import dataclass

from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class Follows:
    """How a bundle came to follow another.

    `previous` is None where a bundle is taken up that amendments lead to. `sequence`: the number that is in
    force from here on; an amendment up to it is used up. `amendment`: the digest of its statement; None where
    both bundles are the same law. `changes`, `opened`, `closed`: the first ones, in words; the counts are of
    all that it lists. `diff`: the digest of the canonical JSON of the uses that it opens and closes.
    """

    previous: Digest | None
    sequence: int
    amendment: Digest | None = None
    signers: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    changes_count: int = 0
    diff: Digest | None = None
    opened: tuple[str, ...] = ()
    opened_count: int = 0
    closed: tuple[str, ...] = ()
    closed_count: int = 0


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """From here on this bundle is in force. `follows`: by what right; None in records of older releases."""

    time: str
    bundle: Digest
    development: bool = False
    follows: Follows | None = None


@dataclass(frozen=True, slots=True)
class TrustRecord:
    """From here on this trust policy may be in force, with exactly these keys. Versions never go back."""

    time: str
    trust: Digest
    version: int
    keys: tuple[Digest, ...]
    development: bool = False


@dataclass(frozen=True, slots=True)
class RevocationsRecord:
    """From here on this list is the newest of its authority; it revokes these keys."""

    time: str
    authority: str
    envelope: Digest
    number: int
    revoked: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """An envelope was uploaded by a deployment, and verified before it was stored."""

    time: str
    deployment: str
    envelope: Digest
    key: str
    outcome: str


@dataclass(frozen=True, slots=True)
class TermsRecord:
    """An act of a negotiation. `envelope`: the DSSE envelope that its party signed, as text.

    `bundle`: what the act speaks of, kept with the log as a policy bundle is. Source: ADR-0020.
    """

    time: str
    bundle: Digest
    envelope: str
