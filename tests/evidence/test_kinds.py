"""Statements of other kinds: what each may say, and what binds it to a use."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.evidence.binding import includes_target
from caveat.evidence.defects import DefectCode, Outcome
from caveat.evidence.instants import Period
from caveat.evidence.kinds import selector
from caveat.evidence.predicates import Scope
from caveat.evidence.statement import StatementParseError, parse_statement, render_statement
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256
from caveat.signing.dsse import parse_envelope
from tests.evidence.kinds import (
    ENGAGEMENT,
    HERE,
    KEEPER,
    PROCESS,
    TARGETS,
    check_kind,
    deployment,
    engagement,
    process,
    provenance,
)
from tests.evidence.world import DATA_DIGEST, DAY, NOW, resigned, statement

ALL = {
    "provenance": provenance(),
    "process": process(),
    "engagement": engagement(),
    "deployment": deployment(),
}


def payload(raw: bytes) -> bytes:
    return parse_envelope(raw, max_bytes=1 << 20).payload


def changed(raw: bytes, place: str, value: Any) -> bytes:
    said = json.loads(payload(raw))
    holder = said
    *steps, last = place.split(".")
    for step in steps:
        holder = holder[step]
    holder[last] = value
    return json.dumps(said).encode()


@pytest.mark.parametrize("raw", ALL.values(), ids=ALL.keys())
def test_a_statement_of_every_kind_is_read_back_as_it_was_written(raw: bytes) -> None:
    assert render_statement(parse_statement(payload(raw))) == payload(raw)


@pytest.mark.parametrize("raw", ALL.values(), ids=ALL.keys())
def test_an_unknown_member_of_any_kind_refuses_the_statement(raw: bytes) -> None:
    for place in ("predicate.surprise", "subject.surprise", "surprise"):
        said = json.loads(payload(raw))
        if place == "subject.surprise":
            said["subject"][0]["surprise"] = 1
        else:
            said = json.loads(changed(raw, place, 1))
        with pytest.raises(StatementParseError) as caught:
            parse_statement(canonical(said))
        assert caught.value.code == "schema"


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("provenance", "predicate.source", None),
        ("provenance", "predicate.basis", ["6(1)(g)"]),
        ("provenance", "predicate.basis", ["6(1)(a)", "6(1)(a)"]),
        ("provenance", "predicate.scope", {"task": "each"}),
        ("provenance", "predicate.scope", {"acquisition_channel": "some"}),
        ("provenance", "predicate.standard.generation_method", ["by-hand"]),
        ("provenance", "predicate.standard.generation_method", []),
        ("provenance", "predicate.standard.intended_purpose", ["anything"]),
        ("provenance", "predicate.standard.classification", ["secret"]),
        ("provenance", "predicate.standard.origin_geography", []),
        ("provenance", "predicate.standard.origin_geography", [{"country": "de"}]),
        ("provenance", "predicate.standard.privacy_enhancing", ["hope"]),
        ("provenance", "predicate.standard.data_use", ["DUO:9999999"]),
        ("provenance", "predicate.standard.date", "yesterday"),
        ("process", "predicate.selectors", []),
        ("process", "predicate.general", True),
        ("process", "predicate.selectors", ["ab"]),
        ("process", "predicate.selectors", ["a" * 64, "a" * 64]),
        ("process", "predicate.selector_key", "short"),
        ("process", "predicate.period", {"from": "2030-06-02T00:00:00Z", "to": "2030-06-01T00:00:00Z"}),
        ("process", "predicate.period", {"from": "soon", "to": "2030-06-01T00:00:00Z"}),
        ("process", "predicate.facts", {"legal_process": "court_order"}),
        ("engagement", "predicate.networks", ["10.1.0.1/16"]),
        ("engagement", "predicate.networks", ["10.1/16"]),
        ("engagement", "predicate.networks", ["everywhere"]),
        ("engagement", "predicate.hosts", ["*"]),
        ("engagement", "predicate.hosts", ["UPPER.example"]),
        ("engagement", "predicate.hosts", ["a.*.example"]),
        ("engagement", "predicate.hosts", ["10.0.0.1"]),
        ("deployment", "predicate.source", "root:x"),
        ("deployment", "predicate.facts", {}),
    ],
)
def test_an_ill_formed_statement_of_a_kind_is_refused(kind: str, place: str, value: Any) -> None:
    with pytest.raises(StatementParseError) as caught:
        parse_statement(changed(ALL[kind], place, value))
    assert caught.value.code == "schema"


def test_a_scope_of_nothing_is_no_scope() -> None:
    for place in ("predicate.hosts", "predicate.networks"):
        assert parse_statement(changed(ALL["engagement"], place, [])).engagement is not None
    both = json.loads(changed(ALL["engagement"], "predicate.hosts", []))
    both["predicate"]["networks"] = []
    with pytest.raises(StatementParseError):
        parse_statement(canonical(both))


def test_a_fact_is_of_the_whole_unless_it_is_said_of_each_record() -> None:
    said = parse_statement(payload(provenance(scope={"acquisition_channel": Scope.EACH})))
    assert said.scope_of("acquisition_channel") is Scope.EACH
    plain = parse_statement(payload(provenance(scope={})))
    assert plain.scope_of("acquisition_channel") is Scope.WHOLE
    facts = statement(scope={"acquisition_channel": Scope.EACH})
    assert parse_statement(render_statement(facts)).scope_of("acquisition_channel") is Scope.EACH


def test_provenance_is_bound_to_data_and_carries_its_lineage_root() -> None:
    assert check_kind(provenance(), parts=(DATA_DIGEST,)).parts == {DATA_DIGEST}
    assert check_kind(provenance(), parts=(sha256(b"x"),)).code is DefectCode.SUBJECT


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        (("app.lab.example",), None),
        (("APP.lab.example",), None),
        (("deep.down.test.example", "10.1.2.3", "10.1.2.0/24", "2001:db8:0:1::/64"), None),
        ((), DefectCode.NO_TARGET),
        (("lab.example",), DefectCode.TARGET),
        (("test.example",), DefectCode.TARGET),
        (("other-test.example",), DefectCode.TARGET),
        (("app.lab.example.evil.example",), DefectCode.TARGET),
        (("app.lab.example", "10.2.0.1"), DefectCode.TARGET),
        (("10.0.0.0/8",), DefectCode.TARGET),
        (("::ffff:10.1.2.3",), DefectCode.TARGET),
        (("*.test.example",), None),
        (("*.example",), DefectCode.TARGET),
        (("*",), DefectCode.TARGET),
        (("app.lab.example:22",), DefectCode.TARGET),
    ],
)
def test_a_target_outside_the_scope_of_engagement_is_not_authorised(
    targets: tuple[str, ...], code: DefectCode | None
) -> None:
    """160"""
    found = check_kind(engagement(), *targets)
    assert found.code is code
    assert {fact.name for fact in found.facts} == (
        {"target_authorization", "target_class"} if code is None else set()
    )
    assert found.of_use is (code is None)


def test_an_engagement_or_a_process_counts_in_its_period_alone() -> None:
    """160, 161"""
    short = Period(NOW, NOW + timedelta(minutes=1))
    for raw, target in (
        (engagement(replace(ENGAGEMENT, period=short)), "10.1.2.3"),
        (process(replace(PROCESS, period=short)), "device:1"),
    ):
        assert check_kind(raw, target).outcome is Outcome.ACCEPTED
        assert check_kind(raw, target, after=timedelta(minutes=1)).code is DefectCode.PERIOD
        assert check_kind(raw, target, after=-timedelta(seconds=1)).code is DefectCode.PERIOD


def test_a_legal_process_counts_for_whom_it_names() -> None:
    """161"""
    assert check_kind(process(), "device:1").outcome is Outcome.ACCEPTED
    assert check_kind(process(), "device:2").code is DefectCode.SELECTOR
    assert check_kind(process(), "device:1", "device:2").code is DefectCode.SELECTOR
    assert check_kind(process(), parts=(DATA_DIGEST,)).code is DefectCode.SELECTOR
    assert check_kind(process()).code is DefectCode.NO_TARGET


def test_a_legal_process_that_names_data_counts_for_those_data() -> None:
    """161"""
    raw = process(replace(PROCESS, selectors=frozenset({DATA_DIGEST})))
    found = check_kind(raw, parts=(DATA_DIGEST, sha256(b"beside")))
    assert found.parts == {DATA_DIGEST}
    assert not found.of_use
    assert check_kind(raw, "device:1", parts=(DATA_DIGEST,)).code is DefectCode.SELECTOR


def test_a_selector_under_a_key_is_named_by_its_hmac() -> None:
    """161"""
    keyed = replace(PROCESS, selector_key=b"k" * 32, selectors=frozenset())
    keyed = replace(keyed, selectors=frozenset({selector("device:1", keyed.selector_key)}))
    assert check_kind(process(keyed), "device:1").outcome is Outcome.ACCEPTED
    assert check_kind(process(keyed), "device:2").code is DefectCode.SELECTOR
    assert sha256(b"device:1") not in keyed.selectors


def test_a_general_process_names_nobody_and_says_so() -> None:
    """161"""
    general = replace(PROCESS, general=True, selectors=frozenset())
    assert check_kind(process(general)).of_use
    with pytest.raises(StatementParseError):
        process(replace(general, general=False))


def test_a_deployment_statement_is_about_one_registration() -> None:
    """162"""
    assert check_kind(deployment()).of_use
    assert check_kind(deployment(), registration=sha256(b"amended")).code is DefectCode.REGISTRATION
    assert check_kind(deployment(), registration=None).code is DefectCode.REGISTRATION


def test_facts_of_data_or_of_a_task_are_never_said_of_a_deployment() -> None:
    """162"""
    found = check_kind(deployment(facts={"deployment_type": "office", "task": "summarize"}))
    assert [fact.name for fact in found.facts] == ["deployment_type"]
    assert found.ignored == (("task", DefectCode.FACT_OF_OTHER_KIND),)


def test_an_engagement_says_two_facts_and_cannot_say_others() -> None:
    said = json.loads(payload(engagement()))
    said["predicate"]["facts"] = {"channel_of_target": "first_party"}
    assert check_kind(resigned(said, TARGETS), "10.1.2.3").code is DefectCode.SCHEMA


def test_the_life_of_a_statement_ends_before_its_period_does() -> None:
    raw = process(replace(PROCESS, period=Period(HERE.begin, NOW + 9 * DAY)))
    assert check_kind(raw, "device:1", after=DAY).code is DefectCode.EXPIRED


@given(st.text(max_size=60))
def test_no_target_makes_the_comparison_raise(target: str) -> None:
    assert includes_target(ENGAGEMENT, target) in (True, False)


def test_the_signer_of_a_kind_is_entitled_to_its_facts() -> None:
    raw = resigned(json.loads(payload(engagement())) | {}, KEEPER)
    assert check_kind(raw, "10.1.2.3").code is DefectCode.ISSUER
