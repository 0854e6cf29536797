"""Every measure of every scope in every window, read by clauses of a gateway that is really served."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from caveat.monitors.figures import FIGURES, MEASURES, SCOPES
from caveat.monitors.windows import NAMES
from tests.gateway.test_monitor_facts import declared
from tests.support.overseers import Clock
from tests.support.raw_client import asking, chat
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Reply, ScriptedUpstream
from tests.support.small_bundle import DESK_KEY, WATCH_KEY, SmallBundle, adopted, attest
from tests.support.tool_world import AGENT_KEY, chat_calls, tool_bundle

HOUR, DAY = 3600, 24 * 3600
FIND = ("find", '{"q": "x"}')
_CLAUSE = """
@id("M1") @text("No more joined about anybody than this.") @authority("contract") @amend("operator")
forbid (principal, action, resource) when {{ context.{name} > {most} }};
"""


def bundle(*names: str, clause: tuple[str, int] | None = None) -> dict[str, bytes]:
    """The small bundle with these figures, and monitors in each deployment."""
    unsigned = SmallBundle(signed=False)
    if clause is not None:
        unsigned.clauses += _CLAUSE.format(name=clause[0], most=clause[1])
    return watched(unsigned.files(), *names)


def watched(files: dict[str, bytes], *names: str) -> dict[str, bytes]:
    files["facts.toml"] += declared(*names).encode()
    files["deployments.toml"] = files["deployments.toml"].replace(
        b'observers = ["totals", "counter"]', b'observers = ["totals", "counter", "monitors"]'
    )
    for name in ("desk", "watch"):
        files["deployments.toml"] += f"[deployments.{name}.facts]\npopulation_size = 60\n".encode()
    return adopted(files)


@contextmanager
def served(
    folder: Path, upstream: ScriptedUpstream, files: dict[str, bytes], clock: Clock
) -> Iterator[RunningGateway]:
    with running_gateway(folder, upstream.url, files, clock=clock, subject_keys=(b"k" * 32,)) as gateway:
        yield gateway


def table(first: int, last: int, column: str, day: int = 1) -> str:
    rows = (
        f"person-number-{n:05d},x,52.{n:05d},4.{n:05d},2026-02-0{day}T08:00:00Z\n" for n in range(first, last)
    )
    return f"device_id,{column},lat,lon,time\n" + "".join(rows)


def use(gateway: RunningGateway, content: str, key: str = DESK_KEY, source: str | None = None) -> int:
    audience = "desk" if key == DESK_KEY else "watch"
    said: dict[str, object] = {"acquisition_channel": "first_party"}
    evidence = attest(content.encode(), said, audience=audience, source=source)
    header = base64.urlsafe_b64encode(evidence).decode().rstrip("=")
    return chat(gateway.url, key, asking(content), {"x-caveat-evidence": header}).status


def read(gateway: RunningGateway, point: str = "prompt") -> dict[str, Any]:
    """The figures of the newest use."""
    found = next(one for one in reversed(gateway.records()) if one["point"] == point)
    return {one["name"]: one["value"] for one in found["cases"][0]["facts"] if one["role"] == "monitors"}


@pytest.mark.slow
def test_every_measure_of_every_scope_in_every_window_is_read_of_real_traffic_and_survives_a_restart(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    clock, files = Clock(), bundle(*FIGURES)
    with served(tmp_path, upstream, files, clock) as gateway:
        assert use(gateway, table(100, 105, "religion"), WATCH_KEY) == 200
        assert use(gateway, table(0, 20, "religion")) == 200
    clock.move(-DAY)  # a clock that is put back resets nothing
    clock.move(DAY + 2 * HOUR)
    with served(tmp_path, upstream, files, clock) as gateway:
        assert use(gateway, table(10, 30, "health_condition", day=4), source="cut-anew") == 200
        seen = read(gateway)
    assert seen.keys() == FIGURES.keys()
    expected = {
        "subject_count": (20, 30, 35),
        "device_count": (20, 30, 35),
        "attributes_joined": (2, 3, 3),  # where somebody was is one
        "sensitive_pairs": (0, 1, 1),
        "points_per_person": (1, 2, 2),
        "span_days_per_person": (1, 4, 4),
        "population_coverage_permille": (334, 500, 584),
        "protected_selection": (20, 30, 35),
        "growth_permille": (20_000, 500, 400),
        "repeat_share_permille": (0, 500, 500),
        "least_difference": (20, 20, 20),
    }
    assert expected.keys() == {name for name, one in MEASURES.items() if "source" in one.scopes}
    for measure, (within_the_hour, own, over_all) in expected.items():
        for scope in SCOPES:
            for window in NAMES:
                value = seen[f"{scope}_{measure}_{window}"]
                longer = over_all if scope in ("all", "purpose") else own
                wanted = within_the_hour if window == "1h" else longer
                if (scope, measure) == ("source", "growth_permille"):
                    wanted = within_the_hour  # of a lineage that is new, all are
                assert value == wanted, (scope, measure, window)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("owner_attributes_joined_24h", 2),
        ("deployment_points_per_person_7d", 1),
        ("all_sensitive_pairs_30d", 0),
        ("source_growth_permille_12m", 30_000),
        ("purpose_protected_selection_12m", 25),
    ],
)
def test_a_clause_on_a_figure_denies_what_it_says(
    tmp_path: Path, upstream: ScriptedUpstream, name: str, most: int
) -> None:
    with served(tmp_path, upstream, bundle(name, clause=(name, most)), Clock()) as gateway:
        first = 20 if "growth" not in name else 31
        assert use(gateway, table(0, first, "religion")) == (403 if "growth" in name else 200)
        assert use(gateway, table(10, 30, "health_condition", day=2)) == (200 if "growth" in name else 403)


@pytest.mark.slow
def test_rates_and_sequences_of_tools_are_read_per_scope_and_window_and_survive_a_restart(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    names = [name for name in FIGURES if "effect" in name]
    clock, files = Clock(), watched(tool_bundle(), *names)
    upstream.script = lambda _seen: Reply(body=chat_calls(FIND))
    with served(tmp_path, upstream, files, clock) as gateway:
        assert [chat(gateway.url, AGENT_KEY, asking("hi")).status for _ in range(3)] == [200] * 3
    clock.move(2 * HOUR)
    with served(tmp_path, upstream, files, clock) as gateway:
        assert chat(gateway.url, AGENT_KEY, asking("hi")).status == 200
        assert chat(gateway.url, AGENT_KEY, asking("hi")).status == 200
        tools = read(gateway, "tool")
        counted = [one["counted"] for one in gateway.records() if one["point"] == "tool"]
    assert counted == [{"owner": "agents", "purpose": "unnamed", "protected": False}] * 5
    for scope in ("deployment", "owner", "purpose", "all"):
        assert [tools[f"{scope}_effect_count_{window}"] for window in NAMES] == [1, 4, 4, 4, 4]
        assert [tools[f"{scope}_longest_effect_run_{window}"] for window in NAMES] == [1, 4, 4, 4, 4]
        assert [tools[f"{scope}_effects_after_reading_{window}"] for window in NAMES] == [0] * 5
