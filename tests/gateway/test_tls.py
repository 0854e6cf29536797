"""TLS at the running gateway: real handshakes, the official SDK with a client certificate, changes."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from caveat.gateway.identity.certificates import Authorities
from caveat.gateway.identity.forwarded import HEADER
from caveat.service.tls import ServerTls
from caveat.signing.digest import sha256
from tests.gateway.test_certificates import forwarded
from tests.support.credentials import (
    NOW,
    Issued,
    Registry,
    authority,
    certificate,
    claims_now,
    client_context,
    jwk,
    jwks,
    p256,
    spiffe,
    token,
)
from tests.support.raw_client import Answer, asking
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import TEXT, ScriptedUpstream
from tests.support.small_bundle import CHAT_KEY

WEB, CA, OTHER, KEY = authority("web"), authority("clients"), authority("others"), p256()
SERVER = certificate(WEB, hosts=["localhost"])
CHAT, DESK = certificate(CA, [spiffe("chat")]), certificate(CA, [spiffe("desk")])
ASK: Any = [{"role": "user", "content": "What is it?"}]


def registry() -> Registry:
    found = Registry().issuer(jwks=jwks(jwk(KEY)).decode()).token("chat").token("desk")
    found.domain(CA).domain(OTHER, "other.org")
    found.certificate("chat", spiffe("chat"), spiffe("apps/", "other.org"))
    return found.certificate("desk", spiffe("desk"))


@contextmanager
def serving(
    folder: Path, upstream: ScriptedUpstream, found: Registry, **more: Any
) -> Iterator[RunningGateway]:
    folder.mkdir(exist_ok=True)
    tls = ServerTls(*SERVER.write(folder, "server"))
    with running_gateway(folder / "data", upstream.url, found.files(), tls=tls, **more) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def tls_gateway(
    module_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    with serving(tmp_path_factory.mktemp("tls"), module_upstream, registry()) as gateway:
        yield gateway


def context(folder: Path, shown: Issued | None = None, *chain: Issued) -> ssl.SSLContext:
    return client_context(WEB, None if shown is None else shown.write(folder, "client", *chain))


def connect(gateway: RunningGateway, tls: ssl.SSLContext) -> http.client.HTTPSConnection:
    port = int(gateway.url.rpartition(":")[2])
    return http.client.HTTPSConnection("localhost", port, timeout=20, context=tls)


def chat(connection: http.client.HTTPSConnection, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps(asking("hi")).encode()
    connection.request("POST", "/v1/chat/completions", body, dict(headers or {}))
    answer = connection.getresponse()
    return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


def once(
    gateway: RunningGateway, tls: ssl.SSLContext, headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    connection = connect(gateway, tls)
    try:
        answer = chat(connection, headers)
        return answer.status, "" if answer.status == 200 else answer.error["code"]
    finally:
        connection.close()


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_the_official_sdk_speaks_with_a_client_certificate(
    tls_gateway: RunningGateway, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    port = tls_gateway.url.rpartition(":")[2]
    tls = context(tmp_path, CHAT)
    text = token(KEY, claims_now("chat", cnf={"x5t#S256": CHAT.thumbprint}))
    for secret in (CHAT_KEY, text):
        with (
            httpx2.Client(verify=tls) as transport,
            openai.OpenAI(
                api_key=secret, base_url=f"https://localhost:{port}/v1", http_client=transport
            ) as client,
        ):
            answer = client.chat.completions.create(model="scripted", messages=ASK)
            assert answer.choices[0].message.content == TEXT
    assert all(text not in str(seen.headers) for seen in upstream.seen)
    assert tls_gateway.records()[-1]["principal"].startswith("oidc:")
    stolen = openai.OpenAI(
        api_key=token(KEY, claims_now("chat")),
        base_url=f"https://localhost:{port}/v1",
        http_client=httpx2.Client(verify=context(tmp_path, DESK)),
    )
    with stolen as client, pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(model="scripted", messages=ASK)
    assert caught.value.code == "identity_conflict"


def test_a_certificate_alone_is_a_caller_and_its_id_stays_out_of_log_and_record(
    tls_gateway: RunningGateway, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    assert once(tls_gateway, context(tmp_path, CHAT)) == (200, "")
    record = tls_gateway.records()[-1]
    assert record["principal"] == f"mtls:{sha256(spiffe('chat').encode())[:16]}"
    assert (record["deployment"], len(upstream.seen)) == ("chat", 1)
    assert b"spiffe" not in tls_gateway.log.getvalue()


def test_an_intermediate_that_the_client_sends_counts(tls_gateway: RunningGateway, tmp_path: Path) -> None:
    middle = certificate(CA, is_authority=True, name="middle")
    leaf = certificate(middle, [spiffe("chat")])
    assert once(tls_gateway, context(tmp_path, leaf, middle)) == (200, "")


def test_who_shows_no_certificate_needs_another_credential(
    tls_gateway: RunningGateway, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    assert once(tls_gateway, context(tmp_path)) == (401, "invalid_api_key")
    assert once(tls_gateway, context(tmp_path), bearer(token(KEY, claims_now("chat")))) == (200, "")
    bound = token(KEY, claims_now("chat", cnf={"x5t#S256": CHAT.thumbprint}))
    assert once(tls_gateway, context(tmp_path), bearer(bound)) == (401, "token_not_bound")
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        (certificate(OTHER, [spiffe("chat")]), "certificate_invalid"),
        (certificate(CA, [spiffe("chat")], is_authority=True), "certificate_invalid"),
        (certificate(CA, [spiffe("chat"), spiffe("desk")]), "certificate_invalid"),
        (certificate(CA, hosts=["chat.example.org"]), "certificate_invalid"),
        (certificate(CA, [spiffe("nobody")]), "certificate_unknown"),
    ],
)
def test_a_certificate_that_passes_the_handshake_is_still_judged(
    tls_gateway: RunningGateway, upstream: ScriptedUpstream, tmp_path: Path, leaf: Issued, code: str
) -> None:
    assert once(tls_gateway, context(tmp_path, leaf)) == (401, code)
    assert once(tls_gateway, context(tmp_path, leaf), bearer(CHAT_KEY)) == (401, code)
    assert upstream.seen == []


@pytest.mark.parametrize(
    "leaf",
    [
        certificate(authority("unknown"), [spiffe("chat")]),
        certificate(CA, [spiffe("chat")], begins=NOW - timedelta(days=1), ends=NOW - timedelta(hours=1)),
    ],
)
def test_a_certificate_by_nobody_known_or_expired_ends_at_the_handshake(
    tls_gateway: RunningGateway, upstream: ScriptedUpstream, tmp_path: Path, leaf: Issued
) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        once(tls_gateway, context(tmp_path, leaf), bearer(CHAT_KEY))
    assert upstream.seen == []


def test_a_forwarded_certificate_from_a_caller_is_refused(
    tls_gateway: RunningGateway, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    headers = forwarded(CHAT)
    assert once(tls_gateway, context(tmp_path), headers) == (401, "proxy_untrusted")
    assert once(tls_gateway, context(tmp_path, DESK), headers) == (401, "proxy_untrusted")
    assert upstream.seen == []


@pytest.mark.slow
def test_a_proxy_with_a_registered_certificate_forwards_and_the_header_stays_here(
    module_upstream: ScriptedUpstream, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    found = registry()
    found.identity["proxies"] = [spiffe("proxy")]
    with serving(tmp_path / "gateway", module_upstream, found) as gateway:
        tls = context(tmp_path, certificate(CA, [spiffe("proxy")]))
        assert once(gateway, tls, forwarded(CHAT)) == (200, "")
        assert once(gateway, tls) == (401, "invalid_api_key")
    assert [HEADER in seen.headers for seen in upstream.seen] == [False]


@pytest.mark.slow
def test_a_connection_is_judged_by_the_bundle_in_force(
    module_upstream: ScriptedUpstream, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    with serving(tmp_path / "gateway", module_upstream, registry()) as gateway:
        connection = connect(gateway, context(tmp_path, CHAT))
        assert chat(connection).status == 200
        moved = Registry().domain(CA).certificate("watch", spiffe("chat"))
        assert gateway.amend(moved.files())
        assert chat(connection).status == 200
        assert gateway.records()[-1]["deployment"] == "watch"
        assert gateway.amend(Registry().domain(OTHER).certificate("watch", spiffe("chat")).files())
        assert chat(connection).error["code"] == "certificate_invalid"
        connection.close()
    assert len(upstream.seen) == 2


@pytest.mark.slow
def test_a_domain_that_a_later_bundle_brings_is_asked_for_at_once(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    with serving(tmp_path / "gateway", module_upstream, Registry()) as gateway:
        assert once(gateway, context(tmp_path, CHAT)) == (401, "invalid_api_key")
        assert gateway.amend(registry().files())
        assert once(gateway, context(tmp_path, CHAT)) == (200, "")


@pytest.mark.slow
def test_the_gateways_own_certificate_is_renewed_without_a_restart(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    with serving(folder, module_upstream, registry()) as gateway:
        renewed = certificate(OTHER, hosts=["localhost"])
        renewed.write(folder, "server")
        gateway.reload()
        assert once(gateway, client_context(OTHER), bearer(CHAT_KEY)) == (200, "")
        (folder / "server.pem").write_bytes(b"damaged")
        gateway.reload()
        assert once(gateway, client_context(OTHER), bearer(CHAT_KEY)) == (200, "")
        assert b'"outcome": "kept"' in gateway.log.getvalue() or b'"outcome":"kept"' in gateway.log.getvalue()


@pytest.mark.slow
def test_authorities_in_a_file_are_those_that_the_bundle_names(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    found = registry()
    found.identity["trust_domains"] = {
        "example.org": {"ca_digest": sha256(CA.pem)},
        "other.org": {"ca": OTHER.pem.decode()},
    }
    with serving(tmp_path / "gateway", module_upstream, found, authorities=Authorities(CA.pem)) as gateway:
        assert once(gateway, context(tmp_path, CHAT)) == (200, "")


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False])
def test_an_answer_is_withheld_when_its_caller_is_taken_out_meanwhile(
    module_upstream: ScriptedUpstream, upstream: ScriptedUpstream, tmp_path: Path, *, known: bool
) -> None:
    with serving(tmp_path / "gateway", module_upstream, registry()) as gateway:
        plain = upstream.script

        def change(seen: Any) -> Any:
            if not known:
                assert gateway.amend(Registry().issuer(jwks=jwks(jwk(KEY)).decode()).token("desk").files())
            return plain(seen)

        upstream.script = change
        found = once(gateway, context(tmp_path), bearer(token(KEY, claims_now("chat"))))
        assert found == ((200, "") if known else (401, "unknown_key"))
