"""Proofs verify offline, and nothing else does: changed, cut, reordered or exchanged, each is refused."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner
from caveat.ledger.wire import render_record
from caveat.negotiation.clauses import items
from caveat.negotiation.errors import Flaw, ProofError
from caveat.negotiation.folder import append
from caveat.negotiation.parties import make_parties
from caveat.negotiation.proof import Sought
from caveat.negotiation.prove import prove_absent, prove_offered
from caveat.negotiation.verify import verify_proof
from caveat.policy.bundle import bundle_digest, parse_bundle
from caveat.signing.canonical import canonical
from caveat.signing.keys import PrivateKey
from caveat.signing.merkle import leaf_hash, root_of
from caveat.signing.note import note_key
from tests.negotiation.talks import (
    DRAFT,
    ID,
    KEYS,
    LOG_KEY,
    PARTIES,
    STRANGER,
    STRICTER,
    VERIFIER,
    WITHOUT_C5,
    Talks,
    act,
    answer,
    moment,
    record,
)

TERMS = bundle_digest(DRAFT)


@pytest.fixture
def talks(tmp_path: Path) -> Talks:
    """An offer without C5 at hour 1, the draft with C5 as a counter-offer at hour 2, stricter at hour 3."""
    talks = Talks(tmp_path / "talks")
    offer = talks.offer(WITHOUT_C5, "provider", "customer", hours=1)
    counter = talks.add(answer("counter", "customer", offer, hours=2, terms=TERMS), DRAFT)
    talks.add(answer("counter", "provider", counter, hours=3, terms=bundle_digest(STRICTER)), STRICTER)
    return talks


def flaw(data: bytes | dict[str, Any], **given: Any) -> Flaw:
    proof = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(ProofError) as caught:
        verify_proof(proof, given.pop("key", VERIFIER), **given)
    return caught.value.code


def spoilt(proof: bytes, **members: Any) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(proof)
    changed.update(members)
    return changed


def test_terms_that_were_offered_are_proved_offline_with_a_clause(talks: Talks) -> None:
    proof = prove_offered(talks.opened(), TERMS, "C5")
    proved = verify_proof(proof, VERIFIER, parties=PARTIES)
    assert proved.claim["party"] == "customer"
    assert proved.claim["recorded"] == moment(2)
    assert any("the only one with this key" in line for line in proved.assumes)


def test_terms_that_were_not_offered_are_not_proved(talks: Talks) -> None:
    with pytest.raises(ProofError) as caught:
        prove_offered(talks.opened(), bundle_digest({"bundle.toml": b""}), None)
    assert caught.value.code is Flaw.NOT_OFFERED
    with pytest.raises(ProofError) as caught:
        prove_offered(talks.opened(), TERMS, None, to="agency")
    assert caught.value.code is Flaw.NOT_OFFERED
    with pytest.raises(ProofError) as caught:
        prove_offered(talks.opened(), bundle_digest(WITHOUT_C5), "C5")
    assert caught.value.code is Flaw.CLAUSE_MISSING


def test_a_clause_stood_in_no_offer_before_a_time_and_in_one_after_it(talks: Talks) -> None:
    proof = prove_absent(talks.opened(), Sought("C5", None), moment(2))
    proved = verify_proof(proof, VERIFIER)
    assert (proved.claim["offers"], proved.claim["records"]) == (1, 3)
    for before in (moment(2.1), None):
        with pytest.raises(ProofError) as caught:
            prove_absent(talks.opened(), Sought("C5", None), before)
        assert caught.value.code is Flaw.CLAUSE_STOOD


def test_a_clause_is_found_by_its_content_under_another_id(talks: Talks) -> None:
    renamed = {**DRAFT, "clauses/all.cedar": DRAFT["clauses/all.cedar"].replace(b'"C5"', b'"X2"')}
    talks.offer(renamed, "customer", "provider", hours=4)
    content = items(parse_bundle(DRAFT))["C5"].content
    by_id = prove_absent(talks.opened(), Sought("C9", None), None)
    assert any("another id is not looked for" in line for line in verify_proof(by_id, VERIFIER).assumes)
    with pytest.raises(ProofError) as caught:
        prove_absent(talks.opened(), Sought("C9", content), None)
    assert caught.value.code is Flaw.CLAUSE_STOOD


def test_a_back_dated_offer_counts_as_early_as_it_says(tmp_path: Path) -> None:
    talks = Talks(tmp_path / "talks")
    made = act("offer", "provider", "customer", hours=1)
    append(talks.root, PARTIES, LOG_KEY, record(made, hours=5), DRAFT)
    with pytest.raises(ProofError) as caught:
        prove_absent(talks.opened(), Sought("C5", None), moment(3))
    assert caught.value.code is Flaw.CLAUSE_STOOD


def test_a_time_after_the_last_record_is_named_as_an_assumption(talks: Talks) -> None:
    within = verify_proof(prove_absent(talks.opened(), Sought("C9", None), moment(3)), VERIFIER)
    beyond = verify_proof(prove_absent(talks.opened(), Sought("C9", None), moment(9)), VERIFIER)
    assert not any("the checkpoint was made at or after" in line for line in within.assumes)
    assert any("the checkpoint was made at or after" in line for line in beyond.assumes)


def test_a_truncated_or_reordered_or_extended_log_proves_no_absence(talks: Talks) -> None:
    proof = prove_absent(talks.opened(), Sought("C9", None), None)
    leaves = json.loads(proof)["leaves"]
    for changed in (leaves[:-1], leaves[1:], leaves[::-1], [*leaves, leaves[0]], []):
        assert flaw(spoilt(proof, leaves=changed)) is Flaw.INCOMPLETE


def test_an_offer_that_is_left_out_of_the_proof_is_missed(talks: Talks) -> None:
    proof = prove_absent(talks.opened(), Sought("C9", None), None)
    files = json.loads(proof)["files"]
    fewer = {digest: parts for digest, parts in files.items() if digest != TERMS}
    assert flaw(spoilt(proof, files=fewer)) is Flaw.FILES


def test_terms_that_were_changed_in_the_proof_are_refused(talks: Talks) -> None:
    proof = prove_absent(talks.opened(), Sought("C9", None), None)
    files = json.loads(proof)["files"]
    files[TERMS]["clauses/all.cedar"] = base64.b64encode(b"permit (principal, action, resource);").decode()
    assert flaw(spoilt(proof, files=files)) is Flaw.FILES


def test_a_claim_that_was_changed_in_the_proof_is_judged_anew(talks: Talks) -> None:
    proof = prove_absent(talks.opened(), Sought("C5", None), moment(2))
    later = {"clause": "C5", "content": None, "before": moment(3)}
    assert flaw(spoilt(proof, claim=later)) is Flaw.FILES
    assert (
        flaw(spoilt(proof, claim={"clause": "C1", "content": None, "before": moment(2)})) is Flaw.CLAUSE_STOOD
    )
    assert flaw(spoilt(proof, claim={"clause": None, "content": None, "before": None})) is Flaw.MALFORMED
    offered = prove_offered(talks.opened(), TERMS, "C5")
    other = {"offered": bundle_digest(STRICTER), "clause": None}
    assert flaw(spoilt(offered, claim=other)) is Flaw.NOT_OFFERED
    assert flaw(spoilt(offered, claim={"offered": TERMS, "clause": "C9"})) is Flaw.CLAUSE_MISSING
    assert flaw(spoilt(offered, files={})) is Flaw.FILES


def test_a_record_that_was_changed_or_moved_is_not_under_the_root(talks: Talks) -> None:
    proof = prove_offered(talks.opened(), TERMS, None)
    whole = json.loads(prove_absent(talks.opened(), Sought("C9", None), None))["leaves"]
    placed = json.loads(proof)["placed"]
    assert flaw(spoilt(proof, leaves=[whole[0]])) is Flaw.NOT_INCLUDED
    assert flaw(spoilt(proof, placed={**placed, "index": 0})) is Flaw.NOT_INCLUDED
    assert flaw(spoilt(proof, placed={**placed, "path": placed["path"][1:]})) is Flaw.NOT_INCLUDED


def test_a_proof_of_another_log_or_under_another_key_is_refused(talks: Talks) -> None:
    proof = prove_offered(talks.opened(), TERMS, None)
    assert flaw(proof, key=note_key(ID, STRANGER.public())) is Flaw.CHECKPOINT
    assert flaw(proof, key=note_key("example.org/other", LOG_KEY.public())) is Flaw.CHECKPOINT
    note = json.loads(proof)["checkpoint"]
    assert flaw(spoilt(proof, checkpoint=note.replace("\n3\n", "\n4\n"))) is Flaw.CHECKPOINT


def test_parties_other_than_those_that_signed_are_refused(talks: Talks) -> None:
    proof = prove_offered(talks.opened(), TERMS, None)
    others = make_parties(ID, {**PARTIES.keys, "agency": frozenset({STRANGER.public()})})
    swapped = base64.b64encode(others.render()).decode()
    assert flaw(spoilt(proof, parties=swapped)) is Flaw.ACT
    assert flaw(proof, parties=others) is Flaw.PARTIES
    elsewhere = make_parties("example.org/other", PARTIES.keys)
    assert flaw(spoilt(proof, parties=base64.b64encode(elsewhere.render()).decode())) is Flaw.PARTIES


def _signed_by_the_keeper(proof: bytes, leaves: list[bytes], key: PrivateKey = LOG_KEY) -> dict[str, Any]:
    """A proof by a keeper who puts what he likes under his own signature."""
    signer = CheckpointSigner(ID, key, Checkpoint(ID, 0, b""))
    note = signer.sign(len(leaves), root_of([leaf_hash(leaf) for leaf in leaves]))
    return spoilt(
        proof, leaves=[base64.b64encode(leaf).decode() for leaf in leaves], checkpoint=note.decode()
    )


def test_the_keeper_of_the_log_cannot_put_an_offer_into_a_partys_mouth(talks: Talks) -> None:
    opened = talks.opened()
    absent = prove_absent(opened, Sought("C9", None), None)
    invented = record(act("offer", "provider", "customer", hours=1), STRANGER)
    forged = canonical(render_record(invented))
    assert flaw(_signed_by_the_keeper(absent, [forged, *opened.leaves[1:]])) is Flaw.ACT
    offered = _signed_by_the_keeper(prove_offered(opened, TERMS, None), [forged])
    assert flaw(offered | {"placed": {"index": 0, "path": []}}) is Flaw.ACT


def test_a_hidden_counter_offer_shows_as_a_fork_against_a_checkpoint_held_outside(talks: Talks) -> None:
    opened = talks.opened()
    held = opened.checkpoint
    proof = prove_absent(opened, Sought("C9", None), None)
    assert any("kept it unchanged" in line for line in verify_proof(proof, VERIFIER, held=held).assumes)
    hidden = _signed_by_the_keeper(proof, list(opened.leaves[:1]))
    files = json.loads(proof)["files"]
    hidden["files"] = files
    short = json.dumps(hidden).encode()
    assert verify_proof(short, VERIFIER).claim["records"] == 1  # by itself it looks well
    assert flaw(short, held=held) is Flaw.HELD


def test_another_history_of_the_same_size_is_a_fork(talks: Talks, tmp_path: Path) -> None:
    other = Talks(tmp_path / "other")
    first = other.offer(WITHOUT_C5, "provider", "customer", hours=1)
    other.add(answer("accept", "customer", first, hours=2), WITHOUT_C5)
    other.offer(WITHOUT_C5, "provider", "agency", hours=3)
    for proof in (
        prove_absent(other.opened(), Sought("C9", None), None),
        prove_offered(other.opened(), bundle_digest(WITHOUT_C5), None),
    ):
        assert flaw(proof, held=talks.opened().checkpoint) is Flaw.HELD
    assert flaw(prove_offered(other.opened(), bundle_digest(WITHOUT_C5), None), held=b"x") is Flaw.HELD


def test_an_earlier_checkpoint_held_outside_is_a_prefix(talks: Talks) -> None:
    held = talks.opened().checkpoint
    talks.offer(DRAFT, "customer", "agency", hours=5)
    proof = prove_absent(talks.opened(), Sought("C9", None), None)
    assert any(
        "3 records, which this log continues" in line
        for line in verify_proof(proof, VERIFIER, held=held).assumes
    )
    offered = prove_offered(talks.opened(), TERMS, None)
    assert flaw(offered, held=held) is Flaw.HELD


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"version":2}', b"[" * 100_000])
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    assert flaw(data) is Flaw.MALFORMED


def test_no_change_of_a_single_character_of_a_proof_goes_unnoticed(talks: Talks) -> None:
    proof = prove_offered(talks.opened(), TERMS, None)
    claim = verify_proof(proof, VERIFIER, parties=PARTIES).claim
    for place in range(0, len(proof), 7):
        changed = proof[:place] + (b"A" if proof[place : place + 1] != b"A" else b"B") + proof[place + 1 :]
        try:
            assert verify_proof(changed, VERIFIER, parties=PARTIES).claim == claim
        except ProofError:
            continue


def test_the_parties_keys_are_the_tests_own() -> None:
    assert PARTIES.owner(KEYS["provider"].public()) == "provider"
    assert PARTIES.owner(STRANGER.public()) is None
