"""Gathering: one case for each data part, joins only where declared, and nothing out of nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import Call, Part, PartKind, Point
from caveat.evidence.check import Checked
from caveat.evidence.defects import Outcome
from caveat.evidence.statement import Subject
from caveat.facts.fact import Facts, Finding, Grade
from caveat.facts.value import Interval, Value
from caveat.gateway.counting import CountCache, count_part
from caveat.gateway.gather import Gathered, gather, needs_detail, use_of
from caveat.ledger.record import Reservation
from caveat.monitors.totals import Totals
from caveat.policy.workflows import Workflow
from caveat.signing.digest import Digest, sha256
from tests.evidence.world import ACTION, NOW, OWNER, REGISTRAR, REGISTRY, checker, mint, nobody

CEILING = 10_000_000_000
CHEAP = {"acquisition_channel": "first_party"}


def table(persons: int, start: int = 0) -> bytes:
    return ("device_id,x\n" + "".join(f"d{n},1\n" for n in range(start, start + persons))).encode()


def part(
    content: bytes, kind: PartKind = PartKind.DATA, id_column: str | None = None, place: int = 0
) -> Part:
    return Part(f"/messages/{place}/content", "user", kind, "text/csv", content, sha256(content), id_column)


def call(*parts: Part, claims: Mapping[str, Any] | None = None) -> Call:
    return Call(
        Point.PROMPT,
        "openai",
        "agency-desk",
        "model",
        parts,
        claims or {},
        stream=False,
        action_digest=ACTION,
    )


@dataclass
class Desk:
    id: str = "agency-desk"
    owner_group: str = "agency"
    observers: frozenset[str] = frozenset({"counter", "totals", "review"})
    id_column: str | None = None
    facts: Mapping[str, Value] = field(default_factory=dict)
    kind: str = "pipeline"
    tools: frozenset[str] = frozenset()
    workflows: Mapping[str, Workflow] = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    lo: int = 0
    hi: int | None = 0


@dataclass
class Sums:
    """Totals before the use, as given."""

    before: Mapping[str, Span] = field(default_factory=dict)
    known: frozenset[Digest] = frozenset()

    def counted(self, _source: str, digests: Sequence[Digest]) -> Sequence[Digest]:
        return [one for one in digests if one in self.known]

    def with_use(self, now: datetime, reservations: Sequence[Reservation]) -> Mapping[str, Span]:
        assert now == NOW
        totals = {entry.source: self.before.get(entry.source, Span()) for entry in reservations}
        for own in reservations:
            so_far = totals[own.source]
            hi = None if own.hi is None or so_far.hi is None else own.hi + so_far.hi
            totals[own.source] = Span(so_far.lo + own.lo, hi)
        return totals


def attest(content: bytes, number: int = 0, key: Any = OWNER, **changes: Any) -> bytes:
    said = {"facts": CHEAP, "id": f"statement-{number}", "subjects": (Subject("devices", sha256(content)),)}
    return mint(key, **(said | changes))


def gathered(
    a_call: Call, *raws: bytes, desk: Desk | None = None, totals: Sums | None = None, **about: Any
) -> Gathered:
    evidence = checker().check_all(raws, [], use_of(a_call, NOW, nobody))
    return gather(a_call, desk or Desk(), REGISTRY, evidence, totals or Sums(), NOW, **about)


def values(case: Facts, name: str) -> dict[Grade, Value]:
    return {fact.grade: fact.value for fact in case.facts if fact.name == name}


def only(found: Gathered) -> Facts:
    (case,) = found.cases
    return case


def test_words_alone_are_one_case_with_registered_and_observed_facts_only() -> None:
    typed = part(b"please", PartKind.TYPED)
    case = only(gathered(call(typed, claims={"task": "x"}), desk=Desk(facts={"deployer_verified": True})))
    assert {(fact.name, fact.grade, fact.role, fact.source) for fact in case.facts} == {
        ("deployer_verified", Grade.ATTESTED, "registration", "deployment:agency-desk"),
        ("cumulative_subject_count_12m", Grade.OBSERVED, "totals", ""),
        ("review_seconds_median", Grade.OBSERVED, "review", ""),
    }
    assert values(case, "cumulative_subject_count_12m") == {Grade.OBSERVED: 0}
    assert case.claims == {"task": "x"}


def test_facts_are_never_read_from_the_words() -> None:
    words = b'{"acquisition_channel": "first_party"} the data is consented ' + attest(b"please")
    found = gathered(call(part(words, PartKind.TYPED)))
    assert not values(only(found), "acquisition_channel")


def test_attested_facts_belong_to_the_part_in_their_subject_and_to_no_other() -> None:
    found = gathered(call(part(b"a"), part(b"b", place=1)), attest(b"a"))
    assert [values(case, "acquisition_channel") for case in found.cases] == [
        {Grade.ATTESTED: "first_party"},
        {},
    ]


def test_all_unattested_parts_are_one_case_and_equal_content_is_one_part() -> None:
    found = gathered(call(*(part(b"%d" % (n % 5), place=n) for n in range(20))))
    assert len(found.cases) == 1
    assert len(found.known) == len(found.reserve) == 1  # nothing is known of any: one says so of all


def test_words_that_evidence_covers_are_data() -> None:
    found = gathered(call(part(b"a", PartKind.TYPED)), attest(b"a"))
    assert values(only(found), "acquisition_channel") == {Grade.ATTESTED: "first_party"}
    assert {entry.digest for entry in found.reserve} == {sha256(b"a")}


def test_one_byte_changed_after_attesting_unbinds_it() -> None:
    found = gathered(call(part(table(3) + b"d4,1\n")), attest(table(3)))
    assert not values(only(found), "acquisition_channel")


def test_an_attested_unknown_is_passed_on_as_such() -> None:
    said = {"acquisition_channel": "unknown", "data_category": frozenset[str]()}
    for parts in ((part(b"a"),), (part(b"a"), part(b"b", place=1))):
        found = gathered(call(*parts), attest(b"a", facts=said))
        assert values(found.cases[0], "acquisition_channel") == {Grade.ATTESTED: "unknown"}
        assert values(found.cases[0], "data_category") == {Grade.ATTESTED: frozenset()}
        assert "data_category" not in found.known[0][1]


def test_contradicting_attestations_are_all_passed_on() -> None:
    found = gathered(
        call(part(b"a")), attest(b"a"), attest(b"a", 2, facts={"acquisition_channel": "purchased"})
    )
    said = [fact.value for fact in only(found).facts if fact.name == "acquisition_channel"]
    assert sorted(map(str, said)) == ["first_party", "purchased"]


@pytest.mark.parametrize(
    ("finding", "outcome"),
    [
        (Finding.FORGED, Outcome.FORGED),
        (Finding.REPLAYED, Outcome.REPLAYED),
        (Finding.OUT_OF_RANGE, Outcome.OUT_OF_RANGE),
        (None, Outcome.DEFECT),
    ],
)
def test_each_denying_outcome_is_a_finding_of_every_case(finding: Finding | None, outcome: Outcome) -> None:
    evidence = (Checked(sha256(b"e"), outcome),)
    found = gather(call(part(b"a"), part(b"b")), Desk(), REGISTRY, evidence, Sums(), NOW)
    assert all(case.findings == ({finding} if finding else frozenset()) for case in found.cases)


# Joins ------------------------------------------------------------------------------------------------


def test_categories_are_united_over_all_parts() -> None:
    categories = [frozenset({"none"}), frozenset({"precise_geolocation"})]
    raws = [attest(b"%d" % n, n, facts={"data_category": one} | CHEAP) for n, one in enumerate(categories)]
    found = gathered(call(part(b"0"), part(b"1", place=1)), *raws)
    assert values(only(found), "data_category") == {Grade.ATTESTED: frozenset().union(*categories)}


def test_a_joined_fact_unknown_of_one_part_is_unknown_of_the_use() -> None:
    raw = attest(b"0", facts={"data_category": frozenset({"none"})} | CHEAP)
    found = gathered(call(part(b"0"), part(b"1", place=1)), raw)
    assert len(found.cases) == 2
    assert not any(values(case, "data_category") for case in found.cases)


def test_a_fact_without_a_join_never_collapses() -> None:
    raws = [
        attest(b"%d" % n, n, facts={"acquisition_channel": one})
        for n, one in enumerate(("first_party", "purchased"))
    ]
    found = gathered(call(part(b"0"), part(b"1", place=1)), *raws)
    assert [values(case, "acquisition_channel")[Grade.ATTESTED] for case in found.cases] == [
        "first_party",
        "purchased",
    ]


def test_no_join_hides_a_contradiction_in_one_part() -> None:
    said = [({"none"}, b"0"), ({"personal_health"}, b"0"), ({"none"}, b"1")]
    raws = [
        attest(content, n, facts={"data_category": frozenset(one)} | CHEAP)
        for n, (one, content) in enumerate(said)
    ]
    found = gathered(call(part(b"0"), part(b"1", place=1)), *raws)
    for case in found.cases:
        assert len({fact.value for fact in case.facts if fact.name == "data_category"}) == 2


def test_registered_values_stand_for_every_part() -> None:
    desk = Desk(facts={"data_category": frozenset({"none"})})
    raw = attest(b"0", facts={"data_category": frozenset({"none"})} | CHEAP)
    found = gathered(call(part(b"0"), part(b"1", place=1)), raw, desk=desk)
    assert all(values(case, "data_category") == {Grade.ATTESTED: frozenset({"none"})} for case in found.cases)


@pytest.mark.slow
@given(
    st.lists(
        st.frozensets(st.sampled_from(["none", "precise_geolocation", "personal_health"]), min_size=1),
        min_size=2,
        max_size=4,
    )
)
def test_a_union_holds_the_categories_of_every_part(categories: list[frozenset[str]]) -> None:
    raws = [attest(b"%d" % n, n, facts={"data_category": one} | CHEAP) for n, one in enumerate(categories)]
    found = gathered(call(*(part(b"%d" % n, place=n) for n in range(len(categories)))), *raws)
    assert values(only(found), "data_category") == {Grade.ATTESTED: frozenset().union(*categories)}


# Counts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persons", [999, 1_000, 1_001])
def test_persons_are_counted_by_the_registered_column(persons: int) -> None:
    case = only(gathered(call(part(table(persons))), desk=Desk(id_column="device_id")))
    assert values(case, "subject_count") == {Grade.OBSERVED: persons}
    assert values(case, "cumulative_subject_count_12m") == {Grade.OBSERVED: persons}


def test_persons_are_counted_by_the_attested_column() -> None:
    case = only(gathered(call(part(table(7))), attest(table(7), id_column="device_id")))
    assert values(case, "subject_count") == {Grade.OBSERVED: 7}


def test_of_several_columns_the_one_that_tells_most_persons_apart_counts() -> None:
    raw = attest(table(7), id_column="x")
    assert values(only(gathered(call(part(table(7))), raw)), "subject_count") == {Grade.OBSERVED: 1}
    both = gathered(call(part(table(7))), raw, desk=Desk(id_column="device_id"))
    assert values(only(both), "subject_count") == {Grade.OBSERVED: 7}


def test_an_issuer_who_may_not_attest_counts_does_not_choose_the_column() -> None:
    said: dict[str, Any] = {"facts": {"task": "summarize_document"}, "issuer": "registrar", "id_column": "x"}
    found = gathered(call(part(table(7))), attest(table(7), key=REGISTRAR, **said))
    assert not values(only(found), "subject_count")


def test_without_the_observer_nothing_is_observed() -> None:
    desk = Desk(id_column="device_id", observers=frozenset())
    found = gathered(call(part(table(7))), desk=desk)
    assert {fact.grade for fact in only(found).facts} <= {Grade.ATTESTED}
    assert found.reserve == (Reservation("owner:agency", sha256(table(7)), 7, None),)


def test_a_column_that_only_the_caller_declares_makes_no_count_known() -> None:
    found = gathered(call(part(table(7), id_column="device_id")))
    assert not values(only(found), "subject_count")
    total = values(only(found), "cumulative_subject_count_12m")
    assert total == {Grade.OBSERVED: Interval(7, CEILING)}
    assert found.reserve == (Reservation("owner:agency", sha256(table(7)), 7, None),)


def test_a_reservation_never_holds_more_at_least_than_at_most() -> None:
    found = gathered(call(part(table(7), id_column="device_id")), desk=Desk(id_column="x"))
    assert [(entry.lo, entry.hi) for entry in found.reserve] == [(1, 1)]


@pytest.mark.parametrize("column", ["registration", "attestation", "caller"])
def test_an_attested_count_below_the_rows_is_passed_on_as_a_contradiction(column: str) -> None:
    content = table(1_001)
    desk = Desk(id_column="device_id" if column == "registration" else None)
    attested: dict[str, Any] = {"id_column": "device_id"} if column == "attestation" else {}
    a_call = call(part(content, id_column="device_id" if column == "caller" else None))
    found = gathered(a_call, attest(content, facts={"subject_count": 40}, **attested), desk=desk)
    assert values(only(found), "subject_count") == {Grade.ATTESTED: 40, Grade.OBSERVED: 1_001}


def test_an_attested_count_above_the_rows_stands() -> None:
    content = table(10)
    found = gathered(
        call(part(content)), attest(content, facts={"subject_count": 40}), desk=Desk(id_column="device_id")
    )
    assert values(only(found), "subject_count") == {Grade.ATTESTED: 40, Grade.OBSERVED: 10}
    assert found.reserve[0].lo == found.reserve[0].hi == 40


def test_counts_of_several_parts_add_up() -> None:
    parts = [part(table(600, start), place=start) for start in (0, 600)]
    case = only(gathered(call(*parts), desk=Desk(id_column="device_id")))
    assert values(case, "subject_count") == {Grade.OBSERVED: 1_200}


def test_equal_content_sent_twice_counts_once() -> None:
    parts = [part(table(600), place=place) for place in (0, 1)]
    found = gathered(call(*parts), desk=Desk(id_column="device_id"))
    assert values(only(found), "subject_count") == {Grade.OBSERVED: 600}
    assert len(found.reserve) == 1


def test_attested_and_counted_parts_add_up_as_observed() -> None:
    parts = [part(table(10)), part(b"scan", place=1)]
    raw = attest(b"scan", facts={"subject_count": 5})
    found = gathered(call(*parts), raw, desk=Desk(id_column="device_id"))
    assert all(values(one, "subject_count") == {Grade.OBSERVED: 15} for one in found.cases)


def test_a_surplus_in_one_part_does_not_hide_a_contradiction_in_another() -> None:
    small, large = table(1_001), table(10, 5_000)
    raws = [
        attest(small, 1, facts={"subject_count": 40}),
        attest(large, 2, facts={"subject_count": 2_000}),
    ]
    found = gathered(call(part(small), part(large, place=1)), *raws, desk=Desk(id_column="device_id"))
    for case in found.cases:
        assert values(case, "subject_count") == {Grade.ATTESTED: 40, Grade.OBSERVED: 1_001}


def test_one_uncountable_part_makes_the_count_of_the_use_unknown() -> None:
    parts = [part(table(10)), part(b"no table", place=1)]
    found = gathered(call(*parts), desk=Desk(id_column="device_id"))
    assert not any(values(case, "subject_count") for case in found.cases)
    assert [(entry.lo, entry.hi) for entry in found.reserve] == [(10, 10), (0, None)]


def test_a_registered_count_is_of_the_whole_use() -> None:
    parts = [part(b"a"), part(b"b", place=1)]
    found = gathered(call(*parts), desk=Desk(facts={"subject_count": 10}))
    assert values(only(found), "subject_count") == {Grade.ATTESTED: 10}


# Totals -----------------------------------------------------------------------------------------------


def test_this_use_is_added_to_what_its_source_has_reached() -> None:
    totals = Sums({"root-1": Span(900, 900)})
    raw = attest(table(99), source="root-1", id_column="device_id")
    found = gathered(call(part(table(99))), raw, totals=totals)
    assert values(only(found), "cumulative_subject_count_12m") == {Grade.OBSERVED: 999}
    assert found.reserve == (
        Reservation("root-1", sha256(table(99)), 99, 99),
        Reservation("owner:agency/first_party/unnamed", sha256(table(99)), 99, 99),
    )


def test_a_source_without_a_root_is_that_of_the_owner_group() -> None:
    totals = Sums({"owner:agency": Span(900, 950)})
    found = gathered(call(part(table(100))), desk=Desk(id_column="device_id"), totals=totals)
    assert values(only(found), "cumulative_subject_count_12m") == {Grade.OBSERVED: Interval(1_000, 1_050)}


def test_a_use_without_data_counts_as_many_persons_as_are_registered() -> None:
    found = gathered(call(part(b"x", PartKind.TYPED)), desk=Desk(facts={"subject_count": 12}))
    assert values(only(found), "cumulative_subject_count_12m") == {Grade.OBSERVED: 12}
    assert found.reserve == ()


def test_the_source_that_reached_most_persons_counts() -> None:
    totals = Sums({"root-1": Span(5, 5), "root-2": Span(500, 500)})
    raws = [
        attest(table(9), 1, source="root-1", id_column="device_id"),
        attest(table(9, 50), 2, source="root-2", id_column="device_id"),
    ]
    found = gathered(call(part(table(9)), part(table(9, 50), place=1)), *raws, totals=totals)
    assert values(only(found), "cumulative_subject_count_12m") == {Grade.OBSERVED: 509}


def test_two_roots_attested_for_one_part_are_both_charged() -> None:
    raws = [attest(table(9), n, source=f"root-{n}", id_column="device_id") for n in (1, 2)]
    found = gathered(call(part(table(9))), *raws, totals=Sums({"root-2": Span(91, 91)}))
    kind = "owner:agency/first_party/unnamed"
    assert [entry.source for entry in found.reserve] == ["root-1", "root-2", kind]
    assert values(only(found), "cumulative_subject_count_12m") == {Grade.OBSERVED: 100}


def test_an_issuer_who_may_not_attest_counts_does_not_choose_the_source() -> None:
    said: dict[str, Any] = {
        "facts": {"task": "summarize_document"},
        "issuer": "registrar",
        "source": "fresh-root",
    }
    found = gathered(call(part(table(7))), attest(table(7), key=REGISTRAR, **said))
    assert [entry.source for entry in found.reserve] == ["owner:agency"]


def test_what_was_never_counted_leaves_the_total_open_above() -> None:
    totals = Sums({"owner:agency": Span(3, None)})
    found = gathered(call(part(table(4))), desk=Desk(id_column="device_id"), totals=totals)
    total = values(only(found), "cumulative_subject_count_12m")
    assert total == {Grade.OBSERVED: Interval(7, CEILING)}


def test_a_total_beyond_the_registry_is_its_greatest_value() -> None:
    totals = Sums({"owner:agency": Span(2 * CEILING, 3 * CEILING)})
    found = gathered(call(part(table(4))), desk=Desk(id_column="device_id"), totals=totals)
    assert values(only(found), "cumulative_subject_count_12m") == {Grade.OBSERVED: CEILING}


def test_each_of_many_uses_of_one_source_sees_what_was_reserved_before_it() -> None:
    totals, desk, seen = Totals(), Desk(id_column="device_id"), []
    for number in range(4):
        a_call = call(part(table(999, number * 999)))
        found = gather(a_call, desk, REGISTRY, (), totals, NOW)
        totals.reserve(NOW, found.reserve)
        seen.append(values(only(found), "cumulative_subject_count_12m")[Grade.OBSERVED])
    assert seen == [999, 1_998, 2_997, 3_996]


# Observers and the rest -------------------------------------------------------------------------------


def test_a_neutral_value_stands_only_for_an_observer_and_only_where_nobody_says_anything() -> None:
    words = call(part(b"x", PartKind.TYPED))
    assert values(only(gathered(words)), "review_seconds_median") == {Grade.OBSERVED: 0}
    blind = only(gathered(words, desk=Desk(observers=frozenset({"totals"}))))
    assert not values(blind, "review_seconds_median")
    uncounted = only(gathered(words, desk=Desk(observers=frozenset({"review"}))))
    assert not values(uncounted, "cumulative_subject_count_12m")
    measured = gathered(words, measured={"review_seconds_median": 45})
    assert values(only(measured), "review_seconds_median") == {Grade.OBSERVED: 45}
    registered = gathered(words, desk=Desk(facts={"review_seconds_median": 30}))
    assert values(only(registered), "review_seconds_median") == {Grade.ATTESTED: 30}


def test_a_measured_value_is_passed_on_beside_another_that_is_said() -> None:
    words = call(part(b"x", PartKind.TYPED))
    both = gathered(
        words, desk=Desk(facts={"review_seconds_median": 30}), measured={"review_seconds_median": 5}
    )
    assert values(only(both), "review_seconds_median") == {Grade.ATTESTED: 30, Grade.OBSERVED: 5}


def test_one_time_ids_of_accepted_evidence_are_named_for_holding() -> None:
    found = gathered(call(part(b"a")), attest(b"a", single_use=True), attest(b"b", 2, single_use=True))
    assert found.once == (found.evidence[0].once,)


def test_approvals_are_passed_on() -> None:
    found = gathered(call(part(b"a")), approvals=frozenset({"privacy_officer"}))
    assert only(found).approvals == {"privacy_officer"}


def test_equal_calls_gather_equal_facts_in_whatever_order_evidence_comes() -> None:
    raws = [
        attest(b"a", n, facts={"acquisition_channel": v}) for n, v in enumerate(("first_party", "purchased"))
    ]
    one, two = gathered(call(part(b"a")), *raws), gathered(call(part(b"a")), *reversed(raws))
    assert one.cases == two.cases


def test_what_is_needed_names_who_may_attest_it_and_which_part_lacks_it() -> None:
    a_call = call(part(b"a"), part(b"b", place=1), claims={"acquisition_channel": "first_party"})
    found = gathered(a_call, attest(b"a"))
    assert needs_detail(REGISTRY, found, a_call.claims, ["acquisition_channel", "task"]) == [
        {
            "fact": "acquisition_channel",
            "attested_by": ["data_owner"],
            "claimed": "first_party",
            "part": "/messages/1/content",
        },
        {"fact": "task", "attested_by": ["registrar"], "part": "/messages/0/content"},
    ]


def test_what_was_counted_once_is_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = CountCache(limit=2)
    one = part(table(3))
    assert cache(one, "device_id") == count_part(one, "device_id")
    import caveat.gateway.counting as module

    calls: list[str] = []
    monkeypatch.setattr(module, "count_part", lambda _part, column: calls.append(column))
    cache(one, "device_id")
    assert calls == []
    for column in ("x", "y", "z"):
        cache(one, column)
    cache(one, "device_id")
    assert calls == ["x", "y", "z", "device_id"]


def test_data_of_which_nothing_is_known_are_reserved_once_save_where_they_were_counted_before() -> None:
    parts = [part(b"words %d" % n, place=n) for n in range(9)]
    known = frozenset({parts[4].digest, parts[6].digest})
    reserve = gathered(call(*parts), totals=Sums(known=known)).reserve
    assert [one.digest for one in reserve] == [parts[0].digest, parts[4].digest, parts[6].digest]


@given(
    kinds=st.lists(st.sampled_from([b"words", b"more", b"device_id\nx\ny\n", b"device_id\nz\n"]), max_size=9),
    column=st.sampled_from([None, "device_id"]),
    attested=st.sets(st.integers(0, 8), max_size=2),
    registered=st.booleans(),
)
def test_parts_of_which_the_same_is_said_make_the_same_cases_together_as_one_by_one(
    kinds: list[bytes], column: str | None, attested: set[int], registered: bool
) -> None:
    parts = [part(content + b"%d" % n, place=n) for n, content in enumerate(kinds)]
    raws = [attest(parts[n].content, n) for n in sorted(attested) if n < len(parts)]
    desk = Desk(id_column=column, facts={"subject_count": 3} if registered else {})
    together = gathered(call(*parts), *raws, desk=desk)
    # Each part that declares a column of its own stands for itself, and nobody has this one.
    alone = gathered(call(*(replace(one, id_column="nobody's") for one in parts)), *raws, desk=desk)
    assert {case.facts for case in together.cases} == {case.facts for case in alone.cases}
