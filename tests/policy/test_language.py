"""The language of clauses: what Cedar's JSON may hold here, and what is refused however it is written."""

from typing import Any

import pytest

from caveat.call.call import Point
from caveat.decision.decide import decide
from caveat.decision.verdict import Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.policy.bundle import parse_bundle
from caveat.policy.cedar import CedarTextError, build_engine, put_in_limits, validation_findings
from caveat.policy.clause import parse_clauses
from caveat.policy.schema import cedar_schema
from caveat.policy.translate import TranslationError, Translator
from tests.policy.small import HEAD, added, small

BUNDLE = parse_bundle(small())
TRANSLATOR = Translator(BUNDLE.registry, {"many": 10})
CONTEXT: Any = {"Var": "context"}
FACT: Any = {".": {"left": CONTEXT, "attr": "verified"}}

UNREADABLE: dict[str, Any] = {
    "nothing": None,
    "a list": [],
    "two operators at once": {"Value": True, "Set": []},
    "an operator without its arguments": {"&": []},
    "an unknown operator": {"is": {"left": FACT, "right": FACT}},
    "an unknown constant": {"Value": None},
    "a record for a constant": {"Value": {"__entity": {"type": "Action", "id": "prompt"}}},
    "a set that is no list": {"contains": {"left": {"Set": 1}, "right": {"Value": "a"}}},
    "a fact of another record": {".": {"left": {"Var": "resource"}, "attr": "verified"}},
    "an access without a name": {".": {"left": CONTEXT, "attr": 1}},
    "an access that is no record": {".": 1},
    "a fact inside a fact": {".": {"left": FACT, "attr": "deeper"}},
    "a chain with a broken link": {"&&": {"left": FACT, "right": 1}},
    "a chain that is none": {"&&": 1},
    "a negation of nothing": {"!": {}},
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_the_translator_refuses(what: str) -> None:
    with pytest.raises(TranslationError):
        TRANSLATOR.condition(UNREADABLE[what])


POLICY: dict[str, Any] = {
    "effect": "forbid",
    "principal": {"op": "All"},
    "action": {"op": "All"},
    "resource": {"op": "All"},
    "conditions": [{"kind": "when", "body": FACT}],
    "annotations": {"id": "X", "text": "t", "authority": "contract", "amend": "provider"},
}


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"annotations": None}, "without @id"),
        ({"annotations": {"id": None}}, "unique `@id`"),
        ({"principal": {"op": "is", "entity_type": "Deployment"}}, "leave `principal` open"),
        ({"action": None}, "the action scope is not readable"),
        ({"action": {"op": "in", "entities": None}}, "actions are"),
        ({"action": {"op": "in", "entities": []}}, "actions are"),
        ({"action": {"op": "==", "entity": 1}}, "actions are"),
        ({"conditions": [1]}, "a condition is not readable"),
        ({"conditions": [{"kind": "when"}]}, "the language of clauses does not have"),
    ],
)
def test_a_policy_that_is_no_clause_is_a_finding(change: dict[str, Any], finding: str) -> None:
    clauses, findings = parse_clauses([POLICY | change], TRANSLATOR)
    assert clauses == []
    assert len(findings) == 1
    assert finding in findings[0]


def test_a_policy_without_conditions_always_holds() -> None:
    (clause,), findings = parse_clauses([POLICY | {"conditions": None}], TRANSLATOR)
    assert findings == []
    assert clause.condition == TRANSLATOR.condition({"Value": True})


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ('["never"].contains("never")', True),
        ('["never"].contains("nowhere")', False),
        ('["never", "a"].containsAny(["never"])', True),
        ('["never"].containsAll(["never"])', True),
        ('["never"].containsAll(["nowhere"])', False),
        ('["never"] == ["never"]', True),
        ('["never"] == ["nowhere"]', False),
        ('"never" == "never"', True),
        ('["never"].isEmpty()', False),
        ("1 < 2", True),
        ("9223372036854775807 + 1 > 0", True),
        ("-(-9223372036854775807 - 1) > 0", True),
        ("context.verified == true", False),
        ("true == context.verified", False),
        ("context.verified == false", True),
        ("false == context.verified", True),
        ("context.channel == context.channel", True),
        ('"given" == context.channel', True),
        ('["given"].contains(context.channel) && 3 == context.persons && context.persons == 3', True),
        ("context.kinds.containsAny(context.kinds)", True),
        ('context.kinds == ["a"]', True),
        ('context.kinds.contains(if context.verified then "b" else "a")', True),
    ],
)
def test_a_forbid_on_a_test_denies_where_cedar_says_that_it_holds(test: str, holds: bool) -> None:
    text = f'@id("X") {HEAD} forbid (principal, action, resource) when {{ {test} }};'
    bundle = parse_bundle(added("clauses/all.cedar", text))
    facts = Facts(
        (
            Fact("channel", "given", Grade.ATTESTED, "issuer"),
            Fact("kinds", frozenset({"a"}), Grade.ATTESTED, "issuer"),
            Fact("persons", 3, Grade.ATTESTED, "issuer"),
            Fact("verified", False, Grade.ATTESTED, "issuer"),  # noqa: FBT003 - the value of the fact
            Fact("score", 0, Grade.ESTIMATED, "screen"),
        )
    )
    decision = decide(bundle.policy, Point.PROMPT, facts)
    assert (decision.verdict is Verdict.DENY) is holds
    context = {
        "channel": "given",
        "kinds": ["a"],
        "persons": 3,
        "verified": False,
        "score": 0,
        "approvals": [],
    }
    assert bundle.policy.engine.allows("prompt", context) is not holds


def test_the_engine_allows_nothing_without_its_schema_being_met() -> None:
    assert not BUNDLE.policy.engine.allows("prompt", {})
    assert not BUNDLE.policy.engine.allows("think", {})


def test_policies_and_schemas_that_cedar_cannot_read_are_refused() -> None:
    schema = cedar_schema(BUNDLE.registry)
    with pytest.raises(CedarTextError):
        build_engine([{"effect": "hope"}], schema)
    assert validation_findings("forbid forbid", schema)
    assert validation_findings("permit (principal, action, resource);", "no schema")


def test_limits_are_put_in_wherever_they_stand() -> None:
    limit: Any = {".": {"left": {".": {"left": CONTEXT, "attr": "limits"}}, "attr": "many"}}
    assert put_in_limits([{"<": {"left": limit, "right": FACT}}], {"many": 7}) == [
        {"<": {"left": {"Value": 7}, "right": FACT}}
    ]
