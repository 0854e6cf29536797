"""A development copy of a policy bundle: the same law, every key fresh.

Whoever tries a bundle out holds none of its parties' keys, and must not. `make_world` keeps clauses, red
lines and the fact registry byte for byte and replaces what keys stand for: the actors who sign, the issuers
who attest, the deployments that ask. It is pure but for the seeds that `draw` gives.

A development world proves nothing about who signed what: anyone who made it can sign anything in it.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import tomli_w

from caveat.assay.errors import WorldError
from caveat.facts.registry import FactSpec, RegistryError, parse_registry
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.policy.deployments import REGISTRATION
from caveat.policy.signatures import sign_adoption
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed

_YEAR_SECONDS = 31_536_000
_HOUR_SECONDS = 3_600
Table = dict[str, object]


@dataclass(frozen=True, slots=True)
class Issuer:
    """One enrolled issuer of the world, with its private key."""

    id: str
    role: str
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class World:
    """A signed bundle and every key in it.

    `issuers`: by role. `own`: issuers whose key belongs to a deployment, by deployment and role: what they
    attest about their own requests is self-attestation. `api_keys`: by deployment. `actors`: who signed.
    `overseers`: by approver role, as many persons as it takes, each of a line of their own.
    """

    files: Mapping[str, bytes]
    digest: Digest
    issuers: Mapping[str, Issuer]
    own: Mapping[tuple[str, str], Issuer]
    api_keys: Mapping[str, str]
    actors: Mapping[str, PrivateKey]
    overseers: Mapping[str, tuple[Issuer, ...]]


def registry_of(files: Mapping[str, bytes]) -> Mapping[str, FactSpec]:
    """The facts that `facts.toml` declares; raises `WorldError`."""
    try:
        return parse_registry(_table(_toml(files, "facts.toml"), "facts")).facts
    except RegistryError as error:
        raise WorldError(error.findings) from error


def issuer_roles(registry: Mapping[str, FactSpec]) -> tuple[str, ...]:
    """Every role that may attest some fact, in the order of the alphabet."""
    return tuple(sorted({role for spec in registry.values() for role in spec.attested_by} - {REGISTRATION}))


def workflows_of(files: Mapping[str, bytes]) -> Table:
    """The workflows that any deployment of the bundle registers, by name."""
    found: Table = {}
    for table in _own_deployments(files).values():
        found |= _table(table, "workflows") if "workflows" in table else {}
    return found


def make_world(
    files: Mapping[str, bytes],
    draw: Callable[[], bytes],
    *,
    deployments: Mapping[str, Mapping[str, object]] | None = None,
    own_roles: Mapping[str, tuple[str, ...]] | None = None,
    people: int = 1,
) -> World:
    """The development copy of the bundle in `files`, which may be an edited draft that nobody signed.

    `draw` gives 32 secret bytes at each call. `deployments`: tables as in `deployments.toml`, by id, without
    keys; None keeps the deployments of the bundle. `own_roles`: deployments that hold an issuer key of
    their own, and for which roles. `people`: how many times as many persons as an approval takes. Raises
    `WorldError` where the bundle does not check.
    """
    registry = registry_of(files)
    copied = {path: data for path, data in files.items() if not path.startswith("signatures/")}
    actors = {actor: _key(draw) for actor in sorted(_table(_toml(files, "bundle.toml"), "actors"))}
    copied["bundle.toml"] = _as_development(_toml(files, "bundle.toml"), actors)
    issuers = {role: Issuer(f"dev-{_dashed(role)}", role, _key(draw)) for role in issuer_roles(registry)}
    own = {
        (deployment, role): Issuer(f"{deployment}-own-{_dashed(role)}", role, _key(draw))
        for deployment, roles in sorted((own_roles or {}).items())
        for role in roles
    }
    tables = deployments if deployments is not None else _own_deployments(files)
    api_keys = {deployment: f"dev-{draw().hex()}" for deployment in sorted(tables)}
    overseers = _overseers(_toml(files, "bundle.toml"), draw, people)
    trust = _trust(_toml(files, "trust.toml"), registry, issuers, own)
    copied["trust.toml"] = _dump(_with_overseers(trust, overseers))
    copied["deployments.toml"] = _deployments(_toml(files, "deployments.toml"), tables, api_keys)
    draft = _checked(copied)
    for actor, key in actors.items():
        copied[f"signatures/{actor}.dsse.json"] = sign_adoption(draft.manifest.name, draft.digest, actor, key)
    return World(
        files=MappingProxyType(copied),
        digest=draft.digest,
        issuers=MappingProxyType(issuers),
        own=MappingProxyType(own),
        api_keys=MappingProxyType(api_keys),
        actors=MappingProxyType(actors),
        overseers=MappingProxyType(overseers),
    )


def believe_claims(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The bundle in which the caller's word counts as knowledge of every fact: a safeguard taken out.

    What a screen estimates stays its own: nobody claims it. Only `facts.toml` differs, and in it only the
    grade that each fact requires.
    """
    document = _toml(files, "facts.toml")
    facts = _table(document, "facts")
    believing = {
        name: table if table.get("grade") == "estimated" else {**table, "grade": "claimed"}
        for name, table in ((name, _table(facts, name)) for name in facts)
    }
    return {**files, "facts.toml": _dump({**document, "facts": believing})}


