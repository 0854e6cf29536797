"""`caveat keys enrol`: from the file that the console's enrolment page gives to rows of `trust.toml`."""

from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from caveat.cli.exit import CannotRunError
from caveat.evidence.enrolment import MAX_BYTES, Enrolment, EnrolmentError, parse_made, verify_made

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_MAX_ROOTS_BYTES = 1024 * 1024


@click.command("enrol")
@click.argument("file", type=_FILE)
@click.option("--role", required=True, help="The role that the person may approve in.")
@click.option("--line", required=True, help="Whom the person answers to; nobody approves their own line's.")
@click.option("--party", required=True, help="Whose overseer it is: provider or customer.")
@click.option("--caller", "callers", multiple=True, help="What the person's own calls are known by. Repeat.")
@click.option("--attestation-root", "root", type=_FILE, help="The maker's root certificates, in PEM form.")
@click.option("--unattested", is_flag=True, help="Take one whose maker is not proved.")
def enrol_command(
    file: Path,
    role: str,
    line: str,
    party: str,
    callers: tuple[str, ...],
    root: Path | None,
    *,
    unattested: bool,
) -> int:
    """Check the passkey in the enrolment FILE, and print its rows for `trust.toml`.

    Everything is read again from what the authenticator signed. Compare the key id with the person by
    another way than the file came. Exit codes: 0 the rows are printed, 1 the file enrols no passkey, 2 it
    could not be read.

    \b
    Examples:
      caveat keys enrol frida.json --role officer --line records --party customer --attestation-root maker.pem
      caveat keys enrol frida.json --role officer --line records --party customer --unattested
    """
    try:
        enrolment = verify_made(parse_made(file.read_bytes()[: MAX_BYTES + 1]), _roots(root))
    except ImportError as error:
        raise CannotRunError(
            "checking a passkey needs a library that is not installed", "pip install 'caveat[console]'"
        ) from error
    except EnrolmentError as error:
        click.echo(f"caveat keys: {error}", err=True)
        click.echo("hint: have the person make it again at /console/enrol", err=True)
        return 1
    if enrolment.attestation != "verified" and not unattested:
        why = {
            "none": "the authenticator says nothing of its maker",
            "self": "the key alone vouches for itself, and nothing for its maker",
            "unrooted": "its certificate leads to no root that --attestation-root names",
        }[enrolment.attestation]
        click.echo(f"caveat keys: {why}", err=True)
        click.echo(
            "hint: name the maker's root certificate, or say --unattested where `oversight.toml` allows it",
            err=True,
        )
        return 1
    click.echo(_rows(enrolment, role, line, party, callers))
    synced = "may be on several devices" if enrolment.synced else "stays on its authenticator"
    click.echo(f"keyid {enrolment.key.keyid}; the key {synced}", err=True)
    return 0


def _roots(file: Path | None) -> tuple[bytes, ...]:
    if file is None:
        return ()
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes()[:_MAX_ROOTS_BYTES])
    except ValueError as error:
        raise CannotRunError(f"`{file}` holds no certificate", "write them in PEM form") from error
    return tuple(one.public_bytes(Encoding.DER) for one in found)


def _rows(enrolment: Enrolment, role: str, line: str, party: str, callers: tuple[str, ...]) -> str:
    """The rows. What is quoted has no character that TOML would read as more than itself."""
    made = enrolment.made
    for text in (role, line, party, made.rp_id, made.origin, *callers):
        if not text.isascii() or not text.isprintable() or '"' in text or "\\" in text:
            raise CannotRunError("a value has characters that no id has", "use letters, digits and `._:@/+-`")
    attestation = "verified" if enrolment.attestation == "verified" else "none"
    return "\n".join(
        (
            f'[issuers."{made.person}"]',
            f'role = "{role}"',
            f'party = "{party}"',
            f'key = "{enrolment.key.render()}"',
            'purpose = "approval"',
            'namespaces = ["*"]',
            "max_age_seconds = 3600",
            "max_lifetime_seconds = 3600",
            f'[issuers."{made.person}".overseer]',
            f'person = "{made.person}"',
            f'line = "{line}"',
            f"callers = [{', '.join(f'{chr(34)}{one}{chr(34)}' for one in callers)}]",
            f'[issuers."{made.person}".overseer.passkey]',
            f'credential = "{enrolment.credential}"',
            f'rp_id = "{made.rp_id}"',
            f'origin = "{made.origin}"',
            f'aaguid = "{enrolment.aaguid}"',
            f'attestation = "{attestation}"',
        )
    )
