"""Distinct persons over uses: laws, links with their limit, what is taken back, what two gateways join to."""

import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from caveat.labels.sketch import Bounds
from caveat.labels.subjects import Sighting, SubjectKind, sighting
from caveat.monitors.linkage import MAX_IDS, Linkage
from caveat.monitors.profiles import MAX_MARKS
from caveat.monitors.subjects import Reached, Subjects
from caveat.monitors.windows import DAY, HOUR, YEAR

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = b"k" * 32


def keyed(name: str) -> bytes:
    return hmac.digest(KEY, name.encode(), "sha256")[:16]


def person(
    *names: str, attributes: tuple[str, ...] = (), points: int = 0, days: tuple[int, ...] = ()
) -> Sighting:
    return sighting(SubjectKind.PERSON, [keyed(name) for name in names], attributes, points, days)


def reached(*sightings: Sighting, source: str = "s", owner: str = "o") -> Reached:
    return Reached(owner, "d", "p", {source: sightings})


NAMES = st.sampled_from([f"n{n}" for n in range(12)])
USES = st.lists(
    st.tuples(st.integers(0, 500), st.sampled_from("st"), st.lists(NAMES, max_size=4)), max_size=10
)


@given(USES)
def test_persons_are_counted_as_a_set_does_by_source_and_over_all(
    uses: list[tuple[int, str, list[str]]],
) -> None:
    uses.sort(key=lambda use: use[0])
    subjects, latest = Subjects(), dict[tuple[str, str], int]()
    for day, source, names in uses:
        subjects.reserve(NOW + timedelta(days=day), reached(*map(person, names), source=source))
        for name in names:
            latest[source, name] = latest["all", name] = day
    end = uses[-1][0] if uses else 0
    for scope, key in (("source:s", "s"), ("source:t", "t"), ("all", "all")):
        count = sum(where == key and day >= end - 366 for (where, _), day in latest.items())
        assert subjects.bounds(scope, YEAR, NOW + timedelta(days=end)) == Bounds(count, count)


@given(USES, st.lists(NAMES, max_size=5))
def test_what_a_use_would_make_of_a_count_is_what_it_makes_of_it(
    uses: list[tuple[int, str, list[str]]], names: list[str]
) -> None:
    subjects = Subjects()
    end = NOW
    for day, source, before in sorted(uses, key=lambda use: use[0]):
        end = NOW + timedelta(days=day)
        subjects.reserve(end, reached(*map(person, before), source=source))
    foretold = subjects.with_use("source:s", map(person, names), end)
    subjects.reserve(end, reached(*map(person, names)))
    assert foretold == subjects.bounds("source:s", YEAR, end)


@given(USES, st.lists(NAMES, max_size=5), st.lists(NAMES, max_size=5))
def test_a_use_without_a_record_is_taken_back_and_another_in_flight_is_not(
    uses: list[tuple[int, str, list[str]]], mine: list[str], theirs: list[str]
) -> None:
    subjects, without = Subjects(), Subjects()
    end = NOW
    for day, source, before in sorted(uses, key=lambda use: use[0]):
        end = NOW + timedelta(days=day)
        for each in (subjects, without):
            each.reserve(end, reached(*map(person, before), source=source), flying=False)
    dropped, kept = reached(*map(person, mine)), reached(*map(person, theirs))
    subjects.reserve(end, dropped)
    subjects.reserve(end, kept)
    without.reserve(end, kept)
    subjects.drop(dropped)
    subjects.settle(kept)
    for scope in ("source:s", "all", "owner:o"):
        assert subjects.bounds(scope, YEAR, end) == without.bounds(scope, YEAR, end)


