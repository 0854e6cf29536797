"""What the verbs of `caveat terms` share: reading keys and parties, recording an act, describing it."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
import orjson

from caveat.cli.bundle import load_bundle
from caveat.cli.exit import CannotRunError
from caveat.cli.keys import read_private_key
from caveat.evidence.trust import TrustError, parse_trust
from caveat.ledger.errors import LedgerError
from caveat.ledger.record import TermsRecord, render_time
from caveat.negotiation.act import render_check
from caveat.negotiation.document import Document, Grade
from caveat.negotiation.errors import (
    ActParseError,
    BrokenLogError,
    NegotiationError,
    PartiesParseError,
    RefusedActError,
    Rule,
)
from caveat.negotiation.folder import append, read_parties
from caveat.negotiation.parties import Parties, make_parties, parse_party_keys
from caveat.negotiation.protocol import Recorded
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest
from caveat.signing.keys import PrivateKey, PublicKey
from caveat.signing.note import NoteKey, NoteParseError, parse_note_key

_MAX_FILE_BYTES = 64 * 1024
_Command = TypeVar("_Command", bound=Callable[..., int])


class DoesNotHoldError(Exception):
    """What was asked does not hold: exit code 1. `code`: a rule or flaw of `docs/reference/terms.md`."""

    def __init__(self, code: str, message: str) -> None:
        """`message`: lower case, one line."""
        super().__init__(message)
        self.code = code


@contextmanager
def at_the_edge() -> Generator[None]:
    """Turns errors of the room into the command line's: a broken rule or log is `DoesNotHoldError`."""
    try:
        yield
    except RefusedActError as error:
        raise DoesNotHoldError(error.code.value, str(error)) from error
    except BrokenLogError as error:
        raise DoesNotHoldError("broken_log", str(error)) from error
    except (NegotiationError, LedgerError) as error:
        hint = error.hint or "`caveat terms show FOLDER` shows the negotiation as it stands"
        raise CannotRunError(str(error), hint) from error


def say_refused(error: DoesNotHoldError, *, as_json: bool, member: str) -> int:
    """Prints what does not hold; always 1."""
    if as_json:
        print_json({"version": 1, member: False, "refused": {"code": error.code, "text": str(error)}})
    else:
        click.echo(f"✗ {error.code}: {error}")
    return 1


def print_json(document: Mapping[str, object]) -> None:
    """One document on standard output."""
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def signing_options(command: _Command) -> _Command:
    """The options of every verb that makes an act."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/terms.md)."),
        click.option("--note", default="", help="A sentence for people, signed with the act."),
        click.option(
            "--out",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Only sign: write the act here, for whoever keeps the log to import.",
        ),
        click.option(
            "--log-key", type=click.Path(path_type=Path), help="Private key of the log: record the act."
        ),
        click.option(
            "--key",
            "key_file",
            type=click.Path(path_type=Path),
            required=True,
            help="The party's private key.",
        ),
        click.option("--as", "party", required=True, metavar="PARTY", help="Who acts."),
    ):
        command = option(command)
    return command


def now() -> str:
    """The moment, as records write it."""
    return render_time(datetime.now(UTC))


def party_key(parties: Parties, party: str, file: Path) -> PrivateKey:
    """The private key of a party, if it is one that is pinned for it; raises `DoesNotHoldError` otherwise."""
    key = read_private_key(file)
    enrolled = parties.keys.get(party)
    if enrolled is None:
        raise CannotRunError(f"`{party}` is no party", f"the parties are {', '.join(parties.keys)}")
    if key.public() not in enrolled:
        raise DoesNotHoldError(Rule.NOT_SIGNED.value, f"this key is not pinned for `{party}`")
    return key


def known_parties(folder: Path) -> Parties:
    """The parties of the negotiation in the folder; raises `CannotRunError` where there is none."""
    with at_the_edge():
        parties = read_parties(folder)
    if parties is None:
        raise CannotRunError(
            f"`{folder}` holds no negotiation",
            "`caveat terms offer` with --id begins one, with the first offer",
        )
    return parties


def parties_to_begin(folder: Path, bundle: Bundle, name: str | None, file: Path | None) -> Parties:
    """The parties of an offer: the folder's, a parties file's, or the bundle's actors that have keys."""
    with at_the_edge():
        found = read_parties(folder)
        if found is not None:
            if name not in (None, found.negotiation):
                raise CannotRunError(
                    f"the folder holds the negotiation `{found.negotiation}`", "leave --id away"
                )
            if file is not None and read_party_keys(file) != dict(found.keys):
                raise CannotRunError("the negotiation has other parties or keys", "leave --parties away")
            return found
        if name is None:
            raise CannotRunError(
                "a first offer begins a negotiation", "name it with --id, as example.org/terms-1"
            )
        actors = bundle.manifest.actors
        keys = {actor: own for actor, own in actors.items() if own} if file is None else read_party_keys(file)
        return make_parties(name, keys)


def read_party_keys(file: Path) -> dict[str, frozenset[PublicKey]]:
    """The keys in a parties file; raises `CannotRunError`."""
    try:
        return parse_party_keys(read_capped(file, _MAX_FILE_BYTES))
    except PartiesParseError as error:
        raise CannotRunError(str(error), "docs/reference/terms.md shows its form") from error


