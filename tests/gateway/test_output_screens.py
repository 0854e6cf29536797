"""Screens read prompts and answers, whole and in streams; one that does not answer is recorded and binds."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.assay.scenario import parse_scenarios
from caveat.call.call import Point
from caveat.cli.scenario_decisions import scenario_facts
from caveat.decision.decide import decide_use
from caveat.decision.verdict import Verdict
from caveat.facts.fact import Facts
from caveat.gateway.screening import screening_of, with_scores, without_scores
from caveat.policy.bundle import BundleError, parse_bundle
from caveat.screens.panel import Score
from caveat.store.folder import read_folder
from tests.support.phrase_world import ENDPOINTS, phrase_bundle, request_of, stream_of, text_in
from tests.support.raw_client import Answer, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Reply, Scripted, ScriptedUpstream
from tests.support.small_bundle import CHAT_KEY, adopted

ROOT = Path(__file__).parents[2]
PATHS = list(ENDPOINTS)
SSE = (("content-type", "text/event-stream"),)
SCREENS = """
version = 1
window_chars = 200
[screens.reader]
kind = "{kind}"
text = "Reads answers."
[screens.reader.gives.code_names]
head = "sensitive_inference"
unavailable = {unavailable}
calibration = [[0, 0], [1000, 100]]
calibrated_on = "nothing"
[unmeasured.passwords]
score = 0
text = "Nothing looks for them."
"""
TABLE = "name,segment\nAnna Adler,Muslim\nBo Costa,Catholic\n"
SHARES = "religion,n,share\nMuslim,44,7%\nCatholic,210,34%\n"
ORDER = [Verdict.ALLOW, Verdict.NEEDS_APPROVAL, Verdict.NEEDS_EVIDENCE, Verdict.DENY]


def screen_files(kind: str = "sensitive", unavailable: int = 100) -> dict[str, bytes]:
    files = {n: d for n, d in phrase_bundle().items() if not n.startswith("signatures/")}
    del files["phrases.toml"]
    files["screens.toml"] = SCREENS.format(kind=kind, unavailable=unavailable).encode()
    return adopted(files)


@pytest.fixture(scope="module")
def gateway(scripted: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path_factory.mktemp("g"), scripted.url, screen_files()) as running:
        yield running


def post(gateway: RunningGateway, path: str, body: dict[str, Any]) -> Answer:
    return send(gateway.url, path, json.dumps(body).encode(), {"authorization": f"Bearer {CHAT_KEY}"})


def pieces(text: str) -> list[str]:
    return [text[at : at + 7] for at in range(0, len(text), 7)]


@pytest.mark.parametrize("path", PATHS)
def test_rows_about_persons_do_not_leave_in_a_stream(
    gateway: RunningGateway, script: Scripted, path: str
) -> None:
    script.reply = Reply(headers=SSE, pieces=stream_of(path, pieces(TABLE)))
    answer = post(gateway, path, request_of(path))
    assert "Muslim" not in text_in(path, answer.body)
    last = gateway.records()[-1]
    assert (last["point"], last["verdict"], last["clauses"]) == ("output", "deny", ["N1"])


@pytest.mark.parametrize("path", PATHS)
def test_shares_of_groups_leave_in_a_stream_whole(
    gateway: RunningGateway, script: Scripted, path: str
) -> None:
    text = SHARES * 20
    script.reply = Reply(headers=SSE, pieces=stream_of(path, pieces(text)))
    assert text_in(path, post(gateway, path, request_of(path)).body) == text


def test_a_table_after_much_other_text_is_noticed(gateway: RunningGateway, script: Scripted) -> None:
    path = PATHS[0]
    text = "The garden is open.\n" * 60 + TABLE
    script.reply = Reply(headers=SSE, pieces=stream_of(path, pieces(text)))
    assert "Muslim" not in text_in(path, post(gateway, path, request_of(path)).body)


def test_a_record_names_the_screen_and_the_digest_of_its_rules(
    gateway: RunningGateway, script: Scripted
) -> None:
    script.reply = Reply(headers=SSE, pieces=stream_of(PATHS[0], pieces(TABLE)))
    post(gateway, PATHS[0], request_of(PATHS[0]))
    facts = [fact for case in gateway.records()[-1]["cases"] for fact in case["facts"]]
    (score,) = [fact for fact in facts if fact["name"] == "code_names"]
    assert (score["grade"], score["role"], score["value"]) == ("estimated", "reader", 95)
    assert len(score["source"]) == 64
    (open_,) = [fact for fact in facts if fact["name"] == "passwords"]
    assert (open_["role"], open_["value"]) == ("unmeasured", 0)


def test_a_screen_that_nobody_registered_denies_and_is_recorded(
    scripted: ScriptedUpstream, script: Scripted, tmp_path: Path
) -> None:
    with running_gateway(tmp_path, scripted.url, screen_files("http")) as gateway:
        script.reply = Reply(headers=SSE, pieces=stream_of(PATHS[0], pieces(SHARES)))
        assert text_in(PATHS[0], post(gateway, PATHS[0], request_of(PATHS[0])).body) == ""
        facts = [fact for case in gateway.records()[-1]["cases"] for fact in case["facts"]]
    assert {f["source"] for f in facts if f["name"] == "code_names"} == {"unavailable:not_registered"}


def test_a_failure_that_no_clause_would_notice_is_never_served() -> None:
    assert any("read as a clean one" in each for each in parse_bundle(screen_files(unavailable=50)).unsafe)
    assert parse_bundle(screen_files(unavailable=51)).unsafe == ()


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("unavailable = 100", "unavailable = 0", "is clean"),
        ("[1000, 100]", "[1000, 0], [1001, -1]", "never falls"),
        ("[1000, 100]", "[0, 100]", "ascend"),
        ("[1000, 100]", "[1000, 101]", "between 0 and 100"),
        ('kind = "sensitive"', 'kind = "guess"', "`kind` is one of"),
        ("version = 1", "version = 2", "`version` is 1"),
        ("window_chars = 200", "window_chars = 0", "window_chars"),
        ("[unmeasured.passwords]", "[unmeasured.code_names]", "take one of the two out"),
        ("gives.code_names", "gives.guarded", "no estimated fact"),
        ("screens.reader", "screens.READER", "a name is of small letters"),
    ],
)
def test_what_screens_toml_may_not_say_is_a_finding(old: str, new: str, finding: str) -> None:
    files = screen_files()
    files["screens.toml"] = files["screens.toml"].replace(old.encode(), new.encode())
    with pytest.raises(BundleError) as raised:
        parse_bundle(files)
    assert any(finding in each for each in raised.value.findings)


EXAMPLE = parse_bundle(read_folder(ROOT / "policies" / "government-analytics"))
DEV = (ROOT / "conformance" / "scenarios" / "dev.jsonl").read_bytes()
FILES = {
    path: data for path, data in EXAMPLE.files.items() if path[:11] not in {"clauses/P26", "clauses/P27"}
}
BEFORE = parse_bundle(FILES)
CASES = [scenario_facts(EXAMPLE, one.visible)[1] for one in parse_scenarios(DEV, EXAMPLE.registry.facts)]


@pytest.mark.parametrize("point", list(Point))
def test_screens_that_find_nothing_change_no_verdict_of_the_scenarios(point: Point) -> None:
    screening = screening_of(EXAMPLE)
    assert screening is not None
    verdicts: set[Verdict] = set()
    for cases in CASES:
        scored = with_scores(without_scores(cases), EXAMPLE, screening.nothing_found())
        before = decide_use(BEFORE.policy, point, without_scores(cases)).verdict
        assert decide_use(EXAMPLE.policy, point, scored).verdict is before
        verdicts.add(before)
    assert len(CASES) == 40
    assert verdicts == set(Verdict)


@settings(deadline=None)
@given(st.data())
def test_raising_any_score_never_loosens_a_verdict(data: st.DataObject) -> None:
    cases = CASES[data.draw(st.integers(0, len(CASES) - 1))]
    point = data.draw(st.sampled_from(list(Point)))
    low = data.draw(st.integers(0, 1000))
    high = data.draw(st.integers(low, 1000))
    fact = data.draw(st.sampled_from(sorted(EXAMPLE.unread)))
    verdicts: list[int] = []
    for value in (low, high):
        facts = tuple(
            replace(case, facts=tuple(replace(f, value=value) if f.name == fact else f for f in case.facts))
            for case in cases
        )
        verdicts.append(ORDER.index(decide_use(EXAMPLE.policy, point, facts).verdict))
    assert verdicts[0] <= verdicts[1]


def test_a_score_replaces_what_was_measured_before() -> None:
    (case,) = with_scores((Facts(),), EXAMPLE, {"sensitive_inference": Score(7, "a", "b")})
    (again,) = with_scores((case,), EXAMPLE, {"sensitive_inference": Score(3, "a", "b")})
    assert [f.value for f in again.facts if f.name == "sensitive_inference"] == [3]
