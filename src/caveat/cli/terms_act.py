"""`caveat terms offer`, `counter`, `accept`, `refuse`: an act, signed by its party and recorded."""

from pathlib import Path

import click

from caveat.cli.exit import CannotRunError
from caveat.cli.negotiation import (
    DoesNotHoldError,
    at_the_edge,
    known_parties,
    load_terms,
    now,
    parse_error,
    parties_to_begin,
    party_key,
    record_act,
    say_recorded,
    say_refused,
    signing_options,
)
from caveat.negotiation.act import Act, ActKind, sign_act
from caveat.negotiation.errors import ActParseError
from caveat.negotiation.folder import Opened, read_negotiation
from caveat.negotiation.parties import Parties
from caveat.negotiation.protocol import Recorded
from caveat.signing.digest import Digest
from caveat.signing.keys import PrivateKey


@click.command("offer")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--to", multiple=True, required=True, metavar="PARTY", help="To whom; repeatable.")
@click.option("--id", "name", help="Of the negotiation and its log, with the first offer.")
@click.option(
    "--parties",
    "parties_file",
    type=click.Path(path_type=Path),
    help="Parties and their public keys (TOML), with the first offer.  [default: the bundle's actors]",
)
@signing_options
def offer_command(
    folder: Path,
    bundle: Path,
    to: tuple[str, ...],
    name: str | None,
    parties_file: Path | None,
    party: str,
    key_file: Path,
    log_key: Path | None,
    out: Path | None,
    note: str,
    *,
    as_json: bool,
) -> int:
    """Offer the terms in the folder BUNDLE, a draft included, in the negotiation FOLDER.

    The first offer begins the negotiation: it pins the parties' keys, over which every act is signed. Exit
    codes: 0 recorded, 1 refused by a rule, 2 it could not be run.

    \b
    Examples:
      caveat terms offer talks draft --as provider --to customer --key provider.pem --log-key log.pem \\
        --id example.org/terms-1 --parties parties.toml
      caveat terms offer talks ours --as customer --to provider --key customer.pem --log-key log.pem
    """
    try:
        parties = parties_to_begin(folder, load_terms(bundle), name, parties_file)
        terms = load_terms(bundle, parties)
        key = party_key(parties, party, key_file)
        act = Act(
            ActKind.OFFER, parties.negotiation, parties.digest, party, to, terms.digest, None, note, now()
        )
        recorded = record_act(
            folder, parties, _signed(act, key), (terms.digest, terms.files), log_key=log_key, out=out
        )
    except DoesNotHoldError as error:
        return say_refused(error, as_json=as_json, member="recorded")
    return say_recorded(recorded, out, as_json=as_json)


@click.command("counter")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--answers", metavar="RECORD", help="The offer that it answers.  [default: the one that stands]"
)
@click.option("--to", multiple=True, metavar="PARTY", help="Further parties; repeatable.")
@signing_options
def counter_command(
    folder: Path,
    bundle: Path,
    answers: str | None,
    to: tuple[str, ...],
    party: str,
    key_file: Path,
    log_key: Path | None,
    out: Path | None,
    note: str,
    *,
    as_json: bool,
) -> int:
    """Answer an offer with other terms: those in the folder BUNDLE. It replaces the offer that it answers.

    Exit codes: 0 recorded, 1 refused by a rule, 2 it could not be run.

    \b
    Examples:
      caveat terms counter talks ours --as customer --key customer.pem --log-key log.pem
      caveat terms counter talks theirs --as provider --key provider.pem --out counter.dsse.json
    """
    try:
        parties, opened, key = _answering(folder, party, key_file)
        terms = load_terms(bundle, parties)
        offer = _offer(opened, party, answers)
        recipients = tuple(dict.fromkeys((offer.act.party, *to)))
        act = _act(ActKind.COUNTER, parties, party, recipients, terms.digest, offer, note)
        recorded = record_act(
            folder, parties, _signed(act, key), (terms.digest, terms.files), log_key=log_key, out=out
        )
    except DoesNotHoldError as error:
        return say_refused(error, as_json=as_json, member="recorded")
    return say_recorded(recorded, out, as_json=as_json)


