"""Minted evidence before the real check: genuine counts, and each defect is found for what it is."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caveat.assay.mint import Minted
from caveat.assay.scenario import Defect, Visible, parse_scenarios
from caveat.assay.staging import Arm, Settings, Staged, set_up
from caveat.assay.world import registry_of
from caveat.evidence.check import Checked, EvidenceChecker, Use
from caveat.evidence.defects import DefectCode, Outcome
from caveat.evidence.trust import parse_trust
from caveat.facts.registry import Registry
from caveat.signing.digest import Digest, sha256
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 2, tzinfo=UTC)
ROWS = [
    json.loads(line) for line in (ROOT / "conformance" / "scenarios" / "dev.jsonl").read_text().splitlines()
]


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    return read_folder(ROOT / "policies" / "government-analytics")


def played(files: Mapping[str, bytes], defect: Defect | None) -> tuple[Staged, list[Visible]]:
    """The development scenarios; with a defect, each presents its first claim with that defect instead."""
    data = "\n".join(json.dumps(row) for row in ROWS).encode()
    uses = [scenario.visible for scenario in parse_scenarios(data, registry_of(files))]
    if defect is not None:
        uses = [replace(use, genuine={}, defective=((next(iter(use.claims)), defect),)) for use in uses[:6]]
    return set_up(Arm.WHOLE, uses, Settings(files, NOW)), uses


def check(
    staged: Staged, use: Visible, minted: Minted, raw: bytes, consumer: Digest | None = None
) -> Checked:
    checker = EvidenceChecker(parse_trust(staged.world.files["trust.toml"]), Registry(staged.mint.registry))
    deployment = staged.stages[use.index].deployment
    parts = frozenset({sha256(minted.data)})
    return checker.check(raw, Use(deployment, sha256(b"this action"), parts, NOW, lambda _once: consumer))


def test_every_genuine_attestation_is_accepted_with_exactly_the_available_facts(
    files: Mapping[str, bytes],
) -> None:
    staged, uses = played(files, None)
    for use in uses:
        stage = staged.stages[use.index]
        minted = staged.mint.issue(use, stage)
        checked = [check(staged, use, minted, raw) for raw in minted.genuine]
        assert {one.outcome for one in checked} <= {Outcome.ACCEPTED}
        assert [one.ignored for one in checked] == [()] * len(checked)
        facts = {fact.name: fact.value for one in checked for fact in one.facts}
        assert facts == {
            name: frozenset(value) if isinstance(value, list) else value
            for name, value in {**use.genuine, **stage.neutral}.items()
        }


@pytest.mark.parametrize(
    ("defect", "codes"),
    [
        (Defect.SELF_ATTESTED, {DefectCode.SELF_ATTESTED, DefectCode.UNKNOWN_KEY}),
        (Defect.WRONG_SCOPE, {DefectCode.SUBJECT, DefectCode.AUDIENCE}),
        (Defect.EXPIRED, {DefectCode.EXPIRED}),
        (Defect.FORGED, {DefectCode.FORGED}),
    ],
)
def test_each_defect_is_found_for_what_it_is(
    files: Mapping[str, bytes], defect: Defect, codes: set[DefectCode]
) -> None:
    staged, uses = played(files, defect)
    found: set[DefectCode | None] = set()
    for use in uses:
        minted = staged.mint.issue(use, staged.stages[use.index])
        (raw,) = minted.defective
        checked = check(staged, use, minted, raw)
        assert checked.outcome is (Outcome.FORGED if defect is Defect.FORGED else Outcome.DEFECT)
        assert checked.facts == ()
        found.add(checked.code)
    assert found == codes


def test_replayed_evidence_counts_until_another_action_has_used_it_up(files: Mapping[str, bytes]) -> None:
    staged, uses = played(files, Defect.REPLAYED)
    for use in uses:
        minted = staged.mint.issue(use, staged.stages[use.index])
        (raw,) = minted.defective
        assert check(staged, use, minted, raw).outcome is Outcome.ACCEPTED
        assert check(staged, use, minted, raw, sha256(b"earlier")).outcome is Outcome.REPLAYED


def test_evidence_of_one_scenario_counts_in_no_other(files: Mapping[str, bytes]) -> None:
    staged, uses = played(files, None)
    minted = [staged.mint.issue(use, staged.stages[use.index]) for use in uses]
    for use in uses[:6]:
        for other in uses[:6]:
            if other.index != use.index:
                for raw in minted[other.index].genuine:
                    assert check(staged, use, minted[use.index], raw).outcome is Outcome.DEFECT
