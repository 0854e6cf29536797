"""What differs between two bundles, and whose signatures it needs: each part, and against a naive oracle."""

import itertools
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.policy.amend import NOBODY, all_of, is_satisfied, missing, parse_amend, render_amend
from caveat.policy.bundle import parse_bundle
from caveat.policy.changes import changes
from tests.policy.parties import CUSTOMER, STRANGER, held, parsed
from tests.policy.small import edited

OLD = parse_bundle(held())


def found(files: Mapping[str, bytes], before: Mapping[str, bytes] | None = None) -> dict[str, str]:
    """Each change in words, and whose signatures it needs."""
    old = OLD if before is None else parse_bundle(before)
    return {row.describe(): render_amend(row.needs) for row in changes(old, parse_bundle(files))}


def after(path: str, old: str, new: str, files: Mapping[str, bytes] | None = None) -> dict[str, str]:
    return found(edited(path, old, new, files if files is not None else held()), files)


def test_moving_clauses_between_files_needs_nobodys_consent() -> None:
    files = held()
    clauses = files.pop("clauses/all.cedar").decode().strip().split("\n@id")
    for place, clause in enumerate(reversed(clauses)):
        text = clause if clause.startswith("@id") else "@id" + clause
        files[f"clauses/{place:02d}.cedar"] = f"// moved\n{text}\n".encode()
    assert parse_bundle(files).digest != OLD.digest
    assert found(files) == {}


def test_comments_and_the_release_are_for_people() -> None:
    assert after("facts.toml", "version = 1", "version = 1  # one") == {}
    assert after("bundle.toml", 'release = "1"', 'release = "2"') == {}


def test_a_bundle_is_no_change_of_itself() -> None:
    assert changes(OLD, OLD) == ()