@given(USES, USES)
def test_the_monitors_of_two_gateways_join_to_those_of_one(
    one: list[tuple[int, str, list[str]]], two: list[tuple[int, str, list[str]]]
) -> None:
    first, second, both = Subjects(), Subjects(), Subjects()
    for part, subjects in ((one, first), (two, second), (one + two, both)):
        for day, source, names in sorted(part, key=lambda use: use[0]):
            subjects.reserve(NOW + timedelta(days=day), reached(*map(person, names), source=source))
    first.join(second)
    end = NOW + timedelta(days=max((day for day, _, _ in one + two), default=0))
    for scope in ("source:s", "source:t", "all"):
        for window in (HOUR, DAY, YEAR):
            assert first.bounds(scope, window, end) == both.bounds(scope, window, end)


def test_two_gateways_that_linked_different_ids_of_one_person_join_to_one_person() -> None:
    first, second = Subjects(), Subjects()
    first.reserve(NOW, reached(person("case 7", "phone 7")))
    second.reserve(NOW, reached(person("phone 7", "mail 7")))
    first.join(second)
    assert first.bounds("all", YEAR, NOW).lo == 1


def test_ids_that_a_sighting_links_are_one_person_across_requests() -> None:
    subjects = Subjects()
    subjects.reserve(NOW, reached(person("case 1")))
    subjects.reserve(NOW, reached(person("phone 1")))
    assert subjects.bounds("all", YEAR, NOW) == Bounds(2, 2)
    subjects.reserve(NOW, reached(person("case 1", "phone 1")))
    assert subjects.bounds("all", YEAR, NOW) == Bounds(1, 1)


def test_an_address_written_beside_everybody_makes_no_one_of_all() -> None:
    subjects = Subjects()
    for n in range(500):
        subjects.reserve(NOW, reached(person(f"case {n}", "test@test")))
    found = subjects.bounds("all", YEAR, NOW)
    assert found.lo >= 500 - MAX_IDS
    assert found.hi >= 500


def test_persons_chained_by_shared_addresses_are_bounded_from_above_by_all_of_them() -> None:
    subjects = Subjects()
    for n in range(300):
        subjects.reserve(NOW, reached(person(f"case {n}", f"mail {n}")))
        subjects.reserve(NOW, reached(person(f"case {n + 1}", f"mail {n}")))
    assert subjects.bounds("all", YEAR, NOW).hi >= 301


def test_no_person_has_more_ids_than_the_limit_and_no_more_ids_are_linked_than_the_room() -> None:
    linkage = Linkage(limit=10)
    for n in range(0, 40, 2):
        linkage.link([n, n + 1])
    assert len(linkage) <= 10
    wide = Linkage()
    assert len(wide.link(list(range(MAX_IDS + 1))).persons) == MAX_IDS + 1


def test_attributes_asked_for_one_by_one_are_joined_per_person() -> None:
    subjects = Subjects()
    names = ("religion", "health_condition", "region", "role")
    for n, name in enumerate(names):
        subjects.reserve(NOW, reached(person("case 1", attributes=(name,), points=2, days=(20_000 + n,))))
    seen = subjects.joined("owner:o", [person("case 1", attributes=("skills",))], NOW)
    assert seen.attributes == Bounds(5, 5)
    assert seen.sensitive_pairs == Bounds(1, 1)
    assert seen.points == Bounds(8, 8)
    assert seen.span_days == Bounds(4, 4)
    assert subjects.joined("owner:another", [person("case 1")], NOW).attributes == Bounds(0, 0)
    assert subjects.joined("owner:o", [person("case 1")], NOW + timedelta(days=367)).attributes == Bounds(
        0, 0
    )


def test_sets_that_differ_by_one_person_are_noticed_and_the_same_set_is_not() -> None:
    subjects = Subjects()
    all_of_them = [person(f"case {n}") for n in range(300)]
    subjects.reserve(NOW, reached(*all_of_them))
    for scope in ("source:s", "owner:o", "deployment:d", "purpose:p", "all"):
        assert subjects.least_difference(scope, all_of_them, NOW) == 300
        assert subjects.least_difference(scope, all_of_them[1:], NOW) == 1
        assert subjects.least_difference(scope, all_of_them[1:], NOW + timedelta(days=2), DAY) == 299
    assert subjects.least_difference("source:other", all_of_them[1:], NOW) == 299


