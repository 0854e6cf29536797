"""What a person signs, with either kind of key, and which container each kind of key may use."""

from datetime import UTC, datetime, timedelta

import pytest

from caveat.evidence.approval import (
    Act,
    Approval,
    VerifiedApproval,
    mint_approval,
    render_approval,
    verify_approval,
)
from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.trust import Trust, TrustError, parse_trust
from caveat.signing.digest import Digest
from tests.support.overseers import BEN
from tests.support.passkeys import Authenticator

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ADA = Authenticator("ada")
HEAD = 'version = 1\nexpires_at = "2100-01-01T00:00:00Z"\n'


def trust(*rows: str) -> Trust:
    return parse_trust((HEAD + "".join(rows)).encode())


def approval(issuer: str) -> Approval:
    return Approval(
        issuer,
        "officer",
        Act.APPROVE,
        "1-0123456789abcdef",
        Digest("a" * 64),
        Digest("b" * 64),
        "key:x",
        "desk",
        NOW,
        NOW + timedelta(minutes=5),
    )


def test_a_passkey_signs_the_same_statement_as_a_key_in_a_file() -> None:
    found = verify_approval(ADA.envelope(render_approval(approval("ada"))), trust(ADA.enrolled()))
    assert isinstance(found, VerifiedApproval)
    assert found.approval == approval("ada")
    assert found.asserted is not None


def test_a_key_that_belongs_to_a_passkey_signs_no_plain_envelope() -> None:
    """291: nobody who gets at such a key goes round the person's verification."""
    found = verify_approval(mint_approval(approval("ada"), [ADA.key]), trust(ADA.enrolled()))
    assert isinstance(found, RejectedEnvelope)
    assert found.code is DefectCode.UNKNOWN_KEY


def test_a_key_in_a_file_signs_in_no_passkeys_name() -> None:
    """291"""
    ben = Authenticator("ben")
    found = verify_approval(ben.envelope(render_approval(approval("ben"))), trust(BEN.enrolled()))
    assert isinstance(found, RejectedEnvelope)
    assert found.code is DefectCode.UNKNOWN_KEY


def test_one_passkey_does_not_sign_for_another_person() -> None:
    bea = Authenticator("bea")
    found = verify_approval(
        bea.envelope(render_approval(approval("ada"))), trust(ADA.enrolled(), bea.enrolled())
    )
    assert isinstance(found, RejectedEnvelope)
    assert found.code is DefectCode.ISSUER


def test_another_payload_type_is_refused() -> None:
    found = verify_approval(ADA.envelope(b"{}", "text/plain"), trust(ADA.enrolled()))
    assert isinstance(found, RejectedEnvelope)
    assert found.code is DefectCode.PAYLOAD_TYPE


@pytest.mark.parametrize(
    ("lie", "finding"),
    [
        ({"origin": "https://evil.example"}, "is the host of"),
        ({"origin": "http://caveat.example"}, "begins with https"),
        ({"rp_id": "ample"}, "is the host of"),
        ({"aaguid": ""}, "names"),
    ],
)
def test_a_passkey_that_could_not_hold_is_a_finding(lie: dict[str, str], finding: str) -> None:
    with pytest.raises(TrustError, match=finding):
        trust(ADA.lying(**lie).enrolled())


def test_a_passkey_goes_with_one_key_of_p256_and_with_one_person() -> None:
    with pytest.raises(TrustError, match="exactly one `key`, of P-256"):
        trust(ADA.enrolled().replace(ADA.key.public().render(), "ed25519:" + "A" * 43 + "="))
    other = Authenticator("bea").enrolled().replace(Authenticator("bea").credential, ADA.credential)
    with pytest.raises(TrustError, match="has the passkey of another issuer"):
        trust(ADA.enrolled(), other)


def test_a_sign_in_that_two_persons_share_is_a_finding_and_two_keys_of_one_person_may_have_it() -> None:
    """345"""
    pair = (("https://id.example", "248289761001"),)
    ada, bea = Authenticator("ada", sign_in=pair), Authenticator("bea", sign_in=pair)
    with pytest.raises(TrustError, match="issuer `bea` has the `sign_in` of another person"):
        trust(ada.enrolled(), bea.enrolled())
    spare = bea.enrolled().replace('person = "bea"', 'person = "ada"')
    assert len(trust(ada.enrolled(), spare).issuers) == 2
