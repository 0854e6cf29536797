"""Red lines against each adversary: what holds, what opens it, and that every use shown is real."""

import random
from dataclasses import replace
from pathlib import Path

import cvc5
import pytest

from caveat.analysis import holds as holding
from caveat.analysis.adversary import Adversary, Seen, insiders, seen_by
from caveat.analysis.errors import EmptyWorldError
from caveat.analysis.frame import Frame, make_frame
from caveat.analysis.holds import Held, RedLine, adversaries_held, make_problem, red_lines_of
from caveat.analysis.solve import Answer, Session, Solver, Term
from caveat.analysis.witness import Witness, all_inside, live_decision
from caveat.call.call import Point
from caveat.decision.decide import decide, program_for
from caveat.decision.resolve import resolve
from caveat.decision.search import Budget
from caveat.decision.use import make_use
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.evidence.trust import parse_trust
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import render_value
from caveat.policy.bundle import Bundle, parse_bundle
from tests.oracle.example import ROOT, Sampler, example_bundle, files_of, without
from tests.policy.small import edited, small

UNDECIDED = Decision(Verdict.DENY, Reason.CLAUSE)
SEEDED = ROOT / "conformance" / "bundles"
Answers = dict[str, dict[str, bool | None]]


def answers(bundle: Bundle, session: Session | None = None) -> dict[str, dict[Adversary, Held]]:
    """What is answered for each red line."""
    trust = parse_trust(bundle.files["trust.toml"])
    found = adversaries_held(session or Session(), bundle, trust)
    return {line.id: {held.adversary: held for held in row} for line, row in found}


def weakest(bundle: Bundle) -> Adversary | None:
    """The first adversary for whom the only red line is open."""
    (row,) = answers(bundle).values()
    return next((adversary for adversary, held in row.items() if held.holds is False), None)


def seeded(name: str) -> Bundle:
    """One of the bundles that are open on purpose."""
    return parse_bundle(files_of(SEEDED / name))


OPENED_BY = {
    "claimed-fact": Adversary.LIAR,
    "unobserved-neutral": Adversary.SILENT,
    "loosening-screen": Adversary.EVADER,
}


@pytest.mark.parametrize("name", OPENED_BY)
def test_the_seeded_bundles_are_told_apart(name: str) -> None:
    bundle = seeded(name)
    assert weakest(bundle) is OPENED_BY[name]
    (row,) = answers(bundle).values()
    witness = row[OPENED_BY[name]].witness
    assert witness is not None
    assert witness.decision.verdict is Verdict.ALLOW
    assert len(witness.lies) == 1


def test_the_same_bundle_without_the_seed_holds_against_all_four() -> None:
    files = files_of(SEEDED / "claimed-fact")
    files["facts.toml"] = files["facts.toml"].replace(
        b'grade = "claimed"', b'attested_by = ["legal_officer"]'
    )
    assert weakest(parse_bundle(files)) is Adversary.ISSUER


def _sound() -> dict[str, bytes]:
    """A seeded bundle without its seed."""
    files = files_of(SEEDED / "claimed-fact")
    files["facts.toml"] = files["facts.toml"].replace(
        b'grade = "claimed"', b'attested_by = ["legal_officer"]'
    )
    return files


