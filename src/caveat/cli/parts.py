"""What `caveat attest data --parts` signs beside the file: a manifest of its rows or sentences."""

from pathlib import Path

import click
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from caveat.cli.exit import CannotRunError
from caveat.cli.extract import Extracted, extract
from caveat.evidence.lineage import MAX_EVENT_BYTES, LineageParseError, parse_lineage
from caveat.evidence.manifest import (
    MAX_MANIFEST_BYTES,
    Manifest,
    ManifestParseError,
    parse_manifest,
    rows_manifest,
    sentences_manifest,
)
from caveat.evidence.rows import SALT_BYTES
from caveat.evidence.sentences import normalise
from caveat.signing.digest import Digest
from caveat.signing.keys import PrivateKey


def manifest_for(
    files: tuple[Path, ...], parts: Path, columns: str | None, key: PrivateKey, *, anchors: bool
) -> Manifest:
    """The manifest of the one file, written to `parts`, or found there and checked to be of this very data.

    Raises `CannotRunError`; nothing is written then.
    """
    if len(files) != 1:
        raise CannotRunError("--parts is of one file", "attest each file by itself")
    extracted = extract(files[0])
    found = _read(parts) if parts.exists() else None
    named = tuple(name.strip() for name in columns.split(",")) if columns is not None else None
    made = _made(extracted, named, _salt(key), found, anchors=anchors)
    if found is None:
        parts.write_bytes(made.render())
    elif found != made:
        raise CannotRunError(f"`{parts}` is the manifest of other data or columns", "name another file")
    return made


def _made(
    extracted: Extracted,
    columns: tuple[str, ...] | None,
    salt: bytes,
    found: Manifest | None,
    *,
    anchors: bool,
) -> Manifest:
    try:
        if extracted.rows:
            if found is not None and found.kind == "rows":
                # Another issuer attests the same manifest: its salt and columns are the first issuer's.
                salt, columns = found.salt, columns or found.columns
            return rows_manifest(extracted.rows, columns or extracted.rows[0].columns, salt)
        anchored = anchors if found is None else bool(found.anchors)
        return sentences_manifest(normalise(extracted.text), anchors=anchored)
    except ManifestParseError as error:
        raise CannotRunError(f"nothing to attest: {error}", "see docs/reference/parts.md") from error


def _read(parts: Path) -> Manifest:
    try:
        with parts.open("rb") as opened:
            return parse_manifest(opened.read(MAX_MANIFEST_BYTES + 1))
    except ManifestParseError as error:
        raise CannotRunError(f"`{parts}`: {error}", "name a file that is new, or a manifest") from error


def _salt(key: PrivateKey) -> bytes:
    """A salt that only the issuer can make, the same for all its manifests: one lookup serves them all."""
    derivation = HKDF(hashes.SHA256(), SALT_BYTES, salt=None, info=b"caveat manifest salt")
    return derivation.derive(key.pem())


def show_lineage(file: Path) -> Digest:
    """Shows what an OpenLineage event says, on standard error, and returns the digest that is signed."""
    with file.open("rb") as opened:
        data = opened.read(MAX_EVENT_BYTES + 1)
    try:
        event = parse_lineage(data)
    except LineageParseError as error:
        raise CannotRunError(f"`{file.name}`: {error}", "it must be a RunEvent or a DatasetEvent") from error
    click.echo(f"countersigning the OpenLineage event {event.digest}", err=True)
    click.echo(f"  {event.event_time} by {event.producer}{f', job {event.job}' * bool(event.job)}", err=True)
    for one in event.datasets:
        facets = f" with {', '.join(one.facets)}" if one.facets else ""
        click.echo(f"  {one.role} {one.namespace} {one.name}{facets}", err=True)
    return event.digest
