"""What an issuer may say is worked out once, and holds under one trust policy and one registry alone."""

from dataclasses import FrozenInstanceError

import pytest

import caveat.evidence.check as check_module
from caveat.evidence.check import EvidenceChecker
from caveat.evidence.defects import DefectCode, Outcome
from caveat.evidence.entitlement import Entitlement, entitlement
from caveat.evidence.envelope import VerifiedCache, VerifiedEnvelope
from caveat.facts.registry import Registry
from tests.evidence.world import NOW, REGISTRY, TRUST, checker, mint, use


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of statements whose entitlement was worked out, each time that it was."""
    ids: list[str] = []

    def counted(verified: VerifiedEnvelope, registry: Registry) -> Entitlement:
        ids.append(verified.statement.id)
        return entitlement(verified, registry)

    monkeypatch.setattr(check_module, "entitlement", counted)
    return ids


def test_entitlement_is_worked_out_once_for_uploads_and_uses(worked_out: list[str]) -> None:
    one, raw = checker(), mint()
    one.admit(raw, NOW)
    first = one.check(raw, use())
    assert one.check(raw, use()) == first
    assert first.outcome is Outcome.ACCEPTED
    assert worked_out == ["statement-1"]


def test_what_is_remembered_of_entitlement_has_a_limit(worked_out: list[str]) -> None:
    one = EvidenceChecker(TRUST, REGISTRY, VerifiedCache(limit=2))
    for name in ("a", "b", "c", "c", "b", "a"):
        one.check(mint(id=name), use())
    assert worked_out == ["a", "b", "c", "a"]


def test_a_use_is_checked_again_although_entitlement_is_remembered() -> None:
    one, raw = checker(), mint()
    assert one.check(raw, use()).outcome is Outcome.ACCEPTED
    assert one.check(raw, use(deployment="other-desk")).code is DefectCode.AUDIENCE
    assert one.check(raw, use(parts=())).code is DefectCode.SUBJECT


def test_entitlement_under_one_registry_says_nothing_under_another() -> None:
    cache, raw = VerifiedCache(), mint()
    facts = {name: spec for name, spec in REGISTRY.facts.items() if name != "acquisition_channel"}
    assert EvidenceChecker(TRUST, REGISTRY, cache).check(raw, use()).outcome is Outcome.ACCEPTED
    other = EvidenceChecker(TRUST, Registry(facts), cache)
    assert other.check(raw, use()).code is DefectCode.UNKNOWN_FACT


@pytest.mark.parametrize("name", ["trust", "registry"])
def test_a_checker_keeps_the_law_under_which_it_remembers(name: str) -> None:
    one = checker()
    with pytest.raises(FrozenInstanceError):
        setattr(one, name, getattr(one, name))
