"""What `prove` says of a bundle, each answer checked by another way to find it."""

import random
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

import pytest

from caveat.analysis.adversary import Adversary
from caveat.analysis.amended import Acts, amended
from caveat.analysis.closing import Closing
from caveat.analysis.cuts import issuer_cuts, opening_cuts, quorum
from caveat.analysis.holds import make_problem, red_lines_of
from caveat.analysis.power import fact_consent, make_power
from caveat.analysis.proof import Prover
from caveat.analysis.questions import make_questions, permitted_use, purposes, sole_guards
from caveat.analysis.solve import Answer, Session, Solver, Term
from caveat.analysis.value import Case, value_of
from caveat.analysis.witness import is_permitted, live_decision
from caveat.assay.scenario import parse_scenarios
from caveat.call.call import Point
from caveat.cli.prove_cases import facts_of_scenario
from caveat.decision.decide import decide
from caveat.decision.verdict import Verdict
from caveat.evidence.trust import parse_trust
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import LONG_MAX, LONG_MIN
from caveat.policy.amend import is_satisfied
from caveat.policy.bundle import Bundle, parse_bundle
from tests.analysis.test_holds import TRUST, seeded
from tests.oracle.example import ROOT, Sampler, example_bundle, files_of
from tests.policy.small import added, edited, small

HEAD = '@text("t") @authority("contract") @amend("provider & customer")'


def loaded(files: dict[str, bytes]) -> Bundle:
    """The bundle, with a trust policy that enrols nobody."""
    return parse_bundle({**files, "trust.toml": TRUST.encode()})


def proved(bundle: Bundle, **asked: Any) -> dict[str, Any]:
    """The document about a bundle."""
    trust = parse_trust(bundle.files["trust.toml"])
    document: dict[str, Any] = dict(
        Prover(Session(), bundle, trust, **asked).prove(lambda _done, _all: None).document
    )
    return document


@cache
def example_document() -> dict[str, Any]:
    """The document about the example bundle, made once."""
    return proved(example_bundle())


def is_open(bundle: Bundle, line_id: str) -> bool:
    """Whether a red line of a bundle is open to a caller with every power that costs no signature."""
    problem = make_problem(Session(), bundle, Adversary.EVADER)
    return problem.solver.ask(problem.permitted, problem.goals[line_id]) is Answer.SATISFIABLE


def subsets(names: Iterable[str]) -> list[frozenset[str]]:
    """Every set of names, small ones first."""
    listed = sorted(names)
    return [frozenset(c) for size in range(len(listed) + 1) for c in combinations(listed, size)]


def acts_of(bundle: Bundle, actors: frozenset[str], number: int) -> Acts:
    """The most that these actors can do: the acts that the analysis only has as formulas."""
    clauses = [clause for clause in bundle.clauses if is_satisfied(clause.amend, actors)]
    return Acts(
        removed=frozenset(clause.id for clause in clauses if not clause.is_permit),
        widened=frozenset(clause.id for clause in clauses if clause.is_permit),
        limits={
            name: number
            for name, limit in bundle.manifest.limits.items()
            if is_satisfied(limit.amend, actors)
        },
        claimed=frozenset(
            name for name in bundle.registry.facts if is_satisfied(fact_consent(bundle, name), actors)
        ),
    )


def by_brute_force(bundle: Bundle, line_id: str) -> list[list[str]]:
    """The minimal sets of actors that open a red line, found by trying every set on the amended bundle."""
    found: list[frozenset[str]] = []
    tried: dict[tuple[object, ...], bool] = {}
    for actors in subsets(bundle.manifest.actors):
        if any(each <= actors for each in found):
            continue
        for number in (LONG_MAX, LONG_MIN):
            acts = acts_of(bundle, actors, number)
            key = (acts.removed, acts.widened, tuple(acts.limits.items()), acts.claimed)
            if key not in tried:
                tried[key] = is_open(amended(bundle, acts), line_id)
            if tried[key]:
                found.append(actors)
                break
    return sorted((sorted(each) for each in found), key=lambda names: (len(names), names))


