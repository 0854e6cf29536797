"""`caveat evidence put` and `list`: bring evidence to a gateway, and see what a data folder holds."""

import http.client
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import click

from caveat.cli.data_folder import check_data_folder
from caveat.cli.exit import CannotRunError
from caveat.evidence.manifest import MAX_MANIFEST_BYTES, MEDIA_TYPE
from caveat.evidence.recognition import Recognition, recognise
from caveat.signing.canonical import Json
from caveat.signing.digest import sha256
from caveat.store.errors import EvidenceStoreError
from caveat.store.evidence import SqliteEvidenceStore
from caveat.store.manifests import SqliteManifestStore

_ANSWER_SECONDS = 120.0
API_KEY = "CAVEAT_API_KEY"


@click.command("put")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--gateway", required=True, help="Base URL of the gateway.")
def put_command(files: tuple[Path, ...], gateway: str) -> int:
    """Upload envelopes and manifests, the envelopes first.

    The API key of a deployment is read from the environment variable CAVEAT_API_KEY. Exit codes: 0 all is
    stored, 1 the gateway refused one, 2 it could not be asked.

    \b
    Example:
      CAVEAT_API_KEY=... caveat evidence put devices.dsse.json devices.manifest --gateway http://127.0.0.1:8700
    """
    api_key = os.environ.get(API_KEY)
    if not api_key:
        raise CannotRunError(f"the environment has no `{API_KEY}`", "it is the key of any deployment")
    contents = {file: file.read_bytes() for file in files}
    stored = True
    for file in sorted(files, key=lambda one: _is_manifest(contents[one])):
        data = contents[file]
        status, body = _post(gateway, data, MEDIA_TYPE if _is_manifest(data) else "application/json", api_key)
        if status == 201:
            click.echo(f"✓ {file.name}: {body.get('manifest', body.get('envelope'))}")
            continue
        stored = False
        error = body.get("error")
        said = error if isinstance(error, dict) else {}
        click.echo(f"✗ {file.name}: {said.get('code', status)}: {said.get('message', 'no reason given')}")
    return 0 if stored else 1


def _is_manifest(data: bytes) -> bool:
    return b'"root":' in data.partition(b"\n")[0] and b'"payload"' not in data[:4096]


def _post(gateway: str, data: bytes, media_type: str, api_key: str) -> tuple[int, dict[str, Json]]:
    place = urlsplit(gateway)
    secure = place.scheme == "https"
    make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = make(place.hostname or "", place.port, timeout=_ANSWER_SECONDS)
    headers = {"authorization": f"Bearer {api_key}", "content-type": media_type}
    try:
        connection.request("POST", f"{place.path.rstrip('/')}/v1/evidence", data, headers)
        response = connection.getresponse()
        body: Json = json.loads(response.read(1 << 20) or b"{}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CannotRunError(f"no gateway answers at `{gateway}`", "check address and port") from error
    finally:
        connection.close()
    return response.status, body if isinstance(body, dict) else {}


@click.command("list")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Data folder of the gateway.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/parts.md).")
def list_command(files: tuple[Path, ...], data: Path, *, as_json: bool) -> int:
    """List the manifests in a data folder; of each of the FILES, what is known again of it.

    Exit codes: 0 everything in the files is covered by evidence in the store (whether it counts for a use,
    the gateway decides), 1 something is not, 2 the folder could not be read.

    \b
    Examples:
      caveat evidence list --data var/caveat
      caveat evidence list selection.csv --data var/caveat
    """
    check_data_folder(data)
    paths = [data / "evidence.sqlite3", data / "manifests.sqlite3"]
    for path in paths:
        if not path.is_file():
            raise CannotRunError(
                f"`{data}` holds no `{path.name}`", "name the folder of `caveat serve --data`"
            )
    try:
        envelopes, manifests = SqliteEvidenceStore(paths[0]), SqliteManifestStore(paths[1])
        found = [_lookup(file, envelopes, manifests) for file in files]
        listed: list[Json] = [
            {
                "manifest": one.digest,
                "n": one.n,
                "key": one.issuer,
                "statements": len(envelopes.get([one.digest])),
            }
            for one in manifests.listed()
        ]
        envelopes.close()
        manifests.close()
    except EvidenceStoreError as error:
        raise CannotRunError(str(error), "is it the folder of a gateway?") from error
    document: dict[str, Json] = {"version": 1, "manifests": listed, "files": list[Json](found)}
    click.echo(json.dumps(document) if as_json else _text(document))
    return 0 if all(one["covered"] for one in found) else 1


def _lookup(file: Path, envelopes: SqliteEvidenceStore, manifests: SqliteManifestStore) -> dict[str, Json]:
    with file.open("rb") as opened:
        content = opened.read(MAX_MANIFEST_BYTES)
    whole = len(envelopes.get([sha256(content)]))
    again = recognise(content, manifests) or Recognition((), frozenset(), frozenset(), "")
    return {
        "file": file.name,
        "statements": whole,
        "covered": whole > 0 or (bool(again.pieces) and again.covered),
        "exact": list[Json](sorted(again.exact)),
        "touched": list[Json](sorted(again.touched)),
    }


def _text(document: dict[str, Json]) -> str:
    lines = [
        f"{one['manifest']}  {one['n']} leaves, {one['statements']} statements"
        for one in _rows(document["manifests"])
    ]
    for one in _rows(document["files"]):
        mark, word = ("✓", "covered") if one["covered"] else ("✗", "not covered")
        lines.append(f"{mark} {one['file']}: {word}, {one['statements']} statements of the whole")
        touched, exact = one["touched"], one["exact"]
        if isinstance(touched, list) and isinstance(exact, list):
            lines += [f"    {'all' if name in exact else 'some'} of {name}" for name in touched]
    return "\n".join(lines) or "no manifests"


def _rows(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
