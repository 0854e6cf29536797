"""The evidence check: values, uploads, several envelopes, and no bytes that make it raise."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.evidence.check import Checked
from caveat.evidence.defects import EXPLANATIONS, DefectCode, Outcome
from caveat.evidence.envelope import VerifiedEnvelope
from caveat.evidence.statement import Subject, render_statement
from caveat.signing.digest import sha256
from tests.evidence.world import (
    DATA_DIGEST,
    DAY,
    NOW,
    OWNER,
    STRANGER,
    check,
    checker,
    mint,
    resigned,
    statement,
    trust,
    use,
)


@pytest.mark.parametrize(
    "facts",
    [
        {"acquisition_channel": "stolen"},
        {"acquisition_channel": True},
        {"acquisition_channel": frozenset({"first_party"})},
        {"data_category": frozenset({"none", "secret"})},
        {"data_category": "none"},
        {"subject_count": -1},
        {"subject_count": 10_000_000_001},
        {"subject_count": True},
        {"subject_count": "40"},
    ],
)
def test_a_value_that_the_registry_does_not_have_denies(facts: dict[str, Any]) -> None:
    found = check(mint(facts=facts | {"acquisition_channel": "purchased"} | facts))
    assert (found.outcome, found.code) == (Outcome.OUT_OF_RANGE, DefectCode.OUT_OF_RANGE)
    assert found.facts == ()


def test_an_impossible_value_denies_only_where_the_statement_would_count() -> None:
    raw = mint(facts={"acquisition_channel": "stolen"})
    for code, about in (
        (DefectCode.EXPIRED, {"now": NOW + DAY}),
        (DefectCode.AUDIENCE, {"deployment": "other"}),
        (DefectCode.SUBJECT, {"parts": []}),
    ):
        assert check(raw, **about).code is code
    assert check(raw, trust(facts=["subject_count"])).code is DefectCode.NOT_ENTITLED


def test_an_attested_unknown_is_passed_on_as_what_it_is() -> None:
    facts = {"acquisition_channel": "unknown", "data_category": frozenset[str]()}
    found = check(mint(facts=facts))
    assert {fact.name: fact.value for fact in found.facts} == facts


def test_who_may_not_attest_counts_says_nothing_about_source_or_id_column() -> None:
    said = {"source": "root-1", "id_column": "device_id"}
    entitled = check(mint(**said))
    assert (entitled.source, entitled.id_column) == ("root-1", "device_id")
    other = check(mint(**said), trust(facts=["acquisition_channel"]))
    assert other.outcome is Outcome.ACCEPTED
    assert (other.source, other.id_column) == (None, None)


def test_the_first_defect_in_the_documented_order_is_the_one_reported() -> None:
    raw = mint(
        facts={"task": "summarize_document"},
        subjects=(Subject("elsewhere", sha256(b"x")),),
        audience=("other",),
        expires_at=NOW - timedelta(hours=1),
    )
    revoked = {"revoked_at": "2030-01-01T00:00:00Z"}
    assert check(raw, trust(namespaces=["here"], **revoked)).code is DefectCode.NAMESPACE
    assert check(raw, trust(**revoked)).code is DefectCode.NOT_ENTITLED
    later = mint(
        audience=("other",), expires_at=NOW - timedelta(hours=1), subjects=(Subject("e", sha256(b"")),)
    )
    assert check(later, trust(**revoked)).code is DefectCode.EXPIRED
    later = mint(audience=("other",), subjects=(Subject("e", sha256(b"")),))
    assert check(later, trust(**revoked)).code is DefectCode.REVOKED
    assert check(later).code is DefectCode.AUDIENCE


def test_an_upload_passes_everything_that_can_be_checked_before_a_use() -> None:
    admitted = checker().admit(mint(audience=("somebody-else",)), NOW)
    assert isinstance(admitted, VerifiedEnvelope)
    assert admitted.raw == mint(audience=("somebody-else",))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", DefectCode.NOT_ENVELOPE),
        (mint(STRANGER), DefectCode.UNKNOWN_KEY),
        (mint().replace(OWNER.public().keyid.encode(), b""), None),
        (mint(expires_at=NOW), DefectCode.EXPIRED),
        (mint(facts={"task": "summarize_document"}), DefectCode.NOT_ENTITLED),
        (mint(facts={"subject_count": -1}), DefectCode.OUT_OF_RANGE),
        (resigned({}), DefectCode.STATEMENT_TYPE),
    ],
)
def test_an_upload_that_fails_is_never_a_verified_envelope(raw: bytes, code: DefectCode | None) -> None:
    found = checker().admit(raw, NOW)
    if code is None:
        assert isinstance(found, VerifiedEnvelope)
    else:
        assert isinstance(found, Checked)
        assert found.code is code


def test_each_envelope_counts_once_and_presented_ones_first() -> None:
    raw = mint(single_use=True)
    used_up = use(consumer=lambda _once: sha256(b"x"))
    (only,) = checker().check_all([raw, raw], [raw], used_up)
    assert only.outcome is Outcome.REPLAYED
    (stored,) = checker().check_all([], [raw], used_up)
    assert stored.outcome is Outcome.DEFECT


def test_a_stored_forgery_is_absent() -> None:
    raw = json.loads(mint(STRANGER))
    raw["signatures"][0]["keyid"] = OWNER.public().keyid
    found = check(json.dumps(raw).encode(), presented=False)
    assert (found.outcome, found.code) == (Outcome.DEFECT, DefectCode.FORGED)


def test_the_row_of_a_record_holds_digests_and_codes_alone() -> None:
    row = check(mint(single_use=True)).render()
    assert row.keys() == {"envelope", "key", "outcome", "once"}
    assert (row["outcome"], row["key"]) == ("accepted", OWNER.public().keyid)
    assert check(mint(), now=NOW + DAY).render()["outcome"] == "expired"


def test_every_code_is_explained() -> None:
    assert EXPLANATIONS.keys() == set(DefectCode)
    for explanation in EXPLANATIONS.values():
        assert explanation.who in {"caller", "issuer", "operator", "parties"}
        assert explanation.meaning
        assert explanation.remedy


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.sampled_from(
    [
        ("_type",),
        ("subject",),
        ("subject", 0),
        ("subject", 0, "digest"),
        ("subject", 0, "name"),
        ("predicate",),
        ("predicate", "facts"),
        ("predicate", "facts", "acquisition_channel"),
        ("predicate", "audience"),
        ("predicate", "issued_at"),
        ("predicate", "expires_at"),
        ("predicate", "single_use"),
        ("predicate", "source"),
        ("predicate", "id_column"),
        ("predicate", "id"),
    ]
)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_check_raise(raw: bytes) -> None:
    assert check(raw).outcome is Outcome.DEFECT


@given(st.binary(max_size=300))
def test_no_signed_bytes_make_the_check_raise(payload: bytes) -> None:
    assert check(resigned(payload)).outcome is Outcome.DEFECT


@pytest.mark.slow
@given(PATHS, JSON)
def test_no_signed_statement_makes_the_check_raise(path: tuple[Any, ...], value: Any) -> None:
    said: Any = json.loads(render_statement(statement()))
    holder = said
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    found = check(resigned(said))
    assert found.outcome in (Outcome.ACCEPTED, Outcome.DEFECT, Outcome.OUT_OF_RANGE)
    assert found.parts <= {DATA_DIGEST}


@given(st.integers(0, 100_000), st.binary(min_size=1, max_size=3))
def test_no_change_of_an_envelope_adds_a_fact(place: int, junk: bytes) -> None:
    raw, one = mint(), check(mint())
    at = place % len(raw)
    found = check(raw[:at] + junk + raw[at + len(junk) :])
    assert found.facts in ((), one.facts)
