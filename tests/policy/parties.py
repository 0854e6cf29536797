"""The small bundle with three parties who hold keys, and amendments of it."""

from collections.abc import Mapping

from caveat.policy.amendment import amendment_statement
from caveat.policy.bundle import Bundle, bundle_digest, parse_bundle
from caveat.policy.chain import History
from caveat.policy.signatures import sign_adoption
from caveat.signing.canonical import JsonObject
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed
from tests.policy.small import edited, small

PROVIDER = private_key_from_seed(Algorithm.ED25519, b"p" * 32)
CUSTOMER = private_key_from_seed(Algorithm.P256, b"c" * 32)
STRANGER = private_key_from_seed(Algorithm.ED25519, b"s" * 32)
ISSUER = private_key_from_seed(Algorithm.ED25519, b"i" * 32)
KEYS = {"provider": PROVIDER, "customer": CUSTOMER}
TRUST = f"""
version = 1
expires_at = "2100-01-01T00:00:00Z"
[issuers.owner]
role = "issuer"
party = "customer"
key = "{ISSUER.public().render()}"
purpose = "evidence"
facts = ["channel", "persons"]
namespaces = ["*"]
max_age_seconds = 86400
max_lifetime_seconds = 86400
"""
WHEN = "2030-01-01T00:00:00Z"


def held() -> dict[str, bytes]:
    """The files of the small bundle with keys for both parties, one issuer, and nobody's signature."""
    files = small() | {"trust.toml": TRUST.encode()}
    for text, key in (("one party", PROVIDER), ("the other party", CUSTOMER)):
        enrolled = f'text = "{text}"\nkeys = ["{key.public().render()}"]'
        files = edited("bundle.toml", f'text = "{text}"', enrolled, files)
    return files


def adopted(files: Mapping[str, bytes], keys: Mapping[str, PrivateKey] = KEYS) -> dict[str, bytes]:
    """The files with the adoption of each of these actors."""
    digest = bundle_digest(files)
    return dict(files) | {
        f"signatures/{actor}.dsse.json": sign_adoption("small", digest, actor, key)
        for actor, key in keys.items()
    }


def amendment(
    old: Bundle,
    new: Bundle,
    *keys: PrivateKey,
    sequence: int = 1,
    reason: str = "agreed",
    diff: JsonObject | None = None,
) -> bytes:
    """An envelope over the true statement of this step, with a signature by each key."""
    return sign_envelope(amendment_statement(old, new, sequence, reason, WHEN, diff), IN_TOTO, keys)


def with_amendments(files: Mapping[str, bytes], *envelopes: bytes) -> dict[str, bytes]:
    """The files with these amendments beside them, numbered as they come."""
    return dict(files) | {
        f"signatures/amendment-{place:04d}.dsse.json": data for place, data in enumerate(envelopes, 1)
    }


def history_of(*bundles: Bundle) -> History:
    """Finds these bundles."""
    return {bundle.digest: bundle for bundle in bundles}.get


def parsed(path: str, old: str, new: str, files: Mapping[str, bytes] | None = None) -> Bundle:
    """The bundle that both parties hold, with one text replaced."""
    return parse_bundle(edited(path, old, new, files if files is not None else held()))
