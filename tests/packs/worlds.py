"""Each pack as a signed development world, and evidence that its data owner signs."""

import base64
import hashlib
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

from caveat.assay.world import World, make_world
from caveat.cli.init import PACKS, pack_folder
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.store.folder import read_folder

__all__ = ["PACKS", "attest", "header", "world_of"]


def world_of(pack: str, mode: str = "enforce") -> World:
    """The pack with keys drawn from its name, every deployment in this mode."""
    files = read_folder(pack_folder(pack))
    tables = cast(
        "dict[str, dict[str, object]]", tomllib.loads(files["deployments.toml"].decode())["deployments"]
    )
    drawn = iter(range(1000))
    return make_world(
        files,
        lambda: hashlib.sha256(f"{pack}/{next(drawn)}".encode()).digest(),
        deployments={name: {**table, "mode": mode} for name, table in tables.items()},
    )


def attest(world: World, deployment: str, data: str, facts: Mapping[str, object]) -> bytes:
    """An envelope of the data owner about exactly these bytes, valid now."""
    now = datetime.now(UTC).replace(microsecond=0)
    issuer = world.issuers["data_owner"]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "data", "digest": {"sha256": sha256(data.encode())}}],
        "predicateType": "https://caveat.invalid/predicate/facts/v1",
        "predicate": {
            "issuer": issuer.id,
            "facts": dict(facts),
            "audience": [deployment],
            "issued_at": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "expires_at": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
            "id": f"statement-{sha256(data.encode())[:24]}",
            "single_use": False,
        },
    }
    return sign_envelope(canonical(statement), IN_TOTO, [issuer.key])


def header(*envelopes: bytes) -> dict[str, str]:
    """The header that presents these envelopes."""
    return {
        "x-caveat-evidence": ",".join(base64.urlsafe_b64encode(one).decode().rstrip("=") for one in envelopes)
    }
