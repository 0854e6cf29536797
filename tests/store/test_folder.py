"""Bundle folders: the same bytes on every machine, or a clear error."""

import os
from pathlib import Path

import pytest

from caveat.store import folder as module
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder


def fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def test_every_file_is_read_by_its_relative_name(tmp_path: Path) -> None:
    fill(tmp_path, "bundle.toml", "clauses/P05.cedar", "red_lines/R1.cedar", "a/b/c.txt")
    files = read_folder(tmp_path)
    assert list(files) == ["a/b/c.txt", "bundle.toml", "clauses/P05.cedar", "red_lines/R1.cedar"]
    assert files["clauses/P05.cedar"] == b"clauses/P05.cedar"


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "bundle.toml", ".git/config", ".bundle.toml.swp", "clauses/.keep")
    assert list(read_folder(tmp_path)) == ["bundle.toml"]


def test_a_symbolic_link_is_refused_wherever_it_points(tmp_path: Path) -> None:
    fill(tmp_path, "real/bundle.toml")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(FolderError, match="symbolic link"):
        read_folder(tmp_path / "link")
    (tmp_path / "real" / "inner").symlink_to("bundle.toml")
    with pytest.raises(FolderError, match="`inner` is a symbolic link"):
        read_folder(tmp_path / "real")


def test_a_file_that_is_put_in_place_of_another_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "bundle.toml").symlink_to("/etc/hostname")
    with pytest.raises(FolderError, match="cannot be read"):
        module._read_file(tmp_path / "bundle.toml", "bundle.toml")


def test_a_pipe_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bundle.toml")
    with pytest.raises(FolderError, match="not a regular file"):
        read_folder(tmp_path)


@pytest.mark.parametrize("name", ["a b", "ä", "a\nb", "-rf", "a" * 129])
def test_a_name_that_is_not_plain_is_refused(tmp_path: Path, name: str) -> None:
    fill(tmp_path, name)
    with pytest.raises(FolderError, match="a name in a bundle"):
        read_folder(tmp_path)


def test_sizes_numbers_and_depth_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a/b/c", "d")
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 4)
    with pytest.raises(FolderError, match="more than 4 bytes"):
        read_folder(tmp_path)
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 5)
    monkeypatch.setattr(module, "MAX_TOTAL_BYTES", 5)
    with pytest.raises(FolderError, match="together"):
        read_folder(tmp_path)
    monkeypatch.setattr(module, "MAX_TOTAL_BYTES", 6)
    monkeypatch.setattr(module, "MAX_FILES", 1)
    with pytest.raises(FolderError, match="more than 1 files"):
        read_folder(tmp_path)
    monkeypatch.setattr(module, "MAX_FILES", 2)
    monkeypatch.setattr(module, "MAX_DEPTH", 1)
    with pytest.raises(FolderError, match="folders deep"):
        read_folder(tmp_path)


def test_what_is_no_folder_or_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"bundle\.toml"):
        read_folder(tmp_path / "missing")
    fill(tmp_path, "file")
    with pytest.raises(FolderError, match="is no folder"):
        read_folder(tmp_path / "file")
    with pytest.raises(FolderError, match="cannot be read"):
        module._read_file(tmp_path / "missing", "missing")
