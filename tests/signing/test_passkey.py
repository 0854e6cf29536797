"""Assertions of passkeys: what holds, what does not, and that two readers agree."""

import json
from typing import Any

import pytest
from fido2.cose import ES256
from fido2.webauthn import AuthenticatorData, CollectedClientData
from hypothesis import given
from hypothesis import strategies as st

from caveat.signing.dsse import IN_TOTO, EnvelopeParseError, pae
from caveat.signing.keys import Algorithm, private_key_from_seed
from caveat.signing.passkey import (
    Asserted,
    Passkey,
    PasskeyDefect,
    from_base64url,
    parse_passkey_envelope,
    render_passkey_envelope,
    verify_assertion,
)
from tests.support.passkeys import Authenticator

WHO = Authenticator("ada")
PASSKEY = Passkey(WHO.credential, WHO.rp_id, WHO.origin)
MESSAGE = pae(IN_TOTO, b"a payload")


def verified(who: Authenticator, message: bytes = MESSAGE) -> Asserted | PasskeyDefect:
    return verify_assertion(who.asserted(message), PASSKEY, WHO.key.public(), MESSAGE)


def test_an_assertion_over_exactly_this_message_holds() -> None:
    assert verified(WHO.lying(counter=7)) == Asserted(7, synced=False)
    assert verified(WHO.lying(counter=7, flags=0x0D)) == Asserted(7, synced=True)


@pytest.mark.parametrize(
    ("lie", "defect"),
    [
        ({"person": "eve"}, PasskeyDefect.FORGED),
        ({"origin": "https://caveat.example.evil"}, PasskeyDefect.ORIGIN),
        ({"origin": "http://caveat.example"}, PasskeyDefect.ORIGIN),
        ({"origin": "https://caveat.example:444"}, PasskeyDefect.ORIGIN),
        ({"rp_id": "example"}, PasskeyDefect.ORIGIN),
        ({"flags": 0x00}, PasskeyDefect.VERIFICATION),
        ({"flags": 0x01}, PasskeyDefect.VERIFICATION),
        ({"flags": 0x04}, PasskeyDefect.VERIFICATION),
        ({"flags": 0x15}, PasskeyDefect.VERIFICATION),
        ({"flags": 0x45}, PasskeyDefect.VERIFICATION),
        ({"flags": 0x85}, PasskeyDefect.VERIFICATION),
        ({"members": {"type": "webauthn.create"}}, PasskeyDefect.CHALLENGE),
        ({"members": {"challenge": "AAAA"}}, PasskeyDefect.CHALLENGE),
        ({"members": {"crossOrigin": True}}, PasskeyDefect.ORIGIN),
        ({"members": {"topOrigin": "https://evil.example"}}, PasskeyDefect.ORIGIN),
    ],
)
def test_an_assertion_that_says_something_else_does_not_hold(
    lie: dict[str, Any], defect: PasskeyDefect
) -> None:
    assert verified(WHO.lying(**lie)) is defect


def test_an_assertion_over_another_message_does_not_hold() -> None:
    assert verified(WHO, pae(IN_TOTO, b"another")) is PasskeyDefect.CHALLENGE
    assert verified(WHO, pae("text/plain", b"a payload")) is PasskeyDefect.CHALLENGE


def test_a_key_of_another_algorithm_verifies_nothing() -> None:
    key = private_key_from_seed(Algorithm.ED25519, b"e" * 32).public()
    assert verify_assertion(WHO.asserted(MESSAGE), PASSKEY, key, MESSAGE) is PasskeyDefect.FORGED


def test_members_that_browsers_add_are_their_own_business() -> None:
    assert isinstance(verified(WHO.lying(members={"other_keys_can_be_added_here": "yes"})), Asserted)


def test_the_library_for_enrolment_reads_the_same_in_it() -> None:
    """A second reader: `fido2` finds the same origin, flags and counter, and the same signature."""
    assertion = WHO.lying(counter=9).asserted(MESSAGE)
    data, client = AuthenticatorData(assertion.authenticator_data), CollectedClientData(assertion.client_data)
    assert (data.counter, data.is_user_present(), data.is_user_verified()) == (9, True, True)
    assert (client.type, client.origin) == ("webauthn.get", WHO.origin)
    raw = WHO.key.public().raw
    key = ES256({1: 2, 3: -7, -1: 1, -2: raw[1:33], -3: raw[33:]})
    key.verify(assertion.authenticator_data + client.hash, assertion.signature)  # type: ignore[no-untyped-call] # the library's


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_raise_another_error(raw: bytes) -> None:
    try:
        parse_passkey_envelope(raw, max_bytes=1000)
    except EnvelopeParseError:
        return
    raise AssertionError("random bytes are no envelope")


def test_what_is_rendered_is_read_back() -> None:
    raw = WHO.envelope(b"payload")
    assert render_passkey_envelope(parse_passkey_envelope(raw, max_bytes=4096)) == raw


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(signatures=[]),
        lambda value: value.pop("payloadType"),
        lambda value: value["passkey"].update(userHandle=""),
        lambda value: value["passkey"].pop("signature"),
        lambda value: value["passkey"].update(signature="AB=="),
        lambda value: value["passkey"].update(credential=1),
        lambda value: value.update(payloadType=1),
    ],
)
def test_an_envelope_of_another_shape_is_refused(change: Any) -> None:
    value = json.loads(WHO.envelope(b"payload"))
    change(value)
    with pytest.raises(EnvelopeParseError):
        parse_passkey_envelope(json.dumps(value).encode(), max_bytes=4096)


@pytest.mark.parametrize("text", ["AA==", "A", "+/+/", "AB", "é"])
def test_base64url_has_one_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_base64url(text)