BOTH = "provider & customer"
SINGLE = {
    "a condition": (
        "clauses/all.cedar",
        "context.score > 5",
        "context.score > 6",
        "clause C3 was changed",
        BOTH,
    ),
    "a text": (
        "clauses/all.cedar",
        '@id("C3") @text("t")',
        '@id("C3") @text("u")',
        "clause C3 was changed",
        BOTH,
    ),
    "a point": (
        "clauses/all.cedar",
        "permit (principal, action, resource)",
        'permit (principal, action == Action::"prompt", resource)',
        "clause C4 was changed",
        BOTH,
    ),
    "an always enforced mark": (
        "clauses/all.cedar",
        '@id("C3")',
        '@id("C3") @always_enforced',
        "clause C3 was changed",
        BOTH,
    ),
    "a limit": ("bundle.toml", "value = 10", "value = 11", "limit many was changed", BOTH),
    "a process clause": (
        "bundle.toml",
        'text = "recorded"',
        'text = "kept"',
        "process clause P9 was changed",
        "customer",
    ),
    "words about a fact": (
        "facts.toml",
        'text = "how it came"',
        'text = "how"',
        "fact channel was changed",
        "provider",
    ),
    "a value of a fact": (
        "facts.toml",
        '["bought", "given", "unknown"]',
        '["bought", "given", "gift", "unknown"]',
        "fact channel was changed",
        "provider & customer",
    ),
    "a neutral value": ("facts.toml", "neutral = 0", "neutral = 1", "fact persons was changed", BOTH),
    "an observer of a fact": (
        "facts.toml",
        '["counter"]',
        '["counter", "other"]',
        "fact persons was changed",
        BOTH,
    ),
    "a required grade": (
        "facts.toml",
        'severest = "bought"',
        'severest = "bought"\ngrade = "claimed"',
        "fact channel was changed",
        BOTH,
    ),
    "who attests a fact that a clause reads": (
        "facts.toml",
        '["issuer", "registration"]',
        '["issuer", "other", "registration"]',
        "fact channel was changed",
        BOTH,
    ),
    "who attests a fact that no clause reads": (
        "facts.toml",
        "severest = false",
        "severest = true",
        "fact verified was changed",
        "provider",
    ),
    "an issuer": (
        "trust.toml",
        '["channel", "persons"]',
        '["channel", "verified"]',
        "issuer owner was changed",
        "provider",
    ),
    "an issuer that signs something else": (
        "trust.toml",
        '"evidence"',
        '"approval"',
        "issuer owner was changed",
        BOTH,
    ),
    "how long trust lasts": (
        "trust.toml",
        "2100-",
        "2101-",
        "trust setting expires_at was changed",
        "provider",
    ),
    "a registered value": (
        "deployments.toml",
        'channel = "given"',
        'channel = "bought"',
        "registered fact desk/channel was changed",
        "provider",
    ),
    "an API key": ("deployments.toml", '0001"]', '0002"]', "deployment desk was changed", "provider"),
    "observe mode": (
        "deployments.toml",
        "operator =",
        'mode = "observe"\noperator =',
        "deployment desk was changed",
        BOTH,
    ),
    "another shape": ("deployments.toml", '"pipeline"', '"agent"', "deployment desk was changed", BOTH),
    "an observer": (
        "deployments.toml",
        "operator =",
        'observers = ["counter"]\noperator =',
        "observer desk/counter was added",
        BOTH,
    ),
    "an owner group": (
        "deployments.toml",
        'owner_group = "g"',
        'owner_group = "h"',
        "deployment desk was changed",
        BOTH,
    ),
    "how many approve": (
        "bundle.toml",
        "[roles.counsel]",
        "[roles.counsel]\npersons = 2",
        "role counsel was changed",
        BOTH,
    ),
    "a red line": ("red_lines/line.cedar", "11", "12", "red line L1 was changed", BOTH),
    "words about an actor": (
        "bundle.toml",
        '"one party"',
        '"a party"',
        "actor provider was changed",
        "provider",
    ),
    "the budget of steps": (
        "bundle.toml",
        "step_budget = 1000",
        "step_budget = 2000",
        "setting decision.step_budget was changed",
        BOTH,
    ),
    "the name": ("bundle.toml", 'name = "small"', 'name = "large"', "setting name was changed", BOTH),
    "the mark of development": (
        "bundle.toml",
        'release = "1"',
        'release = "1"\ndevelopment = true',
        "setting development was added",
        BOTH,
    ),
    "how much may be typed": (
        "bundle.toml",
        'release = "1"',
        'release = "1"\ntyped_text_max_bytes = 5',
        "setting typed_text_max_bytes was added",
        BOTH,
    ),
    "home": (
        "bundle.toml",
        'release = "1"',
        'release = "1"\nhome_jurisdiction = "x"',
        "setting home_jurisdiction was added",
        BOTH,
    ),
    "who settles intervals": (
        "bundle.toml",
        "step_budget = 1000",
        'step_budget = 1000\ninterval_role = "counsel"',
        "setting decision.interval_role was added",
        BOTH,
    ),
    "a tool": (
        "tools.toml",
        "version = 1",
        "version = 1\n[tools.mail]\neffect = 'send'",
        "tool mail was added",
        BOTH,
    ),
}


@pytest.mark.parametrize("what", SINGLE)
def test_each_part_needs_its_own_formula_and_those_that_it_affects(what: str) -> None:
    path, old, new, said, needs = SINGLE[what]
    assert after(path, old, new) == {said: needs}


def test_a_text_file_is_a_part() -> None:
    assert found(held() | {"README.md": b"all is fine"}) == {"text README.md was added": BOTH}


def test_a_formula_is_left_by_the_old_and_entered_by_the_new() -> None:
    """Who holds a clause gives it away only by signing, and nobody is made to hold one unasked."""
    lone = edited(
        "clauses/all.cedar",
        f'@id("C3") @text("t") @authority("contract") @amend("{BOTH}")',
        '@id("C3") @text("t") @authority("contract") @amend("provider")',
        held(),
    )
    assert found(lone) == {"clause C3 was changed": BOTH}
    assert found(held(), lone) == {"clause C3 was changed": "provider & customer"}
    alone = edited("clauses/all.cedar", "context.score > 5", "context.score > 6", lone)
    assert found(alone, lone) == {"clause C3 was changed": "provider"}


def _with_clause(effect: str, amend: str) -> dict[str, bytes]:
    clause = (
        f'@id("C9") @text("t") @authority("vendor_aup") @amend("{amend}")'
        f" {effect} (principal, action, resource) when {{ context.verified }};"
    )
    return held() | {"clauses/new.cedar": clause.encode()}


@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_adding_a_clause_gives_nobody_a_power_that_amending_one_does_not(effect: str) -> None:
    added = _with_clause(effect, "provider")
    assert found(added) == {"clause C9 was added": BOTH}
    assert found(held(), added) == {"clause C9 was removed": "provider"}


