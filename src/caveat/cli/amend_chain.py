"""`caveat amend propose|consent|show|seal|verify`: a change of a bundle, from a proposal to a whole chain."""

import json
from pathlib import Path

import click

from caveat.cli.amend_shown import document, held, report, say_head, say_uses
from caveat.cli.amending import amendment_files, amendment_path, check_history, check_root, draft_amendment
from caveat.cli.bundle import load_bundle
from caveat.cli.difference import difference_if_installed
from caveat.cli.exit import CannotRunError, because
from caveat.cli.keys import read_private_key
from caveat.policy.amendment import (
    MAX_BYTES,
    Amendment,
    AmendmentParseError,
    check_step,
    parse_amendment,
)
from caveat.policy.bundle import Bundle
from caveat.policy.chain import Chain, ChainError, History, Standing, adopted_chain, chain_to, last_sequence
from caveat.signing.canonical import JsonObject, StrictJsonError, parse_strict
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, UnverifiedEnvelope, render_envelope, sign_envelope

_FOLDER = click.Path(path_type=Path)
_JSON = "Print the report as JSON (docs/reference/amendments.md)."
_OLD = "The folder of the bundle that is replaced."
_NEW = "The folder of the bundle that follows."


@click.command("propose")
@click.argument("old", type=_FOLDER)
@click.argument("new", type=_FOLDER)
@click.option("--out", type=_FOLDER, required=True, help="File for the amendment, which is then signed.")
@click.option("--reason", default="", help="Why, for whoever reads it later.")
@click.option(
    "--diff", "diff_file", type=_FOLDER, help="The uses that it opens and closes, from `caveat diff --json`."
)
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def propose_command(
    old: Path, new: Path, out: Path, reason: str, diff_file: Path | None, *, as_json: bool
) -> int:
    """Write the amendment by which the bundle NEW follows OLD, and say whose consent it needs.

    It lists every part that changed, and the uses that it opens and closes: as --diff has them, else found
    here where the solver is installed. Nobody has signed it yet. Exit codes: 0 it is written, 2 it could not
    be.

    \b
    Example:
      caveat amend propose policies/mine policies/next --out change.json --reason "a lower limit"
    """
    before, after = load_bundle(old), load_bundle(new)
    if len(reason) > 4000:
        raise CannotRunError("--reason is longer than 4000 characters", "say it shorter")
    diff = _found_diff(before, after) if diff_file is None else _read_diff(diff_file)
    statement = draft_amendment(before, after, reason, diff)
    envelope = render_envelope(UnverifiedEnvelope(IN_TOTO, statement, ()))
    if len(envelope) > MAX_BYTES:
        raise CannotRunError("the amendment is larger than 2 MiB", "give a shorter one with --diff")
    _write_new(out, envelope)
    return report(check_step(parse_amendment(envelope, draft=True), before, after), as_json, asked=False)


@click.command("consent")
@click.argument("file", type=_FOLDER)
@click.option("--old", type=_FOLDER, required=True, help=_OLD)
@click.option("--new", type=_FOLDER, required=True, help=_NEW)
@click.option("--actor", required=True, help="The actor that signs, as the old `bundle.toml` names it.")
@click.option("--key", "key_file", type=_FOLDER, required=True, help="The actor's private key.")
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def consent_command(file: Path, old: Path, new: Path, actor: str, key_file: Path, *, as_json: bool) -> int:
    """Sign the amendment in FILE as one actor of the bundle that it replaces.

    It is compared with both bundles first: one that hides a change is not signed. Exit codes: 0 every consent
    is there, 1 some is missing, 2 it could not be signed.

    \b
    Example:
      caveat amend consent change.json --old mine --new next --actor provider --key provider.pem
    """
    before, after = load_bundle(old), load_bundle(new)
    amendment = _read(file)
    _check_honest(amendment, before, after)
    key = read_private_key(key_file)
    enrolled = before.manifest.actors.get(actor, after.manifest.actors.get(actor))
    if enrolled is None:
        raise CannotRunError(
            f"the bundle has no actor `{actor}`",
            f"its actors are {', '.join(sorted(before.manifest.actors))}",
        )
    if key.public() not in enrolled:
        raise CannotRunError(
            f"this key is not the one that `{actor}` has in the bundle that is replaced",
            "a new key is enrolled by an amendment that the old key signs",
        )
    own = parse_amendment(sign_envelope(amendment.envelope.payload, IN_TOTO, [key])).envelope.signatures
    others = [each for each in amendment.envelope.signatures if each.keyid != own[0].keyid]
    signed = render_envelope(UnverifiedEnvelope(IN_TOTO, amendment.envelope.payload, (*others, *own)))
    file.write_bytes(signed)
    return report(check_step(parse_amendment(signed), before, after), as_json)


