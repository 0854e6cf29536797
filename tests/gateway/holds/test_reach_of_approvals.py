"""How far an approval reaches: one use, once, as long as it says, under one policy."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import RejectedEnvelope
from caveat.gateway.errors import LedgerError
from caveat.signing.digest import Digest
from tests.gateway.holds.waiting import held, shown_to
from tests.support.overseers import BEN, Clock, ask_about, decide, hold_of, overseen_bundle, status
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Reply, ScriptedUpstream, Seen, plain_reply


def test_another_action_is_not_let_through(gateway: RunningGateway, clock: Clock) -> None:
    """74"""
    hold = held(gateway)
    shown = shown_to(gateway, clock, hold)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    assert ask_about(gateway, tag="e").status == 403
    assert ask_about(gateway).status == 200


def test_an_expired_hold_lets_nothing_through(gateway: RunningGateway, clock: Clock) -> None:
    hold = held(gateway)
    shown = shown_to(gateway, clock, hold)
    clock.move(11)
    decide(gateway, shown, BEN, clock())
    late = shown_to(gateway, clock, hold, BEN)
    clock.move(86_400)
    assert decide(gateway, late, BEN, clock()).error["code"] == "approval_hold_expired"
    assert status(gateway, hold).json["status"] == "expired"


def test_an_approval_expires_with_its_hold(gateway: RunningGateway, clock: Clock) -> None:
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    clock.move(86_400)
    assert ask_about(gateway).status == 403


def test_an_approval_counts_no_longer_than_it_says(gateway: RunningGateway, clock: Clock) -> None:
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    soon = clock() + timedelta(seconds=60)
    assert decide(gateway, shown, BEN, clock(), expires_at=soon).status == 201
    clock.move(61)
    assert ask_about(gateway).status == 403


def test_an_approver_who_is_gone_by_then_approves_nothing(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """85: it counted when it was given; every approval is verified again when it is to be used."""
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    witnesses = gateway.service.law.current.witnesses
    gone = RejectedEnvelope(Digest("0" * 64), DefectCode.REVOKED)
    with monkeypatch.context() as patched:
        patched.setattr(witnesses, "admit_approval", lambda _raw, _now: gone)
        assert ask_about(gateway).status == 403
    assert ask_about(gateway).status == 200


def test_an_approval_under_another_policy_lets_nothing_through(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """81"""
    bundle = overseen_bundle(BEN)
    with running_gateway(tmp_path, module_upstream.url, bundle.files(), clock=clock) as gateway:
        hold = held(gateway)
        shown = shown_to(gateway, clock, hold, BEN)
        clock.move(11)
        assert decide(gateway, shown, BEN, clock()).status == 201
        bundle.clauses += "// of no weight, and yet another text\n"
        assert gateway.amend(bundle.files())
        again = ask_about(gateway)
        assert (again.status, hold_of(again) != hold) == (403, True)


@pytest.mark.slow
def test_of_many_parallel_repetitions_exactly_one_goes_through(
    gateway: RunningGateway, clock: Clock, module_upstream: ScriptedUpstream
) -> None:
    """75"""
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: ask_about(gateway).status, range(64)))
    assert (answers.count(200), answers.count(403)) == (1, 63)
    assert len(module_upstream.seen) == 1


def test_an_approval_is_given_back_where_its_use_makes_no_record(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    recorder = gateway.service.desk.gate.recorder

    async def stopped(_record: object) -> None:
        raise LedgerError

    with monkeypatch.context() as patched:
        patched.setattr(recorder, "append", stopped)
        assert ask_about(gateway).error["code"] == "ledger_unavailable"
    assert ask_about(gateway).status == 200


def test_a_policy_that_changes_before_the_answer_takes_the_approval_away(
    clock: Clock, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """81: the use was let through under one policy, and its answer is decided under the next."""
    bundle = overseen_bundle(BEN)
    with running_gateway(tmp_path, upstream.url, bundle.files(), clock=clock) as gateway:
        shown = shown_to(gateway, clock, held(gateway), BEN)
        clock.move(11)
        assert decide(gateway, shown, BEN, clock()).status == 201
        bundle.clauses += "// another text\n"

        def amended_meanwhile(seen: Seen) -> Reply:
            assert gateway.amend(bundle.files())
            return plain_reply(seen)

        upstream.script = amended_meanwhile
        answer = ask_about(gateway)
        assert (answer.status, answer.error["point"]) == (403, "output")
