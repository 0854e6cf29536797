"""The stage that the gateway is measured on: a generated policy of 50 clauses over 26 facts, all registered.

It runs wherever the package does. Every fact is registered for one deployment, at values that the policy
permits, so that a plain chat is allowed without evidence: two decisions and two durable records each.
"""

import contextlib
import random
import secrets
import tempfile
import tomllib
from collections.abc import Generator, Mapping
from pathlib import Path

import tomli_w

from caveat.assay.process import write_files
from caveat.assay.world import World, make_world
from caveat.call.call import Point
from caveat.cli.measure_decision import random_values, workload_bundle
from caveat.decision.decide import decide
from caveat.decision.verdict import Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import Value, render_value
from caveat.gateway.measure.figures import Stage
from caveat.policy.bundle import Bundle
from caveat.policy.deployments import REGISTRATION

_DEPLOYMENT = "measured"
_MAIN = "from caveat.cli.main import main; main()"


@contextlib.contextmanager
def gateway_stage() -> Generator[Stage]:
    """How to start the gateway, in folders that last as long as the context."""
    world = measured_world()
    with tempfile.TemporaryDirectory(prefix="caveat-bench-") as folder:
        write_files(Path(folder) / "bundle", world.files)
        serve = ["-c", _MAIN, "serve", "--bundle", f"{folder}/bundle", "--data", f"{folder}/data"]
        where = ["--port", "{port}", "--upstream", "{upstream}"]
        yield Stage([*serve, *where], world.api_keys[_DEPLOYMENT])


def measured_world() -> World:
    """The generated policy with one deployment that it permits."""
    bundle = workload_bundle()
    registered = {name: render_value(value) for name, value in _permitted(bundle).items()}
    deployment = {
        "kind": "open_chat",
        "operator": "owner",
        "owner_group": _DEPLOYMENT,
        "mode": "enforce",
        "facts": registered,
    }
    return make_world(
        {**bundle.files, "facts.toml": _registrable(bundle.files), "trust.toml": _TRUST},
        lambda: secrets.token_bytes(32),
        deployments={_DEPLOYMENT: deployment},
    )


_TRUST = b'version = 1\nexpires_at = "2100-01-01T00:00:00Z"\nclock_skew_seconds = 60\n'


def _registrable(files: Mapping[str, bytes]) -> bytes:
    """The fact registry with registration as one more source of every fact."""
    document = tomllib.loads(files["facts.toml"].decode())
    for row in document["facts"].values():
        row["attested_by"] = [*row["attested_by"], REGISTRATION]
    return tomli_w.dumps(document).encode()


def _permitted(bundle: Bundle) -> Mapping[str, Value]:
    """The first values of a fixed sequence that the policy allows."""
    generator = random.Random(2)  # noqa: S311 - a reproducible workload, not a secret
    while True:
        values = random_values(bundle, generator)
        facts = Facts(tuple(Fact(name, value, Grade.ATTESTED, "issuer") for name, value in values.items()))
        if decide(bundle.policy, Point.PROMPT, facts).verdict is Verdict.ALLOW:
            return values
