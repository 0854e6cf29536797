"""Which trust policy comes into force: two signatures, versions that never go back, the log first."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from caveat.evidence.revocation import RevocationList, mint_revocations
from caveat.evidence.statement import Statement, Subject, mint_envelope
from caveat.gateway.evidence_header import encode_envelope
from caveat.gateway.law import LawError
from caveat.gateway.logs import make_logger
from caveat.gateway.trust_succession import TrustSeen, check_trust_succession
from caveat.gateway.upstream import UpstreamConfig
from caveat.ledger.ledger import Ledger
from caveat.ledger.record import TrustRecord, render_time
from caveat.policy.bundle import parse_bundle
from caveat.policy.chain import Chain
from caveat.policy.trust_signatures import sign_trust
from caveat.service.config import ServiceConfig
from caveat.service.log_keys import DataFolderError
from caveat.service.opening import open_service
from caveat.service.stores import Stores
from caveat.signing.digest import sha256
from caveat.signing.keys import Algorithm, private_key_from_seed
from tests.packs.worlds import world_of
from tests.support.raw_client import asking, chat, send
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import ACTOR, CHAT_KEY, DESK_KEY, OWNER, PARTNER, SmallBundle, adopted, rows

KEEPER = private_key_from_seed(Algorithm.ED25519, b"k" * 32)


def files(trust: bytes | None = None, version: int = 1, text: str = "") -> dict[str, bytes]:
    whole = SmallBundle(signed=False).files()
    said = trust or whole["trust.toml"].replace(b"version = 1", b"version = %d" % version)
    return adopted({**whole, "trust.toml": said + text.encode()})


def seen(trust: bytes, version: int) -> TrustSeen:
    found = TrustSeen()
    found.fold(TrustRecord(render_time(datetime(2030, 1, 1, tzinfo=UTC)), sha256(trust), version, ()))
    return found


def refusal(candidate: dict[str, bytes], before: TrustSeen) -> str:
    with pytest.raises(LawError) as caught:
        check_trust_succession(parse_bundle(candidate), before, Chain(()))
    return str(caught.value)


def test_a_trust_policy_that_one_actor_put_in_force_is_not_served() -> None:
    alone = {path: data for path, data in files().items() if "trust-" not in path}
    assert "signed by operator, and takes 2" in refusal(alone, TrustSeen())
    assert check_trust_succession(parse_bundle(files()), TrustSeen(), Chain(())).version == 1


@pytest.mark.parametrize(
    "signature",
    [
        sign_trust("small", files()["trust.toml"], "operator", ACTOR),
        sign_trust("small", files()["trust.toml"], "partner", ACTOR),
        sign_trust("small", b"another policy", "partner", PARTNER),
        sign_trust("another", files()["trust.toml"], "partner", PARTNER),
        sign_trust("small", files()["trust.toml"], "stranger", PARTNER),
        b"no envelope",
    ],
    ids=["same actor", "another's key", "other bytes", "other bundle", "no actor", "no envelope"],
)
def test_a_second_signature_counts_only_if_it_is_another_actors_over_this_policy(signature: bytes) -> None:
    wrong = {**files(), "signatures/trust-partner.dsse.json": signature}
    assert "takes 2" in refusal(wrong, TrustSeen())


def test_a_development_bundle_needs_no_second_signature_and_leaves_no_version() -> None:
    bundle = parse_bundle(world_of("bank").files)
    before = seen(b"x", 9)
    assert check_trust_succession(bundle, before, Chain(())).version == 1
    found = TrustSeen()
    found.fold(TrustRecord("2030-01-01T00:00:00.000Z", sha256(b"x"), 9, (), development=True))
    assert found.version == 0


def test_an_older_version_than_the_log_has_seen_never_comes_into_force() -> None:
    """39"""
    before = seen(files(version=2)["trust.toml"], 2)
    assert "version 1, and this log has seen 2" in refusal(files(version=1), before)
    assert check_trust_succession(parse_bundle(files(version=2)), before, Chain(())).version == 2
    assert check_trust_succession(parse_bundle(files(version=3)), before, Chain(())).version == 3


def test_the_same_version_with_other_bytes_never_comes_into_force() -> None:
    """39"""
    before = seen(files(version=2)["trust.toml"], 2)
    assert "count its version up" in refusal(files(version=2, text="# laxer\n"), before)


def config(folder: Path, bundle: dict[str, bytes]) -> ServiceConfig:
    import io

    return ServiceConfig(
        lambda: bundle, folder, UpstreamConfig("http://127.0.0.1:9"), make_logger(io.BytesIO(), "error")
    )


def test_versions_are_remembered_over_a_restart_and_at_a_reload(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """39, 40"""
    with running_gateway(tmp_path, upstream.url, files(version=2)) as running:
        running.files.clear()
        running.files.update(files(version=1))
        assert running.reload() is False
        running.files.clear()
        running.files.update(files(version=3))
        assert running.reload() is True
        first, second = running.records("trust")
        kinds = [json.loads(entry.leaf)["kind"] for entry in running.service.ledger.records()]
        assert kinds.index("trust") < kinds.index("start"), "the policy is in the log before its first use"
        assert kinds[-2:] == ["trust", "bundle"]
        assert (first["version"], second["version"]) == (2, 3)
        assert second["keys"] == [OWNER.public().keyid]
    for version in (1, 2):
        with pytest.raises(LawError, match="has seen 3"):
            open_service(config(tmp_path, files(version=version)))
    open_service(config(tmp_path, files(version=3))).close()


def test_a_trust_policy_that_cannot_be_recorded_does_not_come_into_force(
    tmp_path: Path, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40"""
    from caveat.ledger.errors import StoppedError

    def refuse(_ledger: Ledger, _record: dict[str, Any]) -> object:
        raise StoppedError("the disk is full")

    with running_gateway(tmp_path, upstream.url, files()) as running:
        digest = running.service.law.current.bundle.digest
        running.files.update(files(version=2))
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "submit", refuse)
            assert running.reload() is False
        assert running.service.law.current.bundle.digest == digest


