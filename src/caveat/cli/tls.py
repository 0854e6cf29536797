"""The files of TLS that `caveat serve` is told of, each read or refused with one clear line."""

from pathlib import Path

from caveat.cli.exit import CannotRunError, because
from caveat.gateway.identity.certificates import Authorities, AuthoritiesError
from caveat.service.tls import ServerTls
from caveat.signing.svid import MAX_PEM_BYTES


def open_tls(certificate: Path | None, key: Path | None) -> ServerTls | None:
    """TLS with these files, or none where there are none; raises `CannotRunError`."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise CannotRunError("--tls-cert and --tls-key go together", "give both, as PEM files")
    try:
        return ServerTls(certificate, key)
    except OSError as error:  # a certificate that does not fit its key is an `ssl.SSLError`, which is one
        raise CannotRunError(
            f"TLS cannot be served with `{certificate}` and `{key}`: {(error.strerror or '').lower()}",
            "name a PEM file with the chain, and one with its key without a passphrase",
        ) from error


def open_authorities(file: Path | None, tls: ServerTls | None) -> Authorities:
    """The certificates in `file`; raises `CannotRunError`."""
    if file is None:
        return Authorities()
    if tls is None:
        raise CannotRunError("--client-ca needs TLS", "give --tls-cert and --tls-key too")
    try:
        with file.open("rb") as opened:
            return Authorities(opened.read(MAX_PEM_BYTES + 1))
    except OSError as error:
        raise CannotRunError(f"`{file}` cannot be read: {because(error)}", "check --client-ca") from error
    except AuthoritiesError as error:
        raise CannotRunError(f"`{file}`: {error}", "name the file whose digest is `ca_digest`") from error
