"""Adopting a bundle from the command line."""

import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from caveat.cli.amending import HistoryFolder
from caveat.cli.development import HISTORY, open_development
from caveat.cli.exit import CannotRunError
from caveat.cli.main import caveat as command_line
from caveat.policy.amendment import amendment_statement
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.chain import Standing, chain_to
from caveat.signing.canonical import canonical
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import Algorithm, private_key_from_seed
from caveat.store.folder import read_folder
from tests.cli.calling import Caveat, Said, write
from tests.policy.parties import CUSTOMER, KEYS, STRANGER, WHEN, adopted, held
from tests.policy.small import edited

SMALL = Path(__file__).parents[2] / "conformance" / "bundles" / "kleene-gap"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle whose every actor has a key in `tmp_path`."""
    folder = Path(shutil.copytree(SMALL, tmp_path / "bundle"))
    manifest = (folder / "bundle.toml").read_text()
    for actor in parse_bundle(read_folder(folder)).manifest.actors:
        key = private_key_from_seed(Algorithm.ED25519, secrets.token_bytes(32))
        (tmp_path / f"{actor}.pem").write_bytes(key.pem())
        before, header, after = manifest.partition(f"[actors.{actor}]")
        manifest = before + header + after.replace("keys = []", f'keys = ["{key.public().render()}"]', 1)
    (folder / "bundle.toml").write_text(manifest)
    return folder


def sign(bundle: Path, actor: str, key: str | None = None) -> int:
    key_file = bundle.parent / f"{key or actor}.pem"
    result = CliRunner().invoke(
        command_line,
        ["amend", "sign", str(bundle), "--actor", actor, "--key", str(key_file)],
        standalone_mode=False,
        catch_exceptions=False,
    )
    code: int = result.return_value
    return code


def test_a_bundle_is_adopted_once_every_consent_is_there(bundle: Path) -> None:
    actors = sorted(parse_bundle(read_folder(bundle)).manifest.actors)
    codes = [sign(bundle, actor) for actor in actors]
    assert codes[-1] == 0
    adopted = parse_bundle(read_folder(bundle))
    assert adopted.unsigned == ()
    (bundle / "tools.toml").write_text("version = 1\n# changed\n")
    assert parse_bundle(read_folder(bundle)).signers == frozenset()


def test_a_key_that_is_not_the_actors_signs_nothing(bundle: Path) -> None:
    actor = min(parse_bundle(read_folder(bundle)).manifest.actors)
    stranger = private_key_from_seed(Algorithm.ED25519, secrets.token_bytes(32))
    (bundle.parent / "stranger.pem").write_bytes(stranger.pem())
    with pytest.raises(CannotRunError, match="not enrolled"):
        sign(bundle, actor, "stranger")
    assert not (bundle / "signatures").exists()


def test_an_actor_that_the_bundle_does_not_name_cannot_sign(bundle: Path) -> None:
    actor = min(parse_bundle(read_folder(bundle)).manifest.actors)
    with pytest.raises(CannotRunError, match="no actor"):
        sign(bundle, "nobody", actor)


# --- amendments ---


@dataclass
class Parties:
    """Two bundle folders, one after the other, and the keys of both parties."""

    folder: Path
    caveat: Caveat

    @property
    def old(self) -> Path:
        return self.folder / "old"

    @property
    def new(self) -> Path:
        return self.folder / "new"

    @property
    def change(self) -> Path:
        return self.folder / "change.json"

    def propose(self, *more: object) -> Said:
        return self.caveat("amend", "propose", self.old, self.new, "--out", self.change, *more)

    def consent(self, actor: str, key: str | None = None) -> Said:
        sides = ("--old", self.old, "--new", self.new)
        own = ("--actor", actor, "--key", self.folder / f"{key or actor}.pem")
        return self.caveat("amend", "consent", self.change, *sides, *own)

    def seal(self) -> Said:
        return self.caveat("amend", "seal", self.new, self.change, "--old", self.old)


@pytest.fixture
def parties(tmp_path: Path, caveat: Caveat) -> Parties:
    write(tmp_path / "old", adopted(held()))
    write(tmp_path / "new", edited("bundle.toml", "value = 10", "value = 11", held()))
    for name, key in (KEYS | {"stranger": STRANGER}).items():
        (tmp_path / f"{name}.pem").write_bytes(key.pem())
    return Parties(tmp_path, caveat)


def test_an_amendment_goes_from_proposal_to_a_verified_chain(parties: Parties) -> None:
    said = parties.propose("--reason", "a higher limit", "--json")
    assert said.code == 0, said.err
    proposal = json.loads(said.out)
    assert proposal["changes"] == [
        {"kind": "limit", "id": "many", "action": "changed", "needs": "provider & customer"}
    ]
    assert (proposal["holds"], proposal["signers"], proposal["reason"]) == (False, [], "a higher limit")
    first = parties.consent("provider")
    assert first.code == 1
    assert "limit many was changed: needs provider & customer, lacks customer" in first.out
    assert parties.seal().code == 1
    assert not (parties.new / "signatures").exists()
    assert parties.consent("customer").code == 0
    sealed = parties.seal()
    assert (sealed.code, "amendment-0001.dsse.json" in sealed.out) == (0, True)
    history = ("--history", parties.folder)
    verified = parties.caveat("amend", "verify", parties.new, *history, "--json")
    document = json.loads(verified.out)
    root = parse_bundle(read_folder(parties.old)).digest
    assert (verified.code, document["holds"], document["root"]) == (0, True, root)
    assert document["amendments"][0]["signers"] == ["customer", "provider"]
    assert parties.caveat("amend", "verify", parties.new, *history, "--root", root).code == 0
    assert parties.caveat("check", "--signed", parties.new).code == 1
    assert parties.caveat("check", "--signed", parties.new, *history).code == 0


def test_a_second_amendment_carries_the_first_along(parties: Parties) -> None:
    parties.propose("--reason", "one")
    parties.consent("provider")
    parties.consent("customer")
    parties.seal()
    third = write(
        parties.folder / "third", edited("bundle.toml", "value = 11", "value = 12", plain(parties.new))
    )
    more = Parties(parties.folder, parties.caveat)
    out = parties.folder / "second.json"
    assert parties.caveat("amend", "propose", parties.new, third, "--out", out).code == 0
    for actor in KEYS:
        sides = ("--old", parties.new, "--new", third)
        more.caveat(
            "amend", "consent", out, *sides, "--actor", actor, "--key", parties.folder / f"{actor}.pem"
        )
    assert parties.caveat("amend", "seal", third, out, "--old", parties.new).code == 0
    said = parties.caveat("amend", "verify", third, "--history", parties.folder, "--json")
    assert [step["sequence"] for step in json.loads(said.out)["amendments"]] == [1, 2]
    (third / "signatures" / "amendment-0001.dsse.json").unlink()
    root = parse_bundle(read_folder(parties.old)).digest
    broken = parties.caveat("amend", "verify", third, "--history", parties.folder, "--root", root)
    assert (broken.code, "a link is missing" in broken.out) == (1, True)


def plain(folder: Path) -> dict[str, bytes]:
    """The files of a bundle without its signatures."""
    return {path: data for path, data in read_folder(folder).items() if not path.startswith("signatures/")}


def test_nobody_signs_a_statement_that_hides_a_change(parties: Parties) -> None:
    parties.propose()
    (parties.new / "clauses" / "all.cedar").write_bytes(
        (parties.new / "clauses" / "all.cedar").read_bytes().replace(b"score > 5", b"score > 9")
    )
    said = parties.consent("provider")
    assert (said.code, "leads from or to another bundle" in said.err) == (2, True)
    statement = json.loads(amendment_statement(*load(parties), 1, "", WHEN))
    statement["predicate"]["changes"] = statement["predicate"]["changes"][:-1]
    parties.change.write_bytes(sign_envelope(canonical(statement), IN_TOTO, []))
    said = parties.consent("provider")
    assert (said.code, "it hides that" in said.err) == (2, True)


def load(parties: Parties) -> tuple[Bundle, Bundle]:
    return parse_bundle(read_folder(parties.old)), parse_bundle(read_folder(parties.new))


def test_only_the_key_in_force_consents(parties: Parties) -> None:
    new = edited("bundle.toml", CUSTOMER.public().render(), STRANGER.public().render(), held())
    write(parties.new, new)
    parties.propose()
    said = parties.consent("customer", "stranger")
    assert (said.code, "in the bundle that is replaced" in said.err) == (2, True)
    assert parties.consent("customer").code == 0
    assert "no actor `nobody`" in parties.consent("nobody", "provider").err


def test_show_says_what_an_amendment_says_and_with_both_bundles_what_holds(
    parties: Parties, tmp_path: Path
) -> None:
    uses = [{"facts": {"channel": "bought"}, "before": "deny", "after": "allow", "red_line": "line"}]
    diff = tmp_path / "diff.json"
    diff.write_text(json.dumps({"version": 1, "newly_permitted": uses, "newly_denied": []}))
    parties.propose("--diff", diff)
    parties.consent("provider")
    shown = parties.caveat("amend", "show", parties.change)
    assert shown.code == 0
    assert 'channel = "bought": deny, now allow (red line line)' in shown.out
    assert "1 signatures, not verified without the bundles" in shown.out
    document = json.loads(parties.caveat("amend", "show", parties.change, "--json").out)
    assert (document["version"], document["diff"]["newly_permitted"]) == (1, uses)
    sides = ("--old", parties.old, "--new", parties.new)
    held_against = parties.caveat("amend", "show", parties.change, *sides, "--json")
    assert held_against.code == 1
    assert json.loads(held_against.out)["missing"] == [{"kind": "limit", "id": "many", "needs": "customer"}]


def test_mistakes_are_one_line_and_a_hint(parties: Parties, caveat: Caveat, tmp_path: Path) -> None:
    parties.propose()
    again = ("amend", "propose", parties.old, parties.new, "--out", parties.change)
    assert "exists already" in caveat.mistaken(*again)
    nonsense = tmp_path / "nonsense.json"
    nonsense.write_text("nonsense")
    assert "not an amendment" in caveat.mistaken("amend", "show", nonsense)
    assert "cannot be read" in caveat.mistaken("amend", "show", tmp_path / "absent")
    assert "go together" in caveat.mistaken("amend", "show", parties.change, "--old", parties.old)
    out = ("--out", tmp_path / "other.json")
    propose = ("amend", "propose", parties.old, parties.new)
    assert "not strict JSON" in caveat.mistaken(*propose, *out, "--diff", nonsense)
    nonsense.write_text("{}")
    assert "no diff of two bundles" in caveat.mistaken(*propose, *out, "--diff", nonsense)
    assert "longer than 4000" in caveat.mistaken(*propose, *out, "--reason", "x" * 4001)
    verify = ("amend", "verify", parties.new, "--history")
    assert "is no folder" in caveat.mistaken(*verify, tmp_path / "absent")
    assert "is the digest" in caveat.mistaken(*verify, tmp_path, "--root", "short")


def test_a_chain_that_does_not_hold_is_code_1_with_every_finding(parties: Parties) -> None:
    root = parse_bundle(read_folder(parties.old)).digest
    said = parties.caveat(
        "amend", "verify", parties.new, "--history", parties.folder, "--root", root, "--json"
    )
    document = json.loads(said.out)
    assert (said.code, document["holds"]) == (1, False)
    assert "limit many was changed: needs provider & customer" in document["findings"]


def test_a_development_world_that_is_made_again_follows_the_one_before(tmp_path: Path) -> None:
    """Its ledger goes on: the keys of the old world sign the amendment, and its bundle is kept."""
    world = tmp_path / "world"
    source = write(tmp_path / "source", held())
    first = parse_bundle(read_folder(open_development(world, source).bundle))
    write(source, edited("bundle.toml", "value = 10", "value = 11", held()))
    second = parse_bundle(read_folder(open_development(world, source).bundle))
    write(source, edited("bundle.toml", "value = 10", "value = 12", held()))
    third = parse_bundle(read_folder(open_development(world, source).bundle))
    assert len({first.digest, second.digest, third.digest}) == 3
    chain = chain_to(third, Standing(first.digest), HistoryFolder(world / HISTORY).bundle)
    assert [step.amendment.new for step in chain.steps] == [second.digest, third.digest]
