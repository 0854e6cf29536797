"""The files by which one bundle follows another: earlier amendments carried along, and a signed new one."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from caveat.cli.exit import CannotRunError
from caveat.policy.amendment import Amendment, amendment_statement, parse_amendment
from caveat.policy.bundle import Bundle, BundleError, bundle_digest, parse_bundle
from caveat.policy.chain import ChainError, amendments_in
from caveat.policy.signatures import AMENDMENT_FILE
from caveat.signing.canonical import CanonicalError, JsonObject
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import PrivateKey
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def draft_amendment(old: Bundle, new: Bundle, reason: str, diff: JsonObject | None = None) -> bytes:
    """The statement by which `new` follows `old`, its number the next one; raises `CannotRunError`."""
    try:
        before = (one.amendment.sequence for one in amendments_in(old) if one.amendment is not None)
        sequence = max(before, default=0) + 1
        issued_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return amendment_statement(old, new, sequence, reason, issued_at, diff)
    except ChainError as error:
        raise CannotRunError(str(error), "begin from a newer root, with a new log") from error
    except CanonicalError as error:
        raise CannotRunError(f"the amendment has no canonical form: {error}", "use plain text") from error


def amendment_files(old: Bundle, amendment: bytes) -> dict[str, bytes]:
    """What goes into `signatures/` of the bundle that follows: the old one's amendments, and this one."""
    carried = {path: data for path, data in old.files.items() if AMENDMENT_FILE.match(path)}
    return carried | {amendment_path(parse_amendment(amendment)): amendment}


def signed_amendment(
    old: Bundle, new: Bundle, keys: Sequence[PrivateKey], reason: str, diff: JsonObject | None = None
) -> bytes:
    """An envelope over the next amendment, with a signature by each key."""
    return sign_envelope(draft_amendment(old, new, reason, diff), IN_TOTO, keys)


def amendment_path(amendment: Amendment) -> str:
    """Where the amendment lies in a bundle."""
    return f"signatures/amendment-{amendment.sequence:04d}.dsse.json"


class HistoryFolder:
    """Bundles by digest in a folder of bundle folders; the folder's own names mean nothing."""

    def __init__(self, folder: Path) -> None:
        """Reads nothing yet. `folder` holds a folder for each earlier bundle, or is one itself."""
        self._folder = folder
        self._found: dict[Digest, Mapping[str, bytes]] = {}

    def files(self, digest: Digest) -> Mapping[str, bytes] | None:
        """The files whose digest this is, or None; what cannot be read is passed over, so never believed."""
        if digest not in self._found:
            self._found = {bundle_digest(files): files for files in self._read()}
        return self._found.get(digest)

    def bundle(self, digest: Digest) -> Bundle | None:
        """The bundle with this digest, or None where it is not there or does not load."""
        files = self.files(digest)
        try:
            return None if files is None else parse_bundle(files)
        except BundleError:
            return None

    def _read(self) -> list[Mapping[str, bytes]]:
        try:
            below = sorted(self._folder.iterdir())
        except OSError:
            return []
        found: list[Mapping[str, bytes]] = []
        for folder in (self._folder, *below):
            if (folder / "bundle.toml").is_file():
                try:
                    found.append(read_folder(folder))
                except FolderError:
                    continue
        return found


def check_history(folder: Path | None) -> HistoryFolder | None:
    """The folder of earlier bundles, if one is named; raises `CannotRunError` where it is none."""
    if folder is None:
        return None
    if not folder.is_dir():
        raise CannotRunError(f"`{folder}` is no folder", "--history names a folder of earlier bundle folders")
    return HistoryFolder(folder)


def check_root(text: str | None) -> Digest | None:
    """The digest, if one is named; raises `CannotRunError` for anything else."""
    if text is None:
        return None
    if _DIGEST.match(text) is None:
        raise CannotRunError("--root is the digest of a bundle", "`caveat check BUNDLE` prints it")
    return Digest(text)
