"""Who signed a bundle's trust policy by itself: over the bytes of `trust.toml`, whatever else changes.

A signature of the whole bundle covers the trust policy too. These stay valid while other files of the bundle
are amended. Source: ADR-0021.
"""

from collections.abc import Mapping

from caveat.signing.canonical import Json, StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import IN_TOTO, EnvelopeParseError, parse_envelope, sign_envelope, verify_signers
from caveat.signing.keys import PrivateKey, PublicKey

TRUST_ADOPTION = "https://caveat.invalid/predicate/trust-adoption/v1"
PREFIX = "signatures/trust-"
SIGNERS = 2
"""How many actors of a bundle sign its trust policy, at least."""
_STATEMENT = "https://in-toto.io/Statement/v1"
_MAX_BYTES = 16384


def trust_statement(name: str, digest: Digest, actor: str) -> bytes:
    """The statement by which `actor` adopts, for the bundle of this name, exactly this trust policy."""
    return canonical(
        {
            "_type": _STATEMENT,
            "subject": [{"name": f"{name}/trust.toml", "digest": {"sha256": digest}}],
            "predicateType": TRUST_ADOPTION,
            "predicate": {"actor": actor},
        }
    )


def sign_trust(name: str, trust: bytes, actor: str, key: PrivateKey) -> bytes:
    """The signed adoption of these bytes of `trust.toml`, as a file of `signatures/` holds it."""
    return sign_envelope(trust_statement(name, sha256(trust), actor), IN_TOTO, [key])


def trust_signers(
    files: Mapping[str, bytes], name: str, actor_keys: Mapping[str, frozenset[PublicKey]]
) -> frozenset[str]:
    """The actors whose own key signed this very `trust.toml`; any other file counts for nobody."""
    digest = sha256(files["trust.toml"])
    found = (
        _adopting_actor(data, name, digest, actor_keys)
        for path, data in files.items()
        if path.startswith(PREFIX)
    )
    return frozenset(actor for actor in found if actor is not None)


def is_trust_signed(signers: frozenset[str]) -> bool:
    """Whether these actors suffice: no one alone says who is believed."""
    return len(signers) >= SIGNERS


def _adopting_actor(
    data: bytes, name: str, digest: Digest, actor_keys: Mapping[str, frozenset[PublicKey]]
) -> str | None:
    try:
        envelope = parse_envelope(data, max_bytes=_MAX_BYTES)
        actor = _actor(parse_strict(envelope.payload, max_bytes=_MAX_BYTES))
    except (EnvelopeParseError, StrictJsonError):
        return None
    if actor is None or envelope.payload_type != IN_TOTO:
        return None
    if envelope.payload != trust_statement(name, digest, actor):
        return None
    keys = {key.keyid: key for key in actor_keys.get(actor, frozenset())}
    signers = verify_signers(envelope, keys)
    return actor if signers.verified and not signers.failed else None


def _actor(statement: Json) -> str | None:
    if not isinstance(statement, dict) or not isinstance(statement.get("predicate"), dict):
        return None
    predicate = statement["predicate"]
    actor = predicate.get("actor") if isinstance(predicate, dict) else None
    return actor if isinstance(actor, str) else None
