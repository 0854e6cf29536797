"""What `check` says of clauses beyond their form: what holds them, and what a reader should question."""

from caveat.policy.bundle import parse_bundle
from caveat.policy.edit import set_annotation
from caveat.policy.review import clause_states, flags
from caveat.signing.digest import sha256
from tests.analysis.amendments import FILES, replaced


def test_the_example_has_no_paper_clause_and_no_flag() -> None:
    example = parse_bundle(dict(FILES))
    assert {each.state for each in clause_states(example)} == {"enforced"}
    assert flags(example, {}) == ()


def test_a_mechanism_that_nothing_enforces_is_paper_only() -> None:
    bundle = parse_bundle(replaced("bundle.toml", ('mechanism = "ledger"', 'mechanism = "oversight"')))
    states = {each.id: each.state for each in clause_states(bundle)}
    assert states["P25"] == "paper only"
    assert states["P22"] == "enforced"


def test_a_clause_that_decides_a_scenario_is_tested_and_one_that_never_applies_is_paper() -> None:
    example = parse_bundle(dict(FILES))
    states = {each.id: each.state for each in clause_states(example, {"R1.b"}, {"P14"})}
    assert (states["R1.b"], states["P14"], states["P20"]) == ("tested", "paper only", "enforced")


def test_a_vague_term_is_flagged_until_it_is_defined() -> None:
    old, new = "No selection of domestic persons", "No significant selection of domestic persons"
    edited = replaced("clauses/P14-protected-activity.cedar", (old, new))
    assert any("`significant`" in flag for flag in flags(parse_bundle(edited), {}))
    defined = {
        **edited,
        "bundle.toml": edited["bundle.toml"] + b'\n[definitions]\nsignificant = "Ten or more."\n',
    }
    assert flags(parse_bundle(defined), {}) == ()


def test_a_directive_declared_as_statute_is_flagged() -> None:
    bundle = parse_bundle(dict(set_annotation(FILES, "P04", "authority", "statute").files))
    assert any("`P04`: declared as statute, and department_head" in flag for flag in flags(bundle, {}))


def test_a_contract_that_one_party_may_change_is_flagged() -> None:
    bundle = parse_bundle(
        dict(set_annotation(FILES, "R2.a", "amend", "provider & customer | provider").files)
    )
    assert any("`R2.a`: a contract that provider alone" in flag for flag in flags(bundle, {}))


def test_a_source_whose_digest_changed_is_flagged() -> None:
    text = b"# The agreement\n"
    source = "Acceptable-use policy, section 4"
    cited = replaced("clauses/R1.cedar", (source, f"{source}; sha256:{sha256(text)}"))
    with_text = parse_bundle({**cited, "agreement.md": text})
    assert flags(with_text, {}) == ()
    assert flags(parse_bundle(cited), {"agreement.txt": text}) == ()
    changed = parse_bundle({**cited, "agreement.md": text + b"One more line.\n"})
    assert any("its source changed" in flag for flag in flags(changed, {}))
    assert any("no document is here" in flag for flag in flags(parse_bundle(cited), {}))
