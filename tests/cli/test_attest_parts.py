"""`caveat attest data --parts`: every format, hostile files, countersigning, and the store of a gateway."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caveat.cli import extract as extract_module
from caveat.cli.exit import CannotRunError
from caveat.cli.extract import extract
from caveat.cli.main import caveat
from caveat.evidence.lineage import LineageParseError, parse_lineage
from caveat.evidence.manifest import Manifest, parse_manifest
from caveat.signing.dsse import parse_envelope
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import DESK_KEY, OWNER

WORDS = "The first sentence of this document is here. The second one of it is here as well."
TABLE = "device_id,place\n" + "".join(f"d{n},p{n}\n" for n in range(5))
EVENT = {
    "eventTime": "2030-01-01T00:00:00Z",
    "producer": "https://producer.example/v1",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
    "job": {"namespace": "night", "name": "load"},
    "inputs": [],
    "outputs": [{"namespace": "store", "name": "devices", "facets": {"schema": {"fields": []}}}],
}


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(caveat, [str(one) for one in arguments], standalone_mode=False)


def attest(folder: Path, file: Path, *more: str | Path) -> Manifest:
    key = folder / "owner.pem"
    if not key.exists():
        key.write_bytes(OWNER.pem())
    parts = folder / f"{file.name}.manifest"
    result = run(
        "attest", "data", file, "--key", key, "--issuer", "owner", "--audience", "desk",
        "--fact", "acquisition_channel=first_party", "--each", "acquisition_channel",
        "--parts", parts, "--out", folder / "envelope.json", *more,
    )  # fmt: skip
    if result.exception is not None:
        raise result.exception
    return parse_manifest(parts.read_bytes())


@pytest.mark.slow
def test_the_same_rows_give_the_same_manifest_from_every_container(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "t.tsv").write_text(TABLE.replace(",", "\t"))
    rows = [{"place": f"p{n}", "device_id": f"d{n}"} for n in range(5)]
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps(dict(reversed(row.items()))) for row in rows))
    columns = {"device_id": [row["device_id"] for row in rows], "place": [row["place"] for row in rows]}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    made = {attest(tmp_path, tmp_path / f"t.{ending}") for ending in ("csv", "tsv", "jsonl", "parquet")}
    assert len({one.digest for one in made}) == 1


@pytest.mark.slow
def test_text_is_read_from_documents(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    (tmp_path / "t.txt").write_text(WORDS.replace(" ", "\n"))
    document = docx.Document()
    document.add_paragraph(WORDS)
    document.save(str(tmp_path / "t.docx"))
    assert attest(tmp_path, tmp_path / "t.txt") == attest(tmp_path, tmp_path / "t.docx")


@pytest.mark.slow
def test_a_hostile_file_ends_as_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"a" * (257 << 20))
    (tmp_path / "deep.json").write_text("[" * 2_000_000)
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\n" + b"\xff" * 5000)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    for name, why in (
        ("bomb.docx", "unpack"),
        ("deep.json", "table"),
        ("broken.pdf", "PDF"),
        ("broken.parquet", "P"),
    ):
        with pytest.raises(CannotRunError, match=why):
            extract(tmp_path / name)
    (tmp_path / "slow.txt").write_text(WORDS)
    monkeypatch.setattr(extract_module, "MAX_WALL_SECONDS", 0)
    with pytest.raises(CannotRunError, match="longer than"):
        extract(tmp_path / "slow.txt")


@pytest.mark.slow
def test_a_second_issuer_attests_the_manifest_that_is_there_and_no_other_data(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(TABLE)
    first = attest(tmp_path, file)
    assert attest(tmp_path, file) == first
    file.write_text(TABLE.replace("p3", "p4"))
    with pytest.raises(CannotRunError, match="other data"):
        attest(tmp_path, file)


@pytest.mark.slow
def test_the_salt_is_the_issuers_own_and_the_same_for_all_its_manifests(tmp_path: Path) -> None:
    salts = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(TABLE)
        salts.append(attest(tmp_path, tmp_path / f"{name}.csv").salt)
    (tmp_path / "owner.pem").unlink()
    assert run("keys", "new", "--out", tmp_path / "owner.pem").exception is None
    (tmp_path / "three.csv").write_text(TABLE)
    salts.append(attest(tmp_path, tmp_path / "three.csv").salt)
    assert salts[0] == salts[1] != salts[2]


@pytest.mark.slow
def test_an_openlineage_event_is_shown_and_its_digest_signed(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    event = tmp_path / "event.json"
    event.write_text(json.dumps(EVENT))
    attest(tmp_path, tmp_path / "t.csv", "--openlineage", event)
    payload = parse_envelope((tmp_path / "envelope.json").read_bytes(), max_bytes=1 << 20).payload
    subjects = json.loads(payload)["subject"]
    shown = parse_lineage(event.read_bytes())
    assert subjects[-1] == {"name": "event.json", "digest": {"sha256": shown.digest}}
    assert shown.datasets[0].facets == ("schema",)


@pytest.mark.parametrize(
    "spoiled", [b"", b"[]", b"{}", b'{"dataset": 1}', b'{"dataset": {"name": "a\\u0007"}}']
)
def test_what_is_no_event_is_refused(spoiled: bytes) -> None:
    with pytest.raises(LineageParseError):
        parse_lineage(spoiled)


@pytest.mark.slow
def test_evidence_is_put_to_a_gateway_and_found_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    manifest = attest(tmp_path, tmp_path / "t.csv")
    files = (tmp_path / "t.csv.manifest", tmp_path / "envelope.json")
    (tmp_path / "some.csv").write_text(TABLE.replace("d1,p1\n", ""))
    (tmp_path / "more.csv").write_text(TABLE + "d9,p9\n")
    with scripted_upstream() as upstream, running_gateway(tmp_path / "data", upstream.url) as gateway:
        assert isinstance(run("evidence", "put", *files, "--gateway", gateway.url).exception, CannotRunError)
        monkeypatch.setenv("CAVEAT_API_KEY", DESK_KEY)
        alone = run("evidence", "put", files[0], "--gateway", gateway.url)
        assert (alone.return_value, "manifest_unsigned" in alone.output) == (1, True)
        assert run("evidence", "put", *files, "--gateway", gateway.url).return_value == 0
    listed = run("evidence", "list", tmp_path / "some.csv", "--data", tmp_path / "data", "--json")
    document = json.loads(listed.output)
    assert (listed.return_value, document["version"]) == (0, 1)
    assert document["manifests"][0]["manifest"] == manifest.digest
    assert document["files"][0]["touched"] == [manifest.digest]
    assert run("evidence", "list", tmp_path / "more.csv", "--data", tmp_path / "data").return_value == 1
