"""Who adopted a bundle: signatures of its actors over its digest, and what still lacks consent.

Source: in-toto Statement v1 in DSSE; DESIGN section 6 ("amendable by both parties" is a fact about keys).
"""

import re
from collections.abc import Mapping

from caveat.policy.trust_signatures import PREFIX as TRUST_PREFIX
from caveat.signing.canonical import Json, StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, EnvelopeParseError, parse_envelope, sign_envelope, verify_signers
from caveat.signing.keys import PrivateKey, PublicKey

ADOPTION = "https://caveat.invalid/predicate/bundle-adoption/v1"
_STATEMENT = "https://in-toto.io/Statement/v1"
_MAX_BYTES = 16384
AMENDMENT_FILE = re.compile(r"signatures/amendment-[0-9]{4,9}\.dsse\.json\Z")
"""Amendments lie beside adoptions, by their sequence number."""


def adoption_statement(name: str, digest: Digest, actor: str) -> bytes:
    """The statement by which `actor` adopts exactly the bundle with this digest."""
    return canonical(
        {
            "_type": _STATEMENT,
            "subject": [{"name": name, "digest": {"sha256": digest}}],
            "predicateType": ADOPTION,
            "predicate": {"actor": actor},
        }
    )


def sign_adoption(name: str, digest: Digest, actor: str, key: PrivateKey) -> bytes:
    """The signed adoption, as a file of `signatures/` holds it."""
    return sign_envelope(adoption_statement(name, digest, actor), IN_TOTO, [key])


def verify_adoptions(
    files: Mapping[str, bytes], name: str, digest: Digest, actor_keys: Mapping[str, frozenset[PublicKey]]
) -> tuple[frozenset[str], list[str]]:
    """The actors whose own key signed the adoption of this very digest, and a finding per unusable file.

    A signature over another digest, by another key, or of another actor adopts nothing.
    """
    signers: set[str] = set()
    findings: list[str] = []
    for path in sorted(path for path in files if path.startswith("signatures/")):
        if AMENDMENT_FILE.match(path):
            continue  # it says how the bundle came to be; `policy.chain` reads it, beside the earlier bundles
        if path.startswith(TRUST_PREFIX):
            continue  # of the trust policy by itself: it adopts no bundle
        actor = _adopting_actor(files[path], name, digest, actor_keys)
        if actor is None:
            findings.append(f"`{path}` adopts nothing: not a valid signature of an actor over this digest")
        else:
            signers.add(actor)
    return frozenset(signers), findings


def _adopting_actor(
    data: bytes, name: str, digest: Digest, actor_keys: Mapping[str, frozenset[PublicKey]]
) -> str | None:
    try:
        envelope = parse_envelope(data, max_bytes=_MAX_BYTES)
        statement = parse_strict(envelope.payload, max_bytes=_MAX_BYTES)
    except (EnvelopeParseError, StrictJsonError):
        return None
    actor = _claimed_actor(statement)
    if envelope.payload_type != IN_TOTO or actor is None or actor not in actor_keys:
        return None
    if envelope.payload != adoption_statement(name, digest, actor):
        return None
    enrolled = {key.keyid: key for key in actor_keys[actor]}
    return actor if verify_signers(envelope, enrolled).verified else None


def _claimed_actor(statement: Json) -> str | None:
    if not isinstance(statement, dict):
        return None
    predicate = statement.get("predicate")
    actor = predicate.get("actor") if isinstance(predicate, dict) else None
    return actor if isinstance(actor, str) else None
