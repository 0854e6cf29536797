"""`caveat attest`: sign facts about exactly these bytes, towards these deployments, for some time."""

import base64
import hashlib
import re
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from caveat.cli.bundle import load_bundle
from caveat.cli.duration import parse_duration
from caveat.cli.exit import CannotRunError, because
from caveat.cli.keys import read_private_key
from caveat.cli.parts import manifest_for, show_lineage
from caveat.evidence.statement import (
    FactValue,
    Scope,
    Statement,
    StatementParseError,
    Subject,
    mint_envelope,
)
from caveat.facts.registry import FactSpec, FactType, Registry
from caveat.facts.value import Interval
from caveat.signing.canonical import CanonicalError, Json, StrictJsonError, parse_strict
from caveat.signing.digest import Digest

HEADER = "x-caveat-evidence"
_FACTS = "facts.toml of the bundle declares the facts and their values"
_FACT = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)\Z", re.DOTALL)


@click.group("attest")
def attest_command() -> None:
    """Sign facts about data."""


@attest_command.command("data")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path), required=True, help="Private key in PEM form."
)
@click.option("--issuer", required=True, help="The issuer's id in trust.toml.")
@click.option("--audience", multiple=True, required=True, help="Deployment that may rely on it; repeatable.")
@click.option("--fact", "facts", multiple=True, required=True, metavar="NAME=VALUE", help="Repeatable.")
@click.option("--expires-in", default="30d", show_default=True, help="Lifetime: a number with s, m, h or d.")
@click.option("--single-use", is_flag=True, help="Good for one action only.")
@click.option("--source", help="Lineage root, under which totals over time are kept.")
@click.option("--id-column", help="The column that identifies persons.")
@click.option("--each", multiple=True, metavar="NAME", help="Fact that is true of every record; repeatable.")
@click.option(
    "--parts", type=click.Path(path_type=Path), help="Manifest of rows or sentences: written, or read again."
)
@click.option("--columns", help="Of a table, these columns alone, in this order: `id,place`.")
@click.option("--no-anchors", is_flag=True, help="Unmarked quotes of the document are not noticed.")
@click.option(
    "--openlineage", type=click.Path(path_type=Path), help="Countersign this OpenLineage event; it is shown."
)
@click.option("--namespace", help="Put before each file's name in the subject, with a `/`.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Type the facts by this bundle's registry.")
@click.option(
    "--out", default="-", show_default=True, help="File for the envelope, or - for standard output."
)
@click.option("--header", is_flag=True, help=f"Write the value of the header {HEADER} instead of JSON.")
def data_command(
    files: tuple[Path, ...],
    key_file: Path,
    issuer: str,
    audience: tuple[str, ...],
    facts: tuple[str, ...],
    expires_in: str,
    source: str | None,
    id_column: str | None,
    each: tuple[str, ...],
    parts: Path | None,
    columns: str | None,
    openlineage: Path | None,
    namespace: str | None,
    bundle: Path | None,
    out: str,
    *,
    single_use: bool,
    no_anchors: bool,
    header: bool,
) -> int:
    """Attest facts of the bytes of each of the FILES. One byte more or less, and it does not count.

    With --parts also of its rows (CSV, TSV, JSONL, JSON, Parquet) or sentences (text, PDF, DOCX): a selection
    keeps the facts named by --each. The file of --parts goes to the gateway beside the envelope; where it is
    there already, it is checked against the data and attested as it is.

    A VALUE is JSON (`40`, `true`, `["none"]`) or a bare word; words with commas are a set, and a comma at
    the end makes a set of one. With --bundle, each value is read as the registry declares the fact.

    \b
    Examples:
      caveat attest data devices.csv --key owner.pem --issuer agency-data-owner \\
        --audience analytics-desk --fact acquisition_channel=first_party \\
        --fact data_category=precise_geolocation, --fact subject_count=999 --out devices.dsse.json
      caveat attest data devices.csv --key owner.pem --issuer agency-data-owner \\
        --audience analytics-desk --fact subject_count=999 --single-use --header
      caveat attest data devices.parquet --key owner.pem --issuer agency-data-owner \\
        --audience analytics-desk --fact acquisition_channel=first_party --each acquisition_channel \\
        --parts devices.manifest --out devices.dsse.json
    """
    registry = None if bundle is None else load_bundle(bundle).registry
    now = datetime.now(UTC).replace(microsecond=0)
    key = read_private_key(key_file)
    said = facts_of(facts, registry)
    if unknown := sorted(set(each) - said.keys()):
        raise CannotRunError(
            f"`--each {unknown[0]}` names no fact that is attested", "give it with --fact too"
        )
    subjects = [subject_of(file, namespace) for file in files]
    if parts is not None:
        manifest = manifest_for(files, parts, columns, key, anchors=not no_anchors)
        subjects.append(Subject(_named(f"{files[0].name}/{manifest.kind}", namespace), manifest.digest))
    if openlineage is not None:
        subjects.append(Subject(_named(openlineage.name, namespace), show_lineage(openlineage)))
    statement = Statement(
        issuer=issuer,
        subjects=tuple(subjects),
        facts=said,
        audience=audience,
        issued_at=now,
        expires_at=now + parse_duration("--expires-in", expires_in),
        id=secrets.token_hex(16),
        single_use=single_use,
        source=source,
        id_column=id_column,
        scope=dict.fromkeys(each, Scope.EACH),
    )
    try:
        envelope = mint_envelope(statement, [key])
    except (StatementParseError, CanonicalError) as error:
        raise CannotRunError(
            f"nobody would accept this: {error}", "ids and names have ASCII letters, digits and `._:@/+-`"
        ) from error
    write_out(out, header_value(envelope) if header else envelope)
    return 0


