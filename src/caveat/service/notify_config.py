"""Who is told of what: the operator's file, read strictly. No secret stands in it, only where it is.

Source: `docs/how-to/be-notified.md`, ADR-0041.
"""

import base64
import binascii
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.oversight.notices import Event

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_MIN_SECRET_BYTES, _MAX_SECRET_BYTES = 24, 64
_PREFIX = "whsec_"


class NotifyError(ValueError):
    """The file may not be used; the message says why, in one line, and repeats no secret."""


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """Where events are posted. `secret`: shared with the receiver."""

    url: str
    secret: bytes
    format: Literal["standard", "ocsf"]
    events: frozenset[Event]


@dataclass(frozen=True, slots=True)
class MailConfig:
    """Through which server to whom."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    user: str
    password: str
    sender: str
    recipients: tuple[str, ...]
    events: frozenset[Event]


@dataclass(frozen=True, slots=True)
class SiemConfig:
    """Which file gets OCSF events, a line each."""

    file: Path
    events: frozenset[Event]


@dataclass(frozen=True, slots=True)
class NotifyConfig:
    """All of it. `link`: where the gateway is reached by whoever is told; empty for no link."""

    link: str
    webhook: WebhookConfig | None = None
    email: MailConfig | None = None
    siem: SiemConfig | None = None


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    events: list[str] | None = None

    def chosen(self) -> frozenset[Event]:
        """The events that are named, or all; raises `NotifyError`."""
        if self.events is None:
            return frozenset(Event)
        unknown = sorted(set(self.events) - set(Event))
        if unknown:
            raise NotifyError(f"there is no event `{unknown[0]}`; events are {', '.join(Event)}")
        return frozenset(Event(one) for one in self.events)


_Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,63}$")]
_Address = Annotated[str, Field(pattern=r"^[^@\s<>,;]{1,64}@[A-Za-z0-9.-]{1,253}$")]


class _WebhookModel(_Model):
    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/\S*)?$")]
    secret_env: _Variable
    format: Literal["standard", "ocsf"] = "standard"


class _MailModel(_Model):
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_env: _Variable | None = None
    sender: _Address
    recipients: Annotated[list[_Address], Field(min_length=1, max_length=50)]


class _SiemModel(_Model):
    file: Annotated[str, Field(min_length=1)]


class _NotifyModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    version: Literal[1]
    link: Annotated[str, Field(pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$")] = ""
    webhook: _WebhookModel | None = None
    email: _MailModel | None = None
    siem: _SiemModel | None = None


def parse_notify(data: bytes, environment: Mapping[str, str]) -> NotifyConfig:
    """The configuration in a file; raises `NotifyError`."""
    try:
        model = _NotifyModel.model_validate(tomllib.loads(data.decode()))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise NotifyError(f"`{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}") from error
    except ValueError as error:
        raise NotifyError("it is no TOML in UTF-8") from error
    found = NotifyConfig(
        model.link.rstrip("/"),
        None if model.webhook is None else _webhook(model.webhook, environment),
        None if model.email is None else _mail(model.email, environment),
        None if model.siem is None else SiemConfig(Path(model.siem.file), model.siem.chosen()),
    )
    if found.webhook is None and found.email is None and found.siem is None:
        raise NotifyError("it names nobody to tell: `webhook`, `email` or `siem`")
    return found


def _webhook(model: _WebhookModel, environment: Mapping[str, str]) -> WebhookConfig:
    parts = urlsplit(model.url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise NotifyError("`webhook.url`: plain HTTP goes to this machine alone; write https://")
    secret = _from(environment, model.secret_env).removeprefix(_PREFIX)
    try:
        key = base64.b64decode(secret, validate=True)
    except binascii.Error as error:
        raise NotifyError(f"`{model.secret_env}` is not `whsec_` and base64") from error
    if not _MIN_SECRET_BYTES <= len(key) <= _MAX_SECRET_BYTES:
        raise NotifyError(f"`{model.secret_env}` has {_MIN_SECRET_BYTES} to {_MAX_SECRET_BYTES} bytes")
    return WebhookConfig(model.url, key, model.format, model.chosen())


def _mail(model: _MailModel, environment: Mapping[str, str]) -> MailConfig:
    if model.tls == "none" and model.host not in _LOOPBACK:
        raise NotifyError("`email.tls`: without TLS mail goes to this machine alone")
    if bool(model.user) != (model.password_env is not None):
        raise NotifyError("`email.user` and `email.password_env` stand together")
    password = "" if model.password_env is None else _from(environment, model.password_env)
    return MailConfig(
        model.host,
        model.port,
        model.tls,
        model.user,
        password,
        model.sender,
        tuple(model.recipients),
        model.chosen(),
    )


def _from(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise NotifyError(f"the environment has no `{name}`")
    return value
