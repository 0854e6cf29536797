"""One test for each attack on attestations; each fails where its check is removed.

Source: EVIDENCE section 6A. The number in each docstring is the attack's.
"""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from caveat.evidence.check import MAX_ENVELOPES, EvidenceChecker, once_id
from caveat.evidence.defects import DefectCode, Outcome
from caveat.evidence.envelope import MAX_ENVELOPE_BYTES, VerifiedCache
from caveat.evidence.statement import Subject, render_statement
from caveat.evidence.trust import TrustError, parse_trust
from caveat.signing.digest import sha256
from caveat.signing.dsse import IN_TOTO, pae
from tests.evidence.world import (
    APPROVER,
    DATA_DIGEST,
    DAY,
    DESK,
    NOW,
    OWNER,
    REGISTRAR,
    REGISTRAR_P256,
    REGISTRY,
    STRANGER,
    TRUST,
    check,
    checker,
    issuer_table,
    mint,
    resigned,
    statement,
    trust,
    trust_bytes,
    trust_table,
    use,
)


def rejected(raw: bytes, code: DefectCode, outcome: Outcome = Outcome.DEFECT, **about: Any) -> None:
    found = check(raw, **about)
    assert (found.outcome, found.code) == (outcome, code)
    assert found.facts == ()
    assert found.parts == frozenset()
    assert found.once is None


def renamed(raw: bytes, keyid: str | None) -> bytes:
    value = json.loads(raw)
    for signature in value["signatures"]:
        signature["keyid"] = keyid
        if keyid is None:
            del signature["keyid"]
    return json.dumps(value).encode()


def payload() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(render_statement(statement()))
    return value


def test_a_good_attestation_is_accepted_with_its_fact_and_its_part() -> None:
    found = check(mint())
    assert found.outcome is Outcome.ACCEPTED
    assert [(fact.name, fact.value, fact.role) for fact in found.facts] == [
        ("acquisition_channel", "first_party", "data_owner")
    ]
    assert found.facts[0].source == f"key:{OWNER.public().keyid}"
    assert found.parts == {DATA_DIGEST}


def test_a_p256_attestation_is_accepted() -> None:
    said = {"facts": {"task": "summarize_document"}, "issuer": "registrar-p256"}
    assert check(mint(REGISTRAR_P256, **said)).outcome is Outcome.ACCEPTED


def test_a_forged_signature_is_an_accusation() -> None:
    """1"""
    rejected(renamed(mint(STRANGER), OWNER.public().keyid), DefectCode.FORGED, Outcome.FORGED)


def test_a_changed_payload_under_a_true_signature_is_forged() -> None:
    """1"""
    value = json.loads(mint())
    value["payload"] = base64.b64encode(render_statement(statement(id="another"))).decode()
    rejected(json.dumps(value).encode(), DefectCode.FORGED, Outcome.FORGED)


def test_a_fact_the_issuer_is_not_entitled_to_is_ignored_and_the_rest_counts() -> None:
    """2"""
    found = check(mint(facts={"task": "summarize_document", "acquisition_channel": "purchased"}))
    assert found.outcome is Outcome.ACCEPTED
    assert [fact.name for fact in found.facts] == ["acquisition_channel"]
    assert found.ignored == (("task", DefectCode.NOT_ENTITLED),)


def test_a_statement_of_unentitled_facts_alone_is_absent() -> None:
    """2"""
    rejected(mint(facts={"task": "summarize_document"}), DefectCode.NOT_ENTITLED)


def test_a_fact_granted_by_trust_but_not_to_the_role_by_the_registry_is_ignored() -> None:
    """2"""
    policy = trust(facts=["task"])
    rejected(mint(facts={"task": "summarize_document"}), DefectCode.NOT_ENTITLED, policy=policy)


def test_a_fact_the_registry_does_not_declare_is_ignored() -> None:
    """2"""
    rejected(mint(facts={"blessed": True}), DefectCode.UNKNOWN_FACT, policy=trust(facts=["blessed"]))