def test_the_bundle_digest_that_each_decision_cites_covers_the_trust_policy() -> None:
    assert parse_bundle(files()).digest != parse_bundle(files(text="# one byte more\n")).digest


def test_a_gateway_does_not_start_with_a_clock_behind_its_log(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """36"""
    with running_gateway(tmp_path, upstream.url, files()):
        pass
    early = datetime.now(UTC) - timedelta(days=1)
    with pytest.raises(DataFolderError, match="behind the newest record"):
        open_service(replace(config(tmp_path, files()), clock=lambda: early))


def test_a_clock_that_falls_behind_stops_every_use_and_readiness_says_so(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """36"""
    behind = timedelta(0)
    with running_gateway(
        tmp_path, upstream.url, files(), clock=lambda: datetime.now(UTC) - behind
    ) as running:
        assert chat(running.url, CHAT_KEY, asking("hi")).status == 200
        behind = timedelta(minutes=5)
        answer = chat(running.url, CHAT_KEY, asking("hi"))
        assert (answer.status, answer.error["code"]) == (503, "clock_behind")
        ready = send(running.url, "/readyz", method="GET")
        assert (ready.status, ready.json["clock"]) == (503, "clock_behind")
        behind = timedelta(0)
        assert send(running.url, "/readyz", method="GET").status == 200
        assert chat(running.url, CHAT_KEY, asking("hi")).status == 200


DATA = rows(20)


def evidence(*, single_use: bool = False, number: int = 1) -> bytes:
    now = datetime.now(UTC).replace(microsecond=0)
    said = Statement(
        issuer="owner",
        subjects=(Subject("rows", sha256(DATA.encode())),),
        facts={"acquisition_channel": "first_party", "subject_count": 20},
        audience=("desk",),
        issued_at=now - timedelta(minutes=1),
        expires_at=now + timedelta(days=1),
        id=f"once-{number}",
        single_use=single_use,
    )
    return mint_envelope(said, [OWNER])


def test_the_same_action_asked_again_after_a_restart_gets_the_same_answer_and_no_replay(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """6"""
    headers = {"x-caveat-evidence": encode_envelope(evidence(single_use=True))}
    same, other = asking(DATA), {**asking(DATA), "temperature": 0.5}
    with running_gateway(tmp_path, upstream.url, files()) as running:
        first = chat(running.url, DESK_KEY, same, headers)
        assert (first.status, first.headers["x-caveat-verdict"]) == (200, "allow")
    with running_gateway(tmp_path, upstream.url, files()) as running:
        again = chat(running.url, DESK_KEY, same, headers)
        assert (again.status, again.headers["x-caveat-verdict"]) == (200, "allow")
        assert again.json == first.json
        replayed = chat(running.url, DESK_KEY, other, headers)
        assert (replayed.status, replayed.error["reason"]) == (403, "replayed_evidence")
        (row,) = replayed.error["evidence"]
        assert (row["code"], row["check"], row["who"]) == ("replayed", "once", "operator")


def watched_trust() -> bytes:
    table = """
[issuers.keeper]
role = "keeper"
party = "customer"
key = "%s"
purpose = "revocation"
namespaces = ["*"]
max_age_seconds = 86400
max_lifetime_seconds = 86400
[revocations.keeper]
covers = ["owner"]
max_age_seconds = 3600
"""
    return SmallBundle().files()["trust.toml"] + (table % KEEPER.public().render()).encode()


def listed(number: int, *, revoked: datetime | None = None) -> bytes:
    now, owner = datetime.now(UTC).replace(microsecond=0), OWNER.public().keyid
    said = RevocationList(
        "keeper",
        number,
        now - timedelta(minutes=1),
        now + timedelta(hours=1),
        (Subject("owner", owner),),
        {} if revoked is None else {owner: revoked},
    )
    return mint_revocations(said, [KEEPER])


def test_a_list_of_revocations_is_in_the_log_before_it_counts_and_survives_a_restart(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """9, 10, 40"""
    bundle = files(watched_trust())
    header = {"x-caveat-evidence": encode_envelope(evidence())}
    auth = {"authorization": f"Bearer {DESK_KEY}"}

    def upload(url: str, raw: bytes) -> Any:
        return send(url, "/v1/revocations", raw, auth)

    with running_gateway(tmp_path, upstream.url, bundle) as running:
        stale = chat(running.url, DESK_KEY, asking(DATA), header)
        assert [row["code"] for row in stale.error["evidence"]] == ["revocations_stale"]
        assert upload(running.url, listed(1)).status == 201
        assert chat(running.url, DESK_KEY, asking(DATA), header).status == 200
        (record,) = running.records("revocations")
        assert (record["authority"], record["number"], record["revoked"]) == ("keeper", 1, [])
    with running_gateway(tmp_path, upstream.url, bundle) as running:
        assert chat(running.url, DESK_KEY, asking(DATA), header).status == 200
        soon = datetime.now(UTC) - timedelta(hours=1)
        assert upload(running.url, listed(2, revoked=soon)).status == 201
        gone = chat(running.url, DESK_KEY, asking(DATA), header)
        assert [row["code"] for row in gone.error["evidence"]] == ["revoked"]
        back = upload(running.url, listed(3))
        assert (back.status, back.error["code"]) == (400, "revocations_revocations_stale")
    for kept in (tmp_path / "revocations").iterdir():
        kept.write_bytes(listed(1))
    with running_gateway(tmp_path, upstream.url, bundle) as running:
        rolled = chat(running.url, DESK_KEY, asking(DATA), header)
        assert [row["code"] for row in rolled.error["evidence"]] == ["revocations_stale"]
        assert '"outcome":"missing"' in running.log.getvalue().decode()
        assert upload(running.url, listed(1)).error["code"] == "revocations_revocations_stale"


def test_what_the_log_shows_before_a_revocation_still_counts(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """9"""
    bundle, raw = files(watched_trust()), evidence()
    header = {"x-caveat-evidence": encode_envelope(raw)}
    auth = {"authorization": f"Bearer {DESK_KEY}"}
    with running_gateway(tmp_path, upstream.url, bundle) as running:
        assert send(running.url, "/v1/revocations", listed(1), auth).status == 201
        assert chat(running.url, DESK_KEY, asking(DATA), header).status == 200
    after = datetime.now(UTC) + timedelta(milliseconds=5)
    later = {"x-caveat-evidence": encode_envelope(evidence(number=2))}
    with running_gateway(tmp_path, upstream.url, bundle) as running:
        assert send(running.url, "/v1/revocations", listed(2, revoked=after), auth).status == 201
        assert chat(running.url, DESK_KEY, asking(DATA), header).status == 200
        gone = chat(running.url, DESK_KEY, asking(DATA), later)
        assert [row["code"] for row in gone.error["evidence"]] == ["revoked"]


def test_a_bundle_that_may_not_be_served_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Stores] = []
    close = Stores.close

    def closing(stores: Stores) -> None:
        closed.append(stores)
        close(stores)

    monkeypatch.setattr(Stores, "close", closing)
    alone = {path: data for path, data in files().items() if "trust-" not in path}
    with pytest.raises(LawError):
        open_service(config(tmp_path, alone))
    assert len(closed) == 1
    open_service(config(tmp_path, files())).close()  # the ledger's lock is free as well
