"""What tells persons apart: kept, checked, re-keyed and erased; and what the disk tells without the key."""

import hashlib
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import Part, PartKind
from caveat.gateway.contributing import Contributions
from caveat.labels.subjects import Sighting, SubjectKind, sighting
from caveat.ledger.record import Counted, DecisionRecord, Reservation, parse_time
from caveat.monitors.contribution import (
    Contribution,
    ContributionParseError,
    Sealed,
    seal,
    unseal,
)
from caveat.monitors.erasure import ErasedSum, Erasure, parse_erasure, plan_erasure
from caveat.monitors.keys import ChainKeys, nonce_of, wrapped
from caveat.monitors.monitors import Monitors, fold_monitors
from caveat.monitors.windows import YEAR
from caveat.screens.identifiers import sightings_of
from caveat.service.contribution_files import ContributionFiles
from caveat.signing.digest import sha256
from caveat.store.contributions import SqliteContributions
from caveat.store.errors import ChainDiffersError
from tests.ledger.logs import decision_record

K1, K2, K3 = (bytes([n]) * 32 for n in (1, 2, 3))
IDS = st.binary(min_size=16, max_size=16)
SIGHTINGS = st.lists(
    st.builds(
        sighting,
        st.sampled_from(SubjectKind),
        st.lists(IDS, min_size=1, max_size=3),
        st.sets(st.text(max_size=8), max_size=3),
        st.integers(0, 99),
        st.sets(st.integers(0, 30_000), max_size=3),
    ),
    max_size=4,
).map(tuple)


@given(SIGHTINGS, st.binary(min_size=16, max_size=16))
def test_what_is_sealed_is_read_back_and_nothing_else_is(found: tuple[Sighting, ...], nonce: bytes) -> None:
    sealed = seal(Contribution(nonce, found))
    assert sorted(unseal(sealed.data, sealed.commitment).sightings, key=lambda one: one.ids) == sorted(
        found, key=lambda one: one.ids
    )
    with pytest.raises(ContributionParseError):
        unseal(sealed.data, sha256(b"another"))


@given(st.binary(max_size=200))
def test_no_bytes_make_a_foreign_error(data: bytes) -> None:
    for parse in (lambda: unseal(data, None), lambda: parse_erasure(data)):
        with pytest.raises(ContributionParseError):
            parse()


def persons(first: int, last: int) -> tuple[Sighting, ...]:
    table = "person_id,role\n" + "".join(f"citizen-number-{n:06d},x\n" for n in range(first, last))
    found = sightings_of(table.encode(), "text/csv", "person_id", K1)
    assert found is not None
    return found


class World:
    """A store, and the records of uses that reached persons."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "monitors.sqlite3"
        self.store = SqliteContributions(self.path)
        self.records: list[DecisionRecord] = []

    def use(self, first: int, last: int, keys: Sequence[bytes] = (K1,), source: str = "s") -> None:
        chain = ChainKeys(keys)
        self.store.check_chain(chain)
        found = wrapped(persons(first, last), chain, 1)
        part = sha256(b"%d-%d" % (first, last))
        sealed = seal(Contribution(nonce_of(chain, part), found))
        self.store.put([sealed], chain)
        count = last - first
        reserved = Reservation(source, part, count, count, sealed.commitment, count)
        record = decision_record(len(self.records), reserve=[reserved])
        self.records.append(replace(record, counted=Counted("o", "p")))

    def total(self, keys: Sequence[bytes] = (K1,), source: str = "s") -> int | None:
        files = ContributionFiles(self.store, ChainKeys(keys))
        monitors = files.monitors()
        for record in self.records:
            monitors.fold(record)
        now = parse_time(self.records[-1].time)
        return monitors.with_use(now, [Reservation(source, sha256(b"none"), 0, 0)])[source].hi


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_uses_that_overlap_count_their_persons_once(world: World) -> None:
    world.use(0, 60)
    world.use(40, 100)
    assert world.total() == 100


def test_what_is_missing_or_does_not_match_counts_by_its_data(world: World) -> None:
    world.use(0, 60)
    world.use(0, 59)
    assert world.total() == 60
    with sqlite3.connect(world.path) as raw:
        least = "SELECT min(length(data)) FROM contribution"
        raw.execute(f"DELETE FROM contribution WHERE length(data) = ({least})")  # noqa: S608 - constant
    raw.close()
    assert world.total() == 60 + 59


def test_a_new_key_loses_no_count_and_new_ids_meet_the_old_ones(world: World) -> None:
    world.use(0, 60)
    assert world.store.rewrap(ChainKeys((K1, K2))) == 1
    assert world.total((K1, K2)) == 60
    world.use(30, 80, (K1, K2))
    assert world.total((K1, K2)) == 80
    assert world.store.rewrap(ChainKeys((K1, K2, K3))) == 2
    world.use(70, 90, (K1, K2, K3))
    assert world.total((K1, K2, K3)) == 90


def test_after_a_change_of_keys_the_old_key_finds_nobody_on_the_disk(world: World) -> None:
    world.use(0, 60)
    world.store.rewrap(ChainKeys((K1, K2)))
    world.store.close()
    disk = b"".join(path.read_bytes() for path in world.path.parent.iterdir())
    commitment = world.records[0].reserve[0].contribution
    assert commitment is not None
    again = SqliteContributions(world.path)
    assert again.find(commitment, ChainKeys((K1,))) is None
    found = again.find(commitment, ChainKeys((K1, K2)))
    assert set(found or ()) == set(wrapped(persons(0, 60), ChainKeys((K1, K2)), 1))
    assert not any(each in disk for one in persons(0, 60) for each in one.ids)
    again.close()


def test_whoever_lacks_the_newest_key_can_neither_rewrap_nor_erase_persons_away(world: World) -> None:
    world.use(0, 60)
    commitment = world.records[0].reserve[0].contribution
    assert commitment is not None
    nobody = Erasure((commitment,), ())
    with sqlite3.connect(world.path) as raw:
        forged = AESGCM(ChainKeys((K2,)).at_rest(1))
        nonce = b"n" * 12
        gone = nonce + forged.encrypt(nonce, nobody.render(), b"erasure")
        raw.execute("INSERT INTO erasure VALUES (NULL, 1, ?)", (gone,))
        about = bytes.fromhex(commitment)
        empty = nonce + forged.encrypt(nonce, seal(Contribution(b"", ())).data, about)
        raw.execute("UPDATE contribution SET number = 1, data = ?, rewrapped = 1", (empty,))
    raw.close()
    assert world.total() == 60


def test_an_erasure_leaves_the_sum_and_nothing_that_tells_who(world: World) -> None:
    world.use(0, 60)
    world.use(40, 100)
    gone = world.records[0].reserve[0].digest
    find = ContributionFiles(world.store, ChainKeys((K1,))).find
    plan = plan_erasure(world.records, find, lambda _record, _source, part: part == gone)
    world.store.erase(plan, ChainKeys((K1,)))
    assert world.total() == 100
    world.store.close()
    disk = world.path.read_bytes()
    assert not any(each.hex().encode() in disk or each in disk for one in persons(0, 40) for each in one.ids)
    world.store = SqliteContributions(world.path)
    world.use(0, 10)  # reached again after the erasure: counted again, never less
    assert world.total() == 110


def test_an_erasure_holds_after_a_change_of_keys(world: World) -> None:
    world.use(0, 60)
    find = ContributionFiles(world.store, ChainKeys((K1,))).find
    world.store.erase(plan_erasure(world.records, find, lambda *_: True), ChainKeys((K1,)))
    assert world.total() == 60
    world.store.rewrap(ChainKeys((K1, K2)))
    assert world.total((K1, K2)) == 60
    with pytest.raises(ChainDiffersError):
        world.total((K1,))


def test_sums_are_by_day_so_that_no_time_tells_who(world: World) -> None:
    world.use(0, 60)
    plan = plan_erasure(world.records, ContributionFiles(world.store, ChainKeys((K1,))).find, lambda *_: True)
    assert {one.persons for one in plan.sums} == {60}
    assert len({one.bucket for one in plan.sums}) == 1
    assert all((one.bucket + 1) % 288 == 0 for one in plan.sums)
    assert parse_erasure(plan.render()) == plan
    assert ErasedSum("all", plan.sums[0].bucket, 60) in plan.sums


def area_under_curve(inside: Sequence[float], outside: Sequence[float]) -> float:
    """How often a guess ranks somebody inside above somebody outside; one half is no knowledge."""
    ranked = sorted([(value, 1) for value in inside] + [(value, 0) for value in outside])
    ranks: dict[float, list[int]] = {}
    for place, (value, _) in enumerate(ranked, 1):
        ranks.setdefault(value, []).append(place)
    mean = {value: sum(places) / len(places) for value, places in ranks.items()}
    total = sum(mean[value] for value in inside)
    return (total - len(inside) * (len(inside) + 1) / 2) / (len(inside) * len(outside))


def guesses(disk: bytes, ids: frozenset[bytes], sizes: Sequence[int]) -> dict[str, Callable[[str], float]]:
    """What somebody with the disk, and without the key, may try on a person's identifier."""
    numbers = sorted(int.from_bytes(one[:8], "big") for one in ids)

    def near(digest: bytes) -> float:
        value = int.from_bytes(digest[:8], "big")
        return -float(min(abs(value - one) for one in numbers))

    def under(key: bytes) -> Callable[[str], float]:
        def guess(name: str) -> float:
            table = f"person_id,role\n{name},x\n"
            found = sightings_of(table.encode(), "text/csv", "person_id", key)
            assert found
            return float(any(each in ids for one in found for each in one.ids))

        return guess

    return {
        "the id in plain": lambda name: float(name.encode() in disk),
        "its plain hash": lambda name: float(hashlib.sha256(name.encode()).digest()[:16] in ids),
        "the nearest number": lambda name: near(hashlib.sha256(name.encode()).digest()),
        "under a key of zeros": under(b"\x00" * 32),
        "under another key": under(K2),
        "by the sizes": lambda name: float(sizes[len(name) % len(sizes)]),
        "by the number itself": lambda name: float(int(name[-6:]) % 97),
    }


