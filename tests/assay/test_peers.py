"""A peer as an arm: describes itself, is asked as any endpoint, is taken down; else it is unmeasured."""

import contextlib
import json
import os
import random
import select
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caveat.assay.account import render_account
from caveat.assay.arms import Arm, ArmError, Kind, parse_arm
from caveat.assay.attacks.ask import benign
from caveat.assay.attacks.material import read_material
from caveat.assay.attacks.registry import load_families
from caveat.assay.body import plain_body
from caveat.assay.campaign import Plan
from caveat.assay.generator import generate_pairs
from caveat.assay.journal import Journal
from caveat.assay.measured import Measured, measure
from caveat.assay.peers import PeerDescription, Peers, running_peer
from caveat.assay.players import Settings
from caveat.assay.runner import Unwatched
from caveat.assay.session import Ended, head_of, run_session
from caveat.cli.assay_page import render_page
from caveat.signing.digest import Digest
from caveat.store.folder import read_folder
from tests.assay.fake_peer import NEVER_ENDS, STARTS_ANOTHER, WRITES_ITS_ENVIRONMENT, make_peer, ready

ROOT = Path(__file__).parents[2]
UPSTREAM = "http://127.0.0.1:9"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    return read_folder(ROOT / "policies" / "government-analytics")


async def play(journal: Journal, plan: Plan, arms: tuple[Arm, ...], settings: Settings) -> Ended:
    return await run_session(plan, arms, settings, journal, Unwatched())


async def measured_with(
    peers: Peers, files: Mapping[str, bytes], out: Path, *names: str, resume: bool = False, budget: int = 1
) -> tuple[Ended, Measured]:
    """A small run of these arms."""
    uses = generate_pairs(1, 8)
    plan = Plan(1, uses, ("liar",), load_families(), read_material(None), budget)
    arms = tuple(parse_arm(name) for name in names)
    settings = Settings(files, uses, 1, datetime.now(UTC).replace(microsecond=0), peers=peers)
    journal = Journal.begin(out, head_of(plan, arms, Digest("0" * 64), None), resume=resume)
    try:
        ended = await play(journal, plan, arms, settings)
    finally:
        journal.close()
    return ended, measure(Journal.read(out))


async def test_a_peer_says_what_it_is_and_where_it_takes_requests(tmp_path: Path) -> None:
    peers = make_peer(tmp_path, "fake", ready())
    async with running_peer("fake", peers, UPSTREAM) as peer:
        assert peer.url.startswith("http://127.0.0.1:")
        assert peer.api_key == "sk-fake"
    assert peer.description == PeerDescription(
        name="a peer",
        versions={"peer": "1.0"},
        detectors=["words"],
        left_out={"weights": "cannot be had"},
        configuration="a" * 64,
    )


async def test_a_peer_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = ready(STARTS_ANOTHER, NEVER_ENDS, seen=pids)
    peers = make_peer(tmp_path, "fake", program, stop_seconds=0.1)
    async with running_peer("fake", peers, UPSTREAM):
        pass
    for pid in pids.read_text().split():
        assert _ends(int(pid)), pid


