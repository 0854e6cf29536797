"""What every evidence store must do, as one function: call it with a way to make an empty store."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from caveat.evidence.envelope import VerifiedEnvelope
from caveat.evidence.statement import Subject
from caveat.signing.digest import Digest, sha256
from caveat.store.errors import EvidenceStoreError
from caveat.store.evidence import MAX_PER_ISSUER, EvidenceStore
from tests.evidence.world import DATA_DIGEST, NOW, OWNER, REGISTRAR, checker, mint

A, B, C = DATA_DIGEST, sha256(b"b"), sha256(b"c")


def verified(number: int = 1, *digests: Digest, registrar: bool = False) -> VerifiedEnvelope:
    subjects = tuple(Subject("devices", digest) for digest in digests or (A,))
    by = {"issuer": "registrar", "facts": {"task": "summarize_document"}} if registrar else {}
    key = REGISTRAR if registrar else OWNER
    said = {"id": f"statement-{number}", "subjects": subjects, "expires_at": NOW + timedelta(days=2)}
    raw = mint(key, **(said | by))
    admitted = checker().admit(raw, NOW)
    assert isinstance(admitted, VerifiedEnvelope)
    return admitted


def check_evidence_store(make: Callable[[], EvidenceStore]) -> None:
    """Asserts the whole contract on stores that `make` makes, each empty."""
    _finds_by_each_subject(make())
    _keeps_each_envelope_once(make())
    _refuses_more_than_its_limit_and_keeps_nothing_of_it(make())


def _finds_by_each_subject(store: EvidenceStore) -> None:
    one, two, both = verified(1, A), verified(2, B), verified(3, A, B)
    assert store.get([A, B]) == ()
    assert all(store.put(item) for item in (one, two, both))
    assert set(store.get([A])) == {one.raw, both.raw}
    assert set(store.get([B])) == {two.raw, both.raw}
    assert sorted(store.get([A, B, A])) == sorted([one.raw, two.raw, both.raw])
    assert store.get([C]) == store.get([]) == ()
    assert store.get([A, *(sha256(b"%d" % n) for n in range(1_500))]) == store.get([A])
    store.close()


def _keeps_each_envelope_once(store: EvidenceStore) -> None:
    one = verified(1)
    assert store.put(one)
    assert not store.put(one)
    assert store.get([A]) == (one.raw,)
    store.close()


def _refuses_more_than_its_limit_and_keeps_nothing_of_it(store: EvidenceStore) -> None:
    for number in range(MAX_PER_ISSUER):
        store.put(verified(number))
    surplus = verified(MAX_PER_ISSUER, B, A)
    with pytest.raises(EvidenceStoreError, match="already"):
        store.put(surplus)
    assert len(store.get([A])) == MAX_PER_ISSUER
    assert store.get([B]) == ()
    assert store.put(verified(MAX_PER_ISSUER + 1, B))
    assert store.put(verified(0, A, registrar=True)), "whoever fills its own room locks nobody else out"
    store.close()
