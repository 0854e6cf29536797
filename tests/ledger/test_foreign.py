"""The log as another implementation reads it: the sumdb packages that every Go toolchain carries."""

import shutil
import subprocess
from pathlib import Path

import pytest

from caveat.ledger.tiles import TilePath
from tests.ledger.logs import records, write_log

SOURCE = Path(__file__).parents[2] / "conformance" / "ledger" / "verify.go"
GO = shutil.which("go")


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier, built without a network."""
    assert GO is not None
    folder = tmp_path_factory.mktemp("foreign")
    root = subprocess.run([GO, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    vendored = Path(root) / "src/cmd/vendor/golang.org/x/mod/sumdb"
    for package in ("note", "tlog"):
        shutil.copytree(vendored / package, folder / "sumdb" / package)
    shutil.copy(SOURCE, folder / "verify.go")
    (folder / "go.mod").write_text("module caveat.invalid/ledger\n\ngo 1.22\n")
    subprocess.run([GO, "build", "-o", "verify", "."], cwd=folder, check=True)
    return folder / "verify"


@pytest.mark.long
@pytest.mark.skipif(GO is None, reason="needs a Go toolchain")
def test_another_implementation_accepts_our_log_and_finds_an_edit(verifier: Path, tmp_path: Path) -> None:
    folder, items = tmp_path / "log", records(1200)
    write_log(folder, items[:700])
    write_log(folder, items[700:])
    accepted = subprocess.run([verifier, folder], capture_output=True, text=True, check=False)
    assert (accepted.returncode, accepted.stdout) == (
        0,
        "signature and all entries match authenticated tiles: 1200\n",
    )
    path = folder / TilePath(-1, 2).render()
    path.write_bytes(path.read_bytes().replace(b"analyst", b"nobody!", 1))
    refused = subprocess.run([verifier, folder], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "FAIL entry mismatch in bundle 2\n")
