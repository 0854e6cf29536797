"""Who adopted a bundle: only an actor's own key, over this very digest; and what then still lacks consent."""

import pytest

from caveat.policy.bundle import Bundle, bundle_digest, parse_bundle
from caveat.policy.signatures import ADOPTION, adoption_statement, sign_adoption
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import Algorithm, private_key_from_seed
from tests.policy.small import edited, small

PROVIDER = private_key_from_seed(Algorithm.ED25519, b"p" * 32)
CUSTOMER = private_key_from_seed(Algorithm.P256, b"c" * 32)
OTHER = private_key_from_seed(Algorithm.ED25519, b"o" * 32)


def _enrolled() -> dict[str, bytes]:
    files = small()
    for text, key in (("one party", PROVIDER), ("the other party", CUSTOMER)):
        enrolled = f'text = "{text}"\nkeys = ["{key.public().render()}"]'
        files = edited("bundle.toml", f'text = "{text}"', enrolled, files)
    return files


FILES = _enrolled()
DIGEST = bundle_digest(FILES)
PROVIDERS = sign_adoption("small", DIGEST, "provider", PROVIDER)
CUSTOMERS = sign_adoption("small", DIGEST, "customer", CUSTOMER)


def _with(*signatures: bytes) -> Bundle:
    return parse_bundle(
        FILES | {f"signatures/{place}.dsse.json": signature for place, signature in enumerate(signatures)}
    )


def test_a_bundle_that_every_formula_is_satisfied_for_is_signed() -> None:
    bundle = _with(PROVIDERS, CUSTOMERS)
    assert bundle.signers == {"provider", "customer"}
    assert bundle.unsigned == ()
    assert bundle.notes == ()


def test_one_party_alone_satisfies_what_is_its_own_and_nothing_else() -> None:
    assert set(_with(PROVIDERS).unsigned) == {"C1", "C2", "C3", "C4", "limit many", "P9"}
    assert "P9" not in _with(CUSTOMERS).unsigned
    assert "fact channel" in _with(CUSTOMERS).unsigned


REFUSED = {
    "of another digest": sign_adoption("small", sha256(b"other"), "provider", PROVIDER),
    "of another bundle's name": sign_adoption("large", DIGEST, "provider", PROVIDER),
    "by another key": sign_adoption("small", DIGEST, "provider", OTHER),
    "by another actor's key": sign_adoption("small", DIGEST, "provider", CUSTOMER),
    "of an undeclared actor": sign_adoption("small", DIGEST, "stranger", PROVIDER),
    "of another payload type": sign_envelope(
        adoption_statement("small", DIGEST, "provider"), "text/plain", [PROVIDER]
    ),
    "with something more in it": sign_envelope(
        adoption_statement("small", DIGEST, "provider").replace(b"{", b'{"also":1,', 1), IN_TOTO, [PROVIDER]
    ),
    "without a predicate": sign_envelope(canonical({"predicateType": ADOPTION}), IN_TOTO, [PROVIDER]),
    "that names no actor": sign_envelope(canonical({"predicate": {"actor": 1}}), IN_TOTO, [PROVIDER]),
    "over a list": sign_envelope(b"[]", IN_TOTO, [PROVIDER]),
    "over no JSON": sign_envelope(b"adopted!", IN_TOTO, [PROVIDER]),
    "that is no envelope": b"adopted!",
    "that is too large": PROVIDERS + b" " * 20_000,
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_signature_adopts_nothing(what: str) -> None:
    bundle = _with(REFUSED[what])
    assert bundle.signers == frozenset()
    assert bundle.notes == (
        "`signatures/0.dsse.json` adopts nothing: not a valid signature of an actor over this digest",
    )


@pytest.mark.parametrize("path", sorted(small()))
def test_an_edit_of_any_file_leaves_the_bundle_unsigned(path: str) -> None:
    files = FILES | {path: FILES[path] + b"\n"}
    bundle = parse_bundle(files | {"signatures/a.dsse.json": PROVIDERS, "signatures/b.dsse.json": CUSTOMERS})
    assert bundle.signers == frozenset()
    assert "C1" in bundle.unsigned


def test_the_digest_depends_on_names_and_bytes_and_on_nothing_else() -> None:
    backwards = dict(reversed(FILES.items()))
    assert bundle_digest(backwards) == DIGEST
    assert bundle_digest(FILES | {"signatures/a.dsse.json": PROVIDERS}) == DIGEST
    assert parse_bundle(backwards).digest == DIGEST
    renamed = dict(FILES)
    renamed["clauses/other.cedar"] = renamed.pop("clauses/all.cedar")
    others: set[Digest] = {bundle_digest(renamed), bundle_digest(FILES | {"README.md": b""})}
    assert DIGEST not in others
    assert len(others) == 2


def test_a_bundle_says_how_much_may_be_typed() -> None:
    assert _with().typed_text_max_bytes == 16384