@click.command("show")
@click.argument("file", type=_FOLDER)
@click.option("--old", type=_FOLDER, help=_OLD)
@click.option("--new", type=_FOLDER, help=_NEW)
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def show_command(file: Path, old: Path | None, new: Path | None, *, as_json: bool) -> int:
    """Show the amendment in FILE: what it changes, who has to sign, and, with both bundles, who has.

    Without the bundles nothing of it is verified. Exit codes: 0 shown (with both bundles: every consent is
    there), 1 some consent is missing or it does not hold, 2 it could not be read.

    \b
    Examples:
      caveat amend show change.json
      caveat amend show change.json --old policies/mine --new policies/next
    """
    amendment = _read(file)
    if (old is None) != (new is None):
        raise CannotRunError("--old and --new go together", "name both bundles, or none")
    if old is not None and new is not None:
        return report(check_step(amendment, load_bundle(old), load_bundle(new)), as_json)
    if as_json:
        click.echo(json.dumps(document(amendment), indent=2))
        return 0
    say_head(amendment)
    for row in amendment.changes:
        click.echo(f"  {row['kind']} {row['id']} was {row['action']}: needs {row['needs']}")
    say_uses(amendment)
    click.echo(f"  {len(amendment.envelope.signatures)} signatures, not verified without the bundles")
    return 0


@click.command("seal")
@click.argument("new", type=_FOLDER)
@click.argument("file", type=_FOLDER)
@click.option("--old", type=_FOLDER, required=True, help=_OLD)
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def seal_command(new: Path, file: Path, old: Path, *, as_json: bool) -> int:
    """Put the amendment in FILE into the bundle NEW, with those that led to the old one.

    Nothing is written while a consent is missing. Exit codes: 0 NEW may follow OLD, 1 a consent is missing, 2
    it could not be sealed.

    \b
    Example:
      caveat amend seal policies/next change.json --old policies/mine
    """
    before, after = load_bundle(old), load_bundle(new)
    amendment = _read(file)
    step = check_step(amendment, before, after)
    if not step.findings:
        try:
            for path, data in amendment_files(before, file.read_bytes()).items():
                (new / path).parent.mkdir(exist_ok=True)
                (new / path).write_bytes(data)
        except OSError as error:
            raise CannotRunError(
                f"`{new}` cannot be written: {because(error)}", "choose a folder that can"
            ) from error
        if not as_json:
            click.echo(f"sealed as `{new / amendment_path(amendment)}`")
    return report(step, as_json)


@click.command("verify")
@click.argument("bundle", type=_FOLDER)
@click.option(
    "--history", type=_FOLDER, required=True, help="A folder of earlier bundles, as DATA/ledger/bundles."
)
@click.option(
    "--root", metavar="DIGEST", help="The bundle that the chain begins from; without it, an adopted one."
)
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def verify_command(bundle: Path, history: Path, root: str | None, *, as_json: bool) -> int:
    """Verify the chain of amendments that leads to BUNDLE, offline.

    Exit codes: 0 it is whole and every change has its consent, 1 it is not, 2 it could not be verified.

    \b
    Examples:
      caveat amend verify policies/mine --history var/caveat/ledger/bundles
      caveat amend verify policies/mine --history old-bundles --root 5f2c…
    """
    loaded, pinned, folder = load_bundle(bundle), check_root(root), check_history(history)
    try:
        chain = _chain(loaded, pinned, folder.bundle if folder else lambda _digest: None)
    except ChainError as error:
        return _verified(loaded, None, error.findings, as_json)
    return _verified(loaded, chain, (), as_json)


