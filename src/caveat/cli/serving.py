"""A gateway in the foreground: a socket, a service over its folders, and serving until it is told to stop."""

import contextlib
import errno
import signal
import socket
from pathlib import Path

import uvicorn

from caveat.cli.amending import HistoryFolder
from caveat.cli.exit import CannotRunError
from caveat.cli.serve_files import KEY_HINT
from caveat.gateway.identity.certificates import Authorities
from caveat.gateway.identity.sign_in import Provider
from caveat.gateway.law import LawError
from caveat.gateway.logs import make_logger
from caveat.gateway.routes import Routes
from caveat.gateway.tracing import NO_TRACE, Tracing
from caveat.gateway.upstream import UpstreamConfig
from caveat.ledger.errors import LedgerError
from caveat.monitors.keys import SubjectKeys
from caveat.service.config import ServiceConfig
from caveat.service.log_keys import DataFolderError
from caveat.service.notify_config import NotifyConfig
from caveat.service.opening import open_service
from caveat.service.service import Service
from caveat.service.subject_keys import SubjectKeyError
from caveat.service.tls import ServerTls
from caveat.service.watch import WatchConfig
from caveat.signing.digest import Digest
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder

_SHOWN = 3


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, taken before anything slow or lasting happens; raises `CannotRunError`."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotRunError(f"`{host}` is no address of this machine", "use --host 127.0.0.1") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            message, hint = f"port {port} is taken", "name another with --port, or --port 0 for a free one"
        elif error.errno == errno.EACCES:
            message, hint = f"port {port} may not be used by this account", "name one above 1023 with --port"
        else:
            message, hint = f"`{host}` is no address of this machine", "use --host 127.0.0.1"
        raise CannotRunError(message, hint) from error
    return listening


def open_or_explain(
    bundle: Path,
    data: Path,
    endpoint: UpstreamConfig | Routes,
    log_level: str = "info",
    tracing: Tracing = NO_TRACE,
    *,
    watch: WatchConfig | None = None,
    beyond_loopback: bool = False,
    tls: ServerTls | None = None,
    authorities: Authorities | None = None,
    root: Digest | None = None,
    history: Path | None = None,
    notify: NotifyConfig | None = None,
    sign_in: Provider | None = None,
    subject_keys: SubjectKeys | None = None,
) -> Service:
    """A gateway over these folders; raises `CannotRunError` with one line for whatever stands in the way."""
    log = make_logger(level=log_level)
    try:
        return open_service(
            ServiceConfig(
                lambda: read_folder(bundle),
                data,
                endpoint,
                log,
                tracing=tracing,
                beyond_loopback=beyond_loopback,
                tls=tls,
                authorities=authorities or Authorities(),
                root=root,
                history=(lambda _digest: None) if history is None else HistoryFolder(history).files,
                watch=watch or WatchConfig(),
                notify=notify,
                sign_in=sign_in,
                subject_keys=subject_keys,
            )
        )
    except FolderError as error:
        raise CannotRunError(str(error), "--bundle names the folder that holds `bundle.toml`") from error
    except LawError as error:
        more = f" (and {len(error.findings) - _SHOWN} more)" if len(error.findings) > _SHOWN else ""
        raise CannotRunError(
            f"the bundle may not be served: {'; '.join(error.findings[:_SHOWN])}{more}",
            f"`caveat check --signed {bundle}` lists what it lacks; `caveat amend --help` says how",
        ) from error
    except SubjectKeyError as error:
        raise CannotRunError(str(error), KEY_HINT) from error
    except DataFolderError as error:
        raise CannotRunError(
            str(error), "--data names a folder that this account may write, on a disk with space"
        ) from error
    except LedgerError as error:
        raise CannotRunError(str(error), error.hint) from error


def serve(service: Service, listening: socket.socket) -> None:
    """Serves on this socket until the process is told to stop; then answers what has begun and closes.

    The server repeats the signal that stopped it once it is done. By then there is nothing left to stop, and
    whoever called still has a model to end.
    """
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda _number, _frame: None)
    server = uvicorn.Server(service.uvicorn_config())
    with contextlib.suppress(SystemExit):  # of a server whose application did not start: said below
        server.run(sockets=[listening])
    if service.start_fault is not None:
        raise CannotRunError(service.start_fault.message, service.start_fault.hint)
    if not server.started:
        raise CannotRunError("the gateway could not start", "the log above names the cause")
