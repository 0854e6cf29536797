"""The ledger's verbs as an outsider calls them, each with what does not hold."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from caveat.cli import ledger_rotate
from caveat.ledger import Ledger
from caveat.ledger.folder import COSIGNED, KEY_FILE
from caveat.ledger.tiles import TilePath
from caveat.signing.cosignature import cosigner_key
from caveat.signing.keys import Algorithm, private_key_from_seed
from tests.cli.calling import Caveat
from tests.ledger.logs import KEY, ORIGIN, VERIFIER, decision_record, records, write_log

WITNESS = private_key_from_seed(Algorithm.ED25519, b"\x30" * 32)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A data folder with a ledger of 300 records, and the keys of a witness and an exporter."""
    write_log(tmp_path / "ledger", records(300))
    (tmp_path / "log.pem").write_bytes(KEY.pem())
    (tmp_path / "w.pem").write_bytes(WITNESS.pem())
    return tmp_path


def witness(caveat: Caveat, site: Path, of: Path, out: str = "cosigned") -> int:
    return caveat(
        *(
            "ledger",
            "witness",
            of,
            "--state",
            site / "w",
            "--name",
            "w.example",
            "--signing-key",
            site / "w.pem",
        ),
        *("--log", site / "ledger" / KEY_FILE, "--out", site / out),
    ).code


def policy(site: Path) -> Path:
    key = cosigner_key("w.example", WITNESS.public()).render()
    path = site / "policy"
    path.write_text(f"log {VERIFIER.render()}\nwitness W {key}\nquorum W\n")
    return path


@pytest.mark.slow
def test_a_witness_by_files_cosigns_and_the_log_keeps_it(caveat: Caveat, site: Path) -> None:
    ledger = site / "ledger"
    verify = ("ledger", "verify", ledger, "--key", ledger / KEY_FILE, "--policy", policy(site), "--json")
    assert [f["code"] for f in json.loads(caveat(*verify).out)["findings"]] == ["no_quorum"]
    assert witness(caveat, site, ledger) == 0
    shown = caveat("ledger", "checkpoint", ledger, "--add", site / "cosigned", "--policy", policy(site))
    assert shown.code == 0
    assert "the quorum is reached" in shown.err
    assert (ledger / COSIGNED).read_bytes() == (site / "cosigned").read_bytes()
    assert json.loads(caveat(*verify).out)["holds"]
    assert caveat("ledger", "checkpoint", ledger).out.count("\u2014") == 1
    assert caveat("ledger", "checkpoint", ledger, "--cosigned").out.count("\u2014") == 2


@pytest.mark.slow
def test_a_witness_by_files_refuses_a_log_that_was_rolled_back(caveat: Caveat, site: Path) -> None:
    shutil.copytree(site / "ledger", site / "back")
    write_log(site / "ledger", records(310)[300:])
    assert witness(caveat, site, site / "ledger") == 0
    assert witness(caveat, site, site / "back") == 1


@pytest.mark.slow
def test_a_proof_of_one_record_is_made_and_verified_without_the_log(caveat: Caveat, site: Path) -> None:
    rows = json.loads(caveat("ledger", "query", site, "--kind", "start", "--json").out)["records"]
    name, out = rows[0]["id"], site / "p.tlog-proof"
    assert caveat("ledger", "export", site, "--record", name, "--out", out).code == 0
    shown = caveat("ledger", "verify", out, "--key", site / "ledger" / KEY_FILE, "--json")
    found = json.loads(shown.out)
    assert (shown.code, found["id"], found["record"]["kind"], found["size"]) == (0, name, "start", 300)
    assert caveat("ledger", "verify", out, "--policy", policy(site)).code == 1
    assert witness(caveat, site, site / "ledger") == 0
    caveat("ledger", "checkpoint", site / "ledger", "--add", site / "cosigned")
    out.unlink()
    assert caveat("ledger", "export", site, "--record", name, "--out", out).code == 0
    assert caveat("ledger", "verify", out, "--policy", policy(site), "--max-age", 600).code == 0
    assert "names no key" in caveat.mistaken("ledger", "verify", out)
    assert "no such record" in caveat.mistaken(
        "ledger", "export", site, "--record", "0-0123456789abcdef", "--out", site / "q"
    )
    out.write_bytes(out.read_bytes().replace(b"index 0", b"index 7"))
    assert caveat("ledger", "verify", out, "--key", site / "ledger" / KEY_FILE).code == 1


