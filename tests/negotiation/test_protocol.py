"""Who may do what: every rule of the protocol refuses what it is there for, and admits its counterpart."""

from datetime import timedelta

import pytest

from caveat.ledger.record import TermsRecord, parse_time, render_time
from caveat.negotiation.act import ActKind, render_act, sign_act
from caveat.negotiation.errors import ActParseError, RefusedActError, Rule
from caveat.negotiation.parties import make_parties
from caveat.negotiation.protocol import Negotiation, Standing
from caveat.policy.bundle import bundle_digest
from caveat.policy.signatures import sign_adoption
from caveat.signing.digest import sha256
from caveat.signing.dsse import IN_TOTO, sign_envelope
from tests.negotiation.talks import (
    DRAFT,
    ID,
    KEYS,
    LOG_KEY,
    PARTIES,
    STRANGER,
    STRICTER,
    Fold,
    act,
    answer,
    record,
)

OTHER_TERMS = bundle_digest(STRICTER)


def refused(fold: Fold, made: object, *arguments: object) -> Rule:
    with pytest.raises(RefusedActError) as caught:
        fold.admit(made, *arguments)  # type: ignore[arg-type]
    return caught.value.code


@pytest.mark.parametrize(("first", "second"), [("provider", "customer"), ("customer", "provider")])
def test_an_offer_is_countered_and_the_counter_offer_accepted_whoever_begins(first: str, second: str) -> None:
    fold = Fold()
    offer = fold.admit(act("offer", first, second))
    counter = fold.admit(answer("counter", second, offer, hours=1, terms=OTHER_TERMS))
    fold.admit(answer("accept", first, counter, hours=2))
    assert fold.negotiation.standing(offer) == {second: Standing.COUNTERED}
    assert fold.negotiation.standing(counter) == {first: Standing.ACCEPTED}
    assert fold.negotiation.open_offers(first) == fold.negotiation.open_offers(second) == ()


@pytest.mark.parametrize(("party", "other"), [("provider", "customer"), ("customer", "provider")])
def test_nobody_accepts_their_own_offer(party: str, other: str) -> None:
    fold = Fold()
    offer = fold.admit(act("offer", party, other))
    for kind in ("accept", "refuse", "counter"):
        terms = OTHER_TERMS if kind == "counter" else offer.act.terms
        made = act(kind, party, other, hours=1, answers=offer.hash, terms=terms)
        assert refused(fold, made) is Rule.OWN_OFFER


@pytest.mark.parametrize("closing", ["accept", "refuse", "counter"])
@pytest.mark.parametrize("again", ["accept", "refuse", "counter"])
def test_a_closed_offer_is_not_answered_again(closing: str, again: str) -> None:
    fold = Fold()
    offer = fold.admit(act("offer", "provider", "customer"))
    terms = {"counter": OTHER_TERMS}
    fold.admit(answer(closing, "customer", offer, hours=1, terms=terms.get(closing, offer.act.terms)))
    later = answer(again, "customer", offer, hours=2, terms=terms.get(again, offer.act.terms))
    assert refused(fold, later) is Rule.NOT_STANDING


def test_an_offer_to_two_parties_stands_for_each_apart() -> None:
    fold = Fold()
    offer = fold.admit(act("offer", "provider", "customer", "agency"))
    fold.admit(answer("refuse", "customer", offer, hours=1))
    assert fold.negotiation.standing(offer) == {"customer": Standing.REFUSED, "agency": Standing.STANDING}
    fold.admit(answer("accept", "agency", offer, hours=2))
    assert fold.negotiation.standing(offer)["agency"] is Standing.ACCEPTED


def test_only_a_party_that_an_offer_is_addressed_to_answers_it() -> None:
    fold = Fold()
    offer = fold.admit(act("offer", "provider", "customer"))
    assert refused(fold, answer("accept", "agency", offer, hours=1)) is Rule.NOT_ADDRESSED


def test_an_acceptance_carries_the_terms_that_it_accepts() -> None:
    fold = Fold()
    offer = fold.admit(act("offer", "provider", "customer"))
    for kind in ("accept", "refuse"):
        made = answer(kind, "customer", offer, hours=1, terms=OTHER_TERMS)
        assert refused(fold, made) is Rule.OTHER_TERMS
    assert refused(fold, answer("counter", "customer", offer, hours=1)) is Rule.SAME_TERMS


def test_an_answer_answers_an_offer_that_is_there() -> None:
    fold = Fold()
    offer = fold.admit(act("offer", "provider", "customer"))
    accepted = fold.admit(answer("accept", "customer", offer, hours=1))
    nowhere = act("accept", "customer", "provider", hours=2, answers=sha256(b"nowhere"))
    assert refused(fold, nowhere) is Rule.NO_SUCH_OFFER
    assert refused(fold, act("accept", "customer", "provider", hours=2)) is Rule.NO_SUCH_OFFER
    to_an_acceptance = act("accept", "provider", "customer", hours=2, answers=accepted.hash)
    assert refused(fold, to_an_acceptance) is Rule.NO_SUCH_OFFER
    answering = act("offer", "customer", "provider", hours=2, answers=offer.hash)
    assert refused(fold, answering) is Rule.NO_SUCH_OFFER


def test_an_answer_goes_to_whoever_made_the_offer() -> None:
    fold = Fold()
    offer = fold.admit(act("offer", "provider", "customer"))
    elsewhere = act("accept", "customer", "agency", hours=1, answers=offer.hash)
    assert refused(fold, elsewhere) is Rule.UNKNOWN_RECIPIENT
    both = act("accept", "customer", "provider", "agency", hours=1, answers=offer.hash)
    assert refused(fold, both) is Rule.UNKNOWN_RECIPIENT


