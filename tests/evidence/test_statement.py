"""Statements: what is minted is read back, and times have one form."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement as OutsideStatement

from caveat.evidence.statement import (
    FACTS_PREDICATE,
    Statement,
    StatementParseError,
    Subject,
    parse_statement,
    parse_time,
    render_statement,
    render_time,
)
from caveat.signing.canonical import MAX_INTEGER
from caveat.signing.digest import sha256
from tests.evidence.world import DATA_DIGEST, NOW, statement

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,20}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
VALUES = TEXT | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.frozensets(TEXT, max_size=4)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of a strategy
STATEMENTS = st.builds(
    Statement,
    issuer=IDS,
    subjects=st.lists(st.builds(Subject, IDS, st.binary(max_size=4).map(sha256)), min_size=1, max_size=3).map(
        tuple
    ),
    facts=st.dictionaries(
        st.from_regex(r"[a-z_][a-z0-9_]{0,10}", fullmatch=True), VALUES, min_size=1, max_size=4
    ),
    audience=st.lists(IDS, min_size=1, max_size=3, unique=True).map(tuple),
    issued_at=TIMES,
    expires_at=TIMES.map(lambda time: time + timedelta(days=40_000)),
    id=IDS,
    single_use=st.booleans(),
    source=st.none() | IDS,
    id_column=st.none() | TEXT,
)


@pytest.mark.slow
@given(STATEMENTS)
def test_what_is_rendered_is_read_back(said: Statement) -> None:
    assert parse_statement(render_statement(said)) == said


def test_an_independent_library_finds_our_statements_valid() -> None:
    value = json.loads(render_statement(statement()))
    (about,) = value["subject"]
    subject = ResourceDescriptor(name=about["name"], digest=about["digest"])
    outside = OutsideStatement([subject.pb], value["predicateType"], value["predicate"])
    outside.validate()
    assert outside.pb.type == value["_type"]
    assert outside.pb.predicate_type == FACTS_PREDICATE
    assert outside.pb.subject[0].digest["sha256"] == DATA_DIGEST


@pytest.mark.parametrize(
    "changes",
    [
        {"subjects": ()},
        {"facts": {}},
        {"audience": ()},
        {"audience": ("a b",)},
        {"issuer": ""},
        {"id": "*"},
        {"expires_at": NOW - timedelta(days=2)},
        {"expires_at": NOW - timedelta(days=1)},
        {"source": "two words"},
        {"id_column": ""},
        {"facts": {"a" * 65: 1}},
        {"facts": {"a": "x" * 201}},
    ],
    ids=repr,
)
def test_whoever_mints_learns_at_once_what_nobody_would_accept(changes: dict[str, Any]) -> None:
    with pytest.raises(StatementParseError) as caught:
        render_statement(statement(**changes))
    assert caught.value.code == "schema"


def test_the_error_names_a_field_of_ours_and_nothing_the_sender_wrote() -> None:
    value = render_statement(statement()).replace(b'"id":', b'"surprise":1,"id":')
    with pytest.raises(StatementParseError) as caught:
        parse_statement(value)
    assert "surprise" not in str(caught.value)
    assert caught.value.place == "predicate"


@pytest.mark.parametrize(
    "text",
    [
        "2030-01-01",
        "2030-01-01T00:00:00",
        "2030-01-01T00:00:00+00:00",
        "2030-01-01t00:00:00z",
        "2030-01-01 00:00:00Z",
        "2030-01-01T24:00:00Z",
        "2030-01-01T00:00:60Z",
        "2030-02-30T00:00:00Z",
        "2030-01-01T00:00:00.Z",
        "2030-01-01T00:00:00.1234567Z",
        "2030-01-01T00:00:00Z\n",
        "٢٠٣٠-01-01T00:00:00Z",
        "1893456000",
        "",
    ],
)
def test_a_time_has_one_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


def test_a_time_is_rendered_in_utc_and_needs_a_zone() -> None:
    there = timezone(timedelta(hours=2))
    assert render_time(datetime(2030, 1, 1, 2, tzinfo=there)) == "2030-01-01T00:00:00Z"
    assert parse_time("2030-01-01T00:00:00.5Z") == datetime(2030, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    with pytest.raises(ValueError, match="zone"):
        render_time(datetime(2030, 1, 1))  # noqa: DTZ001 - the zone is missing on purpose
