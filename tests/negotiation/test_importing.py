"""What is imported is worth what a pinned key vouches for, and nothing more; what was altered is no proof."""

import re
from datetime import timedelta
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from caveat.negotiation.dkim_signature import DkimKeys
from caveat.negotiation.document import Document, Grade, Outcome
from caveat.negotiation.errors import DocumentError
from caveat.negotiation.importing import Pins, import_document
from caveat.negotiation.mail import MAX_MAIL_BYTES
from caveat.signing.digest import sha256
from tests.negotiation.mails import (
    AUTHOR,
    HEADERS,
    MOMENT,
    NAME,
    PAGE,
    Identity,
    authority,
    dkim_record,
    dkim_signed,
    foreign_signature,
    issued,
    mail,
    rsa_key,
    signed_data,
    smime_entity,
    smime_mail,
    stamp,
)

AUTHORITY = authority()
SIGNER = issued(AUTHORITY)
TSA = issued(AUTHORITY, number=3, purpose=ExtendedKeyUsageOID.TIME_STAMPING, days=366)
NOTHING = Pins(DkimKeys({}), (), ())


def pinned(record: bytes | None = None, **given: Any) -> Pins:
    records = {NAME: dkim_record(rsa_key()) if record is None else record}
    return Pins(DkimKeys(records), given.get("certificates", ()), given.get("tsa", ()))


def certificates(*identities: Identity) -> Pins:
    return Pins(DkimKeys({}), tuple(identity.certificate for identity in identities), ())


def imported(raw: bytes, pins: Pins, **given: Any) -> Document:
    return import_document(raw, pins, **given).document


def reason(document: Document) -> str:
    assert document.altered
    assert document.grade is Grade.CLAIMED
    return document.checks[0].reason


# --- DKIM ---


def test_a_mail_signed_under_a_pinned_dkim_key_is_attested_with_its_page_of_terms() -> None:
    found = import_document(dkim_signed(mail()), pinned())
    document = found.document
    assert document.grade is Grade.ATTESTED
    assert document.author == AUTHOR
    assert document.checks[0].covers == ("author", "date", "subject", "body", "recipients", "parts")
    assert [(part.digest, part.grade) for part in document.attachments] == [(sha256(PAGE), Grade.ATTESTED)]
    assert found.files[f"attachments/{sha256(PAGE)}"] == PAGE


def test_an_unsigned_mail_is_claimed() -> None:
    document = imported(mail(), pinned())
    assert (document.grade, document.checks, document.altered) == (Grade.CLAIMED, (), False)
    assert document.attachments[0].grade is Grade.CLAIMED


def test_a_signed_mail_without_a_pinned_key_is_claimed_and_nothing_is_fetched() -> None:
    document = imported(dkim_signed(mail()), NOTHING)
    assert (document.grade, document.altered) == (Grade.CLAIMED, False)
    assert (document.checks[0].outcome, document.checks[0].reason) == (Outcome.NOT_CHECKED, "no_pinned_key")


def test_the_dns_is_asked_only_where_a_resolver_was_given() -> None:
    asked: list[str] = []

    def resolve(name: str) -> bytes:
        asked.append(name)
        return dkim_record(rsa_key())

    document = imported(dkim_signed(mail()), Pins(DkimKeys({}, resolve), (), ()))
    assert (document.grade, asked) == (Grade.ATTESTED, [NAME])
    assert " DNS " in document.checks[0].by


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"terms attached", b"terms detached", "altered_body"),
        (b"Subject: Our terms", b"Subject: No terms", "signature"),
        (b"Date: Tue, 01 Jan 2030", b"Date: Mon, 01 Jan 2029", "signature"),
        (b"To: office@customer.example", b"To: office@another.example", "signature"),
    ],
)
def test_an_altered_mail_is_no_proof(old: bytes, new: bytes, code: str) -> None:
    raw = dkim_signed(mail())
    assert raw.count(old) == 1
    assert reason(imported(raw.replace(old, new), pinned())) == code