def _chain(bundle: Bundle, root: Digest | None, history: History) -> Chain:
    if root is None or root == bundle.digest:
        return adopted_chain(bundle, history)
    first = history(root)
    if first is None:
        raise ChainError([f"the files of the root `{root[:16]}` are not in --history"])
    adopted_chain(first, history)
    return chain_to(bundle, Standing(root, last_sequence(first)), history)


def _verified(bundle: Bundle, chain: Chain | None, findings: tuple[str, ...], as_json: bool) -> int:
    steps = chain.steps if chain is not None else ()
    if as_json:
        shown = {
            "version": 1,
            "holds": chain is not None,
            "bundle": bundle.digest,
            "root": steps[0].amendment.old if steps else (bundle.digest if chain is not None else None),
            "amendments": [document(step.amendment) | held(step) for step in steps],
            "findings": list(findings),
        }
        click.echo(json.dumps(shown, indent=2))
        return 0 if chain is not None else 1
    for finding in findings:
        click.echo(f"✗ {finding}")
    if chain is None:
        click.echo(f"{bundle.manifest.name} {bundle.digest}: the chain does not hold")
        return 1
    for step in steps:
        say_head(step.amendment)
        click.echo(f"  signed by {', '.join(sorted(step.signers))}; {len(step.changes)} changes")
        say_uses(step.amendment)
    begins = f"{len(steps)} amendments from {steps[0].amendment.old[:16]}" if steps else "adopted as it is"
    click.echo(f"✓ {bundle.manifest.name} {bundle.digest}: {begins}")
    return 0


def _read(file: Path) -> Amendment:
    try:
        return parse_amendment(file.read_bytes(), draft=True)
    except OSError as error:
        raise CannotRunError(f"`{file}` cannot be read", "`caveat amend propose` writes one") from error
    except AmendmentParseError as error:
        raise CannotRunError(f"`{file}`: {error}", "`caveat amend propose` writes one") from error


def _found_diff(before: Bundle, after: Bundle) -> JsonObject | None:
    """What the change opens and closes; None, and said so, where nobody can tell here."""
    found = difference_if_installed(before, after)
    if found is None:
        click.echo(
            "without the solver it is not found which uses this opens: pip install 'caveat[analysis]'",
            err=True,
        )
        return None
    return found.render()


def _read_diff(file: Path) -> JsonObject:
    try:
        diff = parse_strict(file.read_bytes(), max_bytes=MAX_BYTES)
    except OSError as error:
        raise CannotRunError(
            f"`{file}` cannot be read", "docs/reference/amendments.md says what it holds"
        ) from error
    except StrictJsonError as error:
        raise CannotRunError(
            f"`{file}`: {error}", "docs/reference/amendments.md says what it holds"
        ) from error
    if not isinstance(diff, dict) or diff.get("version") != 1 or "newly_permitted" not in diff:
        raise CannotRunError(
            f"`{file}` is no diff of two bundles", "docs/reference/amendments.md says what it holds"
        )
    return diff


def _check_honest(amendment: Amendment, old: Bundle, new: Bundle) -> None:
    """Refuses to sign what does not say what it does. Missing consents are for others to give."""
    for finding in check_step(amendment, old, new).untrue:
        raise CannotRunError(
            f"this amendment is not signed: {finding}", "propose it again from the bundles as they are"
        )


def _write_new(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise CannotRunError(f"`{path}` exists already", "choose another --out") from error
    except OSError as error:
        raise CannotRunError(
            f"`{path}` cannot be written: {because(error)}", "choose another --out"
        ) from error
