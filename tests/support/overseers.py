"""People who decide: a small bundle in which they are enrolled, a clock to move, and a client of theirs."""

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from caveat.evidence.approval import Act, Approval, mint_approval
from caveat.evidence.reading import mint_reading
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed
from tests.support.raw_client import Answer, asking, chat, send
from tests.support.running_gateway import RunningGateway
from tests.support.small_bundle import DESK_KEY, SmallBundle, attest, rows

DESK = f"key:{sha256(DESK_KEY.encode())[:16]}"
_ISSUER = """
[issuers.{person}]
role = "{role}"
party = "customer"
key = "{key}"
purpose = "approval"
namespaces = ["*"]
max_age_seconds = 3600
max_lifetime_seconds = 3600
[issuers.{person}.overseer]
person = "{person}"
line = "{line}"
callers = [{callers}]
cleared = [{cleared}]
"""


@dataclass(frozen=True)
class Somebody:
    """An overseer, or who would like to be one."""

    person: str
    role: str = "officer"
    line: str = ""
    callers: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    algorithm: Algorithm = Algorithm.ED25519

    @property
    def key(self) -> PrivateKey:
        return private_key_from_seed(self.algorithm, self.person.encode().ljust(32, b"."))

    def enrolled(self) -> str:
        callers = ", ".join(f'"{caller}"' for caller in self.callers)
        cleared = ", ".join(f'"{deployment}"' for deployment in self.cleared)
        return _ISSUER.format(
            person=self.person,
            role=self.role,
            key=self.key.public().render(),
            line=self.line,
            callers=callers,
            cleared=cleared,
        )


ANNA = Somebody("anna", line="north")
BEN = Somebody("ben", line="south", algorithm=Algorithm.P256)
CARA = Somebody("cara", line="north", callers=(DESK,))
STRANGER = Somebody("stranger")


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        """Later."""
        self.at += timedelta(seconds=seconds)


class Enrolled(Protocol):
    """Whoever has rows in `trust.toml`."""

    def enrolled(self) -> str: ...


def overseen_bundle(
    *people: Enrolled, persons: int = 1, oversight: str = "", clauses: str | None = None
) -> SmallBundle:
    """The small bundle with these overseers. `persons`: how many officers it takes."""
    bundle = SmallBundle() if clauses is None else SmallBundle(clauses=clauses)
    files = replace(bundle, signed=False).files()
    trust = files["trust.toml"] + "".join(one.enrolled() for one in people).encode()
    manifest = files["bundle.toml"].replace(b"[roles.officer]", b"[roles.officer]\npersons = %d" % persons)
    bundle.extra |= {"trust.toml": trust, "bundle.toml": manifest}
    if oversight:
        bundle.extra["oversight.toml"] = oversight.encode()
    return bundle


def ask_about(gateway: RunningGateway, count: int = 3, tag: str = "d", key: str = DESK_KEY) -> Answer:
    """A use that waits for an officer: a table of purchased data."""
    table = rows(count, tag)
    evidence = attest(table.encode(), {"acquisition_channel": "purchased", "subject_count": count})
    header = base64.urlsafe_b64encode(evidence).decode().rstrip("=")
    return chat(gateway.url, key, asking(table), {"x-caveat-evidence": header})


def read(gateway: RunningGateway, who: Somebody, now: datetime, hold: str = "", origin: str = "") -> Answer:
    """What waits for somebody, or one hold."""
    statement = mint_reading(who.person, origin or gateway.service.ledger.origin, now, who.key)
    headers = {"authorization": "Caveat-Overseer " + base64.urlsafe_b64encode(statement).decode()}
    path = f"/v1/approvals/{hold}" if hold else "/v1/approvals"
    return send(gateway.url, path, b"", headers, "GET")


def decision(shown: Any, who: Somebody, now: datetime, act: Act = Act.APPROVE, **changed: Any) -> Approval:
    """What somebody signs of what they were shown."""
    view = shown["view"]
    said = Approval(
        issuer=who.person,
        role=who.role,
        act=act,
        hold=view["hold"],
        action=Digest(shown["action"]),
        policy=Digest(view["policy"]),
        requester=view["requester"],
        deployment=view["deployment"],
        issued_at=now,
        expires_at=now + timedelta(minutes=30),
    )
    return replace(said, **changed)


def decide(
    gateway: RunningGateway,
    shown: Any,
    who: Somebody,
    now: datetime,
    act: Act = Act.APPROVE,
    **changed: Any,
) -> Answer:
    """Signs and sends a decision."""
    return submit(gateway, mint_approval(decision(shown, who, now, act, **changed), [who.key]))


def submit(gateway: RunningGateway, envelope: bytes) -> Answer:
    """Sends a decision that somebody signed."""
    return send(gateway.url, "/v1/approvals", envelope, {"content-type": "application/json"})


def status(gateway: RunningGateway, hold: str, key: str = DESK_KEY, query: str = "") -> Answer:
    """How a hold of the caller stands."""
    return send(gateway.url, f"/v1/holds/{hold}{query}", b"", {"authorization": f"Bearer {key}"}, "GET")


def hold_of(answer: Answer) -> str:
    """The hold that an answer names."""
    return str(json.loads(answer.body)["error"]["hold"]["id"])
