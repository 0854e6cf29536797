"""The trust policy: every grant is explicit, every mistake is found at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.evidence.trust import TrustError, lint_trust, parse_trust
from tests.evidence.world import OWNER, REGISTRY, TRUST, issuer_table, key_of, trust, trust_bytes, trust_table


def findings(data: bytes) -> tuple[str, ...]:
    with pytest.raises(TrustError) as caught:
        parse_trust(data)
    return caught.value.findings


def with_owner(**changes: Any) -> bytes:
    table = trust_table()
    table["issuers"]["owner"] |= changes
    return trust_bytes(table)


def test_issuers_are_known_by_the_id_of_their_key() -> None:
    assert TRUST.issuers[OWNER.public().keyid].id == "owner"
    assert TRUST.keys.keys() == TRUST.issuers.keys()
    assert TRUST.clock_skew_seconds == 60


def test_the_digest_is_over_the_bytes_of_the_file() -> None:
    data = trust_bytes(trust_table())
    assert parse_trust(data).digest != parse_trust(data + b"\n").digest


@pytest.mark.parametrize(
    "change",
    [
        {"role": ""},
        {"role": 1},
        {"key": "ed25519:AAAA"},
        {"key": "rsa:AAAA"},
        {"purpose": "everything"},
        {"facts": []},
        {"namespaces": []},
        {"namespaces": [""]},
        {"namespaces": ["ä"]},
        {"max_age_seconds": 0},
        {"max_age_seconds": "1"},
        {"max_age_seconds": True},
        {"max_lifetime_seconds": -1},
        {"revoked_at": "yesterday"},
        {"values": {"task": ["summarize_document"]}},
        {"values": {"subject_count": {"lo": 1, "least": 1}}},
        {"deployment": "two words"},
        {"surprise": 1},
    ],
    ids=repr,
)
def test_a_mistake_in_an_issuer_is_a_finding_and_no_grant(change: dict[str, Any]) -> None:
    found = findings(with_owner(**change))
    assert found
    assert all("owner" in line for line in found)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"version": "1"},
        {"expires_at": "2030"},
        {"clock_skew_seconds": 301},
        {"clock_skew_seconds": -1},
        {"issuers": {"ö": issuer_table(OWNER)}},
        {"surprise": 1},
    ],
    ids=repr,
)
def test_a_mistake_in_the_policy_is_a_finding(change: dict[str, Any]) -> None:
    assert findings(trust_bytes(trust_table(**change)))


def test_every_mistake_is_found_at_once() -> None:
    table = trust_table()
    table["issuers"]["owner"]["key"] = "none"
    table["issuers"]["registrar"]["purpose"] = "none"
    assert len(findings(trust_bytes(table))) == 2


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_but_the_parsers_own_error(data: bytes) -> None:
    assert findings(data)


def test_a_key_stands_under_one_issuer_even_in_another_spelling() -> None:
    import base64

    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    public = ec.derive_private_key(77, ec.SECP256R1()).public_key()
    forms = serialization.PublicFormat
    raw = [
        public.public_bytes(serialization.Encoding.X962, form)
        for form in (forms.CompressedPoint, forms.UncompressedPoint)
    ]
    lines = ["p256-sha256:" + base64.b64encode(one).decode() for one in raw]
    issuers = {f"i{n}": issuer_table(OWNER) | {"key": line} for n, line in enumerate(lines)}
    assert "has the key of" in findings(trust_bytes(trust_table(issuers=issuers)))[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"facts": ["blessed"]}, "no fact `blessed`"),
        ({"facts": ["task"]}, "not attested by role"),
        ({"values": {"subject_count": ["40"]}}, "another type"),
        ({"values": {"acquisition_channel": {"lo": 1}}}, "another type"),
        ({"values": {"acquisition_channel": ["stolen"]}}, "undeclared value"),
        ({"values": {"data_category": ["none"]}}, None),
    ],
)
def test_grants_that_can_never_take_effect_are_found(changes: dict[str, Any], words: str | None) -> None:
    found = lint_trust(trust(**changes), REGISTRY)
    assert (words is None and not found) or (words is not None and words in found[0])
    if words is not None:
        with pytest.raises(TrustError, match=words):
            parse_trust(with_owner(**changes), REGISTRY)


def test_an_empty_list_of_values_grants_none() -> None:
    policy = trust(values={"acquisition_channel": []})
    assert not policy.issuers[OWNER.public().keyid].values["acquisition_channel"].includes("first_party")


def test_a_trust_policy_may_name_nobody() -> None:
    assert parse_trust(trust_bytes(trust_table(issuers={}))).issuers == {}
    assert key_of("x").public() != OWNER.public()
