"""Traffic against the monitors: a programme split into single requests, ordinary work of the same volume.

Decided as the gateway does, by the same steps in the same order: gather, decide, hold; the record and what
tells persons apart are settled later, out of order, as many at a time as are asked for.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caveat.call.call import Call, Part, PartKind, Point
from caveat.decision.verdict import Verdict
from caveat.evidence.check import EvidenceChecker
from caveat.evidence.trust import parse_trust
from caveat.gateway.contributing import Contributions
from caveat.gateway.decisions import Decisions
from caveat.gateway.gather import Gathered
from caveat.gateway.ports import Found
from caveat.gateway.revocations import RevocationLists
from caveat.gateway.witnesses import NOBODY_APART, Apart, BundleWitnesses
from caveat.monitors.keys import ChainKeys
from caveat.monitors.monitors import Monitors
from caveat.monitors.once import Once
from caveat.policy.bundle import parse_bundle
from caveat.screens.identifiers import sightings_of
from caveat.signing.digest import sha256
from caveat.store.manifests import SqliteManifestStore
from caveat.store.revocations import RevocationFiles
from tests.support.small_bundle import SmallBundle

KEY = b"\x07" * 32
ATTRIBUTES = ("religion", "home_area", "health_condition", "role", "political_view", "region")
DAYS = 30
START = datetime(2026, 3, 1, tzinfo=UTC)

_Flying = tuple[Call, Gathered]


@dataclass(frozen=True)
class Request:
    """One request: which API key sends it, when, and the table that it is about."""

    sender: int
    at: datetime
    content: str
    persons: frozenset[int]


def programme(seed: int, persons: int, keys: int = 200) -> Iterator[Request]:
    """Each person's six attributes, one a request, in an order that hides what belongs together."""
    draw = random.Random(seed)
    asked = [(person, attribute) for person in range(persons) for attribute in ATTRIBUTES]
    draw.shuffle(asked)
    for n, (person, attribute) in enumerate(asked):
        at = START + timedelta(days=DAYS) * (n / len(asked))
        yield Request(draw.randrange(keys), at, table([(person, attribute)], seed), frozenset({person}))


def casework(seed: int, requests: int, cases: int = 700) -> Iterator[Request]:
    """The same few hundred persons again and again, as an office works on its cases."""
    draw = random.Random(seed)
    for n in range(requests):
        person = (
            min(int(draw.paretovariate(0.6)), cases) - 1 if draw.random() < 0.5 else draw.randrange(cases)
        )
        content = table([(person, draw.choice(ATTRIBUTES))], seed)
        at = START + timedelta(days=DAYS) * (n / requests)
        yield Request(draw.randrange(200), at, f"{content}", frozenset({person}))


def statistics(seed: int, requests: int, population: int = 900) -> Iterator[Request]:
    """Tables of the same population cut in ever other ways, none of them about anybody new."""
    draw = random.Random(seed)
    for n in range(requests):
        chosen = draw.sample(range(population), 20)
        content = table([(person, draw.choice(ATTRIBUTES[:2])) for person in chosen], seed)
        yield Request(n % 200, START + timedelta(days=DAYS) * (n / requests), content, frozenset(chosen))


def table(rows: list[tuple[int, str]], seed: int) -> str:
    """A table by the registered column, each row with one attribute of one person."""
    lines = [f"subject-{seed}-{person:07d},{attribute}-{person % 7}" for person, attribute in rows]
    return "device_id," + rows[0][1] + "\n" + "\n".join(lines) + "\n"


@dataclass
class Outcome:
    """What came of traffic: requests let through and held back, and who was served."""

    allowed: int = 0
    refused: int = 0
    served: set[int] = field(default_factory=set)


class Office:
    """The small bundle's deployment with monitors under a key."""

    def __init__(self, folder: Path, *, keyed: bool = True, limit: int = 1000) -> None:
        files = SmallBundle(signed=False).files()
        files["bundle.toml"] = files["bundle.toml"].replace(b"value = 1000", b"value = %d" % limit)
        files["deployments.toml"] += b'[deployments.desk.facts]\nacquisition_channel = "first_party"\n'
        self.bundle = parse_bundle(files)
        self.monitors = Monitors()
        contributions = Contributions(sightings_of, ChainKeys((KEY,)), self.monitors)
        self.witnesses = BundleWitnesses(
            self.bundle,
            EvidenceChecker(parse_trust(self.bundle.files["trust.toml"]), self.bundle.registry),
            _NoEvidence(),
            self.monitors,
            Once(),
            RevocationLists(RevocationFiles(folder)),
            SqliteManifestStore(folder / "manifests.db"),
            apart=Apart(contributions, lambda _sealed: None) if keyed else NOBODY_APART,
        )
        self.decisions = Decisions(self.bundle.policy)

    def serve(self, traffic: Iterator[Request], at_once: int = 1) -> Outcome:
        """Decides each request; the records of the newest `at_once` are not settled yet."""
        outcome = Outcome()
        flying: deque[_Flying] = deque()
        for request in traffic:
            call = call_of(request)
            deployment = self.bundle.deployments["desk"]
            gathered = self.witnesses.gather(call, deployment, Found(), request.at)
            decision = self.decisions.decide(Point.PROMPT, gathered.cases)
            if decision.verdict is not Verdict.ALLOW:
                outcome.refused += 1
                continue
            self.witnesses.hold(call, gathered, request.at)
            outcome.allowed += 1
            outcome.served |= request.persons
            flying.append((call, gathered))
            if len(flying) >= at_once:
                self.witnesses.settle(*flying.popleft())
        for one in flying:
            self.witnesses.settle(*one)
        return outcome


class _NoEvidence:
    def put(self, verified: object) -> bool:
        raise AssertionError(verified)

    def get(self, digests: object) -> tuple[bytes, ...]:
        del digests
        return ()


def call_of(request: Request) -> Call:
    """The request as a call."""
    raw = request.content.encode()
    part = Part("/messages/0/content", "user", PartKind.DATA, "text/csv", raw, sha256(raw))
    name = sha256(b"%d" % request.sender + raw)
    return Call(Point.PROMPT, "openai", "desk", "m", (part,), {}, stream=False, action_digest=name)