def test_a_value_the_issuer_is_not_entitled_to_is_ignored() -> None:
    """2, 34"""
    policy = trust(values={"acquisition_channel": ["purchased"], "subject_count": {"lo": 10, "hi": 20}})
    rejected(mint(), DefectCode.VALUE_NOT_ENTITLED, policy=policy)
    for count, accepted in ((9, False), (10, True), (20, True), (21, False)):
        found = check(mint(facts={"subject_count": count}), policy)
        assert (found.outcome is Outcome.ACCEPTED) is accepted


def test_a_set_counts_only_if_every_value_of_it_is_granted() -> None:
    """2"""
    policy = trust(values={"data_category": ["none", "personal_health"]})
    said = {"none", "personal_health", "precise_geolocation"}
    for word in said:
        found = check(mint(facts={"data_category": frozenset({"none", word})}), policy)
        assert (found.outcome is Outcome.ACCEPTED) is (word != "precise_geolocation")


def test_a_boolean_is_narrowed_like_a_word() -> None:
    """2"""
    table = trust_table()
    table["issuers"]["registrar"]["values"] = {"deployer_verified": [False]}
    policy = parse_trust(trust_bytes(table))
    for value in (True, False):
        found = check(mint(REGISTRAR, issuer="registrar", facts={"deployer_verified": value}), policy)
        assert (found.outcome is Outcome.ACCEPTED) is not value


@pytest.mark.parametrize("name", ["agency-b/devices", "agency", "agency-a-b/devices", "x/agency-a/devices"])
def test_a_subject_outside_the_issuers_namespaces_is_absent(name: str) -> None:
    """3"""
    policy = trust(namespaces=["agency-a"])
    rejected(mint(subjects=(Subject(name, DATA_DIGEST),)), DefectCode.NAMESPACE, policy=policy)
    assert check(mint(subjects=(Subject("agency-a/x", DATA_DIGEST),)), policy).outcome is Outcome.ACCEPTED


def test_one_subject_outside_the_namespaces_spoils_the_statement() -> None:
    """3"""
    policy = trust(namespaces=["agency-a"])
    subjects = (Subject("agency-a/x", DATA_DIGEST), Subject("agency-b/x", sha256(b"other")))
    rejected(mint(subjects=subjects), DefectCode.NAMESPACE, policy=policy)


def test_an_attestation_of_other_bytes_is_unbound() -> None:
    """4, 5: pasted onto other data, or evidence swapped between two uses"""
    rejected(mint(), DefectCode.SUBJECT, parts=[sha256(b"device_id,place\nd1,a\nd2,c\n")])
    rejected(mint(), DefectCode.SUBJECT, parts=[])


def test_facts_are_said_only_of_the_parts_in_the_subject() -> None:
    """5, 25"""
    found = check(mint(), parts=[DATA_DIGEST, sha256(b"other")])
    assert found.parts == {DATA_DIGEST}


def test_a_one_time_statement_presented_for_a_second_action_is_replayed() -> None:
    """6"""
    raw, other = mint(single_use=True), sha256(b"another action")
    first = check(raw)
    assert first.once == once_id(TRUST.issuers[OWNER.public().keyid], "statement-1")
    rejected(raw, DefectCode.REPLAYED, Outcome.REPLAYED, consumer=lambda _once: other)
    assert check(raw, consumer=lambda _once: use().action).outcome is Outcome.ACCEPTED


def test_a_re_signed_one_time_statement_has_the_same_one_time_id() -> None:
    """6"""
    first = check(mint(single_use=True))
    second = check(mint(single_use=True, expires_at=NOW + 2 * DAY))
    assert first.once == second.once
    assert first.envelope != second.envelope


def test_stored_evidence_that_was_used_up_is_absent_and_no_accusation() -> None:
    """6"""
    raw = mint(single_use=True)
    consumer = lambda _once: sha256(b"x")  # noqa: E731 - one expression
    rejected(raw, DefectCode.CONSUMED, consumer=consumer, presented=False)


