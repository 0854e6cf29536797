"""Runs that go wrong: each has a clear state, goes on to the same digest, and is marked as partial."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from caveat.assay.account import render_account
from caveat.assay.arms import Arm, Kind, parse_arm
from caveat.assay.attacks.ask import Ask
from caveat.assay.attacks.material import Material
from caveat.assay.campaign import Campaign, Plan
from caveat.assay.casework import generate_casework
from caveat.assay.generator import Pair, generate_pairs
from caveat.assay.journal import Journal, JournalError
from caveat.assay.measured import Measured, measure
from caveat.assay.players import Settings
from caveat.assay.runner import Unwatched
from caveat.assay.session import Ended, head_of, run_session
from caveat.assay.target import Reply
from caveat.assay.world import registry_of
from caveat.cli.assay import assay_group
from caveat.cli.assay_page import render_page
from caveat.cli.exit import CannotRunError
from caveat.signing.digest import sha256
from caveat.store.folder import read_folder
from tests.assay.test_campaign import BUNDLE, PLAN, Believer, begin, run
from tests.assay.test_casework import PROMPTS
from tests.assay.test_target import COMPLETION, Answer, serving

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "policies" / "government-analytics"
SMALL = replace(PLAN, uses=generate_pairs(5, 12), adversaries=("liar",), budget=1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks again at once."""
    monkeypatch.setattr("caveat.assay.target._FIRST_WAIT_SECONDS", 0.0)


async def answered(request: web.Request) -> web.StreamResponse:
    """A model that answers."""
    await request.read()
    return web.json_response(COMPLETION)


async def against(
    path: Path,
    answer: Answer,
    plan: Plan = SMALL,
    *,
    resume: bool = False,
    seconds: float = 5,
    over: asyncio.Event | None = None,
) -> tuple[Ended, Measured]:
    """A run of the endpoint arm `peer` against a target that answers like this; `over` is set at its end."""
    async with serving(answer) as url:
        arm = Arm("peer", Kind.ENDPOINT, url=url)
        now = datetime(2026, 1, 1, tzinfo=UTC)
        settings = Settings(read_folder(POLICY), tuple(plan.uses), 5, now, timeout_seconds=seconds)
        journal = Journal.begin(path, head_of(plan, [arm], BUNDLE, None), resume=resume)
        try:
            ended = await run_session(plan, [arm], settings, journal, Unwatched())
        finally:
            journal.close()
            (over or asyncio.Event()).set()
    return ended, measure(Journal.read(path))


async def limiting(_: web.Request) -> web.StreamResponse:
    return web.json_response({}, status=429, headers={"retry-after": "0"})


async def failing(_: web.Request) -> web.StreamResponse:
    return web.Response(status=500)


async def nonsense(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<html>hello</html>", content_type="text/html")


async def elsewhere(_: web.Request) -> web.StreamResponse:
    return web.Response(status=404)


async def hanging_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (limiting, "rate_limited"),
        (failing, "failed"),
        (nonsense, "nonsense"),
        (elsewhere, "wrong_protocol"),
        (hanging_up, "unreachable"),
    ],
)
async def test_a_target_that_gives_no_verdict_is_unmeasured_and_the_report_says_of_what(
    tmp_path: Path, answer: Answer, fault: str
) -> None:
    _, measured = await against(tmp_path / "run", answer)
    arm = measured.arms["peer"]
    assert arm.is_unmeasured
    assert set(arm.faults) == {fault}
    assert (arm.apparent.value, arm.twins.value, arm.unsafe.value) == (None, None, None)
    document = json.loads(json.dumps(render_account(measured)))["arms"]["peer"]
    assert document["faults"][fault] > 0
    assert document["apparent"] is document["unsafe"] is document["twins_passed"] is None
    assert fault in render_page(measured)


