"""`caveat init`: a folder that is whole and serves at once, or no folder; and development keys stay local."""

import re
import stat
from pathlib import Path

import pytest

from caveat.cli import development
from caveat.cli.development import read_development
from caveat.cli.init import PACKS
from caveat.cli.main import run
from caveat.policy.bundle import parse_bundle
from caveat.store.folder import read_folder
from tests.cli.test_serve import caveat, refused, serving
from tests.support.raw_client import asking, chat
from tests.support.scripted_upstream import scripted_upstream


@pytest.mark.parametrize("pack", PACKS)
def test_it_writes_a_signed_bundle_that_observes(
    pack: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "mine"
    assert run(["init", str(folder), "--pack", pack]) == 0
    said = capsys.readouterr().out
    made = read_development(folder)
    bundle = parse_bundle(read_folder(made.bundle))
    assert bundle.unsigned == ()
    assert bundle.manifest.development
    assert {one.mode for one in bundle.deployments.values()} == {"observe"}
    assert f"caveat serve --bundle {made.bundle} --data {folder / 'data'} --upstream" in said
    assert all(key in said for key in made.api_keys.values())
    assert stat.S_IMODE((folder / "world.json").stat().st_mode) == 0o600


def test_two_packs_share_no_key(tmp_path: Path) -> None:
    keys = []
    for name in ("one", "two"):
        assert run(["init", str(tmp_path / name), "--pack", "bank"]) == 0
        keys += list(read_development(tmp_path / name).api_keys.values())
    assert len(set(keys)) == len(keys)


def test_the_large_agency_is_the_example_and_observes(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "x"), "--pack", "agency", "--large"]) == 0
    bundle = parse_bundle(read_folder(tmp_path / "x" / "bundle"))
    assert bundle.manifest.name == "government-analytics"
    assert {one.mode for one in bundle.deployments.values()} == {"observe"}


def complaint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["init", *arguments]) == 2
    return capsys.readouterr().err.splitlines()[0]


def test_a_folder_in_use_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "letter.txt").write_text("mine")
    assert "is not empty" in complaint([str(used), "--pack", "bank"], capsys)
    assert "is no folder" in complaint([str(used / "letter.txt"), "--pack", "bank"], capsys)
    monkeypatch.chdir(used)
    assert "you stand in" in complaint([".", "--pack", "bank"], capsys)
    assert "--large goes with" in complaint([str(tmp_path / "x"), "--pack", "bank", "--large"], capsys)
    assert [path.name for path in used.iterdir()] == ["letter.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    assert run(["init", str(tmp_path / "x"), "--pack", "law-only"]) == 0


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_init_that_breaks_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    written = []
    write = development._write

    def breaking(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) > 5:
            raise failure
        write(path, data)

    monkeypatch.setattr(development, "_write", breaking)
    assert run(["init", str(tmp_path / "x"), "--pack", "bank"]) == 2
    assert len(written) == 6
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert run(["init", str(tmp_path / "x"), "--pack", "bank"]) == 0


@pytest.mark.slow
def test_what_init_wrote_serves_at_once_on_loopback_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    said = caveat("init", folder, "--pack", "assistant").stdout
    found = re.search(r"Bearer (dev-[0-9a-f]+)", said)
    assert found is not None
    with scripted_upstream() as model:
        with serving(folder / "bundle", folder / "data", model.url) as (url, _):
            answer = chat(url, found[1], asking("Write a short thank-you note."))
        assert (answer.status, answer.headers["x-caveat-verdict"]) == (200, "allow")
        assert (answer.headers["x-caveat-mode"], answer.headers["x-caveat-bundle"]) == ("observe", "dev")
        verified = caveat("ledger", "verify", "--replay", folder / "data" / "ledger")
        assert verified.returncode == 0, verified.stdout
        common = (
            "--bundle",
            folder / "bundle",
            "--data",
            folder / "data",
            "--upstream",
            model.url,
            "--port",
            0,
        )
        assert "loopback only" in refused(*common, "--host", "0.0.0.0")  # noqa: S104 - that it is refused