def test_whoever_may_amend_a_clause_of_the_same_effect_alone_may_add_one_alone() -> None:
    lone = edited(
        "clauses/all.cedar",
        f'@id("C3") @text("t") @authority("contract") @amend("{BOTH}")',
        '@id("C3") @text("t") @authority("contract") @amend("provider")',
        held(),
    )
    forbid = lone | {"clauses/new.cedar": _with_clause("forbid", "provider")["clauses/new.cedar"]}
    permit = lone | {"clauses/new.cedar": _with_clause("permit", "provider")["clauses/new.cedar"]}
    assert is_satisfied(changes(parse_bundle(lone), parse_bundle(forbid))[0].needs, {"provider"})
    assert not is_satisfied(changes(parse_bundle(lone), parse_bundle(permit))[0].needs, {"provider"})


def test_a_clause_that_takes_words_over_changes_with_them() -> None:
    files = edited(
        "clauses/all.cedar",
        '@id("C3") @text("t") @authority("contract") @amend("provider & customer")',
        '@id("C3") @clause("C2")',
        held(),
    )
    changed = edited("clauses/all.cedar", '@id("C2") @text("t")', '@id("C2") @text("u")', files)
    assert set(found(changed, files)) == {"clause C2 was changed", "clause C3 was changed"}


WORKFLOW = """
[deployments.desk.workflows.sum]
template = "Sum {n:int[0,9]}."
[deployments.desk.workflows.sum.facts]
persons = 3
"""


def test_a_workflow_needs_the_readers_of_what_it_fixes() -> None:
    files = held()
    files["facts.toml"] = files["facts.toml"].replace(
        b'type = "long"\nattested_by = ["issuer"]', b'type = "long"\nattested_by = ["issuer", "registration"]'
    )
    with_workflow = files | {"deployments.toml": files["deployments.toml"] + WORKFLOW.encode()}
    assert found(with_workflow, files) == {"workflow desk/sum was added": BOTH}
    changed = edited("deployments.toml", "persons = 3", "persons = 4", with_workflow)
    assert found(changed, with_workflow) == {"workflow desk/sum was changed": BOTH}


SECOND = """
[deployments.side]
kind = "pipeline"
operator = "provider"
owner_group = "s"
key_digests = ["0000000000000000000000000000000000000000000000000000000000000005"]
[deployments.side.facts]
channel = "given"
"""


def test_a_new_deployment_needs_what_it_registers_and_all_where_it_only_observes() -> None:
    files = held()
    files["deployments.toml"] += SECOND.encode()
    assert found(files) == {
        "deployment side was added": "provider",
        "registered fact side/channel was added": "provider",
    }
    observing = edited(
        "deployments.toml", 'operator = "provider"', 'operator = "provider"\nmode = "observe"', files
    )
    assert found(observing)["deployment side was added"] == BOTH


def test_a_role_needs_the_readers_of_its_approval() -> None:
    files = edited("bundle.toml", "[roles.counsel]", '[roles.clerk]\ntext = "clerk"\n[roles.counsel]', held())
    files = edited("clauses/all.cedar", 'contains("counsel")', 'contains("clerk")', files)
    files = edited("bundle.toml", '[roles.counsel]\ntext = "counsel"\n', "", files)
    assert found(files) == {
        "clause C2 was changed": BOTH,
        "role clerk was added": BOTH,
        "role counsel was removed": BOTH,
    }


def test_a_key_is_changed_by_its_own_actor_alone() -> None:
    assert after("bundle.toml", CUSTOMER.public().render(), STRANGER.public().render()) == {
        "actor customer was changed": "customer"
    }


def test_an_actor_without_a_key_is_enrolled_by_all_who_rely_on_its_name() -> None:
    files = edited(
        "bundle.toml", "[actors.provider]", '[actors.auditor]\ntext = "a"\n[actors.provider]', held()
    )
    files = edited("bundle.toml", 'amend = "customer"', 'amend = "customer | auditor"', files)
    keyed = edited("bundle.toml", 'text = "a"', f'text = "a"\nkeys = ["{STRANGER.public().render()}"]', files)
    assert found(keyed, files) == {"actor auditor was changed": "customer | auditor"}


