"""The shortest list over all uses, where the list for each use by itself would be longer."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from caveat.call.call import Point
from caveat.cli.enforce import enforce, with_enforce
from caveat.cli.exit import CannotRunError
from caveat.cli.observed import Watched, read_traffic
from caveat.cli.settling import settle
from caveat.decision.decide import decide_use
from caveat.facts.fact import Facts
from caveat.ledger.read import Entry
from caveat.ledger.record import DecisionRecord
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.store.folder import read_folder
from tests.cli.calling import write
from tests.ledger.logs import decision_record
from tests.support.small_bundle import ACTOR, SmallBundle

CLAUSES = """
@id("C1") @text("Permit.") @authority("contract") @amend("operator")
permit (principal, action, resource);
@id("C2") @text("Either fact settles it.") @authority("contract") @amend("operator")
forbid (principal, action, resource) when {
  context.acquisition_channel == "bulk_purchased" && context.subject_count > context.limits.bulk
};
@id("C3") @text("Many persons.") @authority("contract") @amend("operator")
forbid (principal, action, resource) when { context.subject_count > 500000 };
@id("C4") @text("The officer may.") @authority("contract") @amend("operator")
permit (principal, action, resource) when { context.approvals.contains("officer") };
"""


def bundle_of(clauses: str) -> Bundle:
    bundle = SmallBundle()
    bundle.clauses = clauses
    return parse_bundle(bundle.files())


def watched(bundle: Bundle, *uses: Facts) -> Watched:
    entries = [
        Entry(
            number,
            f"{number}-{number:016x}",
            replace(
                decision_record(number, cases=(facts,), enforced=False),
                mode="observe",
                bundle=bundle.digest,
                point=Point.PROMPT,
                of=None,
                decision=decide_use(bundle.policy, Point.PROMPT, (facts,)),
            ),
        )
        for number, facts in enumerate(uses)
    ]
    assert all(isinstance(entry.record, DecisionRecord) for entry in entries)
    return next(iter(read_traffic(entries, None, frozenset()).deployments.values()))


def test_one_fact_that_settles_every_use_is_preferred_to_one_for_each() -> None:
    bundle = bundle_of(CLAUSES)
    either = Facts(claims={"acquisition_channel": "first_party"})
    found = watched(bundle, either, Facts(claims={"subject_count": 5}))
    settlement = settle(found, lambda _digest: bundle)
    assert [(step.fact, step.uses) for step in settlement.steps] == [("subject_count", 2)]
    assert (settlement.settled, settlement.exact) == (2, True)


def test_what_no_proof_settles_is_left_out() -> None:
    bundle = bundle_of(CLAUSES)
    found = watched(bundle, Facts(claims={"subject_count": 900_000}))
    assert found.refused == 1
    assert settle(found, lambda _digest: bundle).steps == ()


def test_an_answer_to_a_refused_prompt_is_the_same_use() -> None:
    bundle = bundle_of(CLAUSES)
    found = watched(bundle, Facts())
    prompt = Entry(
        0,
        "0-" + "0" * 16,
        replace(
            decision_record(0, cases=(Facts(),), enforced=False),
            mode="observe",
            bundle=bundle.digest,
            decision=decide_use(bundle.policy, Point.PROMPT, (Facts(),)),
            point=Point.PROMPT,
            of=None,
        ),
    )
    assert isinstance(prompt.record, DecisionRecord)
    answer = Entry(1, "1-" + "0" * 16, replace(prompt.record, point=Point.OUTPUT, of=prompt.id))
    both = read_traffic([prompt, answer], None, frozenset())
    assert [(one.uses, one.refused) for one in both.deployments.values()] == [(1, 1)]
    assert found.uses == 1


def test_changing_the_mode_keeps_comments_and_changes_nothing_else() -> None:
    text = b"""# deployments
[deployments.a] # the first
mode = "observe" # watched
[deployments.a.facts]
mode_of_use = "observe"
[deployments."b"]
mode = 'observe'
"""
    assert with_enforce(text, "a") == text.replace(b'mode = "observe" #', b'mode = "enforce" #')
    assert with_enforce(text, "b") == text.replace(b"'observe'", b"'enforce'")
    inline = b'deployments = { a = { mode = "observe" } }\n'
    assert b'mode = "enforce"' in with_enforce(inline, "a")


@pytest.mark.parametrize("broken", range(4))
def test_an_interruption_leaves_a_bundle_that_may_be_served(
    broken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "bundle", SmallBundle().files())
    key = tmp_path / "operator.pem"
    key.write_bytes(ACTOR.pem())
    real, calls = Path.replace, iter(range(9))

    def replace_until(path: Path, target: Path) -> Path:
        if next(calls) == broken:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace_until)
    with pytest.raises(CannotRunError, match="no space left"):
        enforce(folder, "watch", [f"operator={key}"])
    left = parse_bundle(read_folder(folder))
    assert left.unsigned == ()
    assert left.deployments["watch"].mode == ("enforce" if broken == 3 else "observe")
    if broken == 3:
        assert "signatures/amendment-0001.dsse.json" in left.files, "it may follow the one in force, too"