@pytest.mark.slow
def test_exports_follow_one_another_and_a_gap_shows(caveat: Caveat, site: Path) -> None:
    (site / "site.pub").write_text(WITNESS.public().render() + "\n")
    sign = ("--signing-key", site / "w.pem")
    assert caveat("ledger", "export", site, *sign, "--out", site / "1.tar").code == 0
    for number in (2, 3):
        write_log(site / "ledger", records(400)[299 + number : 300 + number])
        before = site / f"{number - 1}.tar"
        made = caveat("ledger", "export", site, *sign, "--previous", before, "--out", site / f"{number}.tar")
        assert made.code == 0
    check = ("--key", site / "ledger" / KEY_FILE, "--exporter", site / "site.pub")
    for number in (2, 3):
        previous = ("--previous", site / f"{number - 1}.tar")
        assert caveat("ledger", "verify", site / f"{number}.tar", *check, *previous).code == 0
    assert caveat("ledger", "verify", site / "3.tar", *check, "--previous", site / "1.tar").code == 1
    assert witness(caveat, site, site / "1.tar") == 0
    assert witness(caveat, site, site / "2.tar") == 0  # it holds what leads on from the first
    assert "there already" in caveat.mistaken("ledger", "export", site, *sign, "--out", site / "1.tar")
    assert "signing-key is missing" in caveat.mistaken("ledger", "export", site, "--out", site / "4.tar")
    (site / "1.tar").write_bytes((site / "1.tar").read_bytes()[:-512])
    assert "cut" in caveat.mistaken("ledger", "verify", site / "1.tar", *check)


@pytest.mark.slow
def test_an_audit_draws_reads_and_lists(caveat: Caveat, site: Path) -> None:
    one = decision_record(7)
    drawn = json.loads(caveat("ledger", "audit", site, "--random", 40, "--seed", "3 1 4", "--json").out)
    assert (drawn["holds"], drawn["records"], len(drawn["sampled"])) == (True, None, 40)
    relied = caveat("ledger", "audit", site, "--issuer-key", one.evidence[0].key, "--json")
    found = json.loads(relied.out)
    assert (relied.code, found["records"]["decision/prompt"]) == (0, 299)
    assert [row["id"].split("-")[0] for row in found["concerned"]] == ["7"]
    assert "go together" in caveat.mistaken("ledger", "audit", site, "--random", 3)
    assert "FACT=VALUE" in caveat.mistaken("ledger", "audit", site, "--dataset", "x", "--assume", "x")
    assert "goes with" in caveat.mistaken("ledger", "audit", site, "--assume", "a=b")
    assert "goes with" in caveat.mistaken("ledger", "audit", site, "--disbelieve")


@pytest.mark.slow
def test_releases_that_have_no_record_are_found(caveat: Caveat, site: Path) -> None:
    known = json.loads(caveat("ledger", "query", site, "--verdict", "allow", "--json").out)["records"]
    listed = site / "ids"
    listed.write_text("\n".join(row["id"] for row in known))
    assert caveat("ledger", "audit", site, "--releases", listed).code == 0
    listed.write_text("9-0123456789abcdef\n")
    said = caveat("ledger", "audit", site, "--releases", listed, "--json")
    assert (said.code, [f["code"] for f in json.loads(said.out)["findings"]]) == (
        1,
        ["release_without_record"],
    )
    listed.write_text("one two\n")
    assert "line 1" in caveat.mistaken("ledger", "audit", site, "--releases", listed)


