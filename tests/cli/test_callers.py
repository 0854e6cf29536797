"""`caveat keys callers` and the TLS options of `caveat serve`: who may speak, and clear mistakes."""

import json
from pathlib import Path

from caveat.cli.measure_callers import measure_callers
from caveat.policy.bundle import parse_bundle
from caveat.signing.digest import sha256
from tests.cli.calling import Caveat
from tests.support.credentials import Registry, authority, certificate, jwk, jwks, p256, spiffe
from tests.support.small_bundle import CHAT_KEY

CA = authority()


def written(folder: Path, registry: Registry) -> Path:
    for name, data in registry.files().items():
        path = folder / "bundle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "bundle"


def registry() -> Registry:
    found = Registry().issuer(jwks=jwks(jwk(p256())).decode()).domain(CA)
    found.token("desk", claims={"sub": "desk", "team": "x"}, sender_constrained=True)
    return found.certificate("desk", spiffe("desk"), spiffe("pool/"))


def test_every_registration_is_listed_as_records_name_it(caveat: Caveat, tmp_path: Path) -> None:
    folder = written(tmp_path, registry())
    said = caveat("keys", "callers", folder, "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert document["version"] == 1
    rows = {(row["deployment"], row["means"], row["principal"]): row for row in document["callers"]}
    bundle = parse_bundle(registry_files(folder))
    token = bundle.deployments["desk"].callers.tokens[0].principal
    assert ("chat", "key", f"key:{sha256(CHAT_KEY.encode())[:16]}") in rows
    assert rows["desk", "oidc", token]["identity"]["claims"] == {"sub": "desk", "team": "x"}
    assert rows["desk", "mtls", None]["identity"] == {"prefix": spiffe("pool/")}
    named = f"mtls:{sha256(spiffe('desk').encode())[:16]}"
    assert rows["desk", "mtls", named]["identity"] == {"spiffe_id": spiffe("desk")}
    shown = caveat("keys", "callers", folder).out
    for word in (
        "sub = desk, team = x",
        "bound to its certificate",
        spiffe("pool/"),
        "one for each id",
        named,
    ):
        assert word in shown


def registry_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_whose_callers_may_not_stand_is_a_finding(caveat: Caveat, tmp_path: Path) -> None:
    folder = written(tmp_path, registry().certificate("chat", spiffe("pool/x")))
    said = caveat("keys", "callers", folder)
    assert said.code == 1
    assert "share a caller: one SPIFFE id fits both" in said.out
    checked = caveat("check", folder)
    assert checked.code == 1
    assert "share a caller" in checked.out
    assert caveat("keys", "callers", tmp_path / "nowhere").code == 2


def test_tls_is_served_with_both_files_or_not_at_all(caveat: Caveat, tmp_path: Path) -> None:
    server = certificate(CA, hosts=["localhost"])
    chain, key = server.write(tmp_path, "server")
    _, other = certificate(CA, hosts=["localhost"]).write(tmp_path, "other")
    where = (
        "serve",
        "--bundle",
        tmp_path / "b",
        "--data",
        tmp_path / "d",
        "--upstream",
        "http://127.0.0.1:9",
    )
    for options, said in (
        (("--tls-cert", chain), "--tls-cert and --tls-key go together"),
        (("--tls-cert", chain, "--tls-key", other), "TLS cannot be served"),
        (("--tls-cert", chain, "--tls-key", tmp_path / "gone"), "TLS cannot be served"),
        (("--client-ca", chain), "--client-ca needs TLS"),
        (("--tls-cert", chain, "--tls-key", key, "--client-ca", key), "no PEM text of certificates"),
        (("--tls-cert", chain, "--tls-key", key, "--client-ca", tmp_path / "gone"), "cannot be read"),
    ):
        found = caveat(*where, *options)
        assert (found.code, said in found.err) == (2, True), found.err
        assert "hint: " in found.err


def test_a_bundle_whose_authorities_are_not_at_hand_is_not_served(caveat: Caveat, tmp_path: Path) -> None:
    found = registry()
    found.identity["trust_domains"]["example.org"] = {"ca_digest": sha256(CA.pem)}
    folder = written(tmp_path, found)
    said = caveat(
        "serve", "--bundle", folder, "--data", tmp_path / "d", "--upstream", "http://127.0.0.1:9", "--port", 0
    )
    assert said.code == 2
    assert "names a file by `ca_digest` that `--client-ca` does not bring" in said.err


def test_what_is_measured_is_the_lookup_of_callers() -> None:
    found = measure_callers(tokens=2, rounds=1)
    assert {n for _, n in found.values()} == {2}
    assert all(value > 0 for value, _ in found.values())