def test_a_statement_for_another_deployment_is_absent() -> None:
    """7"""
    rejected(mint(), DefectCode.AUDIENCE, deployment="other-desk")
    rejected(mint(audience=("agency-desk-2", "agency", "AGENCY-DESK")), DefectCode.AUDIENCE)


@pytest.mark.parametrize("audience", [[], ["*"], ["agency-desk", "agency-desk"], "agency-desk", None])
def test_an_audience_is_a_list_of_exact_ids(audience: Any) -> None:
    """7"""
    value = payload()
    value["predicate"]["audience"] = audience
    rejected(resigned(value), DefectCode.SCHEMA)


def test_an_expired_statement_is_absent_at_its_very_end() -> None:
    """8, 37: nothing is forgiven at the end"""
    raw = mint()
    assert check(raw, now=NOW + DAY - timedelta(microseconds=1)).outcome is Outcome.ACCEPTED
    rejected(raw, DefectCode.EXPIRED, now=NOW + DAY)


def test_a_statement_from_the_future_is_absent_beyond_the_skew() -> None:
    """8, 37"""
    raw = mint(issued_at=NOW + timedelta(seconds=60))
    assert check(raw).outcome is Outcome.ACCEPTED
    rejected(raw, DefectCode.NOT_YET_VALID, now=NOW - timedelta(seconds=1))


def test_a_statement_that_would_live_too_long_is_absent() -> None:
    """8"""
    policy = trust(max_lifetime_seconds=2 * 86_400)
    assert check(mint(), policy).outcome is Outcome.ACCEPTED
    rejected(mint(expires_at=NOW + DAY + timedelta(seconds=1)), DefectCode.LIFETIME, policy=policy)


def test_a_statement_older_than_the_trust_policy_allows_is_absent() -> None:
    """8"""
    policy = trust(max_age_seconds=86_400)
    assert check(mint(), policy).outcome is Outcome.ACCEPTED
    rejected(mint(), DefectCode.TOO_OLD, policy=policy, now=NOW + timedelta(seconds=1))


def test_a_revoked_key_attests_nothing_whatever_date_it_writes() -> None:
    """9"""
    policy = trust(revoked_at="2030-06-01T00:00:00Z")
    rejected(mint(), DefectCode.REVOKED, policy=policy)  # written before the revocation, so it says
    assert check(mint(), policy, now=NOW - timedelta(hours=13)).outcome is Outcome.ACCEPTED


def test_an_expired_trust_policy_trusts_nobody() -> None:
    """10, 39"""
    policy = parse_trust(trust_bytes(trust_table(expires_at="2030-06-01T12:00:00Z")))
    rejected(mint(), DefectCode.TRUST_EXPIRED, policy=policy)


def test_the_algorithm_is_the_keys_and_never_the_messages() -> None:
    """11: an HMAC under the public key, an empty signature, the other algorithm's signature"""
    import hashlib
    import hmac

    value = json.loads(mint())
    body = base64.b64decode(value["payload"])
    public = OWNER.public()
    for signature in (
        hmac.digest(public.raw, pae(IN_TOTO, body), hashlib.sha256),
        b"",
        REGISTRAR_P256.sign(pae(IN_TOTO, body)),
    ):
        value["signatures"] = [{"keyid": public.keyid, "sig": base64.b64encode(signature).decode()}]
        rejected(json.dumps(value).encode(), DefectCode.FORGED, Outcome.FORGED)
    value["signatures"][0]["alg"] = "none"
    rejected(json.dumps(value).encode(), DefectCode.NOT_ENVELOPE)


def test_a_borrowed_key_id_is_checked_against_the_key_it_names() -> None:
    """12"""
    rejected(renamed(mint(), REGISTRAR.public().keyid), DefectCode.FORGED, Outcome.FORGED)


def test_an_invented_key_id_gains_nothing_over_a_true_signature() -> None:
    """12"""
    rejected(renamed(mint(), "owner"), DefectCode.UNKNOWN_KEY)


def test_two_signatures_under_one_key_id_are_refused() -> None:
    """12"""
    value = json.loads(mint())
    value["signatures"] *= 2
    rejected(json.dumps(value).encode(), DefectCode.SIGNATURES)