def test_the_parser_of_limits_does_not_hide_a_clause_behind_a_limit() -> None:
    """A clause that reads a limit is not changed by it; one that reads another limit is."""
    files = edited(
        "bundle.toml",
        "[limits.many]",
        '[limits.few]\nvalue = 10\namend = "provider"\ntext = "f"\n[limits.many]',
        held(),
    )
    assert found(files) == {"limit few was added": "provider"}
    swapped = edited("clauses/all.cedar", "limits.many", "limits.few", files)
    assert found(swapped, files) == {"clause C1 was changed": BOTH}


def test_true_is_not_one() -> None:
    old, new = (held() | {"trust.toml": held()["trust.toml"] + b"[x]\nx = " + x} for x in (b"1", b"true"))
    assert found(new, old) == {"trust setting x was changed": "provider"}


WITH_FACTS = edited(
    "facts.toml",
    "[facts.channel]",
    """[facts.looked_on]
type = "bool"
about = "deployment"
attested_by = ["registration"]
severest = false
amend = "customer"
text = "Whether somebody looks on."
[facts.action_effect]
type = "enum"
values = ["none", "some"]
about = "use"
attested_by = ["registration"]
severest = "some"
amend = "provider"
text = "What it causes."
[facts.channel]""",
    edited(
        "clauses/all.cedar",
        '@id("C4")',
        """@id("C8") @text("t") @authority("contract") @amend("provider")
forbid (principal, action, resource) when { context.action_effect == "some" };
@id("C9") @text("t") @authority("contract") @amend("customer")
forbid (principal, action, resource) when { !context.looked_on };
@id("C4")""",
        held(),
    ),
)


@pytest.mark.parametrize(
    ("tool", "needs"),
    [
        ('effect = "none"', "provider"),
        ('effect = "none"\n[tools.mail.facts]\nlooked_on = true', BOTH),
        ('text = "t"', "provider"),
    ],
)
def test_a_tool_needs_the_readers_of_its_effect_and_of_what_it_registers(tool: str, needs: str) -> None:
    said = "tool mail was added"
    assert after("tools.toml", "version = 1", f"version = 1\n[tools.mail]\n{tool}", WITH_FACTS) == {
        said: needs
    }


def test_naming_a_tool_in_a_deployment_needs_the_readers_of_what_the_tool_registers() -> None:
    files = edited(
        "tools.toml", "version = 1", "version = 1\n[tools.m]\n[tools.m.facts]\nlooked_on = true", WITH_FACTS
    )
    files = edited("deployments.toml", 'kind = "pipeline"', 'kind = "agent"', files)
    named = after("deployments.toml", 'kind = "agent"', 'kind = "agent"\ntools = ["m"]', files)
    assert named == {"deployment desk was changed": BOTH}
    other = edited("tools.toml", "[tools.m]", "[tools.n]\n[tools.m]", files)
    named = after("deployments.toml", 'kind = "agent"', 'kind = "agent"\ntools = ["n"]', other)
    assert named == {"deployment desk was changed": "provider"}


# --- against a naive oracle, on random edits ---

EDITS: tuple[tuple[str, str, str, str], ...] = (
    ("clauses/all.cedar", "context.score > 5", "context.score > 7", "clause"),
    ("clauses/all.cedar", 'context.channel == "bought"', 'context.channel == "given"', "clause"),
    ("clauses/all.cedar", '@id("C4") @text("t")', '@id("C4") @text("v")', "clause"),
    ("clauses/all.cedar", '@id("C1")', '// a comment\n@id("C1")', ""),
    ("bundle.toml", "value = 10", "value = 12", "limit"),
    ("bundle.toml", 'text = "recorded"', 'text = "noted"', "process"),
    ("bundle.toml", "step_budget = 1000", "step_budget = 1001", "setting"),
    ("bundle.toml", 'release = "1"', 'release = "3"', ""),
    ("facts.toml", 'text = "verified"', 'text = "checked"', "fact words"),
    ("facts.toml", "severest = false", "severest = true", "fact unread"),
    ("facts.toml", 'values = ["a", "b"]', 'values = ["a", "b", "c"]', "fact unread"),
    ("facts.toml", "hi = 100\n", "hi = 200\n", "fact read"),
    ("trust.toml", "max_age_seconds = 86400", "max_age_seconds = 86401", "issuer"),
    ("deployments.toml", 'channel = "given"', 'channel = "bought"', "registered"),
    ("deployments.toml", '"pipeline"', '"agent"', "shape"),
    ("red_lines/line.cedar", ">= 11", ">= 12", "red line"),
    ("bundle.toml", '"the other party"', '"a party too"', "customer"),
)
NAIVE = {
    "": set[str](),
    "clause": {"provider", "customer"},
    "limit": {"provider", "customer"},
    "process": {"customer"},
    "setting": {"provider", "customer"},
    "fact words": {"provider"},
    "fact unread": {"provider"},
    "fact read": {"provider", "customer"},
    "issuer": {"provider"},
    "registered": {"provider"},
    "shape": {"provider", "customer"},
    "red line": {"provider", "customer"},
    "customer": {"customer"},
}


