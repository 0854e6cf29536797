"""A policy bundle small enough to read: who acquired the data how decides, and how many persons at most.

`chat` registers synthetic data and is allowed without evidence; `desk` needs evidence; `watch` is `desk` in
observe mode, of an owner group of its own. One actor signs everything, and another the trust policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from caveat.policy.amendment import amendment_statement
from caveat.policy.bundle import bundle_digest, parse_bundle
from caveat.policy.signatures import sign_adoption
from caveat.policy.trust_signatures import sign_trust
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed

CHAT_KEY, DESK_KEY, WATCH_KEY = "key-of-chat", "key-of-desk", "key-of-watch"
OWNER = private_key_from_seed(Algorithm.ED25519, b"o" * 32)
ACTOR = private_key_from_seed(Algorithm.ED25519, b"a" * 32)
PARTNER = private_key_from_seed(Algorithm.ED25519, b"p" * 32)

_BUNDLE = """
version = 1
name = "small"
release = "1"
text = "A bundle for tests."
typed_text_max_bytes = 2048
[actors.operator]
keys = ["{actor}"]
text = "Signs everything."
[actors.partner]
keys = ["{partner}"]
text = "Signs the trust policy beside the operator."
[roles.officer]
text = "Approves purchased data."
[limits.bulk]
value = 1000
amend = "operator"
text = "Bulk is more than this."
"""
_FACTS = """
version = 1
[facts.acquisition_channel]
type = "enum"
values = ["bulk_purchased", "first_party", "purchased", "synthetic", "unknown"]
about = "data"
attested_by = ["data_owner", "registration"]
unknown = ["unknown"]
severest = "bulk_purchased"
amend = "operator"
text = "How the data were acquired."
[facts.subject_count]
type = "long"
about = "data"
attested_by = ["data_owner", "registration"]
observed_by = ["counter"]
join = "total"
hi = 1000000
severest = 1000000
amend = "operator"
text = "Persons in the data."
[facts.cumulative_subject_count_12m]
type = "long"
about = "use"
grade = "observed"
observed_by = ["totals"]
neutral = 0
join = "greatest"
hi = 1000000000
severest = 1000000000
amend = "operator"
text = "Persons in twelve months."
"""
_CLAUSES = """
@id("C1") @text("Whatever no other clause limits.") @authority("contract") @amend("operator")
permit (principal, action, resource);

@id("C2") @text("No data bought in bulk.") @authority("contract") @amend("operator")
forbid (principal, action, resource) when { context.acquisition_channel == "bulk_purchased" };

@id("C3") @text("No more persons than the limit.") @authority("contract") @amend("operator")
forbid (principal, action, resource) when {
  context.subject_count > context.limits.bulk || context.cumulative_subject_count_12m > context.limits.bulk
};

@id("C4") @text("Purchased data need the officer.") @authority("contract") @amend("operator")
forbid (principal, action, resource) when { context.acquisition_channel == "purchased" }
unless { context.approvals.contains("officer") };
"""
_TRUST = """
version = 1
expires_at = "2100-01-01T00:00:00Z"
clock_skew_seconds = 60
[issuers.owner]
role = "data_owner"
party = "customer"
deployment = ""
key = "{owner}"
purpose = "evidence"
facts = ["acquisition_channel", "subject_count"]
namespaces = ["*"]
max_age_seconds = 31536000
max_lifetime_seconds = 31536000
"""
_DEPLOYMENT = """
[deployments.{id}]
kind = "{kind}"
operator = "customer"
owner_group = "{group}"
mode = "{mode}"
observers = ["totals", "counter"]
key_digests = ["{key}"]
id_column = "device_id"
"""
_CHAT_FACTS = """
[deployments.chat.facts]
acquisition_channel = "synthetic"
subject_count = 0
"""


@dataclass
class SmallBundle:
    """The files of the bundle, signed. Tests change `clauses` and ask for `files()` again."""

    clauses: str = _CLAUSES
    signed: bool = True
    extra: dict[str, bytes] = field(default_factory=dict)
    chat_key: str = CHAT_KEY

    def files(self) -> dict[str, bytes]:
        """Path to bytes."""
        deployments = "version = 1\n" + "".join(
            _DEPLOYMENT.format(
                id=name,
                kind=kind,
                mode=mode,
                group="watched" if name == "watch" else "agency",
                key=sha256(key.encode()),
            )
            for name, kind, mode, key in (
                ("chat", "open_chat", "enforce", self.chat_key),
                ("desk", "pipeline", "enforce", DESK_KEY),
                ("watch", "pipeline", "observe", WATCH_KEY),
            )
        )
        files = {
            "bundle.toml": _BUNDLE.format(
                actor=ACTOR.public().render(), partner=PARTNER.public().render()
            ).encode(),
            "facts.toml": _FACTS.encode(),
            "trust.toml": _TRUST.format(owner=OWNER.public().render()).encode(),
            "tools.toml": b"version = 1\n",
            "deployments.toml": (deployments + _CHAT_FACTS).encode(),
            "clauses/all.cedar": self.clauses.encode(),
            **self.extra,
        }
        return adopted(files) if self.signed else files


def adopted(files: dict[str, bytes]) -> dict[str, bytes]:
    """The same files, signed as they are now."""
    digest = bundle_digest(files)
    return {
        **files,
        "signatures/operator.dsse.json": sign_adoption("small", digest, "operator", ACTOR),
        "signatures/trust-partner.dsse.json": sign_trust("small", files["trust.toml"], "partner", PARTNER),
    }


def following(
    files: Mapping[str, bytes], earlier: Mapping[str, bytes], sequence: int = 1
) -> dict[str, bytes]:
    """The files with an amendment by which they follow the earlier ones, signed by the one actor."""
    steps = parse_bundle(earlier), parse_bundle(files)
    statement = amendment_statement(*steps, sequence, "for a test", "2030-01-01T00:00:00Z")
    signed = sign_envelope(statement, IN_TOTO, [ACTOR])
    return {**files, f"signatures/amendment-{sequence:04d}.dsse.json": signed}


def attest(
    data: bytes,
    facts: dict[str, object],
    audience: str = "desk",
    key: PrivateKey = OWNER,
    number: int = 0,
    source: str | None = None,
) -> bytes:
    """An envelope by the data owner over `data`, valid now for a day. `source`: the lineage root it names."""
    now = datetime.now(UTC).replace(microsecond=0)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "rows.csv", "digest": {"sha256": sha256(data)}}],
        "predicateType": "https://caveat.invalid/predicate/facts/v1",
        "predicate": {
            "issuer": "owner",
            "facts": facts,
            "audience": [audience],
            "issued_at": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "expires_at": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
            "id": f"statement-{number}-{sha256(data)[:16]}",
            "single_use": False,
            **({} if source is None else {"source": source, "id_column": "device_id"}),
        },
    }
    return sign_envelope(canonical(statement), IN_TOTO, [key])


def rows(count: int, tag: str = "d") -> str:
    """A table of `count` devices."""
    return "device_id,place\n" + "".join(f"{tag}{number},x\n" for number in range(count))


def claims(**facts: object) -> bytes:
    """The extension with these claims, as JSON."""
    return orjson.dumps({"claims": facts})