def test_without_a_key_id_the_true_key_is_found() -> None:
    """12: the name is a hint, and not needed"""
    found = check(renamed(mint(), None))
    assert (found.outcome, found.key) == (Outcome.ACCEPTED, OWNER.public().keyid)


def test_the_issuer_that_is_named_must_have_signed() -> None:
    """12, 13: one key under two names, or somebody else's name"""
    rejected(mint(REGISTRAR), DefectCode.ISSUER)
    rejected(mint(issuer="registrar"), DefectCode.ISSUER)


def test_a_co_signature_lends_no_entitlement() -> None:
    """13"""
    raw = mint(OWNER, REGISTRAR, facts={"task": "summarize_document"})
    rejected(raw, DefectCode.NOT_ENTITLED)


def test_a_forged_co_signature_is_an_accusation() -> None:
    """13"""
    value = json.loads(mint(OWNER, STRANGER))
    value["signatures"][1]["keyid"] = REGISTRAR.public().keyid
    rejected(json.dumps(value).encode(), DefectCode.FORGED, Outcome.FORGED)


def test_one_key_cannot_be_enrolled_under_two_names() -> None:
    """13"""
    table = trust_table()
    table["issuers"]["second-name"] = issuer_table(OWNER)
    with pytest.raises(TrustError, match="has the key of issuer"):
        parse_trust(trust_bytes(table))


def test_a_switched_payload_type_breaks_the_signature() -> None:
    """14"""
    value = json.loads(mint())
    value["payloadType"] = "application/json"
    rejected(json.dumps(value).encode(), DefectCode.FORGED, Outcome.FORGED)


@pytest.mark.parametrize("kind", ["application/json", "", IN_TOTO + " ", "application/vnd.in-toto+JSON"])
def test_another_payload_type_is_absent_even_well_signed(kind: str) -> None:
    """14"""
    rejected(resigned(payload(), payload_type=kind), DefectCode.PAYLOAD_TYPE)


def test_a_key_enrolled_for_approvals_attests_nothing() -> None:
    """15"""
    rejected(mint(APPROVER, issuer="approver"), DefectCode.PURPOSE)


def test_a_statement_of_another_predicate_type_is_absent() -> None:
    """15"""
    for name, other in (
        ("predicateType", "https://caveat.invalid/predicate/bundle-adoption/v1"),
        ("_type", "x"),
    ):
        rejected(resigned(payload() | {name: other}), DefectCode.STATEMENT_TYPE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"first_party"', '"purchased", "acquisition_channel": "first_party"'),
        ('"first_party"', "NaN"),
        ('"first_party"', "Infinity"),
        ('"first_party"', "1e400"),
        ('"first_party"', "0.5"),
        ('"first_party"', "12345678901234567890123"),
        ('"first_party"', '"\\ud800"'),
        ('"first_party"', "[" * 9 + "]" * 9),
    ],
    ids=["duplicate", "nan", "infinity", "1e400", "fraction", "huge", "surrogate", "deep"],
)
def test_json_that_parsers_read_differently_is_absent_even_well_signed(old: str, new: str) -> None:
    """16, 17, 38"""
    rejected(resigned(json.dumps(payload()).replace(old, new).encode()), DefectCode.NOT_JSON)


def test_duplicate_keys_in_the_envelope_are_refused() -> None:
    """16"""
    raw = mint().replace(b'"payloadType"', b'"payload":"e30=","payloadType"')
    rejected(raw, DefectCode.NOT_ENVELOPE)


@pytest.mark.parametrize("issuer", ["оwner", "owner\u0301", "ｏwner", "owner\u200b", "owner ", " owner", ""])
def test_an_issuer_that_looks_like_another_is_absent(issuer: str) -> None:
    """18: Cyrillic o, combining accent, full width, zero width, spaces"""
    value = payload()
    value["predicate"]["issuer"] = issuer
    rejected(resigned(value), DefectCode.SCHEMA)


