"""`caveat terms import`: what happened elsewhere, put on the record with the proof that it brings."""

from pathlib import Path

import click
from cryptography.x509 import Certificate

from caveat.cli.exit import CannotRunError
from caveat.cli.negotiation import (
    DoesNotHoldError,
    at_the_edge,
    describe_document,
    known_parties,
    load_terms,
    now,
    parse_error,
    party_key,
    print_json,
    read_capped,
    record_act,
    say_recorded,
    say_refused,
    show_document,
)
from caveat.negotiation.act import Act, ActKind, is_act, sign_act, verify_act
from caveat.negotiation.cms import MAX_SIGNATURE_BYTES, parse_certificate
from caveat.negotiation.dkim_signature import DkimKeys, resolve_in_dns
from caveat.negotiation.document import Document, Grade
from caveat.negotiation.errors import ActParseError, DocumentError
from caveat.negotiation.folder import read_negotiation
from caveat.negotiation.importing import Pins, import_document
from caveat.negotiation.mail import MAX_MAIL_BYTES
from caveat.negotiation.parties import Parties
from caveat.negotiation.timestamp import MAX_TOKEN_BYTES
from caveat.signing.digest import Digest, sha256

_MAX_PIN_BYTES = 64 * 1024


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "party", metavar="PARTY", help="Who imports the document, and signs what was checked.")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="That party's private key.")
@click.option("--log-key", type=click.Path(path_type=Path), help="Private key of the log: record the act.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Only sign: write the act here.")
@click.option(
    "--terms", type=click.Path(path_type=Path), help="The bundle of an offer that was signed elsewhere."
)
@click.option(
    "--dkim-key",
    "dkim_keys",
    multiple=True,
    metavar="NAME=FILE",
    help="Pinned key record of SELECTOR._domainkey.DOMAIN; repeatable.",
)
@click.option("--dns", is_flag=True, help="Ask the DNS for key records that are not pinned.")
@click.option(
    "--certificate",
    "certificates",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Pinned certificate for S/MIME: the signer's or its issuer's; repeatable.",
)
@click.option("--signature", type=click.Path(path_type=Path), help="Detached CMS signature over FILE.")
@click.option("--timestamp", type=click.Path(path_type=Path), help="RFC 3161 response over FILE.")
@click.option(
    "--tsa-certificate",
    "tsa",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Pinned certificate of the time-stamping authority; repeatable.",
)
@click.option("--require-proof", is_flag=True, help="Record nothing unless it is attested.")
@click.option("--note", default="", help="A sentence for people, signed with the act.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/terms.md).")
def import_command(
    folder: Path,
    file: Path,
    party: str | None,
    key_file: Path | None,
    log_key: Path | None,
    out: Path | None,
    terms: Path | None,
    dkim_keys: tuple[str, ...],
    certificates: tuple[Path, ...],
    signature: Path | None,
    timestamp: Path | None,
    tsa: tuple[Path, ...],
    note: str,
    *,
    dns: bool,
    require_proof: bool,
    as_json: bool,
) -> int:
    """Put FILE on the record of FOLDER: an act that its party signed elsewhere, a mail, or another document.

    A mail or document is `attested` only where a check against a pinned key passes; else it is `claimed`.
    One whose signature fails is not recorded. Exit codes: 0 recorded, 1 refused or not proof, 2 it could not
    be run.

    \b
    Examples:
      caveat terms import talks accept.dsse.json --log-key log.pem
      caveat terms import talks counter.dsse.json --terms theirs --log-key log.pem
      caveat terms import talks offer.eml --as customer --key customer.pem --log-key log.pem \\
        --dkim-key mail._domainkey.provider.example=provider-dkim.txt --require-proof
      caveat terms import talks page.md --as provider --key provider.pem --log-key log.pem \\
        --timestamp page.tsr --tsa-certificate tsa.pem
    """
    parties = known_parties(folder)
    raw = read_capped(file, MAX_MAIL_BYTES)
    try:
        if is_act(raw):
            kept = _kept_for(raw, folder, parties, terms)
            recorded = record_act(folder, parties, raw, kept, log_key=log_key, out=out)
            return say_recorded(recorded, out, as_json=as_json)
        if party is None or key_file is None:
            raise CannotRunError(
                "a document is imported by a party", "name it with --as, and its private key with --key"
            )
        key = party_key(parties, party, key_file)
        pins = Pins(
            DkimKeys(dict(map(_dkim_key, dkim_keys)), resolve_in_dns if dns else None),
            tuple(map(_certificate, certificates)),
            tuple(map(_certificate, tsa)),
        )
        detached = None if signature is None else read_capped(signature, MAX_SIGNATURE_BYTES)
        stamp = None if timestamp is None else read_capped(timestamp, MAX_TOKEN_BYTES)
        try:
            with at_the_edge():
                imported = import_document(raw, pins, signature=detached, timestamp=stamp)
        except CannotRunError as error:
            if isinstance(error.__cause__, DocumentError):
                raise DoesNotHoldError(error.__cause__.code, str(error)) from error
            raise
        document = imported.document
        if document.altered or (require_proof and document.grade is not Grade.ATTESTED):
            return _say_no_proof(document, as_json=as_json)
        digest = sha256(raw)
        act = Act(
            ActKind.IMPORTED,
            parties.negotiation,
            parties.digest,
            party,
            (),
            digest,
            None,
            note,
            now(),
            document,
        )
        try:
            envelope = sign_act(act, key)
        except ActParseError as error:
            raise parse_error(error) from error
        recorded = record_act(folder, parties, envelope, (act.kept, imported.files), log_key=log_key, out=out)
    except DoesNotHoldError as error:
        return say_refused(error, as_json=as_json, member="recorded")
    return say_recorded(recorded, out, as_json=as_json)