def subject_of(file: Path, namespace: str | None) -> Subject:
    """The bytes of a file as a subject in the namespace; raises `CannotRunError`."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as opened:
            while chunk := opened.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise CannotRunError(f"`{file}` cannot be read: {because(error)}", "check the path") from error
    return Subject(_named(file.name, namespace), Digest(digest.hexdigest()))


def _named(name: str, namespace: str | None) -> str:
    return name if namespace is None else f"{namespace.rstrip('/')}/{name}"


def facts_of(entries: tuple[str, ...], registry: Registry | None) -> dict[str, FactValue]:
    """The facts in entries NAME=VALUE, typed by the registry where there is one; raises `CannotRunError`."""
    facts: dict[str, FactValue] = {}
    for entry in entries:
        found = _FACT.match(entry)
        if found is None:
            raise CannotRunError(
                "`--fact` is written NAME=VALUE", "for example acquisition_channel=first_party"
            )
        name, text = found[1], found[2]
        if name in facts:
            raise CannotRunError(f"fact `{name}` is given twice", "give one value for each fact")
        if registry is None:
            facts[name] = _plain_value(name, text)
        elif name in registry.facts:
            facts[name] = _registered_value(registry.facts[name], text)
        else:
            raise CannotRunError(f"the bundle's registry declares no fact `{name}`", _FACTS)
    return facts


def _plain_value(name: str, text: str) -> FactValue:
    value = _json(text)
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        text = value
    elif isinstance(value, list):
        return frozenset(item if isinstance(item, str) else _refuse_value(name) for item in value)
    elif value is not None:
        _refuse_value(name)
    elif "," in text:
        return frozenset(word.strip() for word in text.split(",") if word.strip())
    return text


def _refuse_value(name: str) -> str:
    raise CannotRunError(f"fact `{name}`: a value is a word, a set of words, an integer or a Boolean", _FACTS)


def _registered_value(spec: FactSpec, text: str) -> FactValue:
    value = _json(text)
    if spec.type is FactType.SET and not isinstance(value, list):
        value = list[Json]([word.strip() for word in text.split(",") if word.strip()])
    elif spec.type is FactType.ENUM and not isinstance(value, str):
        value = text
    typed = spec.parse(value)
    if typed is None or isinstance(typed, Interval):
        raise CannotRunError(
            f"fact `{spec.name}`: not a value of the bundle's registry",
            f"one of: {', '.join(spec.values)}" if spec.values else f"its type is {spec.type.value}",
        )
    return typed


def _json(text: str) -> Json:
    try:
        return parse_strict(text.encode(errors="replace"), max_bytes=1 << 16, max_depth=2)
    except StrictJsonError:
        return None  # a bare word


def header_value(envelope: bytes) -> bytes:
    """The envelope as one entry of the header, and a line end."""
    return base64.urlsafe_b64encode(envelope).rstrip(b"=") + b"\n"


def write_out(out: str, data: bytes) -> None:
    """Writes to the file, or to standard output for `-`; raises `CannotRunError`."""
    if out == "-":
        sys.stdout.buffer.write(data if data.endswith(b"\n") else data + b"\n")
        sys.stdout.buffer.flush()
        return
    try:
        Path(out).write_bytes(data)
    except OSError as error:
        raise CannotRunError(
            f"`{out}` cannot be written: {because(error)}", "choose another --out"
        ) from error