def test_an_altered_attachment_is_no_proof() -> None:
    raw = dkim_signed(mail())
    line = next(line for line in raw.split(b"\r\n") if line.startswith(b"IyBUZXJtcw"))
    assert reason(imported(raw.replace(line, line[:-4] + b"AAAA"), pinned())) == "altered_body"


def test_a_signature_under_another_key_is_no_proof() -> None:
    assert reason(imported(dkim_signed(mail()), pinned(dkim_record(rsa_key(7))))) == "signature"


def test_a_partial_body_signature_is_no_proof_even_where_it_verifies() -> None:
    raw = dkim_signed(mail(attach=False), length=True)
    assert reason(imported(raw, pinned())) == "partial_body"
    assert reason(imported(raw + b"and one clause more\r\n", pinned())) == "partial_body"


@pytest.mark.parametrize("left_out", [b"date", b"subject"])
def test_a_signature_that_leaves_date_or_subject_out_is_no_proof(left_out: bytes) -> None:
    headers = tuple(name for name in HEADERS if name != left_out)
    assert reason(imported(dkim_signed(mail(), headers), pinned())) == "unsigned_header"


@pytest.mark.parametrize(
    "header",
    [b"From: other@provider.example", b"Subject: Other terms", b"Date: Wed, 02 Jan 2030 12:00:00 +0000"],
)
def test_a_second_header_of_a_kind_that_stands_once_is_no_proof(header: bytes) -> None:
    raw = dkim_signed(mail())
    assert reason(imported(header + b"\r\n" + raw, pinned())) == "repeated_header"


def test_a_signature_of_another_domain_than_the_authors_is_no_proof() -> None:
    raw = dkim_signed(mail(author="counsel@other.example"))
    assert reason(imported(raw, pinned())) == "other_domain"
    lookalike = dkim_signed(mail(author="counsel@notprovider.example"))
    assert reason(imported(lookalike, pinned())) == "other_domain"


def test_a_subdomain_of_the_signing_domain_is_its_own() -> None:
    assert imported(dkim_signed(mail(author="c@legal.provider.example")), pinned()).grade is Grade.ATTESTED


def test_sha1_is_no_proof() -> None:
    assert reason(imported(dkim_signed(mail(), algorithm=b"rsa-sha1"), pinned())) == "weak_algorithm"


def test_how_a_mail_is_divided_is_proved_only_where_its_content_type_is_signed() -> None:
    headers = tuple(name for name in HEADERS if name != b"content-type")
    document = imported(dkim_signed(mail(), headers), pinned())
    assert document.grade is Grade.ATTESTED
    assert document.attachments[0].grade is Grade.CLAIMED


def test_one_good_signature_beside_a_foreign_one_is_enough_and_a_foreign_one_alone_is_not() -> None:
    raw = dkim_signed(mail())
    broken = re.sub(rb"bh=.", b"bh=X", raw.partition(b"\r\nFrom:")[0], count=1)
    both = broken + b"\r\n" + raw
    assert imported(both, pinned()).grade is Grade.ATTESTED
    assert imported(broken + b"\r\n" + mail(), pinned()).altered


@pytest.mark.parametrize("record", [b"", b"v=DKIM1; p=", b"v=DKIM1; k=rsa; p=AAAA", b"\xff"])
def test_a_key_record_that_cannot_be_used_proves_nothing(record: bytes) -> None:
    assert imported(dkim_signed(mail()), pinned(record)).altered


@pytest.mark.parametrize(
    "line", [b"DKIM-Signature: ", b"DKIM-Signature: v=1; a=x; a=y", b"DKIM-Signature: v=1"]
)
def test_a_malformed_signature_is_no_proof(line: bytes) -> None:
    assert reason(imported(line + b"\r\n" + mail(), pinned())) == "malformed"


def test_too_many_signatures_are_not_looked_at() -> None:
    raw = dkim_signed(mail())
    line = raw[: raw.index(b"From:")]
    assert reason(imported(line * 9 + mail(), pinned())) == "too_many_signatures"


# --- S/MIME ---


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("pin", [AUTHORITY, SIGNER], ids=["issuer", "signer"])
def test_a_mail_signed_under_a_pinned_certificate_is_attested(pin: Identity, opaque: bool) -> None:
    document = imported(smime_mail(SIGNER, opaque=opaque), certificates(pin))
    assert document.grade is Grade.ATTESTED
    assert [(part.digest, part.grade) for part in document.attachments] == [(sha256(PAGE), Grade.ATTESTED)]


