"""Whatever keeps a bundle from loading, each with a bundle spoilt in just that way."""

import re

import pytest

from caveat.gateway.law import LawError, read_bundle
from caveat.policy.bundle import BundleError, parse_bundle
from tests.policy.small import HEAD, added, edited, findings, small

SCOPE = "(principal, action, resource)"


def clause(
    body: str, *, effect: str = "forbid", head: str = f'@id("X") {HEAD}', scope: str = SCOPE
) -> dict[str, bytes]:
    """The small bundle with one clause more."""
    return added("clauses/all.cedar", f"{head} {effect} {scope} {body};")


def when(test: str, effect: str = "forbid") -> dict[str, bytes]:
    """The small bundle with one clause more, on one test."""
    return clause(f"when {{ {test} }}", effect=effect)


def test_the_small_bundle_is_well_formed() -> None:
    assert findings(small()) == ()


CLAUSES: dict[str, tuple[dict[str, bytes], str]] = {
    "an id given twice": (clause("", head=f'@id("C1") {HEAD}'), "given twice"),
    "no id": (clause("", head=HEAD), "unique `@id`"),
    "no text": (clause("", head='@id("X") @authority("contract") @amend("provider")'), "`@text` is missing"),
    "no authority": (clause("", head='@id("X") @text("t") @amend("provider")'), "`@authority` is missing"),
    "no amend": (clause("", head='@id("X") @text("t") @authority("contract")'), "`@amend` is missing"),
    "an authority of its own": (
        clause("", head='@id("X") @text("t") @authority("whim") @amend("provider")'),
        "`@authority` is one of",
    ),
    "an unknown annotation": (clause("", head=f'@id("X") @mood("sour") {HEAD}'), "`@mood` is not known"),
    "an amend formula that is none": (
        clause("", head='@id("X") @text("t") @authority("contract") @amend("a &")'),
        "amend formula",
    ),
    "an undeclared actor": (
        clause("", head='@id("X") @text("t") @authority("contract") @amend("stranger")'),
        "`stranger` is not declared",
    ),
    "a red line that permits": (
        clause("", effect="permit", head=f'@id("X") @red_line("line") {HEAD}'),
        "a red line forbids",
    ),
    "a red line without a specification": (
        clause("", head=f'@id("X") @red_line("other") {HEAD}'),
        "has no specification",
    ),
    "a red line with an approval": (
        clause('unless { context.approvals.contains("counsel") }', head=f'@id("X") @red_line("line") {HEAD}'),
        "a red line has no approval",
    ),
    "a template": (clause("", scope="(principal == ?principal, action, resource)"), "templates"),
    "a scope on the principal": (
        clause("", scope='(principal == Deployment::"d", action, resource)'),
        "leave `principal` open",
    ),
    "a scope on the resource": (
        clause("", scope='(principal, action, resource == Model::"m")'),
        "leave `resource` open",
    ),
    "an action that is no point of control": (
        clause("", scope='(principal, action == Action::"think", resource)'),
        "actions are",
    ),
    "an action of another type": (
        clause("", scope='(principal, action == Other::"prompt", resource)'),
        "entity uid with type `Action`",
    ),
    "a guard": (when("context has channel && context.verified"), "no clause needs `has`"),
    "an undeclared fact": (when("context.mood"), "fact `mood` is not declared"),
    "an undeclared word": (when('context.channel == "stolen"'), "`stolen` is not a value"),
    "an undeclared word in a set": (when('context.kinds.contains("c")'), "`c` is not a value"),
    "an undeclared limit": (when("context.persons > context.limits.few"), "limit `few` is not declared"),
    "an undeclared role": (
        clause('unless { context.approvals.contains("boss") }'),
        "`boss` is not an approver role",
    ),
    "an approval that tightens a forbid": (
        when('context.approvals.contains("counsel")'),
        "one more approval could tighten it",
    ),
    "an approval that tightens a permit": (
        clause('unless { context.approvals.contains("counsel") }', effect="permit"),
        "one more approval could tighten it",
    ),
    "approvals compared as a whole": (
        clause('unless { context.approvals == ["counsel"] }'),
        "one more approval could tighten it",
    ),
    "an approval that uncovers an overflow": (
        when('context.approvals.contains("counsel") && context.persons + 1 > 2', "permit"),
        "decides whether arithmetic is evaluated",
    ),
    "an approval mixed with arithmetic": (
        clause('unless { context.approvals.contains("counsel") && context.persons + 1 > 2 }'),
        "decides whether arithmetic is evaluated",
    ),
    "something that is no condition": (when("context.persons"), "a Boolean stands where"),
    "another variable": (when('principal == Deployment::"d"'), "not part of the language"),
    "a function that the language lacks": (when('context.channel like "b*"'), "not part of the language"),
    "an access deeper than limits": (when("context.limits.many.more > 1"), "`context.limits.NAME`"),
    "limits without a name": (when("context.kinds == context.limits"), "fact `limits` is not declared"),
    "a set of numbers": (when("[1, 2].contains(context.persons)"), "lists word constants only"),
    "a set of facts": (when("[context.channel].contains(context.channel)"), "lists word constants only"),
    "a word compared with a number": (when("context.channel == 1"), "one type"),
    "a word ordered": (when('context.channel < "b"'), "an integer is needed"),
    "an overlap of words": (when("context.channel.containsAny(context.kinds)"), "a set of words is needed"),
    "a set that contains a set": (when("context.kinds.contains(context.kinds)"), "takes one word"),
    "a condition that nests too deep": (
        when("(if context.verified then " * 45 + "true" + " else false)" * 45),
        "nests deeper than",
    ),
    "text that Cedar cannot read": (added("clauses/all.cedar", "forbid forbid"), "unexpected token"),
    "a policy that does not validate": (when("context.channel.contains(1)"), ""),
}


