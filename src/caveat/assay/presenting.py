"""Evidence for one request of an adversary: true, forged, or signed by an issuer who lies.

Equal seeds and trials give equal data; nothing of an issuer's key is used but for what an issuer really
attested, save where the adversary has that key. Source: ADR-0032.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from caveat.assay.attacks.ask import Ask, Forgery
from caveat.assay.mint import fact_value, issuing_role
from caveat.assay.world import Issuer, World
from caveat.evidence.statement import Statement, Subject, mint_envelope
from caveat.facts.registry import FactSpec
from caveat.signing.canonical import Json
from caveat.signing.digest import sha256
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed

_AGE = timedelta(minutes=5)
_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Presented:
    """The data part, and the envelopes that travel with it."""

    data: bytes
    envelopes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Presenter:
    """The issuers of one world, and what adversaries can do without them."""

    world: World
    registry: Mapping[str, FactSpec]
    seed: int
    now: datetime

    def present(
        self, trial: str, ask: Ask, deployments: tuple[str, ...], earlier: str, neutral: Mapping[str, Json]
    ) -> Presented:
        """What `ask` presents. `deployments`: for whom issuers sign; `neutral`: attested beside its facts."""
        label = f"{self.seed}/{trial}"
        data = _table(f"{label}/{ask.part}", ask.note)
        source = f"source-{_hash(label, 'source').hex()[:16]}"
        draft = _Draft(f"{label}/{ask.part}", data, source, (*deployments, earlier), self.now)
        told = {name: value for name, value in neutral.items() if name not in {**ask.forged, **ask.bought}}
        true = self._by_role({**told, **ask.signed})
        envelopes = [
            draft.signed(self.world.issuers[role], facts)
            for role, facts in sorted(true.items())
            if role != ask.insider
        ]
        if ask.insider:
            own = {**true.get(ask.insider, {}), **ask.bought}
            envelopes.append(draft.signed(self.world.issuers[ask.insider], own))
        for role, facts in sorted(self._by_role(ask.forged).items()):
            if ask.forgery is not None:
                envelopes.append(self._forged(draft, ask.forgery, role, facts, deployments[0]))
        return Presented(data, tuple(envelopes))

    def _by_role(self, facts: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
        by_role: dict[str, dict[str, Json]] = {}
        for name, value in facts.items():
            by_role.setdefault(issuing_role(self.registry[name]), {})[name] = value
        return by_role

    def _forged(
        self, draft: "_Draft", forgery: Forgery, role: str, facts: Mapping[str, Json], deployment: str
    ) -> bytes:
        """An attestation of these facts that is flawless but for the one thing."""
        issuer = self.world.issuers[role]
        draft = replace(draft, purpose=forgery.value)
        match forgery:
            case Forgery.STRANGER:
                return draft.signed(replace(issuer, key=draft.stranger), facts)
            case Forgery.RENAMED:
                return _renamed(draft.signed(replace(issuer, key=draft.stranger), facts), issuer.key)
            case Forgery.EDITED:
                before = replace(draft, purpose="before the edit").signed(issuer, facts)
                return _edited(before, draft.signed(issuer, facts))
            case Forgery.OTHER_DATA:
                return replace(draft, data=_table(f"{draft.label}/other", "")).signed(issuer, facts)
            case Forgery.PART_OF_DATA:
                return replace(draft, data=draft.data[: len(draft.data) // 2]).signed(issuer, facts)
            case Forgery.OTHER_DEPLOYMENT:
                return replace(draft, audience=("elsewhere",)).signed(issuer, facts)
            case Forgery.EXPIRED:
                return replace(draft, now=self.now - 3 * _LIFETIME).signed(issuer, facts)
            case Forgery.REPLAYED:
                return replace(draft, single_use=True).signed(issuer, facts)
            case Forgery.SELF_ATTESTED:
                return draft.signed(self.world.own[deployment, role], facts)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A statement not yet signed."""

    label: str
    data: bytes
    source: str
    audience: tuple[str, ...]
    now: datetime
    purpose: str = "genuine"
    single_use: bool = False

    @property
    def stranger(self) -> PrivateKey:
        """A key that no trust policy names."""
        return private_key_from_seed(Algorithm.ED25519, _hash(self.label, "stranger"))

    def signed(self, issuer: Issuer, facts: Mapping[str, Json]) -> bytes:
        """The envelope in which `issuer` states `facts`."""
        statement = Statement(
            issuer=issuer.id,
            subjects=(Subject("data", sha256(self.data)),),
            facts={name: fact_value(value) for name, value in facts.items()},
            audience=self.audience,
            issued_at=self.now - _AGE,
            expires_at=self.now - _AGE + _LIFETIME,
            id=_hash(self.label, f"{self.purpose} {issuer.id} {len(facts)}").hex()[:32],
            single_use=self.single_use,
            source=self.source,
        )
        return mint_envelope(statement, [issuer.key])


def _hash(label: str, what: str) -> bytes:
    return hashlib.sha256(f"{what} {label}".encode()).digest()


def _table(label: str, note: str) -> bytes:
    """A small table that no other label has; `note` stands in a row of its own."""
    digits = _hash(label, "data").hex()
    rows = "".join(f"{row},{digits[row * 16 : row * 16 + 16]}\n" for row in range(4))
    said = f'4,"{note.replace(chr(34), chr(39)).replace(chr(10), " ")}"\n' if note else ""
    return f"row,reading\n{rows}{said}".encode()


def _renamed(envelope: bytes, named: PrivateKey) -> bytes:
    """The same envelope, its signature ascribed to another key."""
    document = orjson.loads(envelope)
    document["signatures"][0]["keyid"] = named.public().keyid
    return orjson.dumps(document)


def _edited(genuine: bytes, wanted: bytes) -> bytes:
    """The signatures of one envelope over the payload of another: what an edit after signing gives."""
    return orjson.dumps({**orjson.loads(wanted), "signatures": orjson.loads(genuine)["signatures"]})
