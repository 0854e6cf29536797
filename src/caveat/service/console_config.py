"""How people sign in at the console beside passkeys: the operator's file, read strictly.

It says where the organisation's sign-in is. Whose word counts stands in the signed bundle: the issuer's keys
in `deployments.toml`, and who is who in `trust.toml`. No secret stands here, only where it is.
Source: `docs/how-to/use-the-console.md`, ADR-0044.
"""

import tomllib
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.gateway.identity.sign_in import Provider

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ConsoleConfigError(ValueError):
    """The file may not be used; the message says why, in one line, and repeats no secret."""


_Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$", max_length=2048)]


class _SignInModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    issuer: Annotated[str, Field(pattern=r"^[!-~]{1,512}$")]
    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
    authorization_url: _Url
    token_url: _Url
    client_id: Annotated[str, Field(pattern=r"^[!-~]{1,256}$")]
    secret_env: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,63}$")] | None = None
    scope: Annotated[str, Field(pattern=r"^[!#-\[\]-~ ]{1,256}$")] = "openid"
    end_session_url: _Url | None = None


class _ConsoleModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    version: Literal[1]
    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+$", max_length=512)]
    sign_in: _SignInModel


def parse_console(data: bytes, environment: Mapping[str, str]) -> Provider:
    """The organisation's sign-in in a file; raises `ConsoleConfigError`."""
    try:
        model = _ConsoleModel.model_validate(tomllib.loads(data.decode()))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ConsoleConfigError(f"`{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}") from error
    except ValueError as error:
        raise ConsoleConfigError("it is no TOML in UTF-8") from error
    said = model.sign_in
    for name, url in (
        ("url", model.url),
        ("sign_in.authorization_url", said.authorization_url),
        ("sign_in.token_url", said.token_url),
        ("sign_in.end_session_url", said.end_session_url),
    ):
        if url is not None and not _is_safe(url):
            raise ConsoleConfigError(f"`{name}`: plain HTTP goes to this machine alone; write https://")
    if "openid" not in said.scope.split():
        raise ConsoleConfigError("`sign_in.scope` has the word `openid`")
    secret = "" if said.secret_env is None else environment.get(said.secret_env, "")
    if said.secret_env is not None and not secret:
        raise ConsoleConfigError(f"the environment has no `{said.secret_env}`")
    return Provider(
        said.issuer,
        said.name,
        said.authorization_url,
        said.token_url,
        said.client_id,
        model.url,
        secret,
        said.scope,
        said.end_session_url or "",
    )


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK
