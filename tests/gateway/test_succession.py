"""What may come into force: by the ledger's word on what is, and the amendments that lead on from there."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from caveat.assay.world import World, make_world
from caveat.gateway.law import LawError
from caveat.gateway.logs import make_logger
from caveat.gateway.succession import Succession
from caveat.gateway.upstream import UpstreamConfig
from caveat.ledger.record import BundleRecord, Follows, StartRecord
from caveat.policy.amendment import amendment_statement
from caveat.policy.bundle import Bundle, bundle_digest, parse_bundle
from caveat.policy.chain import ChainError, Standing
from caveat.service.config import ServiceConfig
from caveat.service.opening import open_service
from caveat.service.service import Service
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.store.folder import read_folder
from tests.policy.parties import CUSTOMER, PROVIDER, adopted, amendment, held, with_amendments
from tests.policy.small import edited
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import scripted_upstream

EXAMPLE = Path(__file__).parents[2] / "policies" / "government-analytics"
TIME = "2030-01-01T00:00:00.000Z"
ROOT = parse_bundle(adopted(held()))
LESS = parse_bundle(edited("bundle.toml", "value = 10", "value = 11", held()))
MORE = parse_bundle(edited("bundle.toml", "value = 10", "value = 12", held()))
MOVED = parse_bundle(held() | {"clauses/empty.cedar": b"// nothing\n"})


def with_steps(bundle: Bundle, *envelopes: bytes) -> Bundle:
    return parse_bundle(with_amendments(bundle.files, *envelopes))


def succession(*known: Bundle, root: Digest | None = None) -> Succession:
    files = {bundle.digest: bundle.files for bundle in known}
    return Succession(files.get, root)


def started(*known: Bundle, at: Bundle = ROOT, root: Digest | None = None) -> Succession:
    made = succession(*known, root=root)
    made.fold(StartRecord(TIME, at.digest, "1", "log"))
    return made


def refused(made: Succession, bundle: Bundle) -> tuple[str, ...]:
    with pytest.raises(ChainError) as caught:
        made.follow(bundle)
    return caught.value.findings


def test_with_an_empty_ledger_the_first_adopted_bundle_is_taken_and_no_draft() -> None:
    assert succession().follow(ROOT).steps == ()
    assert "are missing" in refused(succession(), parse_bundle(held()))[0]


def test_with_an_empty_ledger_a_named_root_is_the_only_beginning() -> None:
    other = parse_bundle(adopted(MORE.files))
    assert succession(root=ROOT.digest).follow(ROOT).steps == ()
    assert "are not at hand" in refused(succession(root=ROOT.digest), other)[0]
    assert refused(succession(ROOT, root=ROOT.digest), other)[0].startswith("no amendment leads")
    first = with_steps(MORE, amendment(ROOT, MORE, PROVIDER, CUSTOMER))
    assert len(succession(ROOT, root=ROOT.digest).follow(first).steps) == 1
    draft = parse_bundle(held())
    assert "are missing" in refused(succession(draft, root=ROOT.digest), first)[0]


def test_an_amended_bundle_may_be_the_first_where_its_history_is_at_hand() -> None:
    first = with_steps(LESS, amendment(ROOT, LESS, PROVIDER, CUSTOMER))
    made = succession(ROOT)
    chain = made.follow(first)
    ((entry, follows),) = made.entries(first, chain)
    assert (entry.digest, follows.previous, follows.sequence) == (LESS.digest, ROOT.digest, 1)
    assert "are missing" in refused(succession(), first)[0]


def test_a_root_that_this_ledger_never_had_is_refused() -> None:
    assert "never in force" in refused(started(ROOT, root=MORE.digest), ROOT)[0]
    assert started(ROOT, root=ROOT.digest).follow(ROOT).steps == ()


def test_another_adopted_bundle_does_not_replace_the_one_in_force() -> None:
    first, *rest = refused(started(ROOT), parse_bundle(adopted(MORE.files)))
    assert first.startswith("no amendment leads")
    assert rest == ["limit many was changed: needs provider & customer"]


def test_what_is_in_force_is_read_again_only_with_what_carries_it() -> None:
    there = with_steps(LESS, amendment(ROOT, LESS, PROVIDER, CUSTOMER))
    made = started(ROOT, LESS)
    made.now_in_force(LESS.digest, 1)
    assert made.follow(there).steps == ()
    assert "are missing" in refused(made, LESS)[0]
    assert "are missing" in refused(started(), parse_bundle(held()))[0]


def test_files_that_only_move_come_into_force_and_stay_without_a_signature() -> None:
    made = started(ROOT)
    ((entry, follows),) = made.entries(MOVED, made.follow(MOVED))
    assert (entry.digest, follows) == (MOVED.digest, Follows(ROOT.digest, 0))
    made.now_in_force(MOVED.digest, 0)
    assert made.follow(MOVED).steps == ()


def test_a_rollback_is_named_and_needs_an_amendment_of_its_own() -> None:
    made = started(ROOT, LESS)
    made.now_in_force(LESS.digest, 1)
    there = amendment(ROOT, LESS, PROVIDER, CUSTOMER)
    assert "a rollback is an amendment" in refused(made, ROOT)[0]
    assert "a rollback is an amendment" in refused(made, with_steps(ROOT, there))[0]
    back = with_steps(ROOT, there, amendment(LESS, ROOT, PROVIDER, CUSTOMER, sequence=2))
    assert len(made.follow(back).steps) == 1


def test_the_number_in_force_survives_a_restart_and_never_falls() -> None:
    made = started(ROOT, LESS)
    made.fold(BundleRecord(TIME, LESS.digest, follows=Follows(ROOT.digest, 7)))
    made.fold(StartRecord(TIME, LESS.digest, "1", "log"))
    made.fold(BundleRecord(TIME, ROOT.digest))
    assert made.standing == Standing(ROOT.digest, 7)
    used = with_steps(LESS, amendment(ROOT, LESS, PROVIDER, CUSTOMER, sequence=7))
    assert any("is used up" in finding for finding in refused(made, used))


def test_a_bundle_first_taken_up_after_a_rollback_leaves_what_lies_before_it_used_up() -> None:
    there = amendment(ROOT, LESS, PROVIDER, CUSTOMER)
    back = amendment(LESS, ROOT, PROVIDER, CUSTOMER, sequence=2)
    first = with_steps(ROOT, there, back)
    made = succession()
    ((_, follows),) = made.entries(first, made.follow(first))
    assert follows == Follows(None, 2)


def test_an_archive_that_was_tampered_with_is_no_history(tmp_path: Path) -> None:
    with service(tmp_path, ROOT.files) as running:
        digest = running.law.current.bundle.digest
        kept = tmp_path / "ledger" / "bundles" / digest / "bundle.toml"
        assert running.ledger.stored_bundle(digest) is not None
        kept.write_bytes(kept.read_bytes().replace(b"value = 10", b"value = 99"))
        assert running.ledger.stored_bundle(digest) is None


@contextmanager
def service(folder: Path, files: Mapping[str, bytes], root: Digest | None = None) -> Iterator[Service]:
    """A gateway that is opened and not served."""
    upstream = UpstreamConfig("http://127.0.0.1:9", None)
    made = open_service(
        ServiceConfig(lambda: files, folder, upstream, make_logger(level="critical"), root=root)
    )
    try:
        yield made
    finally:
        made.close()


def test_a_refused_start_lets_the_folder_go(tmp_path: Path) -> None:
    with pytest.raises(LawError, match="are missing"), service(tmp_path, held()):
        pass
    with service(tmp_path, ROOT.files):
        pass


# --- the example policy: a clause that two parties hold ---


def without_r1b(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files with every policy of R1.b taken out."""
    changed = {path: data for path, data in files.items() if not path.startswith("signatures/")}
    for path in [path for path in changed if path.startswith("clauses/R1")]:
        policies = changed[path].decode().split("\n@id(")
        kept = [policy for policy in policies if not policy.startswith(('"R1.b"', '"R1.b.'))]
        changed[path] = "\n@id(".join(kept).encode()
    return changed


@pytest.fixture(scope="module")
def world() -> World:
    numbers = count(1)
    return make_world(read_folder(EXAMPLE), lambda: next(numbers).to_bytes(32, "big"))


DIFF: JsonObject = {
    "version": 1,
    "equivalent": False,
    "red_lines": [],
    "newly_permitted": [
        {
            "facts": {"acquisition_channel": "bulk_purchased", "subject_count": 240000},
            "before": "deny",
            "after": "allow",
            "red_line": "mass_domestic_surveillance",
            "clauses": ["R1.b"],
        }
    ],
    "newly_denied": [],
    "scenarios": [],
}


def signed_by(world: World, files: Mapping[str, bytes], *actors: str) -> dict[str, bytes]:
    steps = parse_bundle(world.files), parse_bundle(files)
    statement = amendment_statement(*steps, 1, "without R1.b", "2030-01-01T00:00:00Z", DIFF)
    envelope = sign_envelope(statement, IN_TOTO, [world.actors[actor] for actor in actors])
    return {**files, "signatures/amendment-0001.dsse.json": envelope}


@pytest.mark.slow
def test_r1b_goes_with_both_signatures_only_and_the_ledger_shows_what_that_opens(
    world: World, tmp_path: Path
) -> None:
    files = without_r1b(world.files)
    with scripted_upstream() as model, running_gateway(tmp_path, model.url, world.files) as gateway:
        for actor, other in (("provider", "customer"), ("customer", "provider")):
            gateway.files.clear()
            gateway.files.update(signed_by(world, files, actor))
            assert gateway.reload() is False
            assert f"clause R1.b was removed: needs {other}" in gateway.log.getvalue().decode()
        assert gateway.service.law.current.bundle.digest == world.digest
        assert gateway.records("bundle") == []
        gateway.files.update(signed_by(world, files, "provider", "customer"))
        assert gateway.reload() is True
        (record,) = gateway.records("bundle")
        assert record["bundle"] == bundle_digest(files)
        follows = record["follows"]
        assert (follows["previous"], follows["sequence"]) == (world.digest, 1)
        assert follows["signers"] == ["customer", "provider"]
        assert "clause R1.b was removed" in follows["changes"]
        (opened,) = follows["opened"]
        assert opened.startswith('acquisition_channel = "bulk_purchased", subject_count = 240000: deny, now')
        assert "mass_domestic_surveillance" in opened
        assert (follows["opened_count"], follows["closed_count"]) == (1, 0)
        after = dict(gateway.files)
    with scripted_upstream() as model, running_gateway(tmp_path, model.url, after) as gateway:
        assert [record["bundle"] for record in gateway.records("start")] == [
            world.digest,
            bundle_digest(files),
        ]


@pytest.mark.slow
def test_a_start_with_an_amended_bundle_records_each_step_before_it_serves(
    world: World, tmp_path: Path
) -> None:
    with scripted_upstream() as model:
        with running_gateway(tmp_path, model.url, world.files):
            pass
        with pytest.raises(LawError) as caught, service(tmp_path, without_r1b(world.files)):
            pass
        assert "clause R1.b was removed: needs provider & customer" in caught.value.findings
        amended = signed_by(world, without_r1b(world.files), "provider", "customer")
        with running_gateway(tmp_path, model.url, amended) as gateway:
            assert len(gateway.records("start")) == 2
            kinds = [json.loads(entry.leaf)["kind"] for entry in gateway.service.ledger.records()]
            kept = [kind for kind in kinds if kind not in ("routes", "trust", "sampling", "paths")]
            assert kept == ["start", "bundle", "start"]
        with running_gateway(tmp_path, model.url, amended) as gateway:
            assert len(gateway.records("bundle")) == 1
