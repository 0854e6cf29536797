"""A signed report verifies for its key, its bundle and its journal, and for no other."""

import base64
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.assay.certificate import CertificateError, sign_report, verify_report
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import Algorithm, private_key_from_seed

KEY = private_key_from_seed(Algorithm.ED25519, b"\x11" * 32)
OTHER = private_key_from_seed(Algorithm.ED25519, b"\x12" * 32)
BUNDLE, JOURNAL = Digest("ab" * 32), "cd" * 32


def report(**members: Any) -> JsonObject:
    """A small report; only what a signature speaks of is looked at."""
    share = {"count": 0, "of": 36, "value": 0.0, "low95": 0.0, "high95": 0.096}
    return {
        "version": 1,
        "partial": False,
        "digest": "ef" * 32,
        "journal": JOURNAL,
        "run": {"bundle": BUNDLE, "seed": 1},
        "arms": {"whole": {"unsafe": share, "twins_passed": None}},
        "unmeasured_arms": {},
        **members,
    }


def test_a_signed_report_says_what_it_covers() -> None:
    signed = verify_report(sign_report(report(), KEY), KEY.public())
    assert (signed.bundle, signed.journal, signed.run) == (BUNDLE, JOURNAL, "ef" * 32)
    assert signed.key == KEY.public().keyid
    assert signed.document == report()
    assert signed.arms["whole"].unsafe is not None
    assert signed.arms["whole"].unsafe.count == 0
    signed.check_bundle(BUNDLE)
    signed.check_report(orjson.dumps(report(), option=orjson.OPT_INDENT_2))


def test_another_key_is_refused() -> None:
    with pytest.raises(CertificateError, match="not of this key"):
        verify_report(sign_report(report(), KEY), OTHER.public())


def test_an_altered_report_is_refused() -> None:
    envelope = json.loads(sign_report(report(), KEY))
    payload = base64.b64decode(envelope["payload"]).replace(b'"of":36', b'"of":99')
    envelope["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(CertificateError, match="not of this key over these bytes"):
        verify_report(json.dumps(envelope).encode(), KEY.public())


def test_a_report_of_another_bundle_is_refused() -> None:
    signed = verify_report(sign_report(report(), KEY), KEY.public())
    with pytest.raises(CertificateError, match="is about bundle"):
        signed.check_bundle(Digest("00" * 32))


def test_other_json_than_what_was_signed_is_refused() -> None:
    signed = verify_report(sign_report(report(), KEY), KEY.public())
    with pytest.raises(CertificateError, match="not the one that was signed"):
        signed.check_report(orjson.dumps(report(partial=True)))


@pytest.mark.parametrize(
    "subject",
    [
        [
            {"name": "bundle", "digest": {"sha256": "00" * 32}},
            {"name": "journal", "digest": {"sha256": JOURNAL}},
        ],
        [{"name": "bundle", "digest": {"sha256": BUNDLE}}, {"name": "bundle", "digest": {"sha256": BUNDLE}}],
        [{"name": "bundle", "digest": {"sha256": BUNDLE}}],
    ],
)
def test_subjects_and_report_are_about_the_same(subject: object) -> None:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://caveat.invalid/predicate/assay-report/v1",
        "predicate": report(),
    }
    with pytest.raises(CertificateError):
        verify_report(sign_envelope(orjson.dumps(statement), IN_TOTO, [KEY]), KEY.public())


@pytest.mark.parametrize(
    "members", [{"version": 2}, {"journal": None}, {"run": {"seed": 1}}, {"arms": None}, {"partial": "no"}]
)
def test_what_is_no_report_of_a_journal_is_not_signed(members: dict[str, object]) -> None:
    with pytest.raises(CertificateError, match="no report of a journal"):
        sign_report(report(**members), KEY)


def test_a_proof_about_a_policy_is_no_report() -> None:
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example/v1"}
    for payload, kind in ((orjson.dumps(statement), IN_TOTO), (b"{", IN_TOTO), (b"{}", "text/plain")):
        with pytest.raises(CertificateError):
            verify_report(sign_envelope(payload, kind, [KEY]), KEY.public())


@given(st.binary(max_size=200))
def test_no_bytes_raise_another_error(data: bytes) -> None:
    with pytest.raises(CertificateError):
        verify_report(data, KEY.public())