def test_memory_is_bounded_by_making_the_largest_scopes_coarser() -> None:
    subjects = Subjects(capacity=1000, max_kept=2000)
    for n in range(0, 6400, 10):
        subjects.reserve(NOW, reached(*(person(f"case {n + m}") for m in range(10))), flying=False)
    assert subjects.kept <= 2000 + 64 * 50
    found = subjects.bounds("source:s", YEAR, NOW)
    assert found.lo <= 6400 <= found.hi
    assert found.hi <= 6400 * 1.6


def test_scopes_are_bounded_and_what_is_beyond_shares_one_that_has_more() -> None:
    subjects = Subjects(max_scopes=40)
    for n in range(300):
        subjects.reserve(NOW, reached(person(f"case {n}"), source=f"s{n}"), flying=False)
    assert len(subjects.scopes) <= 45
    for n in range(300):
        assert subjects.bounds(f"source:s{n}", YEAR, NOW).lo >= 1
    assert subjects.bounds("source:never seen", YEAR, NOW).lo >= 250
    assert subjects.bounds("owner:o", YEAR, NOW) == Bounds(300, 300)
    later = NOW + timedelta(days=400)
    for n in range(200):
        subjects.reserve(later, reached(person(f"later {n}"), source=f"t{n % 3}"), flying=False)
    assert subjects.bounds("source:t0", YEAR, later).lo >= 67, "whoever was in the shared one stays in it"


def test_names_that_fill_the_places_hide_nothing_that_is_protected_nor_anything_after_them() -> None:
    subjects = Subjects()
    junk = tuple(f"column {n}" for n in range(2_000))
    subjects.reserve(NOW, reached(person("somebody else", attributes=junk)))
    for name in ("religion", "pregnancy", "ethnicity"):
        subjects.reserve(NOW, reached(person("case 1", attributes=(name,))))
    for n in range(5):
        subjects.reserve(NOW, reached(person("case 1", attributes=(f"later {n}",))))
    seen = subjects.joined("owner:o", [person("case 1")], NOW)
    assert seen.sensitive_pairs == Bounds(3, 3)
    assert seen.attributes == Bounds(8, 8)


def test_places_that_are_asked_for_again_are_no_further_places() -> None:
    subjects = Subjects()
    one = person("case 1", points=4, days=(20_000,))
    for part in (7, 7, 8, 7):
        subjects.reserve(NOW, replace(reached(one), parts={one: part}))
    assert subjects.joined("owner:o", [person("case 1")], NOW).points == Bounds(8, 8)


def test_marks_of_one_person_are_bounded_and_never_say_less() -> None:
    subjects = Subjects()
    for n in range(600):
        at = NOW + timedelta(hours=2 * n)
        one = person("case 1", attributes=(f"a{n % 50}",), points=1, days=(20_000 + n,))
        subjects.reserve(at, reached(one, source=f"s{n % 30}"))
    assert max(len(marks) for marks in subjects._profiles._of.values()) <= MAX_MARKS + 4
    seen = subjects.joined("owner:o", [person("case 1")], NOW + timedelta(hours=1200))
    assert seen.attributes.hi >= 50
    assert seen.points == Bounds(600, 600)
    assert seen.span_days.hi >= 600


def test_a_person_outside_the_sample_is_unknown_and_not_unjoined() -> None:
    subjects = Subjects(capacity=100)
    for n in range(1_000):
        subjects.reserve(NOW, reached(person(f"case {n}", attributes=("religion",))), flying=False)
    assert len(subjects._profiles) <= 100
    seen = [subjects.joined("owner:o", [person(f"case {n}")], NOW).attributes for n in range(1_000)]
    assert all(one.hi >= 1 for one in seen)
    assert sum(one.lo == 0 for one in seen) > 800
