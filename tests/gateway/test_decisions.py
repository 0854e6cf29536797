"""Short cuts change no decision and no fact: compared with the plain way, object by object."""

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import Call, PartKind, Point
from caveat.call.parts import Origin, classify_parts, raw_part
from caveat.decision.decide import decide_use
from caveat.evidence.check import EvidenceChecker
from caveat.evidence.trust import parse_trust
from caveat.facts.fact import Fact, Facts, Grade
from caveat.gateway.decisions import Decisions
from caveat.gateway.gather import gather
from caveat.gateway.ports import Found
from caveat.gateway.revocations import RevocationLists
from caveat.gateway.witnesses import BundleWitnesses
from caveat.monitors.monitors import Monitors
from caveat.monitors.once import Once
from caveat.policy.bundle import parse_bundle
from caveat.signing.digest import Digest
from caveat.store.evidence import MemoryEvidenceStore
from caveat.store.manifests import SqliteManifestStore
from caveat.store.revocations import RevocationFiles
from tests.support.small_bundle import SmallBundle

BUNDLE = parse_bundle(SmallBundle().files())
NOW = datetime(2026, 11, 21, tzinfo=UTC)
CHANNELS = st.sampled_from(["bulk_purchased", "first_party", "purchased", "synthetic", "unknown"])


def facts(channel: str, persons: int) -> Facts:
    return Facts(
        (
            Fact("acquisition_channel", channel, Grade.ATTESTED, "data_owner"),
            Fact("subject_count", persons, Grade.OBSERVED, "counter"),
            Fact("cumulative_subject_count_12m", persons, Grade.OBSERVED, "totals"),
        )
    )


@given(st.lists(st.tuples(CHANNELS, st.sampled_from([0, 999, 1000, 1001])), min_size=1, max_size=400))
def test_a_remembered_decision_is_the_decision(uses: list[tuple[str, int]]) -> None:
    decisions = Decisions(BUNDLE.policy)
    for channel, persons in uses:
        cases = (facts(channel, persons),)
        for point in (Point.PROMPT, Point.OUTPUT, Point.PROMPT):
            plain = decide_use(BUNDLE.policy, point, cases)
            assert decisions.decide(point, cases) == plain
            assert decisions.decide(point, cases) == plain


def call(text: str, deployment: str, **claims: int) -> Call:
    raw = (raw_part("/messages/0/content", "user", Origin.TEXT, "text/plain", text.encode()),)
    parts = classify_parts(raw, {}, frozenset(), 10_000)
    return Call(
        Point.PROMPT, "openai", deployment, "m", parts, claims, stream=False, action_digest=Digest("0" * 64)
    )


def test_facts_of_typed_words_are_those_that_gathering_gives_and_data_and_claims_are_gathered_anew(
    tmp_path: Path,
) -> None:
    manifests = SqliteManifestStore(tmp_path / "manifests.db")
    totals = Monitors()
    checker = EvidenceChecker(parse_trust(BUNDLE.files["trust.toml"]), BUNDLE.registry)
    lists = RevocationLists(RevocationFiles(Path("/nowhere")))
    witnesses = BundleWitnesses(BUNDLE, checker, MemoryEvidenceStore(), totals, Once(), lists, manifests)
    table = "device_id,x\n" + "".join(f"d{n},x\n" for n in range(9))
    for deployment in BUNDLE.deployments.values():
        for one in (
            call("hello", deployment.id),
            call(table, deployment.id),
            call("other words", deployment.id),
            call("hello", deployment.id, subject_count=3),
            call("hello", deployment.id),
        ):
            found = witnesses.gather(one, deployment, Found(), NOW)
            assert found == gather(one, deployment, BUNDLE.registry, (), totals, NOW)
            has_data = any(part.kind is PartKind.DATA for part in one.parts)
            assert bool(found.reserve) == has_data
            witnesses.hold(one, found, NOW)
    manifests.close()