async def test_a_slow_target_is_unmeasured(tmp_path: Path) -> None:
    over = asyncio.Event()

    async def late(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.json_response(COMPLETION)

    plan = replace(SMALL, uses=SMALL.uses[:3], concurrency=64)
    _, measured = await against(tmp_path / "run", late, plan, seconds=0.05, over=over)
    assert set(measured.arms["peer"].faults) == {"timed_out"}
    assert measured.arms["peer"].is_unmeasured


async def test_a_target_that_dies_in_the_middle_and_comes_back_is_measured_to_the_same_digest(
    tmp_path: Path,
) -> None:
    plan = replace(PLAN, uses=generate_pairs(5, 120), adversaries=("liar",), budget=1)
    _, whole = await against(tmp_path / "whole", answered, plan)
    seen: list[int] = []

    async def dying(request: web.Request) -> web.StreamResponse:
        seen.append(1)
        return await (answered(request) if len(seen) <= 60 else hanging_up(request))

    path = tmp_path / "run"
    ended, broken = await against(path, dying, plan)
    assert ended.digest is None
    assert ended.left_out == {"peer": "no verdicts came any more: unreachable"}
    assert broken.partial
    assert "peer" in broken.unmeasured_arms
    assert "no verdicts came any more" in render_page(broken)
    ended, healed = await against(path, answered, plan, resume=True)
    assert ended.digest == healed.digest == whole.digest
    assert not healed.partial
    assert healed.arms["peer"].faults == {}


OTHER: dict[str, Callable[[Plan], Plan]] = {
    "seed": lambda plan: replace(plan, seed=6),
    "uses": lambda plan: replace(plan, uses=generate_pairs(5, 28)),
    "adversaries": lambda plan: replace(plan, adversaries=("liar",)),
    "budget": lambda plan: replace(plan, budget=4),
    "data sets": lambda plan: replace(plan, material=Material()),
    "concurrency": lambda plan: replace(plan, concurrency=3),
    "ordinary work": lambda plan: replace(
        plan, casework=generate_casework(registry_of(read_folder(POLICY)), 1, 1)
    ),
    "prompts": lambda plan: replace(plan, prompts=PROMPTS),
}


@pytest.mark.parametrize("name", sorted(OTHER))
def test_a_journal_of_a_run_with_other_options_is_not_gone_on_with(tmp_path: Path, name: str) -> None:
    begin(tmp_path / "run").close()
    before = (tmp_path / "run").read_bytes()
    with pytest.raises(JournalError, match="other settings"):
        begin(tmp_path / "run", OTHER[name](PLAN), resume=True)
    assert (tmp_path / "run").read_bytes() == before, "and it stays as it is"


def test_a_journal_of_another_bundle_model_or_arm_is_not_gone_on_with(tmp_path: Path) -> None:
    begin(tmp_path / "run").close()
    whole = [parse_arm("whole")]
    for head in (
        head_of(PLAN, whole, sha256(b"another"), None),
        head_of(PLAN, whole, BUNDLE, "http://127.0.0.1:1"),
        head_of(PLAN, [parse_arm("bare")], BUNDLE, None),
    ):
        with pytest.raises(JournalError, match="other settings"):
            Journal.begin(tmp_path / "run", head, resume=True)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.77, 0.999])
async def test_a_journal_cut_anywhere_is_gone_on_with_to_the_same_digest(
    tmp_path: Path, share: float
) -> None:
    whole = await run(tmp_path / "whole", Believer(), SMALL)
    data = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(data[: int(len(data) * share)])
    resumed = await run(tmp_path / "cut", Believer(), SMALL, resume=True)
    assert measure(resumed).digest == measure(whole).digest
    assert measure(Journal.read(tmp_path / "cut")).digest == measure(whole).digest


async def test_a_line_that_is_broken_within_a_journal_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    await run(tmp_path / "run", Believer(), SMALL)
    lines = (tmp_path / "run").read_bytes().splitlines(keepends=True)
    lines[4] = lines[4][:20] + b"\n"
    (tmp_path / "run").write_bytes(b"".join(lines))
    with pytest.raises(JournalError, match="line 5: not JSON"):
        begin(tmp_path / "run", SMALL, resume=True)
    assert (tmp_path / "run").read_bytes() == b"".join(lines)