def test_a_signature_of_another_implementation_is_read() -> None:
    der = foreign_signature(smime_entity(), issued(AUTHORITY, days=40_000))
    document = imported(smime_mail(SIGNER, der=der), certificates(AUTHORITY))
    assert [check.reason for check in document.checks] == ["ok"]


def test_an_altered_part_of_a_signed_mail_is_no_proof() -> None:
    raw = smime_mail(SIGNER)
    assert (
        reason(imported(raw.replace(b"terms attached", b"terms detached"), certificates(SIGNER)))
        == "altered_body"
    )


def test_a_signed_part_beside_unsigned_ones_is_no_proof() -> None:
    raw = smime_mail(SIGNER)
    head, _, body = raw.partition(b"\r\n\r\n")
    inner = head[head.index(b"Content-Type") :] + b"\r\n\r\n" + body
    outer = head[: head.index(b"Content-Type")]
    mixed = (
        outer
        + b'Content-Type: multipart/mixed; boundary="out"\r\n\r\n'
        + b"--out\r\nContent-Type: text/plain\r\n\r\nand more\r\n"
        + b"--out\r\n"
        + inner
        + b"\r\n--out--\r\n"
    )
    assert reason(imported(mixed, certificates(SIGNER))) == "partial_signature"
    appended = raw + b"\r\nand one clause more\r\n"
    assert reason(imported(appended, certificates(SIGNER))) == "partial_signature"
    third = raw.replace(b"\r\n--edge--", b"\r\n--edge\r\nContent-Type: text/markdown\r\n\r\nmore\r\n--edge--")
    assert reason(imported(third, certificates(SIGNER))) == "partial_signature"


def test_a_signature_by_somebody_else_than_the_author_is_no_proof() -> None:
    other = issued(AUTHORITY, address="someone@customer.example")
    assert reason(imported(smime_mail(other), certificates(AUTHORITY))) == "other_author"


def test_a_signature_under_no_pinned_certificate_is_claimed() -> None:
    for pins in (certificates(), certificates(authority(4))):
        document = imported(smime_mail(SIGNER), pins)
        assert (document.grade, document.altered) == (Grade.CLAIMED, False)