@pytest.mark.slow
def test_with_the_disk_and_without_the_key_nobody_can_tell_who_is_in_it(world: World) -> None:
    everybody = random.Random(4).sample(range(4_000), 2_000)
    inside, outside = everybody[:1_000], everybody[1_000:]
    sizes: list[int] = []
    sealed: list[Sealed] = []
    for start in range(0, 1_000, 50):
        table = "person_id,role\n" + "".join(
            f"citizen-number-{n:06d},x\n" for n in inside[start : start + 50]
        )
        found = sightings_of(table.encode(), "text/csv", "person_id", K1)
        assert found
        sealed.append(seal(Contribution(nonce_of(ChainKeys((K1,)), sha256(table.encode())), found)))
        sizes.append(len(sealed[-1].data))
    world.store.put(sealed, ChainKeys((K1,)))
    ids = frozenset(each for one in sealed for seen in unseal(one.data, None).sightings for each in seen.ids)
    world.store.close()
    disk = b"".join(path.read_bytes() for path in world.path.parent.iterdir())
    named = [[f"citizen-number-{n:06d}" for n in group] for group in (inside, outside)]
    for said, guess in guesses(disk, ids, sizes).items():
        area = area_under_curve(*([guess(name) for name in group] for group in named))
        assert 0.45 <= area <= 0.55, said
    # With the key it is told at once: that is why the key is somebody else's.
    with_key = guesses(disk, ids, sizes) | {"key": lambda name: float(_under_the_key(name) in ids)}
    assert area_under_curve(*([with_key["key"](name) for name in group] for group in named)) == 1.0


def _under_the_key(name: str) -> bytes:
    found = sightings_of(f"person_id,role\n{name},x\n".encode(), "text/csv", "person_id", K1)
    assert found
    return found[0].ids[0]


def test_two_gateways_folds_join_to_one(world: World) -> None:
    world.use(0, 60)
    world.use(40, 100)
    find = ContributionFiles(world.store, ChainKeys((K1,))).find
    one, two = (fold_monitors([record], find).subjects for record in world.records)
    one.join(two)
    assert one.bounds("source:s", YEAR, parse_time(world.records[-1].time)).lo == 100


def test_a_full_store_counts_by_data(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.store.contributions.MAX_BYTES", 1)
    world.use(0, 5)
    assert world.store.is_full


def test_what_is_at_hand_is_bounded_and_the_rest_is_read_from_the_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caveat.monitors.monitors.MAX_AT_HAND", 50)
    for n in range(20):
        world.use(n * 10, n * 10 + 10)
    monitors = ContributionFiles(world.store, ChainKeys((K1,))).monitors()
    for record in world.records:
        monitors.fold(record)
    assert monitors._at_hand <= 50
    assert sum(map(len, monitors._offered.values())) <= 50
    assert monitors.subjects.bounds("source:s", YEAR, parse_time(world.records[-1].time)).lo == 200


def test_what_is_read_of_parts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.gateway.contributing.MAX_MADE", 40)
    contributions = Contributions(sightings_of, ChainKeys((K1,)), Monitors())
    for n in range(20):
        content = b"device_id,region\n" + b"".join(b"person-%02d-%06d,x\n" % (n, m) for m in range(10))
        part = Part("/0", "user", PartKind.DATA, "text/csv", content, sha256(content))
        assert contributions(part, "device_id") is not None
    assert contributions._sightings <= 40
    assert len(contributions._made) <= 4
