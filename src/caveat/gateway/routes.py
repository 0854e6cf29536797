"""Which upstreams stand behind which model name: the file of routes, read strictly. Pure.

Guarantees: one reading and one digest for one meaning; no key in it, only the names of the environment's
variables that hold them; an unknown member or a missing key is an error, never a default.
Source: `docs/how-to/route-to-several-upstreams.md`, ADR-0016.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.gateway.upstream import UpstreamConfig
from caveat.signing.canonical import Json, JsonObject, canonical
from caveat.signing.digest import Digest, sha256

Protocol: TypeAlias = Literal["openai", "azure", "anthropic"]
URL_PATTERN = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}\Z")
_MODEL = r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$"


class RoutesError(ValueError):
    """The file of routes may not be used; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Target:
    """One upstream for one alias. `name`: what callers and operators see of it, empty for the one upstream.

    `model`: the name that the upstream knows; None where it is the alias. `protocol`: what the upstream
    speaks; None where it is whatever the caller speaks.
    """

    name: str
    config: UpstreamConfig
    model: str | None = None
    protocol: Protocol | None = None
    api_version: str = ""
    retries: int = 0

    def speaks(self, protocol: str) -> bool:
        """Whether it can take a call of this protocol. Azure is OpenAI at other paths."""
        family = "openai" if protocol == "azure" else protocol
        return self.protocol is None or ("openai" if self.protocol == "azure" else self.protocol) == family


@dataclass(frozen=True, slots=True)
class Routes:
    """Targets by alias, in the order in which they are tried; `aliases` is None for one upstream for all."""

    aliases: Mapping[str, tuple[Target, ...]] | None
    every: tuple[Target, ...]
    digest: Digest


class _TargetModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    url: Annotated[str, Field(pattern=URL_PATTERN)]
    protocol: Protocol
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.:_-]{0,63}$")] | None = None
    model: Annotated[str, Field(pattern=_MODEL)] | None = None
    api_version: Annotated[str, Field(pattern=r"^[0-9A-Za-z.-]{1,32}$")] | None = None
    key_env: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,63}$")] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=3600, strict=False)] = 120.0
    retries: Annotated[int, Field(ge=0, le=5)] = 0


class _RoutesModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    version: Literal[1]
    routes: Annotated[dict[str, Annotated[list[_TargetModel], Field(min_length=1)]], Field(min_length=1)]


def single_route(config: UpstreamConfig) -> Routes:
    """Every model at one upstream, in the protocol of the caller, without another attempt."""
    digest = sha256(canonical({"version": 1, "upstream": config.url}))
    return Routes(None, (Target("", config),), digest)


def parse_routes(data: bytes, environment: Mapping[str, str]) -> Routes:
    """The routes in a file; raises `RoutesError`."""
    try:
        model = _RoutesModel.model_validate(tomllib.loads(data.decode()))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise RoutesError(f"`{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}") from error
    except ValueError as error:
        raise RoutesError("it is no TOML in UTF-8") from error
    aliases: dict[str, tuple[Target, ...]] = {}
    for alias, entries in model.routes.items():
        if _ALIAS.match(alias) is None:
            raise RoutesError("an alias is a name of at most 128 letters, digits and `._:/@+-`")
        aliases[alias] = tuple(_target(alias, entry, environment) for entry in entries)
    every = tuple(target for targets in aliases.values() for target in targets)
    return Routes(MappingProxyType(aliases), every, sha256(canonical(_meaning(model))))


def _target(alias: str, entry: _TargetModel, environment: Mapping[str, str]) -> Target:
    key = None
    if entry.key_env is not None:
        key = environment.get(entry.key_env)
        if not key:
            raise RoutesError(f"alias `{alias}`: the environment has no `{entry.key_env}`")
    if (entry.protocol == "azure") != (entry.api_version is not None):
        raise RoutesError(f"alias `{alias}`: `api_version` stands with the protocol `azure`, and only there")
    config = UpstreamConfig(entry.url, key, first_byte_seconds=entry.timeout_seconds)
    name = entry.name or _host(entry.url)
    return Target(name, config, entry.model, entry.protocol, entry.api_version or "", entry.retries)


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _meaning(model: _RoutesModel) -> JsonObject:
    """What the file says, apart from its spelling."""
    return {
        "version": 1,
        "routes": {alias: [_entry(e) for e in entries] for alias, entries in model.routes.items()},
    }


def _entry(entry: _TargetModel) -> Json:
    # Canonical JSON has no fractions: milliseconds.
    timeout = round(entry.timeout_seconds * 1000)
    return {**entry.model_dump(exclude={"timeout_seconds"}), "timeout_ms": timeout}