def read_capped(file: Path, limit: int) -> bytes:
    """The bytes of a file of at most `limit`; raises `CannotRunError`."""
    with file.open("rb") as opened:
        data = opened.read(limit + 1)
    if len(data) > limit:
        raise CannotRunError(f"`{file}` is larger than {limit:,} bytes", "name another file")
    return data


def read_verifier(text: str) -> NoteKey:
    """A log's verifier key, as `name+hash+key` or in a file; raises `CannotRunError`."""
    path = Path(text)
    line = (
        read_capped(path, _MAX_FILE_BYTES).decode(errors="replace")
        if "+" not in text or path.is_file()
        else text
    )
    try:
        return parse_note_key(line.removesuffix("\n"))
    except NoteParseError as error:
        raise CannotRunError(f"--key: {error}", "pass the log's `log.pub`, or its text") from error


def load_terms(folder: Path, parties: Parties | None = None) -> Bundle:
    """The bundle to offer, a draft included. A key of a party must not be an issuer's in its `trust.toml`."""
    bundle = load_bundle(folder)
    try:
        issuers = parse_trust(bundle.files["trust.toml"]).keys.values()
    except TrustError as error:
        raise CannotRunError(str(error), f"`caveat check {folder}` lists every finding") from error
    shared = next((name for key in issuers if parties and (name := parties.owner(key))), None)
    if shared is not None:
        raise DoesNotHoldError(
            Rule.KEY_REUSED.value, f"a key of `{shared}` also attests facts in these terms"
        )
    return bundle


def record_act(
    folder: Path,
    parties: Parties,
    envelope: bytes,
    kept: tuple[Digest, Mapping[str, bytes]],
    *,
    log_key: Path | None,
    out: Path | None,
) -> Recorded | None:
    """Records a signed act, or writes it to `out` for the log's keeper; None where it was only written.

    `kept`: digest and files of what the act speaks of.
    """
    if (log_key is None) == (out is None):
        raise CannotRunError(
            "name --log-key to record the act, or --out to only sign it", "whoever keeps the log has its key"
        )
    if out is not None:
        out.write_bytes(envelope)
        return None
    key = read_private_key(log_key or Path())
    with at_the_edge():
        return append(folder, parties, key, TermsRecord(now(), kept[0], envelope.decode()), kept[1])


def say_recorded(recorded: Recorded | None, out: Path | None, *, as_json: bool) -> int:
    """Prints what was recorded, or where the signed act was written; always 0."""
    if recorded is None:
        if as_json:
            print_json({"version": 1, "recorded": False, "out": str(out)})
        else:
            click.echo(f"signed, not recorded: wrote {out}; `caveat terms import FOLDER {out}` records it")
        return 0
    if as_json:
        print_json({"version": 1, "recorded": True, "act": describe(recorded)})
        return 0
    act = recorded.act
    to = f" to {', '.join(act.to)}" if act.to else ""
    click.echo(f"✓ recorded {recorded.id}: {act.kind.value} by {act.party}{to}")
    noun = "terms" if act.document is None else "document"
    click.echo(f"  {noun} {act.terms}")
    if act.document is not None:
        show_document(act.document)
    return 0


def describe(recorded: Recorded) -> JsonObject:
    """An act as JSON shows it."""
    act = recorded.act
    to: list[Json] = list(act.to)
    return {
        "record": recorded.id,
        "act": act.kind.value,
        "party": act.party,
        "to": to,
        "terms": act.terms,
        "answers": act.answers,
        "note": act.note,
        "signed": act.time,
        "recorded": recorded.time,
        "document": None if act.document is None else describe_document(act.document),
    }


def describe_document(document: Document) -> JsonObject:
    """An imported document as JSON shows it."""
    checks: list[Json] = [render_check(check) for check in document.checks]
    attachments: list[Json] = [
        {"sha256": part.digest, "bytes": part.bytes, "media": part.media, "grade": part.grade.value}
        for part in document.attachments
    ]
    return {
        "grade": document.grade.value,
        "media": document.media,
        "bytes": document.bytes,
        "author": document.author,
        "date": document.date,
        "message_id": document.message_id,
        "checks": checks,
        "attachments": attachments,
    }


def show_document(document: Document) -> None:
    """An imported document in lines for people. What it says of itself is escaped."""
    proof = "no proof: nobody's pinned key vouches for it" if document.grade is Grade.CLAIMED else "checked"
    click.echo(f"  {document.grade.value} ({proof})")
    if document.author or document.date:
        click.echo(f"  says of itself: from {document.author!a}, dated {document.date!a}")
    for check in document.checks:
        covers = f", covers {', '.join(check.covers)}" if check.covers else ""
        click.echo(
            f"  {check.kind.value}: {check.outcome.value} ({check.reason}){covers}  {check.by}".rstrip()
        )
    for part in document.attachments:
        click.echo(f"  attachment {part.digest} {part.media} {part.bytes:,} bytes, {part.grade.value}")


def parse_error(error: ActParseError) -> CannotRunError:
    """An act that could not be written or read."""
    return CannotRunError(str(error), error.hint or "let its party sign it anew")