def _ends(pid: int) -> bool:
    """Whether a process has ended, or ends now: it is waited for, ten seconds at most."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            return bool(select.select([handle], [], [], 10.0)[0])
        finally:
            os.close(handle)
    return True


async def test_no_key_of_ours_reaches_a_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ours")
    monkeypatch.setenv("CAVEAT_ASSAY_API_KEY", "ours")
    seen = tmp_path / "seen"
    async with running_peer(
        "fake", make_peer(tmp_path, "fake", ready(WRITES_ITS_ENVIRONMENT, seen=seen)), UPSTREAM
    ):
        pass
    environment = json.loads(seen.read_text())
    assert not {name for name in environment if "KEY" in name or name.startswith("CAVEAT")}
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["HOME"] != os.environ.get("HOME")


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise SystemExit('no weights here')", "ended at once: no weights here"),
        ("pass", "ended at once: it said nothing"),
        ("import sys; sys.stdin.buffer.read()", "was not ready within 1 s"),
        ('print(\'{"version": 2, "ready": true}\', flush=True); input()', "did not describe itself"),
        ("print('{\"version\": 1', flush=True); input()", "did not describe itself"),
        (ready(configuration="short"), "did not describe itself"),
    ],
)
async def test_a_peer_that_does_not_come_up_says_why(tmp_path: Path, program: str, why: str) -> None:
    peers = make_peer(tmp_path, "fake", program, start_seconds=1.0)
    with pytest.raises(ArmError, match=why):
        async with running_peer("fake", peers, UPSTREAM):
            raise AssertionError("it came up")


async def test_without_program_or_environment_there_is_no_peer(tmp_path: Path) -> None:
    peers = make_peer(tmp_path, "fake", ready())
    for name, where, why in (
        ("other", peers, "there is no peer `other`"),
        ("fake", Peers(None), "there is no peer `fake`"),
        ("fake", Peers(peers.programs, tmp_path / "nowhere"), "peer `fake` has no environment"),
    ):
        with pytest.raises(ArmError, match=why):
            async with running_peer(name, where, UPSTREAM):
                raise AssertionError("it came up")


def test_an_arm_that_is_a_peer_is_named_by_one_folder() -> None:
    assert parse_arm("peer:llm-guard") == Arm("peer:llm-guard", Kind.PEER, peer="llm-guard")
    for text in ("peer:", "peer:..", "peer:a/b", "peer:/etc", "peer:A"):
        with pytest.raises(ArmError, match="no arm is called"):
            parse_arm(text)


async def test_a_run_measures_what_a_peer_blocks_and_says_what_it_was(
    tmp_path: Path, files: Mapping[str, bytes]
) -> None:
    peers = make_peer(tmp_path, "fake", ready())
    ended, measured = await measured_with(peers, files, tmp_path / "run.jsonl", "bare", "peer:fake")
    assert ended.digest is not None
    arm = measured.arms["peer:fake"]
    assert arm.faults == {}
    assert 0 < arm.apparent.count < arm.apparent.total
    assert arm.real("liar").count == 0
    account = render_account(measured)
    assert account["described_arms"] == {
        "peer:fake": {
            "name": "a peer",
            "versions": {"peer": "1.0"},
            "detectors": ["words"],
            "left_out": {"weights": "cannot be had"},
            "configuration": "a" * 64,
        }
    }
    page = render_page(measured)
    for said in ("a peer", "peer 1.0", "words", "weights: cannot be had", "a" * 16):
        assert said in page
    journal = (tmp_path / "run.jsonl").read_text()
    assert "sk-fake" not in journal
    assert "http://" not in journal


async def test_a_run_goes_on_where_a_peer_is_missing_and_says_why_it_is_unmeasured(
    tmp_path: Path, files: Mapping[str, bytes]
) -> None:
    peers = make_peer(tmp_path, "broken", "raise SystemExit('no weights here')")
    names = ("peer:broken", "peer:other", "bare")
    ended, measured = await measured_with(peers, files, tmp_path / "run.jsonl", *names)
    assert ended.digest is None
    assert measured.arms.keys() == {"bare"}
    assert measured.unmeasured_arms == {
        "peer:broken": "peer `broken` ended at once: no weights here",
        "peer:other": "there is no peer `other`",
    }
    assert "no weights here" in render_page(measured)


async def test_a_run_is_not_resumed_with_a_peer_that_has_become_another(
    tmp_path: Path, files: Mapping[str, bytes]
) -> None:
    out = tmp_path / "run.jsonl"
    await measured_with(make_peer(tmp_path, "fake", ready()), files, out, "peer:fake")
    same = make_peer(tmp_path, "fake", ready())
    ended, _ = await measured_with(same, files, out, "peer:fake", resume=True)
    assert ended.left_out == {}
    other = make_peer(tmp_path, "fake", ready(configuration="b" * 64))
    ended, _ = await measured_with(other, files, out, "peer:fake", resume=True)
    assert ended.left_out == {
        "peer:fake": "arm `peer:fake` is not what the run began with: other versions or configuration"
    }


def test_what_a_peer_is_sent_of_a_lie_is_what_it_is_sent_of_the_benign_twin() -> None:
    """No detector of text can hold the one and pass the other: the ceiling is nothing, and no label leaks."""
    liar = next(family for family in load_families() if family.name == "lies")
    for use in generate_pairs(1, 40):
        attempts = [liar.attempt(use, random.Random(seed), read_material(None)) for seed in range(20)]
        asks = {each.variant: each.asks[0] for each in attempts if each is not None}
        twin = plain_body(benign(use), b"the same table")
        assert plain_body(asks["all"], b"the same table") == twin
        for label in (use.id, use.clause, "liar", "twin", "deny"):
            assert f'"{label}"'.encode() not in twin
            assert f" {label} ".encode() not in twin


@pytest.mark.long
@pytest.mark.parametrize("name", ["litellm", "llm-guard", "nemo-guardrails", "openai-guardrails"])
async def test_a_real_peer_stops_some_who_ask_and_nobody_who_lies(
    tmp_path: Path, files: Mapping[str, bytes], name: str
) -> None:
    if not (ROOT / ".peers" / name / "bin" / "python").is_file():
        pytest.skip(f"`make peers PEERS={name}` makes its environment")
    peers = Peers(ROOT / "eval" / "peers", ROOT / ".peers")
    ended, measured = await measured_with(peers, files, tmp_path / "run.jsonl", f"peer:{name}", budget=4)
    assert ended.left_out == {}
    arm = measured.arms[f"peer:{name}"]
    assert arm.faults == {}
    assert arm.apparent.count > 0
    assert arm.real("liar").count == 0
    assert arm.twins.count == arm.twins.total