@pytest.mark.parametrize("what", CLAUSES)
def test_a_clause_keeps_the_bundle_from_loading_for(what: str) -> None:
    files, expected = CLAUSES[what]
    found = findings(files)
    assert any(expected in finding for finding in found), found


FILES: dict[str, tuple[dict[str, bytes], str]] = {
    "a file of no known kind": (added("notes.txt", "x"), "`notes.txt` does not belong"),
    "a file that climbs out": (added("clauses/../x.cedar", "x"), "does not belong"),
    "a broken table": (added("facts.toml", "]["), "`facts.toml` is no TOML"),
    "a table that is no text": (small() | {"tools.toml": b"\xff"}, "`tools.toml` is no TOML"),
    "clauses that are no text": (small() | {"clauses/all.cedar": b"\xff"}, "`clauses/all.cedar`"),
    "an unknown member of the manifest": (added("bundle.toml", "\n[more]\nx = 1\n"), "`more`"),
    "a step budget that is too small": (edited("bundle.toml", "1000", "1"), "step_budget"),
    "another version": (edited("bundle.toml", "version = 1", "version = 2"), "`version`"),
    "a name that is none": (edited("bundle.toml", '"small"\nrelease', '"S mall"\nrelease'), "`name`"),
    "an interval role that is not declared": (
        edited("bundle.toml", "step_budget = 1000", 'interval_role = "boss"'),
        "`decision.interval_role`",
    ),
    "a key that is none": (
        edited("bundle.toml", 'text = "one party"', 'text = "one party"\nkeys = ["rsa:AAAA"]'),
        "actor `provider`",
    ),
    "a limit without a formula": (
        edited("bundle.toml", 'amend = "provider & customer"', 'amend = "provider customer"'),
        "limit `many`",
    ),
    "a process clause without a formula": (edited("bundle.toml", '"customer"\ntext', '"&"\ntext'), "`P9`"),
    "a mechanism that does not exist": (edited("bundle.toml", '"ledger"', '"hope"'), "mechanism"),
    "a role that no clause asks for": (
        added("bundle.toml", '[roles.boss]\ntext = "b"\n'),
        "role `boss` is declared and no clause asks",
    ),
    "an undeclared actor of a limit": (
        edited("bundle.toml", 'amend = "provider & customer"', 'amend = "stranger"'),
        "limit `many`: `stranger`",
    ),
    "an undeclared actor of a process clause": (
        edited("bundle.toml", 'amend = "customer"', 'amend = "stranger"'),
        "process clause `P9`: `stranger`",
    ),
    "an undeclared actor of a fact": (
        edited("facts.toml", 'amend = "provider"', 'amend = "stranger"'),
        "fact `channel`: `stranger`",
    ),
    "a fact whose formula is none": (
        edited("facts.toml", 'amend = "provider"', 'amend = "|"'),
        "fact `channel`: an amend formula",
    ),
    "a red line specification that permits": (
        edited("red_lines/line.cedar", "forbid", "permit"),
        "a red line forbids",
    ),
    "a red line specification without a name": (
        edited("red_lines/line.cedar", '@red_line("line")', ""),
        "name it with `@red_line",
    ),
    "a specification that permits and names nothing": (
        added("red_lines/more.cedar", f'@id("L2") {HEAD} permit (principal, action, resource);'),
        "a specification forbids",
    ),
    "a specification given twice": (
        added(
            "red_lines/more.cedar",
            f'@id("L1") {HEAD} @red_line("line") forbid (principal, action, resource);',
        ),
        "given twice",
    ),
    "no permit at all": (edited("clauses/all.cedar", "permit", "forbid"), "no clause permits anything"),
    "a score that is a word": (
        edited("facts.toml", 'type = "bool"\nattested_by = ["issuer"]', 'type = "bool"\ngrade = "estimated"'),
        "its type is `long`",
    ),
    "an unknown member of a deployment": (
        edited("deployments.toml", 'kind = "pipeline"', 'kind = "pipeline"\nmood = "good"'),
        "deployment `desk`, `mood`",
    ),
    "a key digest that is none": (
        edited("deployments.toml", "0001", "xyz"),
        "deployment `desk`, `key_digests`",
    ),
    "a registered fact that is not declared": (
        edited("deployments.toml", 'channel = "given"', "mood = true"),
        "fact `mood` is not declared",
    ),
    "a registered value that is not declared": (
        edited("deployments.toml", '"given"', '"stolen"'),
        "the value of `channel` is not declared",
    ),
    "a fact that cannot be registered": (
        edited("deployments.toml", 'channel = "given"', 'kinds = ["a"]'),
        "`kinds` cannot be registered",
    ),
    "two deployments with one key": (
        added(
            "deployments.toml",
            '[deployments.other]\nkind = "agent"\noperator = "o"\nowner_group = "g"\n'
            'key_digests = ["0000000000000000000000000000000000000000000000000000000000000001"]\n',
        ),
        "deployments `desk` and `other` share an API key",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_keeps_the_bundle_from_loading_for(what: str) -> None:
    files, expected = FILES[what]
    found = findings(files)
    assert any(expected in finding for finding in found), found


@pytest.mark.parametrize(
    "path", ["bundle.toml", "facts.toml", "trust.toml", "tools.toml", "deployments.toml"]
)
def test_a_bundle_without_one_of_its_tables_does_not_load(path: str) -> None:
    files = small()
    del files[path]
    assert f"`{path}` is missing" in findings(files)


def test_two_actors_with_one_key_are_one_office() -> None:
    key = "ed25519:" + "1/pYS8zZ5dFcE7+qLLOUcUEQ1WgqVnDI+Wnzoa1u1cQ="
    files = edited("bundle.toml", 'text = "one party"', f'text = "one party"\nkeys = ["{key}"]')
    files = edited("bundle.toml", 'text = "the other party"', f'text = "other"\nkeys = ["{key}"]', files)
    assert "actors `provider` and `customer` share a key; two names are one office" in findings(files)


def test_all_findings_come_at_once_and_the_message_counts_them() -> None:
    files = clause("when { context.mood && context.temper }") | {"notes.txt": b""}
    files["clauses/all.cedar"] += b'@id("Y") forbid (principal, action, resource);'
    del files["notes.txt"]
    with pytest.raises(BundleError, match=r"\(and \d+ more\)") as caught:
        parse_bundle(files)
    assert len(caught.value.findings) >= 2


def test_an_empty_folder_is_no_bundle() -> None:
    assert "`bundle.toml` is missing" in findings({})


def test_a_clause_that_can_overflow_and_a_fact_that_may_be_merely_claimed_are_noted() -> None:
    files = when("context.persons * 2 > 10")
    files = edited(
        "facts.toml", 'type = "bool"\nattested_by = ["issuer"]', 'type = "bool"\ngrade = "claimed"', files
    )
    notes = " ".join(parse_bundle(files).notes)
    assert "`X` can overflow" in notes
    assert "`verified` counts when merely claimed" in notes


def test_a_clause_takes_what_it_leaves_out_from_the_first_of_the_same_clause() -> None:
    files = added(
        "clauses/all.cedar",
        '@id("C1.more") @clause("C1, C3") forbid (principal, action == Action::"tool", resource);',
    )
    (more,) = [clause for clause in parse_bundle(files).clauses if clause.id == "C1.more"]
    assert (more.clauses, more.text, more.authority) == (("C1", "C3"), "t", "contract")
    assert more.points == {"tool"}
    assert more.red_line is None, "whether a policy is a red line is said on each"


UNSAFE = {
    "a score that loosens a forbid": (when("context.score < 5"), "a score only tightens"),
    "a score that loosens a permit": (when("context.score > 5", "permit"), "a score only tightens"),
    "a score compared for equality": (when("context.score == 5"), "a score only tightens"),
    "a score compared with a count": (when("context.score > context.persons"), "a score only tightens"),
    "a score in both directions": (
        when("if context.score > 5 then context.verified else true"),
        "a score only tightens",
    ),
    "a neutral value that nobody observes": (
        edited("facts.toml", 'severest = "bought"', 'severest = "bought"\nneutral = "given"'),
        "fact `channel`: its neutral value needs an observer",
    ),
    "a neutral value whose observer this product does not have": (
        edited(
            "facts.toml",
            'severest = "bought"',
            'severest = "bought"\nneutral = "given"\nobserved_by = ["diary"]',
        ),
        "fact `channel`: its neutral value needs an observer",
    ),
}


@pytest.mark.parametrize("what", UNSAFE)
def test_a_bundle_is_a_draft_for_analysis_alone_with(what: str) -> None:
    files, expected = UNSAFE[what]
    bundle = parse_bundle(files)
    assert any(expected in finding for finding in bundle.unsafe), bundle.unsafe
    with pytest.raises(LawError, match=re.escape(bundle.unsafe[0])):
        read_bundle(files)


def test_the_small_bundle_itself_is_safe() -> None:
    assert parse_bundle(small()).unsafe == ()
