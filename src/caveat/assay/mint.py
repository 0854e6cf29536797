"""Attestations for a scenario: genuine ones of what can be proved, defective ones with exactly that defect.

Every scenario has a data part of its own, a few bytes that no other has, and evidence is bound to those
bytes, never to the words of the request. Equal seed and time give equal bytes; nothing that only the score
may read enters them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from caveat.assay.errors import ScenarioError
from caveat.assay.scenario import Defect, Visible
from caveat.assay.world import Issuer, World
from caveat.evidence.statement import FactValue, Statement, Subject, mint_envelope
from caveat.facts.registry import FactSpec
from caveat.facts.value import render_value
from caveat.policy.deployments import REGISTRATION
from caveat.signing.canonical import Json
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed

_AGE = timedelta(minutes=5)
_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scenario is played: a deployment of its own, so that nothing adds up across scenarios.

    `observers`: those of the bundle but the ones whose facts the scenario speaks of itself. `neutral`: facts
    that it does not mention although their observer had to go; they are attested at the neutral value.
    """

    deployment: str
    observers: frozenset[str]
    neutral: Mapping[str, Json]

    @property
    def earlier(self) -> str:
        """A deployment that watches only: what an earlier request presents there is released, so used up."""
        return f"{self.deployment}-earlier"


@dataclass(frozen=True, slots=True)
class Minted:
    """What a scenario presents. `prior`: what an earlier request must present first, to use it up."""

    data: bytes
    genuine: tuple[bytes, ...]
    defective: tuple[bytes, ...]
    prior: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Mint:
    """The issuers of one development world, at one time, under one seed."""

    world: World
    registry: Mapping[str, FactSpec]
    seed: int
    now: datetime

    def issue(self, visible: Visible, stage: Stage, *, trial: str = "") -> Minted:
        """The data part of the scenario and its attestations; another `trial` gives other bytes."""
        scope = _Scope(f"{self.seed}/{visible.index}/{trial}")
        draft = _Draft(scope, (stage.deployment,), self.now - _AGE, self.now + _LIFETIME)
        genuine: dict[str, dict[str, Json]] = {}
        for name, value in {**stage.neutral, **visible.genuine}.items():
            genuine.setdefault(issuing_role(self.registry[name]), {})[name] = value
        defective = {
            (fact, defect): self._defective(draft, stage, visible, fact, defect)
            for fact, defect in visible.defective
        }
        return Minted(
            data=scope.data,
            genuine=tuple(
                draft.signed_by(self.world.issuers[role], facts) for role, facts in sorted(genuine.items())
            ),
            defective=tuple(defective.values()),
            prior=tuple(envelope for (_, defect), envelope in defective.items() if defect is Defect.REPLAYED),
        )

    def _defective(self, draft: "_Draft", stage: Stage, visible: Visible, fact: str, defect: Defect) -> bytes:
        """An attestation of the claimed value, flawless but for the one defect."""
        role = issuing_role(self.registry[fact])
        issuer = self.world.issuers[role]
        facts = {fact: visible.claims[fact]}
        draft = replace(draft, label=f"{fact}/{defect.value}")
        match defect:
            case Defect.EXPIRED:
                past = self.now - _LIFETIME
                return replace(draft, issued_at=past - _LIFETIME, expires_at=past).signed_by(issuer, facts)
            case Defect.REPLAYED:
                audience = (stage.deployment, stage.earlier)
                return replace(draft, single_use=True, audience=audience).signed_by(issuer, facts)
            case Defect.FORGED:
                return _renamed(draft.signed_by(replace(issuer, key=draft.stranger), facts), issuer.key)
            case Defect.WRONG_SCOPE:
                return self._elsewhere(draft, visible).signed_by(issuer, facts)
            case Defect.SELF_ATTESTED:
                own = self.world.own[stage.deployment, role]
                stranger = Issuer(f"requester-{visible.index}", role, draft.stranger)
                return draft.signed_by(own if visible.index % 2 else stranger, facts)

    def _elsewhere(self, draft: "_Draft", visible: Visible) -> "_Draft":
        """The same statement about another dataset, to another deployment, or about another request."""
        match visible.index % 3:
            case 0:
                return replace(draft, subject=sha256(draft.scope.hashed("dataset")))
            case 1:
                return replace(draft, audience=(f"{draft.audience[0]}-other",))
            case _:
                return replace(draft, subject=sha256(_Scope(f"{draft.scope.label}/other").data))


@dataclass(frozen=True, slots=True)
class _Scope:
    """One request: its data part follows from `label` alone."""

    label: str

    def hashed(self, what: str) -> bytes:
        """32 bytes that follow from the label and `what`."""
        return hashlib.sha256(f"{what} {self.label}".encode()).digest()

    @property
    def data(self) -> bytes:
        """A small table that no other scope has: no column in it says whose row it is."""
        digits = self.hashed("data").hex()
        rows = "".join(f"{row},{digits[row * 16 : row * 16 + 16]}\n" for row in range(4))
        return f"row,reading\n{rows}".encode()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A statement not yet signed; what is not set is as a genuine one has it."""

    scope: _Scope
    audience: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    label: str = "genuine"
    subject: Digest | None = None
    single_use: bool = False

    @property
    def stranger(self) -> PrivateKey:
        """A key that no trust policy names."""
        return private_key_from_seed(Algorithm.ED25519, self.scope.hashed("stranger"))

    def signed_by(self, issuer: Issuer, facts: Mapping[str, Json]) -> bytes:
        """The envelope in which `issuer` states `facts`."""
        statement = Statement(
            issuer=issuer.id,
            subjects=(Subject("data", self.subject or sha256(self.scope.data)),),
            facts={name: fact_value(value) for name, value in facts.items()},
            audience=self.audience,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
            id=self.scope.hashed(f"{self.label} {issuer.id}").hex()[:32],
            single_use=self.single_use,
            source=f"source-{self.scope.hashed('source').hex()[:16]}",
        )
        return mint_envelope(statement, [issuer.key])


def fact_value(value: Json) -> FactValue:
    """The value as a statement has it; raises `ScenarioError` for what no fact can be."""
    if isinstance(value, list):
        return frozenset(str(word) for word in value)
    if isinstance(value, (str, int)):
        return value
    raise ScenarioError(("a fact is a word, a list of words, an integer, or true or false",))


def issuing_role(spec: FactSpec) -> str:
    """The role whose issuer attests this fact; raises `ScenarioError` where no issuer may."""
    roles = sorted(spec.attested_by - {REGISTRATION})
    if not roles:
        raise ScenarioError((f"no issuer may attest `{spec.name}` in this bundle",))
    return roles[0]


def stage(visible: Visible, registry: Mapping[str, FactSpec], deployment: str = "") -> Stage:
    """The stage of a scenario: whoever observes a fact that it mentions is not there."""
    observers = {observer for spec in registry.values() for observer in spec.observed_by}
    gone = {observer for name in visible.mentioned for observer in registry[name].observed_by}
    return Stage(
        deployment=deployment,
        observers=frozenset(observers - gone),
        neutral={
            name: render_value(spec.neutral)
            for name, spec in registry.items()
            if spec.neutral is not None
            and name not in visible.mentioned
            and not spec.observed_by - gone
            and spec.attested_by - {REGISTRATION}
        },
    )


def _renamed(envelope: bytes, named: PrivateKey) -> bytes:
    """The same envelope, its signature ascribed to another key."""
    document = orjson.loads(envelope)
    document["signatures"][0]["keyid"] = named.public().keyid
    return orjson.dumps(document)
