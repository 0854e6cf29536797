"""What overseers stop and object to, signed and sent as they do it."""

import base64
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from caveat.evidence.overseers import mint_saying
from caveat.evidence.predicates import Predicate
from caveat.evidence.reading import mint_reading
from tests.support.overseers import Somebody
from tests.support.raw_client import Answer, send
from tests.support.running_gateway import RunningGateway
from tests.support.small_bundle import SmallBundle

if TYPE_CHECKING:
    from caveat.signing.canonical import JsonObject


def halt_statement(
    gateway: RunningGateway, who: Somebody, now: datetime, scope: str, target: str = "", **changed: Any
) -> bytes:
    """A signed halt, or what was changed of it. `origin`, `life` and `predicate` are of its envelope."""
    origin = changed.pop("origin", gateway.service.ledger.origin)
    life = changed.pop("life", timedelta(minutes=30))
    predicate = changed.pop("predicate", Predicate.HALT)
    said: JsonObject = {
        "issuer": who.person,
        "act": "halt",
        "scope": scope,
        "target": target,
        "caller": "",
        "halt": "",
        "reason": "the source is in doubt",
        **changed,
    }
    return mint_saying(predicate, origin, said, now, now + life, who.key)


def halt(
    gateway: RunningGateway, who: Somebody, now: datetime, scope: str, target: str = "", **changed: Any
) -> Answer:
    """Halts, or releases with `act` and `halt`."""
    return post(gateway, "/v1/halts", halt_statement(gateway, who, now, scope, target, **changed))


def release(
    gateway: RunningGateway,
    who: Somebody,
    now: datetime,
    name: str,
    scope: str,
    target: str = "",
    **more: Any,
) -> Answer:
    """Agrees to the end of a halt."""
    return halt(gateway, who, now, scope, target, act="release", halt=name, **more)


def dissent(
    gateway: RunningGateway, who: Somebody, now: datetime, about: str, text: str = "I object.", **more: Any
) -> Answer:
    """Objects to a record."""
    said: JsonObject = {"issuer": who.person, "about": about, "text": text, **more}
    signed = mint_saying(
        Predicate.DISSENT, gateway.service.ledger.origin, said, now, now + timedelta(minutes=30), who.key
    )
    return post(gateway, "/v1/dissents", signed)


def post(gateway: RunningGateway, path: str, body: bytes) -> Answer:
    """Sends what somebody signed."""
    return send(gateway.url, path, body, {"content-type": "application/json"})


def with_observers(bundle: SmallBundle, *observers: Somebody) -> SmallBundle:
    """The bundle with these observers, each of a party of their own."""
    rows = "".join(
        f"""
[issuers.{one.person}]
role = "observer"
party = "{one.line}"
key = "{one.key.public().render()}"
purpose = "observer"
namespaces = ["*"]
max_age_seconds = 3600
max_lifetime_seconds = 3600
"""
        for one in observers
    )
    bundle.extra["trust.toml"] += rows.encode()
    return bundle


def look(gateway: RunningGateway, who: Somebody, now: datetime, path: str) -> Answer:
    """What stands at a path for overseers."""
    statement = mint_reading(who.person, gateway.service.ledger.origin, now, who.key)
    headers = {"authorization": "Caveat-Overseer " + base64.urlsafe_b64encode(statement).decode()}
    return send(gateway.url, path, b"", headers, "GET")