def test_an_expired_certificate_or_one_for_another_purpose_is_no_proof() -> None:
    late = signed_data(smime_entity(), SIGNER, detached=True, signed_at=MOMENT + timedelta(days=400))
    assert reason(imported(smime_mail(SIGNER, der=late), certificates(AUTHORITY))) == "certificate_expired"
    server = issued(AUTHORITY, purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    assert reason(imported(smime_mail(server), certificates(AUTHORITY))) == "certificate_purpose"


def test_a_signature_made_over_other_attributes_is_no_proof() -> None:
    der = signed_data(smime_entity(), SIGNER, detached=True)
    changed = der[:-5] + bytes([der[-5] ^ 1]) + der[-4:]
    assert reason(imported(smime_mail(SIGNER, der=changed), certificates(SIGNER))) == "signature"


@pytest.mark.parametrize("der", [b"x", b"\x30\x80", bytes(100)])
def test_what_is_no_signed_data_is_no_proof(der: bytes) -> None:
    assert reason(imported(smime_mail(SIGNER, der=der), certificates(SIGNER))) == "malformed"


@pytest.mark.parametrize(
    ("given", "code"),
    [({"signers": 0}, "signers"), ({"signers": 2}, "signers"), ({"named": "tst_info"}, "signed_attributes")],
)
def test_a_form_that_readers_could_read_differently_is_no_proof(given: dict[str, Any], code: str) -> None:
    der = signed_data(smime_entity(), SIGNER, detached=True, **given)
    assert reason(imported(smime_mail(SIGNER, der=der), certificates(SIGNER))) == code


def test_content_both_within_and_beside_a_signature_is_no_proof() -> None:
    der = signed_data(smime_entity(), SIGNER, detached=False)
    assert reason(imported(smime_mail(SIGNER, der=der), certificates(SIGNER))) == "content"


# --- documents and time-stamps ---


def test_a_document_is_claimed_until_a_detached_signature_or_a_time_stamp_is_checked() -> None:
    assert imported(PAGE, NOTHING).grade is Grade.CLAIMED
    der = signed_data(PAGE, SIGNER, detached=True)
    assert imported(PAGE, certificates(SIGNER), signature=der).grade is Grade.ATTESTED
    assert reason(imported(PAGE + b"x", certificates(SIGNER), signature=der)) == "altered_body"
    assert imported(PAGE, NOTHING, signature=der).grade is Grade.CLAIMED


def test_a_time_stamp_under_a_pinned_authority_proves_existence() -> None:
    pins = Pins(DkimKeys({}), (), (AUTHORITY.certificate,))
    document = imported(PAGE, pins, timestamp=stamp(PAGE, TSA))
    assert document.grade is Grade.ATTESTED
    assert document.checks[0].covers == ("existence",)
    assert document.checks[0].by.endswith("2030-01-01T12:00:00Z")


def test_a_time_stamp_that_does_not_hold_is_no_proof() -> None:
    pins = Pins(DkimKeys({}), (), (AUTHORITY.certificate,))
    good = stamp(PAGE, TSA)
    assert reason(imported(PAGE + b"x", pins, timestamp=good)) == "altered_body"
    assert reason(imported(PAGE, pins, timestamp=b"x")) == "malformed"
    other = Pins(DkimKeys({}), (), (authority(4).certificate,))
    assert reason(imported(PAGE, other, timestamp=good)) == "signature"
    assert reason(imported(PAGE, pins, timestamp=stamp(PAGE, SIGNER))) == "signature"
    assert imported(PAGE, NOTHING, timestamp=good).grade is Grade.CLAIMED


def test_a_time_stamp_makes_no_author_of_an_unsigned_mail() -> None:
    pins = Pins(DkimKeys({}), (), (AUTHORITY.certificate,))
    raw = mail()
    document = imported(raw, pins, timestamp=stamp(raw, TSA))
    assert document.checks[0].outcome is Outcome.PASSED
    assert document.grade is Grade.CLAIMED


# --- hostile input ---


def nested(depth: int) -> bytes:
    head = b"From: a@b.example\r\nDate: x\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level)
        for level in range(depth)
    )
    return head + opening + b"Content-Type: text/plain\r\n\r\nx\r\n"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "too_large"),
        (b"From: a@b\r\n\r\n" + b"x" * MAX_MAIL_BYTES, "too_large"),
        (nested(20), "too_deep"),
        (nested(5000), "too_many_parts"),
        (b"From: a@b\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 200, "too_many_parts"),
        (b"From: a@b\r\n" + b"X: y\r\n" * 600 + b"\r\nx", "too_many_headers"),
        (b"From: a@b\r\nno header\r\n\r\nx", "malformed_header"),
        (b"From: a@b\r\nSubject: a\rFrom: c@d\r\n\r\nx", "control_characters"),
        (b"From: a@b\r\nSubject: a\0\r\n\r\nx", "control_characters"),
    ],
)
def test_a_hostile_mail_is_refused_by_name(raw: bytes, code: str) -> None:
    with pytest.raises(DocumentError) as caught:
        import_document(raw, pinned())
    assert caught.value.code == code


def test_names_and_archives_of_a_mail_are_never_used() -> None:
    raw = mail().replace(b"text/markdown", b"application/zip")
    assert import_document(raw, NOTHING).files == {"document": raw}
    kept = import_document(mail(), NOTHING).files
    assert set(kept) == {"document", f"attachments/{sha256(PAGE)}"}


def test_too_many_texts_are_refused() -> None:
    part = b"--b\r\nContent-Type: text/markdown\r\n\r\nx%d\r\n"
    head = b'From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    raw = head + b"".join(part % number for number in range(40)) + b"--b--\r\n"
    with pytest.raises(DocumentError) as caught:
        import_document(raw, NOTHING)
    assert caught.value.code == "too_large"
