"""Rotation and revocation: which key counts when, and what the log proves about before."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.evidence.check import Checked, EvidenceChecker, once_id
from caveat.evidence.defects import DefectCode, Outcome
from caveat.evidence.envelope import RejectedEnvelope, VerifiedCache
from caveat.evidence.instants import StatementParseError, render_time
from caveat.evidence.revocation import (
    RevocationBook,
    RevocationList,
    VerifiedRevocations,
    mint_revocations,
    parse_revocations,
    verify_revocations,
)
from caveat.evidence.statement import Subject
from caveat.evidence.trust import Trust, TrustError, parse_trust
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import parse_envelope
from tests.evidence.world import (
    DAY,
    NOW,
    OWNER,
    REGISTRY,
    STRANGER,
    check,
    issuer_table,
    key_of,
    mint,
    trust,
    trust_bytes,
    trust_table,
    use,
)

NEXT, KEEPER, OLD_KEEPER = key_of("next owner"), key_of("list keeper"), key_of("old list keeper")
OWNER_ID, NEXT_ID = OWNER.public().keyid, NEXT.public().keyid
HOUR = timedelta(hours=1)


def rotating(*keys: dict[str, Any]) -> Trust:
    table = trust_table()
    del table["issuers"]["owner"]["key"]
    table["issuers"]["owner"]["keys"] = list(keys)
    return parse_trust(trust_bytes(table))


def row(key: Any, **times: datetime) -> dict[str, Any]:
    return {"key": key.public().render()} | {name: render_time(time) for name, time in times.items()}


def watched(max_age_seconds: int = 3600, **keeper: Any) -> Trust:
    """The policy in which an authority's list has to speak of the owner's key."""
    table = trust_table()
    said = {"role": "keeper", "purpose": "revocation", "facts": []}
    table["issuers"]["keeper"] = issuer_table(KEEPER) | said | keeper
    table["revocations"] = {"keeper": {"covers": ["owner"], "max_age_seconds": max_age_seconds}}
    return parse_trust(trust_bytes(table))


def revocations(number: int = 1, *, key: Any = KEEPER, at: datetime | None = None, **changes: Any) -> bytes:
    said = RevocationList(
        "keeper",
        number,
        NOW - timedelta(minutes=5),
        NOW + DAY,
        (Subject("owner", OWNER_ID),),
        {} if at is None else {OWNER_ID: at},
    )
    return mint_revocations(replace(said, **changes), [key])


def book(*lists: bytes, policy: Trust | None = None) -> RevocationBook:
    kept = RevocationBook()
    for raw in lists:
        found = kept.admit(raw, policy or watched(), NOW)
        assert isinstance(found, VerifiedRevocations)
        kept.keep(found)
    return kept


def checked(
    lists: RevocationBook,
    *,
    policy: Trust | None = None,
    now: datetime = NOW,
    logged: Callable[[Digest], datetime | None] = lambda _envelope: None,
    raw: bytes | None = None,
) -> Checked:
    one = EvidenceChecker(policy or watched(), REGISTRY, VerifiedCache(), lists, logged)
    return one.check(raw or mint(), use(now=now))


def test_both_keys_of_an_issuer_count_while_they_overlap() -> None:
    """40"""
    policy = rotating(row(OWNER, revoked_at=NOW + HOUR), row(NEXT, valid_from=NOW - HOUR))
    for key in (OWNER, NEXT):
        assert check(mint(key), policy).outcome is Outcome.ACCEPTED
    after = NOW + HOUR
    assert check(mint(OWNER), policy, now=after).code is DefectCode.REVOKED
    assert check(mint(NEXT), policy, now=after).outcome is Outcome.ACCEPTED


def test_a_new_key_counts_for_nothing_before_it_begins() -> None:
    """40"""
    policy = rotating(row(OWNER), row(NEXT, valid_from=NOW + HOUR))
    assert check(mint(NEXT), policy).code is DefectCode.KEY_NOT_YET_VALID
    assert check(mint(NEXT), policy, now=NOW + HOUR).outcome is Outcome.ACCEPTED


def test_a_statement_signed_by_both_keys_counts_by_the_newer_one() -> None:
    policy = rotating(row(OWNER, revoked_at=NOW - DAY), row(NEXT))
    found = check(mint(OWNER, NEXT), policy)
    assert (found.outcome, found.key) == (Outcome.ACCEPTED, NEXT_ID)


def test_a_one_time_statement_signed_anew_with_the_next_key_is_the_same_one() -> None:
    """6"""
    policy = rotating(row(OWNER), row(NEXT))
    first, second = (check(mint(key, single_use=True), policy) for key in (OWNER, NEXT))
    assert first.once == second.once == once_id(policy.issuers[OWNER_ID], "statement-1")
    assert first.envelope != second.envelope


@pytest.mark.parametrize(
    "change",
    [
        {"keys": []},
        {"keys": [row(OWNER), row(OWNER)]},
        {"keys": [row(NEXT) | {"surprise": 1}]},
        {"keys": [row(NEXT) | {"valid_from": "soon"}]},
        {"keys": [row(NEXT)] * 17},
        {"keys": [row(NEXT)], "revoked_at": "2030-01-01T00:00:00Z"},
    ],
    ids=repr,
)
def test_a_mistake_in_the_keys_of_an_issuer_is_a_finding(change: dict[str, Any]) -> None:
    table = trust_table()
    del table["issuers"]["owner"]["key"]
    table["issuers"]["owner"] |= change
    with pytest.raises(TrustError):
        parse_trust(trust_bytes(table))


def test_key_and_keys_together_are_a_finding() -> None:
    with pytest.raises(TrustError, match="either one `key`"):
        trust(keys=[row(NEXT)])


@pytest.mark.parametrize(
    "changes",
    [
        {"revocations": {"keeper": {"covers": ["owner"], "max_age_seconds": 60}}},
        {"revocations": {"owner": {"covers": ["registrar"], "max_age_seconds": 60}}},
        {"revocations": {"approver": {"covers": ["owner"], "max_age_seconds": 60}}},
    ],
)
def test_lists_are_kept_by_an_issuer_enrolled_for_that_alone(changes: dict[str, Any]) -> None:
    with pytest.raises(TrustError, match="purpose `revocation`"):
        parse_trust(trust_bytes(trust_table(**changes)))


def test_a_keeper_of_lists_attests_no_facts() -> None:
    with pytest.raises(TrustError, match="`facts`"):
        watched(facts=["task"])
    found = check(mint(KEEPER, issuer="keeper"), watched())
    assert found.code is DefectCode.PURPOSE


def test_a_list_covers_nobody_who_is_not_there() -> None:
    table = trust_table()
    table["issuers"]["keeper"] = issuer_table(KEEPER, role="keeper", purpose="revocation", facts=[])
    table["revocations"] = {"keeper": {"covers": ["nobody"], "max_age_seconds": 60}}
    with pytest.raises(TrustError, match="covers"):
        parse_trust(trust_bytes(table))


def test_without_a_fresh_list_a_covered_key_attests_nothing() -> None:
    """10"""
    stale = DefectCode.REVOCATIONS_STALE
    assert checked(RevocationBook()).code is stale
    assert checked(book(revocations())).outcome is Outcome.ACCEPTED
    aged = timedelta(minutes=55)
    assert checked(book(revocations()), now=NOW + aged).outcome is Outcome.ACCEPTED
    assert checked(book(revocations()), now=NOW + aged + timedelta(seconds=1)).code is stale
    ended = revocations(expires_at=NOW + timedelta(minutes=1))
    assert checked(book(ended), now=NOW + timedelta(minutes=1)).code is stale


def test_a_list_that_is_silent_about_a_key_does_not_clear_it() -> None:
    """10"""
    for subject in (Subject("owner", NEXT_ID), Subject("registrar", OWNER_ID)):
        assert checked(book(revocations(keys=(subject,)))).code is DefectCode.REVOCATIONS_STALE


def test_issuers_that_no_list_covers_need_none() -> None:
    said = {"issuer": "registrar", "facts": {"task": "summarize_document"}}
    from tests.evidence.world import REGISTRAR

    assert checked(RevocationBook(), raw=mint(REGISTRAR, **said)).outcome is Outcome.ACCEPTED


def test_a_listed_key_attests_nothing_but_what_the_log_shows_before() -> None:
    """9"""
    revoked = book(revocations(at=NOW - HOUR))
    assert checked(revoked).code is DefectCode.REVOKED
    for minutes, counts in ((61, True), (60, False), (59, False)):
        shown = {sha256(mint()): NOW - timedelta(minutes=minutes)}
        found = checked(revoked, logged=shown.get)
        assert (found.outcome is Outcome.ACCEPTED) is counts


def test_the_log_speaks_of_the_very_envelope() -> None:
    """9"""
    shown = {sha256(mint()): NOW - DAY}
    revoked = book(revocations(at=NOW - HOUR))
    assert checked(revoked, logged=shown.get).outcome is Outcome.ACCEPTED
    assert checked(revoked, logged=shown.get, raw=mint(id="another")).code is DefectCode.REVOKED


def test_a_revocation_to_come_does_not_hold_yet() -> None:
    assert checked(book(revocations(at=NOW + HOUR))).outcome is Outcome.ACCEPTED


def refused(kept: RevocationBook, raw: bytes, policy: Trust | None = None) -> DefectCode:
    found = kept.admit(raw, policy or watched(), NOW)
    assert isinstance(found, RejectedEnvelope)
    return found.code


def test_a_list_follows_only_with_a_greater_number_and_gives_no_key_back() -> None:
    """10"""
    stale = DefectCode.REVOCATIONS_STALE
    kept = book(revocations(2, at=NOW - HOUR))
    assert refused(kept, revocations(1, at=NOW - HOUR)) is stale
    assert refused(kept, revocations(2, at=NOW - 2 * HOUR)) is stale
    assert refused(kept, revocations(3)) is stale
    assert refused(kept, revocations(3, at=NOW)) is stale
    assert isinstance(kept.admit(revocations(2, at=NOW - HOUR), watched(), NOW), VerifiedRevocations)
    assert isinstance(kept.admit(revocations(3, at=NOW - 2 * HOUR), watched(), NOW), VerifiedRevocations)


def test_after_a_restart_no_older_list_is_taken_than_the_log_has_seen() -> None:
    """10"""
    kept, newest = RevocationBook(), revocations(5)
    kept.not_before("keeper", 5, sha256(newest))
    assert refused(kept, revocations(4)) is DefectCode.REVOCATIONS_STALE
    assert refused(kept, revocations(5, at=NOW)) is DefectCode.REVOCATIONS_STALE
    assert isinstance(kept.admit(newest, watched(), NOW), VerifiedRevocations)


def test_a_list_is_signed_by_its_authority_with_a_key_that_is_valid() -> None:
    kept = RevocationBook()
    assert refused(kept, revocations(key=STRANGER)) is DefectCode.UNKNOWN_KEY
    assert refused(kept, revocations(key=OWNER)) is DefectCode.ISSUER
    assert refused(kept, revocations(issuer="owner", key=OWNER)) is DefectCode.PURPOSE
    gone = watched(revoked_at=render_time(NOW - HOUR))
    assert refused(kept, revocations(), gone) is DefectCode.REVOCATIONS_STALE
    assert refused(kept, revocations(issued_at=NOW + 2 * HOUR)) is DefectCode.REVOCATIONS_STALE
    assert refused(kept, mint()) is DefectCode.STATEMENT_TYPE


def test_a_list_of_a_key_that_the_policy_no_longer_trusts_counts_for_nothing() -> None:
    kept = book(revocations())
    gone = watched(revoked_at=render_time(NOW - HOUR))
    assert checked(kept, policy=gone).code is DefectCode.REVOCATIONS_STALE
    other = watched(key=OLD_KEEPER.public().render())
    assert checked(kept, policy=other).code is DefectCode.REVOCATIONS_STALE


def test_a_list_is_no_evidence() -> None:
    found = check(revocations(), watched())
    assert (found.outcome, found.code) == (Outcome.DEFECT, DefectCode.REVOCATIONS)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("number", 0),
        ("number", True),
        ("revoked", [{"key": "a" * 64, "at": "2030-01-01T00:00:00Z"}]),
        ("revoked", [{"key": OWNER_ID, "at": "soon"}]),
        ("revoked", [{"key": OWNER_ID, "at": "2030-01-01T00:00:00Z"}] * 2),
        ("expires_at", "2029-01-01T00:00:00Z"),
        ("surprise", 1),
    ],
)
def test_an_ill_formed_list_is_refused(place: str, value: Any) -> None:
    said = json.loads(parse_envelope(revocations(), max_bytes=1 << 20).payload)
    said["predicate"][place] = value
    with pytest.raises(StatementParseError) as caught:
        parse_revocations(json.dumps(said).encode())
    assert caught.value.code == "schema"


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reading_of_a_list_raise(raw: bytes) -> None:
    assert isinstance(verify_revocations(raw, watched()), RejectedEnvelope)