@pytest.mark.slow
def test_tampering_with_the_index_changes_no_audit_and_no_row_of_a_query_is_believed(
    caveat: Caveat, site: Path
) -> None:
    one = decision_record(7)
    audit = ("ledger", "audit", site, "--issuer-key", one.evidence[0].key, "--json")
    before = caveat(*audit)
    query = ("ledger", "query", site, "--issuer", one.evidence[0].key, "--json")
    assert len(json.loads(caveat(*query).out)["records"]) == 1
    index = site / "ledger.index.sqlite3"
    connection = sqlite3.connect(index)
    with connection:
        connection.execute("UPDATE named SET number = 8 WHERE what = 'issuer' AND number = 7")
    connection.close()
    assert "not what was asked for" in caveat.mistaken(*query)
    assert caveat(*audit) == before
    index.unlink()
    assert len(json.loads(caveat(*query).out)["records"]) == 1
    assert "no time" in caveat.mistaken("ledger", "query", site, "--since", "yesterday")
    assert caveat("ledger", "query", site, "--deployment", "nobody").code == 1


@pytest.mark.slow
def test_a_query_over_a_changed_leaf_is_an_error(caveat: Caveat, site: Path) -> None:
    caveat("ledger", "query", site, "--kind", "start")
    path = site / "ledger" / TilePath(-1, 0).render()
    path.write_bytes(path.read_bytes().replace(b'"version":"0.1.0"', b'"version":"0.1.1"', 1))
    assert "not in the tree" in caveat.mistaken("ledger", "query", site, "--kind", "start")


@pytest.mark.slow
def test_the_key_is_changed_in_the_data_folder_and_the_name_of_the_log_stays(
    caveat: Caveat, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = site / "held.pub"
    held.write_bytes((site / "ledger" / KEY_FILE).read_bytes())
    said = caveat("ledger", "rotate", site)
    assert said.code == 0
    assert said.out.startswith(f"{ORIGIN}+")
    assert not (site / "log.next.pem").exists()
    assert (site / "log.pem").stat().st_mode & 0o077 == 0
    assert caveat("ledger", "verify", site / "ledger", "--key", held).code == 0
    open_ledger = Ledger.open

    def busy(*_arguments: object, **_named: object) -> Ledger:
        raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "open", busy)
    assert caveat("ledger", "rotate", site).code == 2
    monkeypatch.setattr(Ledger, "open", open_ledger)
    assert (site / "log.next.pem").exists()
    assert caveat("ledger", "rotate", site).code == 0
    assert caveat("ledger", "verify", site / "ledger", "--key", held).code == 0
    assert ledger_rotate.NEXT == "log.next.pem"


@pytest.mark.slow
def test_a_rotation_beside_a_running_gateway_is_refused(caveat: Caveat, site: Path) -> None:
    running = Ledger.open(site / "ledger", KEY, origin=ORIGIN)
    try:
        assert "another process" in caveat.mistaken("ledger", "rotate", site)
    finally:
        running.close()


def test_what_is_no_ledger_is_said_plainly(caveat: Caveat, tmp_path: Path) -> None:
    for verb in (("verify",), ("audit",), ("query",), ("export", "--out", tmp_path / "x")):
        name, *options = verb
        assert "no such file" in caveat.mistaken("ledger", name, tmp_path / "nothing", *options).lower()
    (tmp_path / "noise.tar").write_bytes(bytes(257) + b"ustar\0" + bytes(800))
    assert "export" in caveat.mistaken("ledger", "verify", tmp_path / "noise.tar")
    (tmp_path / "p").write_bytes(b"c2sp.org/tlog-proof@v1\nnoise")
    (tmp_path / "k").write_text(VERIFIER.render())
    assert "proof" in caveat.mistaken("ledger", "verify", tmp_path / "p", "--key", tmp_path / "k")
    (tmp_path / "policy").write_text("noise\n")
    assert "line 1" in caveat.mistaken("ledger", "verify", tmp_path, "--policy", tmp_path / "policy")
