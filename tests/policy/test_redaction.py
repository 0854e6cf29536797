"""What `@redact` may say, where it may stand, and whose consent it needs."""

import pytest

from caveat.policy.bundle import parse_bundle
from caveat.policy.review import clause_states
from caveat.policy.terms import render_terms
from tests.policy.parties import held
from tests.policy.small import HEAD, added, findings, small
from tests.policy.test_changes import found

PHRASES = b"""
version = 1
[phrases.names]
fact = "score"
score = 5
phrases = ["project heliotrope"]
"""


def clause(mark: str = '@redact("email")', effect: str = "forbid", when: str = "context.verified") -> str:
    return f'@id("M1") {HEAD} {mark}\n{effect} (principal, action, resource) when {{ {when} }};\n'


def test_a_redaction_is_a_part_of_the_bundle_and_of_no_verdict() -> None:
    bundle = parse_bundle(added("clauses/all.cedar", clause('@redact("email, card")')))
    assert [one.id for one in bundle.redactions] == ["M1"]
    assert bundle.redactions[0].redacts == {"email", "card"}
    assert all(one.id != "M1" for one in (*bundle.clauses, *bundle.policy.clauses))
    assert bundle.policy.engine.allows(
        "prompt",
        {"channel": "given", "kinds": ["a"], "persons": 1, "verified": True, "score": 0, "approvals": []},
    )
    assert "M1" in bundle.unsigned
    assert "redacts card, email" in render_terms(bundle)
    assert any(state.id == "M1" for state in clause_states(bundle))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (clause('@redact("emial")'), "knows no `emial`"),
        (clause('@redact("")'), "names what is replaced"),
        (clause('@redact("phrases:names")'), "has no list `names`"),
        (clause(effect="permit"), "stands on a forbid"),
        (clause('@redact("email") @red_line("line")'), "stands on a forbid"),
        (clause('@redact("email") @always_enforced'), "stands on a forbid"),
        (clause(when="context.score > 5"), "reads no score"),
        (clause(when='context.approvals.contains("counsel")'), "approvals only loosen"),
        (clause(when='context.channel == "stolen"'), "is not a value of `channel`"),
        (clause().replace("M1", "C1"), "is given twice"),
    ],
)
def test_a_redaction_that_would_promise_too_much_keeps_the_bundle_from_loading(text: str, said: str) -> None:
    assert said in " ".join(findings(added("clauses/all.cedar", text)))


def test_a_specification_of_a_red_line_redacts_nothing() -> None:
    text = clause('@redact("email")').replace("M1", "L2")
    assert "redacts nothing" in " ".join(findings(added("red_lines/line.cedar", text)))


def test_a_list_that_is_there_may_be_named() -> None:
    files = added("clauses/all.cedar", clause('@redact("phrases:names")'))
    assert findings({**files, "phrases.toml": PHRASES}) == ()


def test_changing_a_redaction_needs_its_signers_and_so_does_the_list_that_it_names() -> None:
    files = held()
    files["phrases.toml"] = PHRASES
    with_clause = dict(files)
    with_clause["clauses/all.cedar"] += clause('@redact("phrases:names")').encode()
    assert found(with_clause, files) == {"clause M1 was added": "customer & provider"} or found(
        with_clause, files
    ) == {"clause M1 was added": "provider & customer"}
    assert "clause M1 was removed" in found(files, with_clause)
    longer = dict(with_clause)
    longer["phrases.toml"] = PHRASES.replace(b"heliotrope", b"marigold")
    needed = found(longer, with_clause)["phrases names was changed"]
    assert "customer" in needed
    weaker = dict(with_clause)
    weaker["clauses/all.cedar"] = weaker["clauses/all.cedar"].replace(b"phrases:names", b"email")
    assert "clause M1 was changed" in found(weaker, with_clause)


def test_a_forbid_that_becomes_a_redaction_decides_no_more() -> None:
    files = small()
    files["clauses/all.cedar"] = files["clauses/all.cedar"].replace(
        b'@id("C2")', b'@id("C2") @redact("email")'
    )
    bundle = parse_bundle(files)
    assert [one.id for one in bundle.clauses] == ["C1", "C3", "C4"]