def test_ids_are_compared_byte_by_byte() -> None:
    """18"""
    rejected(mint(issuer="OWNER"), DefectCode.ISSUER)


@pytest.mark.parametrize("name", ["dévices", "devices\n", "", "de vices", "../devices"])
def test_a_subject_has_a_plain_name(name: str) -> None:
    """18"""
    value = payload()
    value["subject"][0]["name"] = name
    rejected(resigned(value), DefectCode.SCHEMA)


def test_lenient_base64_is_refused() -> None:
    """19"""
    value = json.loads(mint())
    for place in ("payload", "sig"):
        for junk in ("\n", " ", "!", "=", "="):
            changed = json.loads(json.dumps(value))
            holder = changed if place == "payload" else changed["signatures"][0]
            holder[place] = holder[place][:8] + junk + holder[place][8:]
            rejected(json.dumps(changed).encode(), DefectCode.NOT_BASE64)


def test_every_truncation_is_refused() -> None:
    """20"""
    raw = mint()
    for length in range(len(raw)):
        assert check(raw[:length]).outcome is Outcome.DEFECT


@pytest.mark.parametrize("tail", [b"{}", b"\x00", b"x", b",", b"}"])
def test_trailing_bytes_are_refused(tail: bytes) -> None:
    """20"""
    rejected(mint() + tail, DefectCode.NOT_ENVELOPE)
    rejected(resigned(json.dumps(payload()).encode() + tail), DefectCode.NOT_JSON)


@pytest.mark.parametrize("place", ["", "subject", "digest", "predicate"])
def test_an_unknown_field_is_refused_and_never_dropped(place: str) -> None:
    """21"""
    value = payload()
    holders = {
        "": value,
        "subject": value["subject"][0],
        "digest": value["subject"][0]["digest"],
        "predicate": value["predicate"],
    }
    holders[place]["only_if"] = "tuesday"
    rejected(resigned(value), DefectCode.SCHEMA)


def test_a_set_that_names_a_value_twice_is_refused() -> None:
    """21: what one reader counts as two is not dropped to one"""
    value = payload()
    value["predicate"]["facts"] = {"data_category": ["none", "none"]}
    rejected(resigned(value), DefectCode.SCHEMA)


@pytest.mark.parametrize("value", [[], "text", 1, None, True])
def test_a_payload_that_is_no_object_is_refused(value: Any) -> None:
    """21"""
    rejected(resigned(value), DefectCode.SCHEMA)


@pytest.mark.parametrize("name", ["issued_at", "expires_at"])
@pytest.mark.parametrize("time", ["2030-06-01", "2030-06-01T12:00:00+00:00", "2030-06-01T12:00:60Z", "now"])
def test_a_time_in_another_form_is_refused(name: str, time: str) -> None:
    """8"""
    value = payload()
    value["predicate"][name] = time
    rejected(resigned(value), DefectCode.SCHEMA)


@pytest.mark.parametrize(
    "name", ["issuer", "facts", "audience", "issued_at", "expires_at", "id", "single_use"]
)
def test_a_missing_field_is_refused(name: str) -> None:
    """21"""
    value = payload()
    del value["predicate"][name]
    rejected(resigned(value), DefectCode.SCHEMA)


@pytest.mark.parametrize(
    "digest",
    [
        {},
        {"md5": "0" * 32},
        {"sha1": "0" * 40},
        {"sha256": "0" * 63},
        {"sha256": "A" * 64},
        {"sha256": ""},
        {"sha512": "0" * 128},
        {"sha256": DATA_DIGEST, "md5": "0" * 32},
        DATA_DIGEST,
    ],
)
def test_a_subject_has_one_sha256_digest_and_no_other(digest: Any) -> None:
    """30"""
    value = payload()
    value["subject"][0]["digest"] = digest
    rejected(resigned(value), DefectCode.SCHEMA)


@pytest.mark.parametrize("subject", [[], [{"name": "*", "digest": {"sha256": DATA_DIGEST}}], None, {}, ["*"]])
def test_a_statement_about_nothing_or_everything_is_refused(subject: Any) -> None:
    """31"""
    rejected(resigned(payload() | {"subject": subject}), DefectCode.SCHEMA)