def test_what_is_believed_of_what_was_seen_cannot_tell_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cedar alone, on the facts as they are said: then a sound bundle is as open as the seeded ones."""

    def believed(bundle: Bundle, truth: Frame, _adversary: Adversary, _people: object = ()) -> Seen:
        said = make_frame(bundle.registry.facts, bundle.policy.roles, "s")
        return Seen(replace(said, point=truth.point), said.well_formed, {})

    monkeypatch.setattr(holding, "seen_by", believed)
    assert {weakest(parse_bundle(_sound())), *(weakest(seeded(name)) for name in OPENED_BY)} == {
        Adversary.HONEST
    }


TRUST = 'version = 1\nexpires_at = "2036-01-01T00:00:00Z"'


def test_an_encoding_that_takes_the_truth_for_what_is_seen_calls_all_of_them_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        holding, "seen_by", lambda _bundle, truth, _adversary, _people=(): Seen(truth, truth.well_formed, {})
    )
    assert weakest(seeded("claimed-fact")) is None
    assert weakest(seeded("unobserved-neutral")) is None


def test_the_example_holds_against_whoever_has_no_word_that_counts() -> None:
    for row in answers(example_bundle()).values():
        assert {adversary.value: held.holds for adversary, held in row.items()} == {
            "honest": True,
            "silent": True,
            "liar": True,
            "evader": True,
            "issuer": False,
            "operator": False,
        }


def test_who_lies_is_named() -> None:
    rows = answers(example_bundle())
    assert rows["R1"][Adversary.ISSUER].by == ("data_owner",)
    assert rows["R2"][Adversary.ISSUER].by == ("oversight_service",)


@pytest.mark.parametrize("clause", ["R1.a", "R1.b", "R2.a", "R2.b"])
def test_a_red_line_without_one_of_its_limbs_is_open_to_the_honest(clause: str) -> None:
    bundle = example_bundle()
    gone = [each.id for each in bundle.clauses if clause in each.clauses]
    rows = answers(without(bundle, gone))
    held = rows[clause[:2]][Adversary.HONEST]
    assert held.holds is False
    assert held.witness is not None
    assert held.witness.lies == ()


@pytest.mark.parametrize("clause", ["R1.a", "R2.b"])
def test_every_witness_replays_and_nothing_in_it_can_be_dropped(clause: str) -> None:
    whole = example_bundle()
    bundle = without(whole, [each.id for each in whole.clauses if clause in each.clauses])
    for line in red_lines_of(bundle):
        held = answers(bundle)[line.id][Adversary.ISSUER]
        assert held.witness is not None
        _check(bundle, line, held)


def _check(bundle: Bundle, line: RedLine, held: Held) -> None:
    witness = held.witness
    assert witness is not None
    again = live_decision(bundle, witness.point, witness.said, witness.truth)
    assert again == witness.decision
    assert again.verdict is Verdict.ALLOW
    assert all_inside(bundle, line.specification, witness)
    for name in witness.said:
        fewer = {key: said for key, said in witness.said.items() if key != name}
        truth = {key: value for key, value in witness.truth.items() if key != name}
        smaller = type(witness)(witness.point, truth, fewer, witness.decision)
        still = live_decision(bundle, witness.point, fewer, truth).verdict is Verdict.ALLOW
        assert name in witness.lies or not (still and all_inside(bundle, line.specification, smaller))


def test_a_witness_says_what_is_true_and_what_is_seen_apart() -> None:
    held = answers(example_bundle())["R2"][Adversary.ISSUER]
    assert held.witness is not None
    rendered = held.witness.render()
    assert rendered["facts"] == {name: render_value(value) for name, value in held.witness.truth.items()}
    assert rendered["seen"] == {
        name: {"value": render_value(said.value), "grade": "attested", "by": "oversight_service"}
        for name, said in held.witness.said.items()
        if name in held.witness.lies
    }
    assert rendered["seen"]
    assert rendered["replayed"] is True


def test_an_issuer_is_believed_within_the_values_it_is_enrolled_for() -> None:
    files = _sound()
    assert weakest(parse_bundle(files)) is Adversary.ISSUER
    files["trust.toml"] = (TRUST + _issuer("owner", "records", '["private"]', 1)).encode()
    files["trust.toml"] += _issuer("legal_officer", "authorized", "[false]", 2).encode()
    narrowed = answers(parse_bundle(files))["R1"]
    assert narrowed[Adversary.ISSUER].holds is True
    files["trust.toml"] = files["trust.toml"].replace(b"[false]", b"[true, false]")
    widened = answers(parse_bundle(files))["R1"][Adversary.ISSUER]
    assert widened.by == ("the-legal_officer",)


def _issuer(role: str, fact: str, values: str, seed: int) -> str:
    from caveat.signing.keys import Algorithm, private_key_from_seed

    key = private_key_from_seed(Algorithm.ED25519, bytes([seed]) * 32).public().render()
    return (
        f'\n[issuers.the-{role}]\nrole = "{role}"\nparty = "customer"\nkey = "{key}"\npurpose = "evidence"\n'
        f'facts = ["{fact}"]\nnamespaces = ["*"]\nmax_age_seconds = 100\nmax_lifetime_seconds = 100\n'
        f"[issuers.the-{role}.values]\n{fact} = {values}\n"
    )


def test_whoever_settles_counts_is_an_insider() -> None:
    files = edited("bundle.toml", "step_budget = 1000", 'step_budget = 1000\ninterval_role = "counsel"')
    files["trust.toml"] = TRUST.encode()
    row = answers(parse_bundle(files))["L1"]
    assert row[Adversary.EVADER].holds is True
    bundle = parse_bundle(files)
    people = insiders(bundle, parse_trust(bundle.files["trust.toml"]))
    settler = next(one for one in people if one.settles)
    problem = make_problem(Session(), bundle, Adversary.ISSUER, (settler,))
    held = holding.ask_open(problem, red_lines_of(bundle)[0])
    assert held.by == ("counsel (settling counts)",)
    assert held.witness is not None
    assert held.witness.said["persons"].settled


def test_an_unknown_word_is_no_knowledge() -> None:
    """Where only an attested `unknown` would get through, nothing gets through."""
    files = small()
    files["trust.toml"] = TRUST.encode()
    files["clauses/all.cedar"] = files["clauses/all.cedar"].replace(
        b"context.persons > context.limits.many", b'context.persons >= 11 && context.channel != "unknown"'
    )
    row = answers(parse_bundle(files))["L1"]
    assert row[Adversary.EVADER].holds is True


def test_a_solver_that_does_not_answer_never_says_that_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Solver.ask

    def hesitant(self: Solver, *assumptions: Term) -> Answer:
        return Answer.UNKNOWN if assumptions else ask(self)

    monkeypatch.setattr(Solver, "ask", hesitant)
    for row in answers(example_bundle()).values():
        assert {held.holds for held in row.values()} == {None}


def test_a_time_limit_that_is_used_up_is_unknown() -> None:
    files = small()
    files["trust.toml"] = TRUST.encode()
    files["facts.toml"] = (
        files["facts.toml"].replace(b"hi = 100\n", b"")
        + b"""