def varied() -> dict[str, dict[str, bytes]]:
    """Bundles whose red line can be opened in different ways."""
    one = b'amend = "provider"'
    base = edited("facts.toml", one.decode(), 'amend = "provider & customer"')
    both = 'amend = "provider & customer"\ntext = "many"'
    alone = '@id("C1") @text("t") @authority("contract") @amend("customer | provider & auditor")'
    auditor = edited("bundle.toml", "[roles.counsel]", '[actors.auditor]\ntext = "a"\n[roles.counsel]', base)
    return {
        "by facts alone": small(),
        "by both alone": base,
        "by the limit": edited("bundle.toml", both, both.replace("provider & customer", "customer"), base),
        "by the clause": edited("clauses/all.cedar", f'@id("C1") {HEAD}', alone, auditor),
        "by the permit": edited(
            "clauses/all.cedar",
            f'@id("C4") {HEAD}\npermit (principal, action, resource);',
            '@id("C4") @text("t") @authority("contract") @amend("auditor")\n'
            "permit (principal, action, resource) when { context.persons < 5 };",
            edited(
                "clauses/all.cedar",
                f'@id("C1") {HEAD}',
                '@id("C1") @text("t") @authority("contract") @amend("customer")',
                auditor,
            ),
        ),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", varied())
def test_cut_sets_are_those_of_trying_every_set_of_actors(name: str) -> None:
    bundle = loaded(varied()[name])
    power = make_power(Session(), bundle, parse_trust(bundle.files["trust.toml"]))
    (line,) = red_lines_of(bundle)
    cuts = opening_cuts(power, line)
    assert cuts.complete
    assert [list(cut.members) for cut in cuts.sets] == by_brute_force(bundle, line.id)
    for cut in cuts.sets:
        assert cut.found.witness is not None
        assert is_permitted(cut.found.witness.decision)


@pytest.mark.long
def test_the_cut_sets_of_the_example_are_those_of_trying_every_set_of_actors() -> None:
    for row in example_document()["red_lines"]:
        assert row["cut_sets"] == by_brute_force(example_bundle(), row["id"])


@pytest.mark.slow
def test_an_opened_cut_opens_the_bundle_whose_files_are_edited_so() -> None:
    bundle = example_bundle()
    power = make_power(Session(), bundle, parse_trust(bundle.files["trust.toml"]))
    for line in red_lines_of(bundle):
        (cut,) = opening_cuts(power, line).sets
        assert not cut.acts.limits
        assert not cut.acts.claimed
        files = {path: _without(data, cut.acts.removed) for path, data in bundle.files.items()}
        files = {path: _widened(data, cut.acts.widened) for path, data in files.items()}
        edited_bundle = parse_bundle(files)
        assert sum(data.count(b"when { false }") for data in files.values()) == len(cut.acts.removed)
        witness = power.board.reduced(cut.found, line.specification)
        before = live_decision(bundle, witness.point, witness.said, witness.truth)
        after = live_decision(edited_bundle, witness.point, witness.said, witness.truth)
        assert (is_permitted(before), is_permitted(after)) == (False, True)


def _without(data: bytes, ids: frozenset[str]) -> bytes:
    """The text of a file in which the policies of these ids never apply."""
    chunks = data.decode().split("@id(")
    for place, chunk in enumerate(chunks):
        if chunk[1:].partition('"')[0] in ids:
            chunks[place] = _SCOPE.sub(lambda scope: f"{scope[0]} when {{ false }}", chunk, count=1)
    return "@id(".join(chunks).encode()


def _widened(data: bytes, ids: frozenset[str]) -> bytes:
    """The text of a file in which the permits of these ids permit everything."""
    chunks = data.decode().split("@id(")
    for place, chunk in enumerate(chunks):
        if place and chunk[1:].partition('"')[0] in ids:
            head, scope, tail = chunk.partition("(principal, action, resource)")
            chunks[place] = head + scope + tail[tail.index(";") :]
    return "@id(".join(chunks).encode()


_SCOPE = re.compile(r"\(principal, action[^()]*, resource\)")


@pytest.mark.slow
def test_sole_guards_are_the_clauses_without_which_a_red_line_is_open() -> None:
    bundle = example_bundle()
    questions = make_questions(Session(), bundle)
    for line in red_lines_of(bundle):
        guards = {guard.clause for guard in sole_guards(questions, line)}
        opened = set()
        for name in questions.groups:
            gone = frozenset(clause.id for clause in bundle.clauses if name in clause.clauses)
            if is_open(amended(bundle, Acts(removed=gone)), line.id):
                opened.add(name)
        assert guards == opened
        assert guards


def test_a_clause_that_others_imply_is_redundant_and_one_that_never_applies_never_fires() -> None:
    more = f"""
@id("C5") {HEAD}
forbid (principal, action, resource) when {{ context.persons > context.limits.many + 5 }};
@id("C6") {HEAD}
forbid (principal, action, resource) when {{ context.persons > 100 }};
@id("C7") {HEAD}
forbid (principal, action, resource) when {{ context.persons * 100000000000000000 < 0 }};
"""
    document = proved(loaded(added("clauses/all.cedar", more)))
    assert document["redundant"] == ["C5", "C6", "C7"]
    assert "C6" in document["never_fires"]
    assert document["can_error"] == ["C7"]
    assert "C7" in document["never_fires"]


def test_a_redundant_clause_of_the_example_changes_no_decision() -> None:
    bundle = example_bundle()
    redundant = example_document()["redundant"]
    assert redundant
    rng = random.Random(7)
    draw = Sampler(bundle, rng)
    without = [
        amended(bundle, Acts(removed=frozenset(c.id for c in bundle.clauses if name in c.clauses)))
        for name in redundant
    ]
    for _ in range(100):
        values = draw.world()
        facts = Facts(
            tuple(
                Fact(name, values[name], Grade.ATTESTED, min(spec.attested_by))
                for name, spec in bundle.registry.facts.items()
                if spec.attested_by
            )
        )
        verdicts = {decide(each.policy, Point.PROMPT, facts).verdict for each in (bundle, *without)}
        assert len(verdicts) == 1


def test_a_deny_all_is_not_useful_and_does_not_hold() -> None:
    document = proved(
        loaded(added("clauses/all.cedar", f'@id("C5") {HEAD}\nforbid (principal, action, resource);'))
    )
    assert document["useful"] == {"desk": False}
    assert document["holds"] is False
    assert document["red_lines"][0]["holds"]["evader"] is True


def test_every_useful_purpose_of_the_example_has_a_use_that_goes_through() -> None:
    document = example_document()
    assert set(document["useful"].values()) == {True}
    assert set(document["useful"]) == set(example_bundle().registry.facts["task"].values)
    for name, use in document["uses"].items():
        assert use["facts"]["task"] == name
        assert use["verdict"] in ("allow", "needs_approval")
        assert use["seen"] == {}


SWITCHED = {"claimed-fact": ["R1"], "unobserved-neutral": ["R1"], "loosening-screen": ["R1"]}


@pytest.mark.parametrize("name", SWITCHED)
def test_a_clause_that_some_caller_can_always_switch_off_is_theatre(name: str) -> None:
    assert proved(seeded(name))["can_be_switched_off"] == SWITCHED[name]


def test_a_clause_that_also_stands_on_what_nobody_can_claim_is_no_theatre() -> None:
    files = files_of(ROOT / "conformance" / "bundles" / "claimed-fact")
    files["clauses/half.cedar"] = (
        f'@id("P2") {HEAD}\nforbid (principal, action, resource) when '
        '{ context.records == "private" && (!context.authorized || context.records == "private") };'
    ).encode()
    assert proved(parse_bundle(files))["can_be_switched_off"] == ["R1"]
    # A screen's score is the caller's to evade, so a clause that rests on it alone is one.
    assert proved(loaded(small()))["can_be_switched_off"] == ["C3"]


def test_only_a_neutral_value_that_nothing_establishes_opens_by_omission() -> None:
    silent = proved(seeded("unobserved-neutral"))
    assert len(silent["omission_opens"]) == 1
    assert example_document()["omission_opens"] == []
    assert proved(seeded("claimed-fact"))["omission_opens"] == []


@pytest.mark.slow
def test_insiders_who_open_alone_do_not_once_a_second_issuer_is_asked() -> None:
    bundle = example_bundle()
    power = make_power(Session(), bundle, parse_trust(bundle.files["trust.toml"]))
    held = {row["id"]: row["holds"] for row in example_document()["red_lines"]}
    for line in red_lines_of(bundle):
        cuts = issuer_cuts(power, line)
        assert cuts.complete
        alone = [cut.members[0] for cut in cuts.sets if len(cut.members) == 1]
        assert bool(alone) is (held[line.id]["issuer"] is False)
        for name in alone:
            facts = quorum(power, line, name)
            assert facts
            granted = power.people[name].grants
            tied = replace(
                power.people[name],
                grants={fact: lies for fact, lies in granted.items() if fact not in facts},
                settles=power.people[name].settles - set(facts),
            )
            problem = make_problem(Session(), bundle, Adversary.ISSUER, (tied,))
            corrupt = problem.seen.corrupt[name]
            answer = problem.solver.ask(problem.permitted, problem.goals[line.id], corrupt)
            assert answer is Answer.UNSATISFIABLE


@pytest.mark.slow
def test_whoever_is_said_to_close_a_purpose_closes_it_and_no_smaller_set_does() -> None:
    fact = 'attested_by = ["issuer", "registration"]\nseverest = "bought"\namend = "provider"'
    bundle = loaded(
        edited(
            "clauses/all.cedar",
            f'@id("C4") {HEAD}\npermit (principal, action, resource);',
            '@id("C4") @text("t") @authority("contract") @amend("provider")\n'
            'permit (principal, action, resource) when { context.channel == "given" };',
            edited("facts.toml", fact, fact.replace('amend = "provider"', 'amend = "customer"')),
        )
    )
    closing = Closing(Session(), bundle, purposes(bundle))
    found = closing.cuts()["desk"]
    # The provider takes the only permit away; the customer sees that nobody attests what it needs.
    assert {tuple(sorted(each)) for each in found} == {("provider",), ("customer",)}
    gone = amended(bundle, Acts(removed=frozenset({"C4"})))
    (purpose,) = purposes(bundle)
    assert permitted_use(make_questions(Session(), gone), purpose).answer is Answer.UNSATISFIABLE
    unknown = Acts(unknowable=frozenset({"channel"}))
    left = make_questions(Session(), amended(bundle, unknown), unknown.unknowable)
    assert permitted_use(left, purpose).answer is Answer.UNSATISFIABLE


def test_in_the_example_one_office_closes_every_purpose_and_two_parties_open_a_red_line() -> None:
    document = example_document()
    bundle = example_bundle()
    for sets in document["closing_cut_sets"].values():
        for (office,) in sets:
            assert any(
                is_satisfied(clause.amend, {office}) for clause in bundle.clauses if not clause.is_permit
            )
    for row in document["red_lines"]:
        assert row["cut_sets"] == [["customer", "provider"]]
        assert ["gateway_build"] in row["cut_sets_with_operator"]
        assert ["operator"] in row["cut_sets_with_operator"]
    limbs = {limb["id"]: limb["consents"] for row in document["red_lines"] for limb in row["limbs"]}
    assert {name: limbs[name] for name in ("R1.a", "R1.b", "R2.a", "R2.b")} == dict.fromkeys(
        ("R1.a", "R1.b", "R2.a", "R2.b"), 2
    )


def test_what_the_solver_does_not_answer_is_unknown_and_never_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Solver.ask

    def tired(self: Solver, *assumptions: Term) -> Answer:
        answer = real(self, *assumptions)
        return Answer.UNKNOWN if assumptions else answer

    monkeypatch.setattr(Solver, "ask", tired)
    document = proved(loaded(small()))
    row = document["red_lines"][0]
    assert set(row["holds"].values()) == {"unknown"}
    assert row["proofs"] == {}
    assert row["consents"] == "unknown"
    assert row["cut_sets_complete"] is False
    assert set(document["useful"].values()) == {"unknown"}
    assert document["holds"] is False


@pytest.mark.slow
def test_the_law_alone_does_not_imply_the_red_lines_and_the_contract_does() -> None:
    law = proved(example_bundle(), given=frozenset({"statute", "regulation"}))
    assert [row["given"]["implied"] for row in law["red_lines"]] == [False, False]
    assert all(row["given"]["witness"]["verdict"] == "allow" for row in law["red_lines"])
    contract = proved(example_bundle(), given=frozenset({"contract"}))
    assert [row["given"]["implied"] for row in contract["red_lines"]] == [True, True]


@pytest.mark.slow
def test_a_use_that_only_one_clause_holds_back_goes_through_without_it() -> None:
    bundle = example_bundle()
    dev = (ROOT / "conformance" / "scenarios" / "dev.jsonl").read_bytes()
    scenarios = parse_scenarios(dev, bundle.registry.facts)
    cases = [Case(each.id, facts_of_scenario(bundle, each.visible)) for each in scenarios]
    value = value_of(bundle, cases)
    verdicts = {case.id: decide(bundle.policy, Point.PROMPT, case.facts).verdict for case in cases}
    expected = {each.id: each.scoring.expected for each in scenarios}
    assert {name: verdict.value for name, verdict in verdicts.items()} == expected
    assert value.held_back == sum(verdict is not Verdict.ALLOW for verdict in verdicts.values())
    assert sum(worth.share for worth in value.clauses) == value.held_back
    facts = {case.id: case.facts for case in cases}
    process = {row.id for row in bundle.manifest.process}
    checked = 0
    for worth in value.clauses:
        gone = frozenset(clause.id for clause in bundle.clauses if worth.clause in clause.clauses)
        if worth.clause in process or not gone:
            continue
        without = amended(bundle, Acts(removed=gone))
        freed = {
            name
            for name, given in facts.items()
            if verdicts[name] is not Verdict.ALLOW
            and decide(without.policy, Point.PROMPT, given).verdict is Verdict.ALLOW
        }
        assert freed == set(worth.only), worth.clause
        checked += len(freed)
    assert checked


def test_every_member_of_the_document_is_documented() -> None:
    document = example_document()
    page = (ROOT / "docs" / "reference" / "prove.md").read_text("utf-8")
    members = {*document, "statements", "value"}
    for row in document["red_lines"]:
        members |= {*row}
    assert sorted(name for name in members if f"`{name}`" not in page) == []