@click.command("accept")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--answers", metavar="RECORD", help="The offer to accept.  [default: the one that stands]")
@signing_options
def accept_command(
    folder: Path,
    answers: str | None,
    party: str,
    key_file: Path,
    log_key: Path | None,
    out: Path | None,
    note: str,
    *,
    as_json: bool,
) -> int:
    """Accept an offer that stands for the party. It puts no bundle in force: `caveat amend` does.

    Exit codes: 0 recorded, 1 refused by a rule (as one's own offer, or one that is closed), 2 it could not
    be run.

    \b
    Examples:
      caveat terms accept talks --as customer --key customer.pem --log-key log.pem
      caveat terms accept talks --as provider --key provider.pem --log-key log.pem \\
        --answers 1-0123456789abcdef
    """
    return _answer(ActKind.ACCEPT, folder, answers, party, key_file, log_key, out, note, as_json=as_json)


@click.command("refuse")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--answers", metavar="RECORD", help="The offer to refuse.  [default: the one that stands]")
@signing_options
def refuse_command(
    folder: Path,
    answers: str | None,
    party: str,
    key_file: Path,
    log_key: Path | None,
    out: Path | None,
    note: str,
    *,
    as_json: bool,
) -> int:
    """Refuse an offer that stands for the party.

    Exit codes: 0 recorded, 1 refused by a rule, 2 it could not be run.

    \b
    Examples:
      caveat terms refuse talks --as provider --key provider.pem --log-key log.pem \\
        --note "not without clause 4"
      caveat terms refuse talks --as customer --key customer.pem --out refusal.dsse.json
    """
    return _answer(ActKind.REFUSE, folder, answers, party, key_file, log_key, out, note, as_json=as_json)


def _answer(
    kind: ActKind,
    folder: Path,
    answers: str | None,
    party: str,
    key_file: Path,
    log_key: Path | None,
    out: Path | None,
    note: str,
    *,
    as_json: bool,
) -> int:
    try:
        parties, opened, key = _answering(folder, party, key_file)
        offer = _offer(opened, party, answers)
        act = _act(kind, parties, party, (offer.act.party,), offer.act.terms, offer, note)
        with at_the_edge():
            files = opened.files(offer.act.terms)
        recorded = record_act(
            folder, parties, _signed(act, key), (offer.act.terms, files), log_key=log_key, out=out
        )
    except DoesNotHoldError as error:
        return say_refused(error, as_json=as_json, member="recorded")
    return say_recorded(recorded, out, as_json=as_json)


def _answering(folder: Path, party: str, key_file: Path) -> tuple[Parties, Opened, PrivateKey]:
    parties = known_parties(folder)
    key = party_key(parties, party, key_file)
    with at_the_edge():
        return parties, read_negotiation(folder), key


def _offer(opened: Opened, party: str, answers: str | None) -> Recorded:
    """The offer that is meant; whether it may be answered is for the protocol to say."""
    if answers is not None:
        found = opened.negotiation.find(answers)
        if found is None:
            raise DoesNotHoldError("no_such_offer", "the log holds no such offer")
        return found
    waiting = opened.negotiation.open_offers(party)
    if len(waiting) != 1:
        listed = ", ".join(recorded.id for recorded in waiting)
        raise CannotRunError(
            f"{len(waiting) or 'no'} offers stand for `{party}` to answer",
            f"name one with --answers: {listed}"
            if waiting
            else "`caveat terms show FOLDER` shows what stands",
        )
    return waiting[0]


def _act(
    kind: ActKind,
    parties: Parties,
    party: str,
    to: tuple[str, ...],
    terms: Digest,
    offer: Recorded,
    note: str,
) -> Act:
    return Act(kind, parties.negotiation, parties.digest, party, to, terms, offer.hash, note, now())


def _signed(act: Act, key: PrivateKey) -> bytes:
    try:
        return sign_act(act, key)
    except ActParseError as error:
        raise parse_error(error) from error