def _kept_for(
    raw: bytes, folder: Path, parties: Parties, terms: Path | None
) -> tuple[Digest, dict[str, bytes]]:
    """What an act that was signed elsewhere speaks of: the bundle given, or terms that are kept already."""
    try:
        with at_the_edge():
            act = verify_act(raw, parties)
    except CannotRunError as error:
        raise DoesNotHoldError("not_an_act", str(error)) from error
    if act.document is not None:
        raise CannotRunError(
            "an import was signed elsewhere, without its document", "import the document here"
        )
    if terms is not None:
        bundle = load_terms(terms, parties)
        if bundle.digest != act.terms:
            raise DoesNotHoldError("other_files", "the bundle is not the one that the act speaks of")
        return act.terms, dict(bundle.files)
    if act.puts_terms:
        raise CannotRunError("the act puts terms that are not here", "name their bundle with --terms")
    with at_the_edge():
        return act.terms, dict(read_negotiation(folder).files(act.terms))


def _say_no_proof(document: Document, *, as_json: bool) -> int:
    failed = next((check for check in document.checks if check.outcome.value == "failed"), None)
    code = "no_proof" if failed is None else failed.reason
    if as_json:
        print_json(
            {
                "version": 1,
                "recorded": False,
                "refused": {"code": code, "text": "the document proves nothing; it was not recorded"},
                "document": describe_document(document),
            }
        )
        return 1
    click.echo(f"✗ {code}: the document proves nothing; it was not recorded")
    show_document(document)
    return 1


def _dkim_key(text: str) -> tuple[str, bytes]:
    name, _, file = text.partition("=")
    if "._domainkey." not in name or not file:
        raise CannotRunError(
            "--dkim-key names no record and file",
            "write SELECTOR._domainkey.DOMAIN=FILE, FILE holding the record",
        )
    return name.lower().rstrip("."), read_capped(Path(file), _MAX_PIN_BYTES).strip()


def _certificate(file: Path) -> Certificate:
    with at_the_edge():
        return parse_certificate(read_capped(file, _MAX_PIN_BYTES))