@given(st.sets(st.sampled_from(EDITS), max_size=5))
def test_what_random_edits_need_is_what_a_naive_oracle_says(edits: set[tuple[str, str, str, str]]) -> None:
    files = held()
    for path, old, new, _ in edits:
        files = edited(path, old, new, files)
    rows = changes(OLD, parse_bundle(files))
    wanted: set[str] = set().union(*(NAIVE[kind] for *_, kind in edits))
    for count in range(3):
        for signers in itertools.combinations(("provider", "customer"), count):
            suffices = all(is_satisfied(row.needs, set(signers)) for row in rows)
            assert suffices == (wanted <= set(signers)), (edits, signers)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, key))]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [leaf for place, item in enumerate(value) for leaf in _leaves(item, (*path, place))]
    return [path]


@pytest.mark.parametrize("name", ["bundle", "facts", "trust", "tools", "deployments"])
def test_no_key_of_a_file_can_change_without_being_a_part(name: str) -> None:
    """Whatever key is touched, known or made up, is some change; `version` and `release` alone are not."""
    import dataclasses

    import tomli_w

    files = held()
    table = tomllib.loads(files[f"{name}.toml"].decode())
    for leaf in _leaves(table):
        changed = tomllib.loads(files[f"{name}.toml"].decode())
        place: Any = changed
        for key in leaf[:-1]:
            place = place[key]
        place[leaf[-1]] = "something else entirely"
        place_files = {**files, f"{name}.toml": tomli_w.dumps(changed).encode()}
        other = dataclasses.replace(OLD, files=place_files)
        described = [row.describe() for row in changes(OLD, other)]
        assert bool(described) == (leaf not in {("version",), ("release",)}), leaf


# --- formulas ---

FORMULAS = st.recursive(
    st.sampled_from(["a", "b", "c"]).map(parse_amend),
    lambda inner: st.lists(inner, min_size=2, max_size=3).flatmap(
        lambda parts: st.sampled_from(
            [
                " & ".join(f"({render_amend(p)})" for p in parts),
                " | ".join(f"({render_amend(p)})" for p in parts),
            ]
        ).map(parse_amend)
    ),
    max_leaves=6,
)
SIGNERS = st.frozensets(st.sampled_from(["a", "b", "c"]))


@given(FORMULAS, SIGNERS)
def test_a_rendered_formula_reads_back_to_the_same_meaning(formula: Any, signers: frozenset[str]) -> None:
    again = parse_amend(render_amend(formula))
    assert is_satisfied(again, signers) == is_satisfied(formula, signers)


@given(FORMULAS, SIGNERS, SIGNERS)
def test_what_is_missing_is_what_would_satisfy_it(
    formula: Any, signers: frozenset[str], more: frozenset[str]
) -> None:
    rest = missing(formula, signers)
    assert (rest == NOBODY) == is_satisfied(formula, signers)
    assert is_satisfied(rest, more) == is_satisfied(formula, signers | more)


@given(st.lists(FORMULAS, max_size=3), SIGNERS)
def test_all_of_several_is_satisfied_where_each_is(formulas: list[Any], signers: frozenset[str]) -> None:
    assert is_satisfied(all_of(formulas), signers) == all(is_satisfied(each, signers) for each in formulas)


def test_a_change_has_one_row() -> None:
    rows = changes(OLD, parsed("bundle.toml", "value = 10", "value = 11"))
    assert [row.render() for row in rows] == [
        {"kind": "limit", "id": "many", "action": "changed", "needs": "provider & customer"}
    ]
