"""What people's reviews make possible, over HTTP: clauses read what the gateway measured of them."""

from pathlib import Path

from caveat.evidence.approval import Act
from tests.support.overseers import ANNA, BEN, Clock, ask_about, decide, hold_of, read
from tests.support.reviewed import reviewed_files
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream


def reviewed(gateway: RunningGateway, clock: Clock, tag: str, seconds: float) -> int:
    """The status of one approval after so long."""
    shown = read(gateway, BEN, clock(), hold_of(ask_about(gateway, tag=tag))).json
    clock.move(seconds)
    return decide(gateway, shown, BEN, clock(), Act.APPROVE).status


def code_of_five(gateway: RunningGateway) -> str:
    return str(ask_about(gateway, 5, "five").error["code"])


def test_a_use_that_takes_reviewed_people_is_denied_until_reviews_are_measured_and_after_a_restart_as_before(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    clock, files = Clock(), reviewed_files(ANNA, BEN)
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert code_of_five(gateway) == "deny"
        assert reviewed(gateway, clock, "fast", 9) == 403
        assert code_of_five(gateway) == "deny"
        clock.move(60)
        assert reviewed(gateway, clock, "real", 15) == 201
        assert code_of_five(gateway) == "needs_approval"
        case = gateway.records()[-1]["cases"][0]["facts"]
        said = {one["name"]: (one["value"], one["grade"], one["role"]) for one in case}
        assert said["review_seconds_median"] == (15, "observed", "review")
        assert said["approval_mode"] == ("per_item", "observed", "review")
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert code_of_five(gateway) == "needs_approval"
        clock.move(60)
        assert reviewed(gateway, clock, "one", 12) == 201
        clock.move(2)
        shown = read(gateway, BEN, clock(), hold_of(ask_about(gateway, tag="two"))).json
        clock.move(1)
        assert decide(gateway, shown, BEN, clock()).error["code"] == "approval_too_fast"
        assert code_of_five(gateway) == "needs_approval"


def test_a_batch_is_no_human_decision(module_upstream: ScriptedUpstream, tmp_path: Path) -> None:
    clock, files = Clock(), reviewed_files(ANNA, BEN)
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        shown = [read(gateway, BEN, clock(), hold_of(ask_about(gateway, tag=tag))).json for tag in "xy"]
        clock.move(40)
        assert decide(gateway, shown[0], BEN, clock()).status == 201
        assert code_of_five(gateway) == "needs_approval"
        clock.move(1)
        assert decide(gateway, shown[1], BEN, clock()).error["code"] == "approval_batch"
        assert code_of_five(gateway) == "deny"


def test_a_deployment_without_the_observer_measures_nothing(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    clock, files = Clock(), reviewed_files(ANNA, BEN, observers="destinations")
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert reviewed(gateway, clock, "real", 15) == 201
        assert code_of_five(gateway) != "needs_approval"