def test_a_journal_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be written: no such file or directory"):
        begin(tmp_path / "missing" / "run")
    with pytest.raises(JournalError, match="cannot be read: is a directory"):
        begin(tmp_path, resume=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
async def test_a_full_disk_ends_the_run_with_one_line_and_what_to_do(tmp_path: Path) -> None:
    journal = begin(tmp_path / "run", SMALL)

    class Fills(Believer):
        """The disk is full after a few answers."""

        async def send(self, use: Pair, trial: str, ask: Ask) -> Reply:
            if self.asked == 9:
                journal.close()
                journal._file = Path("/dev/full").open("wb", buffering=0)  # noqa: ASYNC230, SIM115 - it is no disk, and the journal closes it
            return await super().send(use, trial, ask)

    with pytest.raises(JournalError, match="can no longer be written: no space left on device") as raised:
        await Campaign(SMALL, "whole", Fills(), journal, Unwatched()).run()
    journal.close()
    assert "--resume" in raised.value.hint
    assert measure(Journal.read(tmp_path / "run")).partial
    whole = await run(tmp_path / "whole", Believer(), SMALL)
    resumed = await run(tmp_path / "run", Believer(), SMALL, resume=True)
    assert measure(resumed).digest == measure(whole).digest


def test_a_report_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    begin(tmp_path / "run").close()
    for option in ("--json", "--html"):
        result = CliRunner().invoke(
            assay_group,
            ["report", str(tmp_path / "run"), option, str(tmp_path / "missing" / "report")],
            standalone_mode=False,
        )
        assert isinstance(result.exception, CannotRunError)
        assert "cannot be written: no such file or directory" in str(result.exception)


def test_a_set_of_prompts_that_is_missing_is_named(tmp_path: Path) -> None:
    measured_run = replace(SMALL, prompts=PROMPTS)
    begin(tmp_path / "run", measured_run).close()
    found = measure(Journal.read(tmp_path / "run"))
    assert found.missing_sets == ("xstest", "notinject", "cyberseceval_frr")
    assert "xstest, notinject, cyberseceval_frr" in render_page(found)
    assert render_account(found)["benign"]["missing"] == ["xstest", "notinject", "cyberseceval_frr"]  # type: ignore[index, call-overload]


COMMAND = ["--arm", "bare", "--arm", "allow-all", "--pairs", "60", "--budget", "1", "--casework", "2"]


def command(path: Path, *more: str) -> list[str]:
    common = ["assay", "run", "--bundle", str(POLICY), "--out", str(path)]
    return [sys.executable, "-m", "caveat", *common, "--data", str(ROOT / "eval" / "data"), *COMMAND, *more]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_interrupted_is_partial_everywhere_and_goes_on_to_the_same_digest(
    tmp_path: Path, number: signal.Signals
) -> None:
    path, report, page = tmp_path / "run", tmp_path / "report.json", tmp_path / "page.html"
    done = subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True, text=True)
    code, said = interrupted(path, number, after_lines=80)
    assert code != 0
    if number != signal.SIGKILL:
        assert code == 2
        assert "interrupted; what was measured so far stands in" in said
        assert "partial" in said
    arguments = ["report", str(path), "--json", str(report), "--html", str(page)]
    shown = CliRunner().invoke(assay_group, arguments, standalone_mode=False)
    assert shown.exception is None
    assert "partial" in shown.output
    assert json.loads(report.read_bytes())["partial"] is True
    assert "did not come to its end" in page.read_text()
    again = subprocess.run(command(path, "--resume"), check=True, capture_output=True, text=True)
    assert digest(again.stdout) == digest(done.stdout)
    assert "partial" not in again.stdout


def interrupted(path: Path, number: signal.Signals, after_lines: int) -> tuple[int, str]:
    """Starts the run, sends the signal once so many lines are written; its exit code and what it printed."""
    process = subprocess.Popen(command(path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    waiting = threading.Event()
    while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < after_lines):
        waiting.wait(0.005)
    os.kill(process.pid, number)
    said, _ = process.communicate()
    return process.returncode, said


def digest(said: str) -> str:
    """The digest that a run printed."""
    return next(line for line in said.splitlines() if line.startswith("digest of verdicts"))
