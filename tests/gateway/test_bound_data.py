"""Evidence and counts on real parts over HTTP, under the example policy and a development world."""

import base64
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caveat.assay.world import World, make_world
from caveat.evidence.statement import FactValue, Statement, Subject, mint_envelope
from caveat.signing.digest import sha256
from caveat.store.folder import read_folder
from tests.support.raw_client import Answer, chat
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream

BUNDLE = Path(__file__).parents[2] / "policies" / "government-analytics"
USE: dict[str, FactValue] = {"task": "data_cleaning", "selection_criteria": "specific_selector"}
BOUGHT: dict[str, FactValue] = {
    "data_category": frozenset({"precise_geolocation"}),
    "acquisition_channel": "purchased",
    "subjects_jurisdiction": "domestic",
    "sensitive_location": False,
}


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(read_folder(BUNDLE), lambda: secrets.token_bytes(32))


@pytest.fixture(scope="module")
def gateway(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with (
        scripted_upstream() as upstream,
        running_gateway(tmp_path_factory.mktemp("bound"), upstream.url, world.files) as running,
    ):
        yield running


def table(devices: int, tag: str) -> bytes:
    return b"device_id,place\n" + b"".join(b"%s-%d,x\n" % (tag.encode(), n) for n in range(devices))


def attest(world: World, role: str, data: bytes, facts: Mapping[str, FactValue], source: str) -> bytes:
    now = datetime.now(UTC).replace(microsecond=0)
    issuer = world.issuers[role]
    statement = Statement(
        issuer=issuer.id,
        subjects=(Subject("devices.csv", sha256(data)),),
        facts=facts,
        audience=("analytics-desk",),
        issued_at=now - timedelta(minutes=1),
        expires_at=now + timedelta(days=1),
        id=secrets.token_hex(8),
        source=source if role == "data_owner" else None,
    )
    return mint_envelope(statement, [issuer.key])


def ask(
    gateway: RunningGateway, world: World, attested: bytes, sent: bytes, source: str, **more: FactValue
) -> Answer:
    """A chat about `sent`, with the evidence for `attested`."""
    envelopes = (
        attest(world, "registrar", attested, USE, source),
        attest(world, "data_owner", attested, {**BOUGHT, **more}, source),
    )
    encoded = [base64.urlsafe_b64encode(envelope).decode().rstrip("=") for envelope in envelopes]
    parts = [{"type": "text", "text": "Clean up this table."}, {"type": "text", "text": sent.decode()}]
    body = {
        "model": "scripted",
        "messages": [{"role": "user", "content": parts}],
        "caveat": {"data": [{"part": "/messages/0/content/1", "media_type": "text/csv"}]},
    }
    key = world.api_keys["analytics-desk"]
    return chat(gateway.url, key, body, {"x-caveat-evidence": ",".join(encoded)})


def test_one_device_more_than_the_limit_is_another_verdict(gateway: RunningGateway, world: World) -> None:
    within, beyond = table(1_000, "a"), table(1_001, "b")
    answer = ask(gateway, world, within, within, "broker-a")
    assert (answer.error["code"], answer.error["clauses"]) == ("needs_approval", ["P13"])
    answer = ask(gateway, world, beyond, beyond, "broker-b")
    assert (answer.error["code"], answer.error["clauses"][0]) == ("deny", "R1.b")


def test_one_byte_changed_after_attesting_unbinds_the_evidence(gateway: RunningGateway, world: World) -> None:
    data = table(1_000, "c")
    answer = ask(gateway, world, data, data[:-2] + b"y\n", "broker-c")
    assert answer.error["code"] == "needs_evidence"
    assert {entry["code"] for entry in answer.error["evidence"]} == {"subject"}


def test_an_attested_40_with_1001_rows_is_a_conflict(gateway: RunningGateway, world: World) -> None:
    data = table(1_001, "d")
    answer = ask(gateway, world, data, data, "broker-d", subject_count=40)
    assert (answer.error["code"], answer.error["reason"]) == ("deny", "contradictory_evidence")


def test_two_deliveries_of_one_source_are_counted_together(gateway: RunningGateway, world: World) -> None:
    aggregate: dict[str, FactValue] = {"acquisition_channel": "synthetic"}
    first, second = table(600, "e"), table(600, "f")
    assert ask(gateway, world, first, first, "broker-e", **aggregate).status == 200
    answer = ask(gateway, world, second, second, "broker-e")
    assert (answer.error["code"], answer.error["clauses"]) == ("deny", ["R1.b", "R1.c"])