def reviewed_within(files: Mapping[str, bytes], seconds: int) -> Mapping[str, bytes]:
    """The bundle in which a review takes so long in every role; all else that it asks of people stays.

    Raises `WorldError`.
    """
    said = _toml(files, "oversight.toml") if "oversight.toml" in files else {"version": 1}
    floors = {**(_table(said, "floors") if "floors" in said else {}), "seconds": seconds}
    of_roles = _table(said, "roles") if "roles" in said else {}
    roles = {role: {**_table(of_roles, role), "seconds": seconds} for role in of_roles}
    return {**files, "oversight.toml": _dump({**said, "floors": floors, "roles": roles})}


def _as_development(document: Table, actors: Mapping[str, PrivateKey]) -> bytes:
    tables = _table(document, "actors")
    fresh = {
        actor: {**_table(tables, actor), "keys": [key.public().render()]} for actor, key in actors.items()
    }
    return _dump({**document, "development": True, "actors": fresh})


def _trust(
    document: Table,
    registry: Mapping[str, FactSpec],
    issuers: Mapping[str, Issuer],
    own: Mapping[tuple[str, str], Issuer],
) -> Table:
    """The trust policy with our issuers alone; expiry and clock skew stay as the bundle has them."""
    known = _table(document, "issuers") if "issuers" in document else {}
    party_of = {
        str(_table(known, issuer).get("role")): _table(known, issuer).get("party") for issuer in known
    }
    rows: Table = {}
    for deployment, issuer in [
        *(("", issuer) for issuer in issuers.values()),
        *((deployment, issuer) for (deployment, _), issuer in own.items()),
    ]:
        rows[issuer.id] = {
            "role": issuer.role,
            "party": party_of.get(issuer.role) or "customer",
            "deployment": deployment,
            "key": issuer.key.public().render(),
            "purpose": "evidence",
            "facts": [name for name, spec in registry.items() if issuer.role in spec.attested_by],
            "namespaces": ["*"],
            "max_age_seconds": _YEAR_SECONDS,
            "max_lifetime_seconds": _YEAR_SECONDS,
        }
    return {**document, "issuers": rows}


def _overseers(document: Table, draw: Callable[[], bytes], people: int) -> dict[str, tuple[Issuer, ...]]:
    """For each approver role `people` times as many persons as an approval takes."""
    roles = _table(document, "roles") if "roles" in document else {}
    return {
        role: tuple(
            Issuer(f"dev-{_dashed(role)}-{number}", role, _key(draw))
            for number in range(1, people * int(str(_table(roles, role).get("persons", 1))) + 1)
        )
        for role in roles
    }


def _with_overseers(trust: Table, overseers: Mapping[str, tuple[Issuer, ...]]) -> Table:
    rows: Table = {
        one.id: {
            "role": one.role,
            "party": "customer",
            "key": one.key.public().render(),
            "purpose": "approval",
            "namespaces": ["*"],
            "max_age_seconds": _HOUR_SECONDS,
            "max_lifetime_seconds": _HOUR_SECONDS,
            "overseer": {"person": one.id, "line": f"line-of-{one.id}"},
        }
        for persons in overseers.values()
        for one in persons
    }
    return {**trust, "issuers": {**_table(trust, "issuers"), **rows}}


def _deployments(
    document: Table, tables: Mapping[str, Mapping[str, object]], api_keys: Mapping[str, str]
) -> bytes:
    keyed = {
        name: {**table, "key_digests": [sha256(api_keys[name].encode())]} for name, table in tables.items()
    }
    return _dump({**document, "deployments": keyed})


def _own_deployments(files: Mapping[str, bytes]) -> Mapping[str, Mapping[str, object]]:
    tables = _table(_toml(files, "deployments.toml"), "deployments")
    return {name: _table(tables, name) for name in tables}


def _checked(files: Mapping[str, bytes]) -> Bundle:
    try:
        return parse_bundle(files)
    except BundleError as error:
        raise WorldError(error.findings, "`caveat check` lists what is wrong with a bundle") from error


def _key(draw: Callable[[], bytes]) -> PrivateKey:
    return private_key_from_seed(Algorithm.ED25519, draw())


def _dashed(role: str) -> str:
    return role.replace("_", "-")


def _toml(files: Mapping[str, bytes], path: str) -> Table:
    if path not in files:
        raise WorldError((f"the bundle has no `{path}`",), "name the folder that holds `bundle.toml`")
    try:
        return tomllib.loads(files[path].decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WorldError((f"`{path}` is not TOML",)) from error


def _table(document: Mapping[str, object], name: str) -> Table:
    value = document.get(name)
    if not isinstance(value, dict):
        raise WorldError((f"`{name}` should be a table",))
    return cast("Table", value)


def _dump(document: Mapping[str, object]) -> bytes:
    return tomli_w.dumps(document).encode()
