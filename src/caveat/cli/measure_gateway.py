"""Figures of the gateway as it is served: `caveat serve` before an upstream that costs almost nothing.

The bundle is the generated one of 50 clauses and 26 facts, adopted by a throw-away key, with one deployment
that registers every fact and is allowed without evidence. Source: DESIGN section 9.
"""

import contextlib
import random
import secrets
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

import tomli_w

from caveat.call.call import Point
from caveat.cli.measure_decision import random_values, workload_bundle
from caveat.decision.decide import decide
from caveat.decision.verdict import Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import Value
from caveat.gateway.measure.figures import (
    Figure,
    Stage,
    measure_cold_start,
    measure_gateway,
    measure_passthrough,
)
from caveat.policy.bundle import Bundle, bundle_digest
from caveat.policy.signatures import sign_adoption
from caveat.signing.digest import sha256
from caveat.signing.keys import Algorithm, private_key_from_seed

__all__ = ["Figure", "measure_cold_start", "measure_gateway", "measure_passthrough", "staged"]


@contextlib.contextmanager
def staged() -> Generator[Stage]:
    """A gateway that may be started any number of times, each with a data folder of its own."""
    key = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="caveat-measure-") as temporary:
        folder = Path(temporary)
        for name, data in bundle_files(key).items():
            path = folder / "bundle" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        folders = ["--bundle", str(folder / "bundle"), "--data", str(folder / "data-{port}")]
        ports = ["--upstream", "{upstream}", "--port", "{port}"]
        yield Stage(["-m", "caveat", "serve", *folders, *ports], key)


def bundle_files(
    key: str, identity: Mapping[str, object] | None = None, callers: Mapping[str, object] | None = None
) -> Mapping[str, bytes]:
    """The bundle that is measured with, for this API key and these callers beside it."""
    bundle, owner = workload_bundle(), private_key_from_seed(Algorithm.ED25519, secrets.token_bytes(32))
    files = dict(bundle.files)
    files["bundle.toml"] = files["bundle.toml"].replace(
        b"keys = []", f'keys = ["{owner.public().render()}"]'.encode()
    )
    # Keys that this process drew, on loopback: a development bundle, and it says so.
    files["bundle.toml"] = files["bundle.toml"].replace(b"version = 1", b"version = 1\ndevelopment = true", 1)
    files["facts.toml"] = files["facts.toml"].replace(b'"issuer",', b'"issuer",\n    "registration",')
    files["trust.toml"] = tomli_w.dumps(
        {"version": 1, "expires_at": "2100-01-01T00:00:00Z", "clock_skew_seconds": 60, "issuers": {}}
    ).encode()
    deployment = {
        "kind": "open_chat",
        "operator": "nobody",
        "owner_group": "measured",
        "key_digests": [sha256(key.encode())],
        "callers": callers or {},
        "facts": {name: _plain(value) for name, value in _allowed_values(bundle).items()},
    }
    files["deployments.toml"] = tomli_w.dumps(
        {"version": 1, "identity": identity or {}, "deployments": {"measured": deployment}}
    ).encode()
    adoption = sign_adoption(bundle.manifest.name, bundle_digest(files), "owner", owner)
    return {**files, "signatures/owner.dsse.json": adoption}


def _allowed_values(bundle: Bundle) -> dict[str, Value]:
    """Values of every fact under which this policy allows."""
    generator = random.Random(1)  # noqa: S311 - a reproducible workload, not a secret
    while True:
        values = random_values(bundle, generator)
        facts = tuple(Fact(name, value, Grade.ATTESTED, "issuer") for name, value in values.items())
        if all(
            decide(bundle.policy, point, Facts(facts)).verdict is Verdict.ALLOW
            for point in (Point.PROMPT, Point.OUTPUT)
        ):
            return values


def _plain(value: Value) -> object:
    return sorted(value) if isinstance(value, frozenset) else value
