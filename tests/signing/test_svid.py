"""SPIFFE X.509 identities: only a whole chain to the domain's own authorities, in one shape, makes one."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.signing.svid import (
    Anchors,
    SvidError,
    claimed_id,
    domain_of,
    domain_of_prefix,
    parse_authorities,
    parse_chain,
    verify_svid,
)
from tests.support.credentials import DOMAIN, NOW, Issued, authority, certificate, spiffe

CA, OTHER = authority(), authority("other")
DESK = spiffe("ns/desk")
LEAF = certificate(CA, [DESK])


def anchors(*found: Issued, domain: str = DOMAIN) -> Anchors:
    return Anchors(domain, tuple(entry.certificate for entry in found))


def code_of(leaf: Issued, *others: Issued, under: Anchors | None = None) -> str:
    chain = parse_chain([leaf.der, *(entry.der for entry in others)])
    with pytest.raises(SvidError) as caught:
        verify_svid(chain, under or anchors(CA), NOW)
    return caught.value.code


def test_a_leaf_of_the_domains_authority_is_its_one_spiffe_id() -> None:
    found = verify_svid([LEAF.certificate], anchors(CA), NOW)
    assert (found.id, found.not_after) == (DESK, NOW + timedelta(hours=12))


def test_an_intermediate_counts_when_it_is_shown_and_ends_the_period_with_it() -> None:
    middle = certificate(CA, is_authority=True, ends=NOW + timedelta(hours=2), name="middle")
    leaf = certificate(middle, [DESK])
    found = verify_svid([leaf.certificate, middle.certificate], anchors(CA), NOW)
    assert found.not_after == NOW + timedelta(hours=2)
    assert code_of(leaf) == "chain"


def test_another_domains_authority_vouches_for_nothing_here() -> None:
    assert code_of(certificate(OTHER, [DESK])) == "chain"
    assert code_of(certificate(OTHER, [DESK]), under=anchors(OTHER, domain="other.org")) == "chain"
    assert code_of(certificate(CA, [spiffe("x", "other.org")])) == "chain"


@pytest.mark.parametrize(
    "uris", [(), (DESK, spiffe("ns/other")), (DESK, DESK), ("https://example.org/ns/desk",), ("spiffe://x",)]
)
def test_a_leaf_names_exactly_one_spiffe_id(uris: Sequence[str]) -> None:
    assert code_of(certificate(CA, uris, hosts=["desk"])) == "shape"


def test_an_authority_is_no_caller() -> None:
    assert code_of(certificate(CA, [DESK], is_authority=True)) == "shape"
    assert code_of(certificate(CA, [DESK], is_authority=True, certifies=False)) == "shape"
    assert code_of(certificate(CA, [DESK], certifies=True)) == "shape"


def test_a_leaf_that_may_not_sign_is_no_caller() -> None:
    assert code_of(certificate(CA, [DESK], signs=False)) == "shape"


def test_a_leaf_outside_its_period_is_no_caller() -> None:
    day = timedelta(days=1)
    assert code_of(certificate(CA, [DESK], begins=NOW - day, ends=NOW)) == "expired"
    assert code_of(certificate(CA, [DESK], begins=NOW + timedelta(seconds=1), ends=NOW + day)) == "expired"


def test_an_authority_past_its_time_vouches_for_nothing() -> None:
    old = certificate(None, is_authority=True, begins=NOW - timedelta(days=2), ends=NOW - timedelta(days=1))
    assert code_of(certificate(old, [DESK]), under=anchors(old)) == "chain"


@pytest.mark.parametrize(
    "text",
    [
        "spiffe://example.org",
        "spiffe://example.org/",
        "spiffe://example.org/a/",
        "spiffe://example.org//a",
        "spiffe://example.org/a/../b",
        "spiffe://example.org/./a",
        "spiffe://Example.org/a",
        "spiffe://example.org:1/a",
        "spiffe://user@example.org/a",
        "spiffe://example.org/a?b",
        "spiffe://example.org/a#b",
        "spiffe://example.org/%61",
        "SPIFFE://example.org/a",
        "spiffe://example.org/a\n",
        "spiffe://example.org/" + "a" * 2048,
    ],
)
def test_a_spiffe_id_has_one_form(text: str) -> None:
    assert domain_of(text) is None
    assert domain_of(DESK) == DOMAIN


def test_a_prefix_ends_where_a_segment_ends() -> None:
    assert domain_of_prefix("spiffe://example.org/ns/") == DOMAIN
    assert domain_of_prefix("spiffe://example.org/") == DOMAIN
    for text in ("spiffe://example.org/ns", "spiffe://example.org/../", "spiffe:///"):
        assert domain_of_prefix(text) is None


@given(st.binary(max_size=200) | st.builds(lambda cut: LEAF.der[:cut], st.integers(0, len(LEAF.der) - 1)))
def test_no_bytes_make_the_parsers_raise_anything_else(data: bytes) -> None:
    with pytest.raises(SvidError):
        parse_authorities(data)
    with pytest.raises(SvidError):
        claimed_id(parse_chain([data])[0])


def test_a_certificate_of_no_known_version_is_refused_like_any_other_bytes() -> None:
    version = b"\xa0\x03\x02\x01"
    changed = LEAF.der.replace(version + b"\x02", version + b"\x2c")
    assert changed != LEAF.der
    with pytest.raises(SvidError):
        parse_chain([changed])


def test_too_much_is_not_looked_at() -> None:
    with pytest.raises(SvidError):
        parse_chain([LEAF.der] * 7)
    with pytest.raises(SvidError):
        parse_chain([])
    with pytest.raises(SvidError):
        parse_authorities(CA.pem * 33)
    with pytest.raises(SvidError):
        parse_authorities(LEAF.pem)
