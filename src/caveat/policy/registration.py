"""What a registrar signs when it vouches for a deployment: the digest of its registration.

The digest covers every setting of the deployment but its API keys, which change without it: a statement
about a registration no longer holds once anything else of it has changed.
"""

import tomllib
from collections.abc import Mapping
from typing import cast

from caveat.signing.canonical import JsonObject, canonical
from caveat.signing.digest import Digest, sha256


def registration_digests(files: Mapping[str, bytes]) -> Mapping[str, Digest]:
    """The digest of each registration in `deployments.toml` of a bundle that loads, by deployment."""
    document = tomllib.loads(files["deployments.toml"].decode())
    tables = cast("dict[str, JsonObject]", document.get("deployments", {}))
    return {name: registration_digest(name, table) for name, table in tables.items()}


def registration_digest(name: str, table: JsonObject) -> Digest:
    """The digest of one registration, named, as a canonical JSON object without `key_digests`."""
    settings: JsonObject = {key: value for key, value in table.items() if key != "key_digests"}
    return sha256(canonical({"deployment": name, "registration": settings}))
