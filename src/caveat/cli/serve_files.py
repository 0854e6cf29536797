"""The files that `caveat serve` is told of, each read or refused with one line and a page to look at."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from caveat.cli.exit import CannotRunError
from caveat.gateway.identity.sign_in import Provider
from caveat.gateway.routes import Routes, RoutesError, parse_routes
from caveat.monitors.keys import ChainKeys, SubjectKeys
from caveat.service.console_config import ConsoleConfigError, parse_console
from caveat.service.log_keys import DataFolderError
from caveat.service.notify_config import NotifyConfig, NotifyError, parse_notify
from caveat.service.subject_keys import (
    VARIABLE,
    SubjectKeyError,
    development_chain,
    open_keys,
    read_chain_descriptor,
)

KEY_HINT = "docs/how-to/hold-the-key-of-the-monitors.md says who holds the chain, and what to do without it"
_Told = TypeVar("_Told")


def read_routes(path: Path) -> Routes:
    """The upstreams in this file; raises `CannotRunError`."""
    return _read(
        "--routes",
        path,
        parse_routes,
        RoutesError,
        "the routes may not be used",
        "route-to-several-upstreams.md",
    )


def read_notify(path: Path) -> NotifyConfig:
    """Who is told of what, by this file; raises `CannotRunError`."""
    return _read(
        "--notify", path, parse_notify, NotifyError, "nobody can be told by this file", "be-notified.md"
    )


def read_console(path: Path) -> Provider:
    """Where people sign in beside passkeys, by this file; raises `CannotRunError`."""
    return _read(
        "--console",
        path,
        parse_console,
        ConsoleConfigError,
        "nobody can sign in by this file",
        "use-the-console.md",
    )


def _read(
    option: str,
    path: Path,
    parse: Callable[[bytes, Mapping[str, str]], _Told],
    bad: type[ValueError],
    why: str,
    page: str,
) -> _Told:
    try:
        return parse(path.read_bytes(), os.environ)
    except OSError as error:
        raise CannotRunError(f"{option} names no file that can be read", "name a TOML file") from error
    except bad as error:
        raise CannotRunError(f"{why}: {error}", f"docs/how-to/{page} has an example") from error


def subject_keys(given: str | None, data: Path, *, development: bool) -> SubjectKeys | None:
    """The second party's chain; none where nobody gives one. A development world has one of its own."""
    descriptor = os.environ.get(VARIABLE)
    try:
        if given is not None:
            return open_keys(given, data)
        if descriptor is not None:
            return ChainKeys(read_chain_descriptor(descriptor))
        return ChainKeys(development_chain(data / "development")) if development else None
    except (SubjectKeyError, DataFolderError) as error:
        raise CannotRunError(str(error), KEY_HINT) from error