def test_a_deployment_does_not_attest_for_itself() -> None:
    """35"""
    raw = mint(DESK, issuer="desk-key", audience=("agency-desk", "other-desk"))
    rejected(raw, DefectCode.SELF_ATTESTED)
    assert check(raw, deployment="other-desk").outcome is Outcome.ACCEPTED


def test_an_unknown_key_is_absent_and_no_accusation() -> None:
    """35"""
    rejected(mint(STRANGER), DefectCode.UNKNOWN_KEY)
    rejected(renamed(mint(STRANGER), None), DefectCode.UNKNOWN_KEY)


def test_a_giant_envelope_is_refused_before_any_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    """38"""
    import caveat.evidence.envelope as module

    def never(*_: object) -> None:
        raise AssertionError("cryptography was reached")

    monkeypatch.setattr(module, "verify_signers", never)
    rejected(b" " * MAX_ENVELOPE_BYTES + mint(), DefectCode.TOO_LARGE)
    value = json.loads(mint())
    value["signatures"] = [{"keyid": str(n), "sig": "AAAA"} for n in range(9)]
    rejected(json.dumps(value).encode(), DefectCode.SIGNATURES)
    rejected(b"[" * 60_000, DefectCode.NOT_ENVELOPE)


def test_only_so_many_envelopes_are_looked_at() -> None:
    """38"""
    raws = [mint(id=f"s{number}") for number in range(MAX_ENVELOPES + 2)]
    found = checker().check_all(raws, [], use())
    codes = [one.code for one in found]
    assert codes == [None] * MAX_ENVELOPES + [DefectCode.TOO_MANY] * 2


def test_a_verified_signature_is_no_pass_for_another_time_audience_or_use() -> None:
    """45: everything but the signature is checked again"""
    one, raw = checker(), mint(single_use=True)
    assert one.check(raw, use()).outcome is Outcome.ACCEPTED
    again = {
        DefectCode.EXPIRED: use(now=NOW + DAY),
        DefectCode.AUDIENCE: use(deployment="other-desk"),
        DefectCode.SUBJECT: use(parts=[sha256(b"other")]),
        DefectCode.REPLAYED: use(consumer=lambda _once: sha256(b"x")),
    }
    for code, other in again.items():
        assert one.check(raw, other).code is code


def test_a_cache_filled_under_one_trust_policy_says_nothing_under_another() -> None:
    """45"""
    cache = VerifiedCache()
    assert EvidenceChecker(TRUST, REGISTRY, cache).check(mint(), use()).outcome is Outcome.ACCEPTED
    table = trust_table()
    del table["issuers"]["owner"]
    other = EvidenceChecker(parse_trust(trust_bytes(table)), REGISTRY, cache)
    assert other.check(mint(), use()).code is DefectCode.UNKNOWN_KEY


def test_the_cache_knows_an_envelope_by_all_its_bytes_and_keeps_no_failure() -> None:
    """45"""
    cache = VerifiedCache(limit=2)
    one = EvidenceChecker(TRUST, REGISTRY, cache)
    raw = mint()
    one.check(raw, use())
    forged = json.loads(raw)
    forged["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    assert one.check(json.dumps(forged).encode(), use()).outcome is Outcome.FORGED
    kept = [cache.get(sha256(data), TRUST.digest) for data in (raw, json.dumps(forged).encode())]
    assert kept[0] is not None
    assert kept[1] is None
    for number in range(3):
        one.check(mint(id=f"later-{number}"), use())
    assert cache.get(sha256(raw), TRUST.digest) is None


def test_a_signature_is_verified_once_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import caveat.evidence.envelope as module

    one, raw = checker(), mint()
    one.check(raw, use())

    def never(*_: object) -> None:
        raise AssertionError("verified again")

    monkeypatch.setattr(module, "verify_signers", never)
    assert one.check(raw, use()).outcome is Outcome.ACCEPTED