[facts.other]
type = "long"
attested_by = ["issuer"]
severest = 1
amend = "provider"
text = "another number"
"""
    )
    hard = (
        b"context.persons * context.other == 1000000016000000063 && context.persons > 1 && context.other > 1"
    )
    files["red_lines/line.cedar"] = files["red_lines/line.cedar"].replace(b"context.persons >= 11", hard)
    files["clauses/all.cedar"] = files["clauses/all.cedar"].replace(
        b"context.persons > ", b"context.persons < 0 && 0 > "
    )
    files["clauses/all.cedar"] = files["clauses/all.cedar"].replace(
        b"context.score > 5", b"context.score > 9"
    )
    session = Session(timeout_seconds=0.05)
    row = answers(parse_bundle(files), session)["L1"]
    assert row[Adversary.HONEST].holds is None
    assert session.unknown


def test_no_world_is_an_error_and_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Solver, "ask", lambda _self, *_assumptions: Answer.UNSATISFIABLE)
    with pytest.raises(EmptyWorldError):
        answers(example_bundle())


@pytest.mark.slow
def test_a_second_solver_agrees_on_every_query_of_the_example() -> None:
    queries: list[tuple[str, Answer]] = []
    answers(example_bundle(), Session(on_query=lambda text, answer: queries.append((text, answer))))
    assert len(queries) > 15
    assert {answer for _, answer in queries} == {Answer.SATISFIABLE, Answer.UNSATISFIABLE}
    for text, answer in queries:
        assert _cvc5(text) == answer.value


def _cvc5(text: str) -> str:
    solver = cvc5.Solver()
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, "(set-logic QF_BV)\n" + text, "query")
    symbols = parser.getSymbolManager()
    answer = ""
    while not (command := parser.nextCommand()).isNull():
        said = command.invoke(solver, symbols).strip()
        answer = said or answer
    return {"sat": "satisfiable", "unsat": "unsatisfiable"}[answer]


def _attack(bundle: Bundle, rng: random.Random, tries: int) -> tuple[int, int]:
    """Random uses inside the red lines, with lies and gaps: how many were tried, and how many got through."""
    sampler = Sampler(bundle, rng)
    specs = bundle.registry.facts
    lines = red_lines_of(bundle)
    tried = opened = 0
    while tried < tries:
        line = lines[tried % len(lines)]
        world = sampler.world_for(line.specification[0].condition)
        for _ in range(20):
            world = sampler.step(world)
            truth = {name: world[name] for name in specs}
            witness = Witness("prompt", truth, {}, UNDECIDED)
            if not all_inside(bundle, line.specification, witness):
                continue
            said = tuple(
                Fact(name, value, Grade.ATTESTED, min(specs[name].attested_by))
                for name, value in truth.items()
                if rng.random() < 0.9
            )
            lies = {
                name: render_value(sampler.value(spec))
                for name, spec in specs.items()
                if rng.random() < 0.3 and not isinstance(sampler.value(spec), dict)
            }
            facts = Facts(said, lies, frozenset(bundle.policy.roles))
            opened += _gets_through(bundle, facts)
            tried += 1
    return tried, opened


def _gets_through(bundle: Bundle, facts: Facts) -> bool:
    """Whether it is allowed. The search for what would be needed is spared where it is not."""
    program = program_for(bundle.policy, Point.PROMPT)
    use = make_use(bundle.policy, program, resolve(bundle.registry, facts), facts.approvals)
    if use.verdict(Budget(bundle.policy.step_budget)) is not Verdict.ALLOW:
        return False
    return decide(bundle.policy, Point.PROMPT, facts).verdict is Verdict.ALLOW


@pytest.mark.slow
def test_a_random_attack_inside_what_holds_finds_nothing() -> None:
    assert _attack(example_bundle(), random.Random(5), 2_000)[1] == 0


@pytest.mark.long
@pytest.mark.parametrize("shard", range(4))
def test_a_hundred_thousand_random_attacks_inside_what_holds_find_nothing(shard: int) -> None:
    assert _attack(example_bundle(), random.Random(50 + shard), 25_000)[1] == 0


@pytest.mark.slow
def test_the_same_attack_gets_through_where_a_limb_is_missing() -> None:
    whole = example_bundle()
    gone = [each.id for each in whole.clauses if {"R1.a", "R1.b"} & set(each.clauses)]
    assert _attack(without(whole, gone), random.Random(5), 4_000)[1] > 0


def test_the_seeded_bundles_stand_where_the_documentation_says() -> None:
    assert all(Path(SEEDED / name / "bundle.toml").is_file() for name in OPENED_BY)


def test_an_honest_adversary_sees_the_truth_and_shares_its_variables() -> None:
    bundle = example_bundle()
    truth = make_frame(bundle.registry.facts, bundle.policy.roles, "t")
    seen = seen_by(bundle, truth, Adversary.EVADER)
    specs = bundle.registry.facts.items()
    shared = [name for name, spec in specs if spec.grade is not Grade.ESTIMATED]
    assert len(shared) > 20
    assert all(seen.frame.facts[name] is truth.facts[name] for name in shared)
