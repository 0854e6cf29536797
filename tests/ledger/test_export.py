"""Audit exports: chained, signed, strict to read.

A missing, edited or foreign one shows, and nothing is unpacked.
"""

import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.ledger import FolderError, Ledger
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import ExportParseError
from caveat.ledger.export import PAYLOAD_TYPE, Manifest, open_export, write_export
from caveat.ledger.finding import Code
from caveat.ledger.folder import Folder
from caveat.ledger.rotate import rotate
from caveat.ledger.tar import END, padding, read_members, render_header
from caveat.ledger.verify import verify_folder
from caveat.ledger.verify_export import verify_export
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256
from caveat.signing.dsse import sign_envelope
from caveat.signing.keys import Algorithm, private_key_from_seed
from tests.ledger.logs import KEY, OTHER_KEY, VERIFIER, moment, records, write_log

EXPORTER = private_key_from_seed(Algorithm.ED25519, b"\x20" * 32)
SIZES = (300, 301, 700, 700, 1100)


def export(log: Path, out: Path, previous: Manifest | None = None) -> Manifest:
    with out.open("wb") as file:
        return write_export(Folder(RealDisk(), log), VERIFIER, EXPORTER, file, previous)


def codes(path: Path, previous: Manifest | None = None, exporter: bool = True) -> list[Code]:
    key = EXPORTER.public() if exporter else OTHER_KEY.public()
    found = verify_export(path, VERIFIER, exporter=key, previous=previous)
    return [finding.code for finding in found.report.findings]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five exports of one growing log, `1.tar` to `5.tar`, beside it."""
    folder = tmp_path_factory.mktemp("chain")
    items, previous, done = records(SIZES[-1]), None, 0
    for number, size in enumerate(SIZES, start=1):
        if size > done:
            write_log(folder / "log", items[done:size])
        previous, done = export(folder / "log", folder / f"{number}.tar", previous), size
    return folder


def manifest(path: Path) -> Manifest:
    with open_export(path) as opened:
        return opened.manifest


@pytest.mark.slow
def test_a_chain_of_exports_holds_and_each_is_only_what_is_new(chain: Path) -> None:
    previous = None
    for number, size in enumerate(SIZES, start=1):
        path = chain / f"{number}.tar"
        found = verify_export(path, VERIFIER, exporter=EXPORTER.public(), previous=previous)
        assert found.report.findings == ()
        assert found.report.checkpoint is not None
        assert (found.manifest.number, found.report.checkpoint.size) == (number, size)
        previous = found.manifest
    assert (chain / "5.tar").stat().st_size < (chain / "log").stat().st_size + 1_000_000


@pytest.mark.slow
def test_exports_unpacked_over_one_another_are_the_log(chain: Path, tmp_path: Path) -> None:
    """With the tar of the system: nothing of ours is needed to join them."""
    for number in range(1, len(SIZES) + 1):
        subprocess.run(["tar", "-xf", chain / f"{number}.tar", "-C", tmp_path], check=True)
    report = verify_folder(tmp_path, VERIFIER)
    assert report.findings == ()
    assert sum(report.kinds.values()) == SIZES[-1]


@pytest.mark.slow
def test_a_missing_reordered_or_repeated_export_is_a_gap(chain: Path) -> None:
    first, second, third = (manifest(chain / f"{n}.tar") for n in (1, 2, 3))
    assert codes(chain / "3.tar", first) == [Code.EXPORT_GAP]
    assert codes(chain / "1.tar", second) == [Code.EXPORT_GAP]
    assert codes(chain / "3.tar", third) == [Code.EXPORT_GAP]
    assert codes(chain / "2.tar", first) == []


@pytest.mark.slow
def test_an_export_of_another_site_is_refused(chain: Path, tmp_path: Path) -> None:
    """Same key by mistake, other records: the root gives it away, whatever the manifest says."""
    write_log(tmp_path / "log", records(320)[10:])
    with pytest.raises(FolderError, match="does not continue"):
        export(tmp_path / "log", tmp_path / "x.tar", manifest(chain / "1.tar"))
    with pytest.raises(FolderError, match="newer"):
        export(tmp_path / "log", tmp_path / "y.tar", manifest(chain / "5.tar"))


def test_a_manifest_by_another_key_is_told(chain: Path) -> None:
    assert codes(chain / "1.tar", exporter=False) == [Code.EXPORT_NOT_SIGNED]
    unchecked = verify_export(chain / "1.tar", VERIFIER, exporter=None, previous=None)
    assert any("who made the export" in note for note in unchecked.report.notes)


def test_an_export_after_a_change_of_keys_holds(tmp_path: Path) -> None:
    write_log(tmp_path / "log", records(20))
    first = export(tmp_path / "log", tmp_path / "1.tar")
    rotate(tmp_path / "log", KEY, OTHER_KEY, moment(30))
    Ledger.open(tmp_path / "log", OTHER_KEY, origin=VERIFIER.name).close()
    second = export(tmp_path / "log", tmp_path / "2.tar", first)
    assert codes(tmp_path / "2.tar", first) == []
    assert second.checkpoint.size == 21


def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> bytes:
    """The archive with some file changed and every header right again."""
    out = io.BytesIO()
    with path.open("rb") as file:
        for member in read_members(file):
            file.seek(member.offset)
            data = change(member.name, file.read(member.size))
            out.write(render_header(member.name, len(data)) + data + padding(len(data)))
    return out.getvalue() + END


def test_an_edited_file_is_not_the_manifest_s(chain: Path, tmp_path: Path) -> None:
    path = tmp_path / "edited.tar"
    for name in ("checkpoint", "tile/0/000", "tile/entries/000"):

        def changed(own: str, data: bytes, name: str = name) -> bytes:
            return data[:-1] + b"x" if own == name else data

        data = rewritten(chain / "1.tar", changed)
        path.write_bytes(data)
        with pytest.raises(ExportParseError, match="manifest lists"), open_export(path):
            pass


def archive(*files: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in files:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    "data",
    [
        archive((info("../checkpoint"), b"x")),
        archive((info("/etc/passwd"), b"x")),
        archive((info("tile/../../x"), b"x")),
        archive((info("checkpoint", tarfile.SYMTYPE, "/etc/passwd"), b"")),
        archive((info("checkpoint", tarfile.LNKTYPE, "log.pub"), b"")),
        archive((info("checkpoint", tarfile.FIFOTYPE), b"")),
        archive((info("tile", tarfile.DIRTYPE), b"")),
        archive((info("other"), b"x")),
        archive((info("checkpoint"), b"x")),
        render_header("checkpoint", 9) + END,
        render_header("checkpoint", 0) * 2 + END,
        render_header("manifest", 0),
        render_header("manifest", 0) + END + b"more",
        render_header("manifest", 3) + b"{}{" + padding(3) + END,
        render_header("tile/0/000", 8193) + bytes(8193) + padding(8193) + END,
        render_header("tile/entries/001.p/300", 1) + b"x" + padding(1) + END,
        END,
        b"",
        b"PK\x03\x04",
    ],
)
def test_what_is_no_export_does_not_open(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "hostile.tar"
    path.write_bytes(data)
    with pytest.raises(ExportParseError), open_export(path):
        pass


@pytest.mark.parametrize("at", [100, 108, 116, 136, 156, 157, 257, 263, 265, 329, 345], ids=str)
def test_a_whole_export_with_a_header_in_another_form_does_not_open(
    chain: Path, tmp_path: Path, at: int
) -> None:
    """A link, another owner, another time: the bytes are those of the manifest, and the form is not."""
    data = bytearray((chain / "1.tar").read_bytes())
    data[at] = ord("2") if at == 156 else data[at] ^ 1
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path = tmp_path / "odd.tar"
    path.write_bytes(data)
    with pytest.raises(ExportParseError), open_export(path):
        pass


@pytest.mark.parametrize(
    "name", ["other", "bundles/x/y", "tile/x", "wal/00000000000000000000.wal", "rotated/1"]
)
def test_a_signed_export_with_a_file_that_does_not_belong_there_does_not_open(
    chain: Path, tmp_path: Path, name: str
) -> None:
    told = manifest(chain / "1.tar")
    extra = {"path": name, "bytes": 0, "sha256": sha256(b"")}
    body = canonical({**told.model_dump(), "files": [*told.model_dump()["files"], extra]})
    envelope = sign_envelope(body, PAYLOAD_TYPE, [EXPORTER])
    whole = rewritten(chain / "1.tar", lambda own, data: envelope if own == "manifest" else data)
    at = whole.index(render_header("manifest", len(envelope)))
    path = tmp_path / "more.tar"
    path.write_bytes(whole[:at] + render_header(name, 0) + whole[at:])
    with pytest.raises(ExportParseError, match=r"belong|no tile"), open_export(path):
        pass


def test_a_cut_at_any_block_does_not_open(chain: Path, tmp_path: Path) -> None:
    whole, path = (chain / "2.tar").read_bytes(), tmp_path / "cut.tar"
    for end in range(0, len(whole), max(512, len(whole) // 50 // 512 * 512)):
        path.write_bytes(whole[:end])
        with pytest.raises(ExportParseError), open_export(path):
            pass


@given(st.text(max_size=300), st.integers(-1, 2**40))
def test_a_header_is_read_back_by_the_tar_of_python_or_not_written(name: str, size: int) -> None:
    try:
        header = render_header(name, size)
    except ExportParseError:
        return
    read = tarfile.TarInfo.frombuf(header, "ascii", "strict")
    assert (read.name, read.size, read.isreg()) == (name, size, True)


@given(st.binary(max_size=2000))
def test_no_bytes_raise_another_error(data: bytes) -> None:
    for whole in (data, render_header("checkpoint", len(data) % 700) + data + END):
        try:
            list(read_members(io.BytesIO(whole)))
        except ExportParseError:
            continue
