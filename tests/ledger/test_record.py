"""Records: they read back, one spelling each, and nothing unknown gets in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import Point
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.facts.value import Interval
from caveat.ledger.errors import RecordParseError
from caveat.ledger.record import (
    ArmFigures,
    AssayRecord,
    BundleRecord,
    DataPart,
    DecisionRecord,
    EvidenceCited,
    EvidenceRecord,
    Follows,
    History,
    HistoryRecord,
    OutputEndRecord,
    Record,
    Reservation,
    RevocationsRecord,
    RoutesRecord,
    StartRecord,
    StoppedRecord,
    TermsRecord,
    TrustRecord,
    not_before,
    parse_record_id,
    parse_time,
    record_id,
    record_id_of,
    render_time,
)
from caveat.ledger.wire import check_shape, parse_record, render_record
from caveat.signing.canonical import JsonObject, canonical
from caveat.signing.digest import Digest, sha256
from tests.ledger.logs import BUNDLE, decision_record, moment

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DIGEST = st.binary(max_size=4).map(sha256)
TIME = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(render_time)  # noqa: DTZ001 - the strategy adds the zone
COUNT = st.integers(0, 2**53 - 1)
TEXTS = st.lists(TEXT, max_size=2).map(tuple)
FOLLOWS = st.builds(
    Follows,
    *(st.none() | DIGEST, COUNT, st.none() | DIGEST, TEXTS, TEXTS, COUNT),
    *(st.none() | DIGEST, TEXTS, COUNT, TEXTS, COUNT),
)
RECORD_IDS = st.builds(record_id, st.integers(0, 2**62), DIGEST)
HISTORY = st.builds(History, RECORD_IDS, st.integers(1, 2**50))
VALUE = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.frozensets(TEXT, max_size=3),
    st.tuples(COUNT, COUNT).map(lambda pair: Interval(min(pair), max(pair))),
)
FACT = st.builds(Fact, TEXT, VALUE, st.sampled_from(Grade), TEXT, TEXT)
CLAIMS = st.dictionaries(st.text("abc_", max_size=5), st.one_of(TEXT, COUNT, st.booleans()), max_size=2)
FACTS = st.builds(
    Facts,
    st.lists(FACT, max_size=3).map(tuple),
    CLAIMS,
    st.frozensets(TEXT, max_size=2),
    st.frozensets(st.sampled_from(Finding)),
)
DECISION = st.builds(
    Decision,
    st.sampled_from(Verdict),
    st.sampled_from(Reason),
    st.lists(TEXT, max_size=2).map(tuple),
    st.lists(TEXT, max_size=2).map(tuple),
    st.lists(TEXT, max_size=2).map(tuple),
    st.booleans(),
    COUNT,
)
RESERVE = st.builds(
    lambda source, digest, lo, more: Reservation(source, digest, lo, None if more is None else lo + more),
    TEXT,
    DIGEST,
    st.integers(0, 2**50),
    st.none() | st.integers(0, 2**50),
)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        DecisionRecord,
        time=TIME,
        point=st.sampled_from(Point),
        protocol=TEXT,
        deployment=TEXT,
        principal=TEXT,
        model=TEXT,
        action=TEXT,
        request=DIGEST,
        bundle=DIGEST,
        parts=st.lists(st.builds(DataPart, TEXT, DIGEST, COUNT), max_size=2).map(tuple),
        cases=st.lists(FACTS, max_size=2).map(tuple),
        decision=DECISION,
        evidence=st.lists(st.builds(EvidenceCited, DIGEST, TEXT, TEXT, st.none() | TEXT), max_size=2).map(
            tuple
        ),
        reserve=st.lists(RESERVE, max_size=2).map(tuple),
        mode=st.sampled_from(["enforce", "observe"]),
        enforced=st.booleans(),
        of=st.none() | RECORD_IDS,
        history=st.none() | HISTORY,
    ),
    st.builds(
        HistoryRecord,
        TIME,
        TEXT,
        st.lists(st.builds(DataPart, TEXT, DIGEST, COUNT), max_size=2).map(tuple),
        st.none() | HISTORY,
    ),
    st.builds(StartRecord, TIME, DIGEST, TEXT, TEXT),
    st.builds(BundleRecord, TIME, DIGEST),
    st.builds(BundleRecord, TIME, DIGEST, st.booleans(), FOLLOWS),
    st.builds(RoutesRecord, TIME, DIGEST),
    st.builds(
        TrustRecord, TIME, DIGEST, st.integers(1, 2**53 - 1), st.lists(DIGEST).map(tuple), st.booleans()
    ),
    st.builds(RevocationsRecord, TIME, TEXT, DIGEST, st.integers(1, 2**53 - 1), st.lists(DIGEST).map(tuple)),
    st.builds(EvidenceRecord, TIME, TEXT, DIGEST, TEXT, TEXT),
    st.builds(OutputEndRecord, TIME, RECORD_IDS, DIGEST, COUNT, st.booleans()),
    st.builds(TermsRecord, TIME, DIGEST, TEXT),
    st.builds(
        AssayRecord,
        TIME,
        DIGEST,
        DIGEST,
        DIGEST,
        DIGEST,
        st.booleans(),
        st.lists(st.builds(ArmFigures, TEXT, *[st.none() | COUNT] * 4), max_size=3).map(tuple),
    ),
    st.builds(StoppedRecord, TIME, TEXT),
)


@pytest.mark.slow
@given(RECORDS)
def test_every_record_reads_back(record: Record) -> None:
    rendered = render_record(record)
    check_shape(rendered)
    assert parse_record(canonical(rendered)) == record


@given(st.binary(max_size=60))
def test_no_bytes_raise_another_error(data: bytes) -> None:
    with pytest.raises(RecordParseError):
        parse_record(data)


def changed(**members: Any) -> bytes:
    """A decision record's bytes with some members set, or removed where the value is Ellipsis."""
    value: dict[str, Any] = {**render_record(decision_record(1)), **members}
    return orjson.dumps({k: v for k, v in value.items() if v is not ...}, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize(
    "leaf",
    [
        changed(v=2),
        changed(v=True),
        changed(kind="verdict"),
        changed(kind=...),
        changed(unknown=1),
        changed(of=...),
        changed(verdict="maybe"),
        changed(reason="because"),
        changed(point="side"),
        changed(mode="off"),
        changed(enforced="true"),
        changed(enforced=1),
        changed(steps=-1),
        changed(steps=1.0),
        changed(request="ABC"),
        changed(bundle=BUNDLE.upper()),
        changed(of="1-abc"),
        changed(of="01-0123456789abcdef"),
        changed(model="m" * 257),
        changed(time="2026-01-01T00:00:00Z"),
        changed(time="2026-13-01T00:00:00.000Z"),
        changed(time="2026-01-01T00:00:00.000+00:00"),
        changed(reserve=[{"source": "s", "digest": BUNDLE, "lo": 2, "hi": 1}]),
        changed(reserve=[{"source": "s", "digest": BUNDLE, "lo": 2}]),
        changed(parts=[{"pointer": "/", "digest": BUNDLE, "bytes": 1, "text": "content"}]),
        changed(cases=[{"facts": [{"name": "f"}]}]),
        changed(cases=[{"facts": [], "claims": {"a": 1.5}, "approvals": [], "findings": []}]),
        changed(cases=[{"facts": []}]),
        changed()[:-1],
        changed() + b" ",
        changed() + b"{}",
        b"[]",
        b"null",
        changed().replace(b'"action":"chat"', b'"action":"chat","action":"chat"'),
        changed().replace(b'"action":"chat"', b'"action": "chat"'),
        changed().replace(b'"chat"', b'"\\u0063hat"'),
        canonical({**render_record(decision_record(1)), "needs": ["n" * 200] * 400}),
    ],
)
def test_what_this_version_does_not_write_is_refused(leaf: bytes) -> None:
    with pytest.raises(RecordParseError):
        parse_record(leaf)


def test_the_unchanged_record_is_read() -> None:
    assert parse_record(changed()) == decision_record(1)


def test_a_parse_error_repeats_no_content() -> None:
    with pytest.raises(RecordParseError) as caught:
        parse_record(changed(model=["secret words"]))
    assert "secret" not in str(caught.value)
    assert "model" in str(caught.value)


def test_shape_is_checked_before_bytes_are_made() -> None:
    rendered: JsonObject = {**render_record(decision_record(1)), "model": "m" * 300}
    with pytest.raises(RecordParseError, match="model"):
        check_shape(rendered)


def test_time_is_text_that_sorts_and_never_goes_back() -> None:
    local = datetime(2026, 3, 1, 1, 0, 0, 1999, tzinfo=timezone(timedelta(hours=2)))
    assert render_time(local) == "2026-02-28T23:00:00.001Z"
    assert parse_time("2026-02-28T23:00:00.001Z").utcoffset() == timedelta(0)
    assert not_before(moment(5), moment(4)) == moment(5)
    assert not_before(moment(4), moment(5)) == moment(5)
    assert not_before("", moment(0)) == moment(0)
    with pytest.raises(ValueError, match="zone"):
        render_time(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_a_record_id_names_index_and_leaf() -> None:
    leaf = changed()
    text = record_id_of(12, leaf)
    index, prefix = parse_record_id(text)
    assert index == 12
    assert text == f"12-{prefix}"
    for wrong in ("", "12", "12-", f"012-{prefix}", f"12-{prefix}\n", f"-1-{prefix}", f"12-{prefix}0"):
        with pytest.raises(RecordParseError):
            parse_record_id(wrong)


def test_a_use_is_released_when_allowed_or_not_held_back() -> None:
    refused = decision_record(1, decision=Decision(Verdict.DENY, Reason.CLAUSE))
    assert decision_record(1).released
    assert not refused.released
    assert replace(refused, enforced=False).released


def test_a_reservation_counts_some_number_of_persons() -> None:
    for lo, hi in ((-1, None), (2, 1)):
        with pytest.raises(ValueError, match="at least"):
            Reservation("s", Digest("d"), lo, hi)


@pytest.mark.parametrize(
    "record",
    [
        replace(decision_record(1), development=True),
        StartRecord(moment(0), BUNDLE, "1", "log", development=True),
        BundleRecord(moment(0), BUNDLE, development=True),
    ],
)
def test_the_mark_of_development_reads_back_and_has_one_spelling(
    record: DecisionRecord | StartRecord | BundleRecord,
) -> None:
    rendered = render_record(record)
    assert parse_record(canonical(rendered)) == record
    assert "development" not in render_record(replace(record, development=False))
    for other in (False, None, "dev", 1):
        with pytest.raises(RecordParseError):
            parse_record(canonical({**rendered, "development": other}))


def test_a_bundle_record_of_an_earlier_release_reads_back_without_what_it_follows() -> None:
    old = BundleRecord(moment(0), BUNDLE)
    assert "follows" not in render_record(old)
    assert parse_record(canonical(render_record(old))) == old
    rendered = render_record(replace(old, follows=Follows(BUNDLE, 1)))
    follows = rendered["follows"]
    assert isinstance(follows, dict)
    assert follows.keys() == set(Follows.__slots__)
    for member in follows:
        less = {**rendered, "follows": {key: value for key, value in follows.items() if key != member}}
        with pytest.raises(RecordParseError):
            parse_record(canonical(less))


def with_case(**members: Any) -> bytes:
    return changed(cases=[{"facts": [], "claims": {}, "approvals": [], "findings": [], **members}])


def fact(value: Any) -> dict[str, Any]:
    return {"name": "n", "value": value, "grade": "attested", "role": "r", "source": "s"}


@pytest.mark.parametrize(
    "leaf",
    [
        changed(steps=2**53),
        changed(parts=[{"pointer": "/", "digest": BUNDLE, "bytes": 2**53}]),
        with_case(facts=[fact(2**53)]),
        with_case(facts=[fact(-(2**53))]),
        with_case(facts=[fact({"lo": 0, "hi": 2**63})]),
        with_case(facts=[fact({"lo": 2, "hi": 1})]),
        with_case(facts=[fact(1.5)]),
        with_case(claims={"a": 2**53}),
        with_case(claims={"a": [1e300]}),
        with_case(claims={"ä": 1}),
        with_case(claims={"a": {"ä": 1}}),
    ],
)
def test_a_value_without_one_rendering_is_refused(leaf: bytes) -> None:
    with pytest.raises(RecordParseError):
        parse_record(leaf)


def with_nested_claims(depth: int) -> bytes:
    nested = b'{"a":' * depth + b"{}" + b"}" * depth
    return with_case().replace(b'"claims":{}', b'"claims":' + nested)


def test_claims_are_nested_as_deep_as_the_renderer_goes_and_no_deeper() -> None:
    leaf = with_nested_claims(250)
    assert canonical(render_record(parse_record(leaf))) == leaf
    for depth in (251, 252, 253, 900):
        with pytest.raises(RecordParseError, match="malformed"):
            parse_record(with_nested_claims(depth))


@pytest.mark.parametrize("number", [2**53 - 1, 10**15, 9 * 10**14])
def test_a_long_number_with_one_rendering_is_read(number: int) -> None:
    assert parse_record(changed(steps=number)).time == decision_record(1).time
    text = changed(principal="ä" + "1" * 20)
    assert canonical(render_record(parse_record(text))) == text