@pytest.mark.parametrize("to", [(), ("provider",), ("nobody",)])
def test_an_offer_goes_to_another_party(to: tuple[str, ...]) -> None:
    assert refused(Fold(), act("offer", "provider", *to)) is Rule.UNKNOWN_RECIPIENT


def test_an_offer_that_its_party_did_not_sign_is_refused() -> None:
    assert refused(Fold(), act("offer", "provider", "customer"), STRANGER) is Rule.NOT_SIGNED
    assert refused(Fold(), act("offer", "provider", "customer"), KEYS["customer"]) is Rule.NOT_SIGNED


def test_a_forged_offer_names_the_partys_key_and_fails_under_it() -> None:
    made = record(act("offer", "provider", "customer"))
    stolen = sign_act(act("offer", "provider", "customer", note="other"), KEYS["provider"])
    payload = made.envelope.partition('"payload":"')[2].partition('"')[0]
    other = stolen.decode().partition('"payload":"')[2].partition('"')[0]
    forged = TermsRecord(made.time, made.bundle, made.envelope.replace(payload, other))
    with pytest.raises(RefusedActError) as caught:
        Fold().negotiation.check(forged)
    assert caught.value.code is Rule.FORGED


def test_an_act_by_somebody_who_is_no_party_is_refused() -> None:
    made = act("offer", "stranger", "customer")
    assert refused(Fold(), made, STRANGER) is Rule.UNKNOWN_PARTY


def test_an_act_of_another_negotiation_or_towards_other_keys_is_refused() -> None:
    other = make_parties(ID, {**PARTIES.keys, "agency": frozenset({STRANGER.public()})})
    assert refused(Fold(), act("offer", "provider", "customer", negotiation="x")) is Rule.OTHER_NEGOTIATION
    assert refused(Fold(), act("offer", "provider", "customer", parties=other.digest)) is Rule.OTHER_PARTIES


def test_a_signature_made_for_another_purpose_is_no_act() -> None:
    terms = bundle_digest(DRAFT)
    adoption = sign_adoption("small", terms, "provider", KEYS["provider"])
    with pytest.raises(ActParseError):
        Fold().negotiation.check(TermsRecord(act("offer", "provider").time, terms, adoption.decode()))


def test_a_key_that_signs_the_log_is_no_partys() -> None:
    parties = make_parties(ID, {**PARTIES.keys, "provider": frozenset({LOG_KEY.public()})})
    with pytest.raises(RefusedActError) as caught:
        Negotiation(parties, LOG_KEY.public().raw)
    assert caught.value.code is Rule.KEY_REUSED


def test_an_act_that_speaks_of_other_files_than_are_kept_is_refused() -> None:
    made = record(act("offer", "provider", "customer"))
    with pytest.raises(RefusedActError) as caught:
        Fold().negotiation.check(TermsRecord(made.time, OTHER_TERMS, made.envelope))
    assert caught.value.code is Rule.OTHER_FILES


def test_the_same_act_is_recorded_once() -> None:
    fold = Fold()
    fold.admit(act("offer", "provider", "customer"))
    assert refused(fold, act("offer", "provider", "customer")) is Rule.REPEATED


def test_a_back_dated_act_is_refused() -> None:
    fold = Fold()
    fold.admit(act("offer", "provider", "customer", hours=5))
    earlier = act("offer", "customer", "provider", hours=4)
    assert refused(fold, earlier, None, 5) is Rule.TIME_WENT_BACK
    assert refused(fold, earlier, None, 4) is Rule.TIME_WENT_BACK
    assert refused(Fold(), act("offer", "provider", "customer", hours=0), None, 25) is Rule.TIME_BEHIND


def test_an_act_from_the_future_is_refused() -> None:
    made = act("offer", "provider", "customer", hours=1)
    assert refused(Fold(), made, None, 0) is Rule.TIME_AHEAD
    soon = render_time(parse_time(made.time) - timedelta(minutes=4))
    record_soon = TermsRecord(soon, made.terms, sign_act(made, KEYS["provider"]).decode())
    assert Fold().negotiation.check(record_soon) == made


def test_a_refused_act_changes_nothing() -> None:
    fold = Fold()
    offer = fold.admit(act("offer", "provider", "customer"))
    refused(fold, act("accept", "provider", "customer", hours=1, answers=offer.hash))
    assert len(fold.negotiation.acts) == 1
    assert fold.negotiation.standing(offer) == {"customer": Standing.STANDING}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"act":"offer"', b'"act":"oblige"'),
        (b'"note":""', b'"note":"","witness":"x"'),
        (b'"note":""', b'"note": ""'),
        (b'"name":"terms"', b'"name":"document"'),
        (b'"to":["customer"]', b'"to":["customer","customer"]'),
        (b"T00:00:00.000Z", b"T00:00:61.000Z"),
        (b"predicate/terms/v1", b"predicate/facts/v1"),
    ],
)
def test_what_is_no_act_in_its_one_form_is_refused_even_well_signed(old: bytes, new: bytes) -> None:
    payload = render_act(act("offer", "provider", "customer"))
    assert old in payload
    envelope = sign_envelope(payload.replace(old, new), IN_TOTO, [KEYS["provider"]])
    with pytest.raises(ActParseError):
        Fold().negotiation.check(
            TermsRecord(act("offer", "provider").time, bundle_digest(DRAFT), envelope.decode())
        )


def test_every_kind_of_act_is_known_to_the_protocol() -> None:
    assert {kind.value for kind in ActKind} == {"offer", "counter", "accept", "refuse", "imported"}
