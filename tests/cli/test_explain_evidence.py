"""`caveat explain evidence` and the verbs that mint other kinds: what they say is what the gateway does."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caveat.cli.main import run
from caveat.evidence.defects import Stage
from caveat.evidence.statement import parse_statement, render_time
from caveat.gateway.evidence_header import encode_envelope
from caveat.signing.dsse import parse_envelope
from tests.gateway.test_trust_succession import DATA, KEEPER, evidence, files, listed, watched_trust
from tests.support.raw_client import asking, chat, send
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import ACTOR, DESK_KEY, OWNER, PARTNER


def write(folder: Path, bundle: dict[str, bytes]) -> Path:
    for name, data in bundle.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    write(tmp_path / "bundle", files(watched_trust()))
    (tmp_path / "rows.csv").write_text(DATA)
    (tmp_path / "one.json").write_bytes(evidence(single_use=True))
    for name, key in (("owner", OWNER), ("keeper", KEEPER), ("operator", ACTOR), ("partner", PARTNER)):
        (tmp_path / f"{name}.pem").write_bytes(key.pem())
    return tmp_path


def explained(desk: Path, capsys: pytest.CaptureFixture[str], *more: object) -> tuple[int, Any]:
    file = desk / "one.json"
    words = ["explain", "evidence", file, "--bundle", desk / "bundle", "--json", *more]
    code = run([str(word) for word in words])
    return code, json.loads(capsys.readouterr().out)


def results(document: Any) -> dict[str, str]:
    return {row["check"]: row["result"] for row in document["checks"]}


def test_every_check_is_shown_in_its_order(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = explained(desk, capsys)
    assert code == 1
    assert [row["check"] for row in said["checks"]] == [stage.value for stage in Stage]
    (failed,) = [row for row in said["checks"] if row["result"] == "failed"]
    assert (failed["check"], failed["code"], failed["who"]) == ("revocation", "revocations_stale", "operator")
    found = results(said)
    assert found["time"] == "passed"
    assert {found[name] for name in ("audience", "once", "binding", "values")} == {"not_reached"}


def test_the_gateways_own_folder_says_what_is_used_up_logged_and_listed(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = (desk / "one.json").read_bytes()
    header = {"x-caveat-evidence": encode_envelope(raw)}
    with (
        scripted_upstream() as model,
        running_gateway(desk / "data", model.url, files(watched_trust())) as gateway,
    ):
        auth = {"authorization": f"Bearer {DESK_KEY}"}
        assert send(gateway.url, "/v1/revocations", listed(1), auth).status == 201
        here = ("--data", desk / "data")
        use = ("--deployment", "desk", "--part", desk / "rows.csv")
        gateway.records()
        code, said = explained(desk, capsys, *here)
        assert (code, said["facts"]["acquisition_channel"]) == (0, "first_party")
        assert results(said)["binding"] == "not_asked"
        assert explained(desk, capsys, *here, *use)[0] == 0
        assert explained(desk, capsys, *here, "--deployment", "desk", "--part", desk / "owner.pem")[0] == 1
        assert chat(gateway.url, DESK_KEY, asking(DATA), header).status == 200
        gateway.records()
        code, said = explained(desk, capsys, *here, *use)
        assert (code, results(said)["once"]) == (1, "failed")
        assert said["first_logged"] is not None


def test_in_words_it_says_who_acts_next(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = render_time(datetime.now(UTC) + timedelta(days=9))
    words = ["explain", "evidence", desk / "one.json", "--bundle", desk / "bundle", "--at", at]
    assert run([str(word) for word in words]) == 1
    out = capsys.readouterr().out
    assert "✓ signature" in out
    assert "✗ time: expired: the statement is past its time" in out
    assert "next (issuer): have it attested again" in out
    assert "· audience: not reached" in out


def minted(*words: object) -> bytes:
    from caveat.cli.attest_kinds import attest_command

    result = CliRunner().invoke(attest_command, [str(word) for word in words], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.stdout_bytes


PERIOD = ("--from", "2030-01-01T00:00:00Z", "--to", "2030-02-01T00:00:00Z")


def test_what_the_verbs_mint_is_what_is_read(desk: Path) -> None:
    common = ("--key", desk / "owner.pem", "--issuer", "owner", "--audience", "desk")
    standard = {
        "title": "Rows",
        "date": "2030-01-01",
        "generation_method": ["feeds-api-source"],
        "intended_purpose": ["non-ai-production"],
        "classification": [],
        "origin_geography": [{"country": "DE"}],
    }
    (desk / "standard.json").write_text(json.dumps(standard))
    process = ("process", desk / "rows.csv", *common, "--process", "court_order", "--authority", "court:1")
    target = ("target", desk / "rows.csv", *common, "--owner", "org:1", "--authorization", "owner_authorized")
    facts = ("--fact", "acquisition_channel=first_party", "--each", "acquisition_channel")
    provenance = ("provenance", desk / "rows.csv", *common, *facts, "--source", "root:1")
    deployment = ("deployment", "desk", *common, "--bundle", desk / "bundle")
    for words in (
        (*process, "--selector", "device:1", "--hidden", *PERIOD),
        (*process, "--data", desk / "rows.csv", *PERIOD),
        (*process, "--general", *PERIOD),
        (*target, "--host", "*.lab.example", "--network", "10.1.0.0/16", "--class", "persons", *PERIOD),
        (*provenance, "--basis", "6(1)(a)", "--standard", desk / "standard.json"),
        (*deployment, "--fact", "subject_count=1"),
    ):
        said = parse_statement(parse_envelope(minted(*words).strip(), max_bytes=1 << 20).payload)
        assert said.issuer == "owner"
        assert said.kind.value.split("/")[-2] in {
            "legal-process",
            "target-authority",
            "data-provenance",
            "deployment",
        }


@pytest.mark.parametrize(
    "words",
    [
        ("process", "rows.csv", "--process", "x", "--authority", "a", *PERIOD),
        ("target", "rows.csv", "--owner", "o", "--authorization", "x", "--network", "10.1.0.1/16", *PERIOD),
        ("target", "rows.csv", "--owner", "o", "--authorization", "x", *PERIOD),
        ("deployment", "nowhere", "--bundle", "bundle", "--fact", "subject_count=1"),
    ],
)
def test_what_nobody_would_accept_is_not_minted(
    desk: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    common = ("--key", "owner.pem", "--issuer", "owner", "--audience", "desk")
    assert run(["attest", *words, *common]) == 2
    assert capsys.readouterr().out == ""


def test_a_minted_list_of_revocations_is_taken_by_a_gateway(desk: Path) -> None:
    keyid = OWNER.public().keyid
    common = ("--bundle", desk / "bundle", "--key", desk / "keeper.pem", "--issuer", "keeper")
    raw = minted("revocations", *common, "--number", 1, "--revoke", f"{keyid}=2030-01-31T12:00:00Z")
    with (
        scripted_upstream() as model,
        running_gateway(desk / "data", model.url, files(watched_trust())) as gateway,
    ):
        auth = {"authorization": f"Bearer {DESK_KEY}"}
        assert send(gateway.url, "/v1/revocations", raw.strip(), auth).status == 201
        (record,) = gateway.records("revocations")
        assert record["revoked"] == [keyid]


def test_two_actors_sign_a_trust_policy(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for signature in (desk / "bundle" / "signatures").iterdir():
        signature.unlink()
    keys = ["keys", "trust", str(desk / "bundle")]
    assert run(["check", str(desk / "bundle"), "--json"]) == 0
    assert "trust.toml" in json.loads(capsys.readouterr().out)["unsigned"]
    assert run([*keys, "--actor", "operator", "--key", str(desk / "operator.pem")]) == 1
    assert run([*keys, "--actor", "operator", "--key", str(desk / "partner.pem")]) == 2
    assert run([*keys, "--actor", "partner", "--key", str(desk / "partner.pem")]) == 0
    capsys.readouterr()
    run(["check", str(desk / "bundle"), "--json"])
    assert "trust.toml" not in json.loads(capsys.readouterr().out)["unsigned"]
