"""What a statement of a certain kind says beside its facts: provenance, a legal process, an engagement.

Source: ADR-0021. Values here are well-formed; whether they hold for a use is asked in `binding`.
"""

import hmac
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from caveat.evidence.instants import Period, StatementParseError, read_period, render_time
from caveat.evidence.predicates import (
    LegalProcessModel,
    PeriodModel,
    ProvenanceModel,
    StandardModel,
    TargetModel,
)
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest, sha256

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Place:
    """A country by ISO 3166-1 alpha-2, and a part of it where one is named."""

    country: str
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the Data Provenance Standards 1.0.0 say of data, in their codes, and the legal basis.

    Carried and shown; no clause reads it: the facts of the registry are what decides.
    """

    title: str
    date: str
    basis: tuple[str, ...]
    generation_method: tuple[str, ...]
    intended_purpose: tuple[str, ...]
    classification: tuple[str, ...]
    origin_geography: tuple[Place, ...]
    privacy_enhancing: tuple[str, ...] = ()
    data_use: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    license: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LegalProcess:
    """A legal process over the persons or things that `selectors` name by digest, in a period.

    `selectors`: SHA-256 of each, or HMAC-SHA256 under `selector_key` where there is one. `general`: it names
    nobody, and holds for whatever the deployments of its audience do.
    """

    process: str
    authority: str
    selectors: frozenset[Digest]
    selector_key: bytes | None
    general: bool
    period: Period


@dataclass(frozen=True, slots=True)
class Engagement:
    """What the owner of targets authorises: hosts, networks and a period. `hosts` may begin with `*.`."""

    owner: str
    authorization: str
    target_class: str | None
    hosts: frozenset[str]
    networks: tuple[Network, ...]
    period: Period


def read_provenance(said: ProvenanceModel) -> Provenance:
    """The provenance that a statement of data carries."""
    return replace(read_standard(said.standard), basis=tuple(said.basis))


def read_standard(standard: StandardModel) -> Provenance:
    """The elements of the standard, without a legal basis, which it does not have."""
    return Provenance(
        title=standard.title,
        date=standard.date,
        basis=(),
        generation_method=tuple(standard.generation_method),
        intended_purpose=tuple(standard.intended_purpose),
        classification=tuple(standard.classification),
        origin_geography=tuple(Place(place.country, place.state) for place in standard.origin_geography),
        privacy_enhancing=tuple(standard.privacy_enhancing),
        data_use=tuple(standard.data_use),
        consents=tuple(standard.consents),
        license=tuple(standard.license),
    )


def selector(name: str, key: bytes | None) -> Digest:
    """How a legal process names a person or thing: by SHA-256, or by HMAC-SHA256 under its own key."""
    if key is None:
        return sha256(name.encode())
    return Digest(hmac.digest(key, name.encode(), "sha256").hex())


def _in_period(model: PeriodModel) -> Period:
    return read_period(model.begin, model.end, "predicate.period", "predicate.period")


def read_process(said: LegalProcessModel) -> LegalProcess:
    """The legal process that is attested; raises `StatementParseError`."""
    selectors = frozenset(Digest(one) for one in said.selectors)
    # Naming nobody has to be said, so that a forgotten list is never a licence for everything.
    if len(selectors) != len(said.selectors) or said.general == bool(selectors):
        raise StatementParseError("schema", "predicate.selectors")
    key = None if said.selector_key is None else bytes.fromhex(said.selector_key)
    return LegalProcess(said.process, said.authority, selectors, key, said.general, _in_period(said.period))


def read_engagement(said: TargetModel) -> Engagement:
    """The scope of engagement that is attested; raises `StatementParseError`."""
    try:
        networks = tuple(ip_network(text) for text in said.networks)
    except ValueError as error:
        raise StatementParseError("schema", "predicate.networks") from error
    if [str(network) for network in networks] != said.networks or not (networks or said.hosts):
        raise StatementParseError("schema", "predicate.networks")
    return Engagement(
        said.owner,
        said.authorization,
        said.target_class,
        frozenset(said.hosts),
        networks,
        _in_period(said.period),
    )


def _render_period(period: Period) -> JsonObject:
    return {"from": render_time(period.begin), "to": render_time(period.end)}


def render_process(process: LegalProcess) -> JsonObject:
    """Its members on the wire."""
    members: JsonObject = {
        "process": process.process,
        "authority": process.authority,
        "selectors": list[Json](sorted(process.selectors)),
        "general": process.general,
        "period": _render_period(process.period),
    }
    return (
        members if process.selector_key is None else {**members, "selector_key": process.selector_key.hex()}
    )


def render_engagement(engagement: Engagement) -> JsonObject:
    """Its members on the wire."""
    members: JsonObject = {
        "owner": engagement.owner,
        "authorization": engagement.authorization,
        "hosts": list[Json](sorted(engagement.hosts)),
        "networks": [str(network) for network in engagement.networks],
        "period": _render_period(engagement.period),
    }
    return members if engagement.target_class is None else {**members, "class": engagement.target_class}


def render_provenance(provenance: Provenance) -> JsonObject:
    """Its members on the wire."""
    places: list[Json] = []
    for place in provenance.origin_geography:
        named: JsonObject = {"country": place.country}
        places.append(named if place.state is None else {**named, "state": place.state})
    standard: JsonObject = {
        "title": provenance.title,
        "date": provenance.date,
        "generation_method": list(provenance.generation_method),
        "intended_purpose": list(provenance.intended_purpose),
        "classification": list(provenance.classification),
        "origin_geography": places,
    }
    for name, codes in (
        ("privacy_enhancing", provenance.privacy_enhancing),
        ("data_use", provenance.data_use),
        ("consents", provenance.consents),
        ("license", provenance.license),
    ):
        if codes:
            standard[name] = list(codes)
    return {"basis": list(provenance.basis), "standard": standard}
