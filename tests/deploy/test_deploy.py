"""What the container file and the systemd unit promise stands in them, and they name what exists."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from caveat.cli.serve import DEFAULT_PORT, serve_command

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "deploy/caveat.service").read_text("utf-8")


def statements() -> list[tuple[str, str]]:
    """Instruction and argument, continued lines joined."""
    text = (ROOT / "deploy/Containerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(None, 1)[0], " ".join(line.split(None, 1)[1].split())) for line in lines]


def test_the_proxy_asks_for_certificates_sets_the_header_anew_and_shows_its_own() -> None:
    envoy = (ROOT / "deploy/envoy.yaml").read_text("utf-8")
    assert "require_client_certificate: true" in envoy
    assert "forward_client_cert_details: SANITIZE_SET" in envoy
    assert "set_current_client_cert_details: { cert: true, chain: true, uri: true }" in envoy
    towards_gateway = envoy.partition("clusters:")[2]
    assert "UpstreamTlsContext" in towards_gateway
    assert "tls_certificates:" in towards_gateway
    assert "trusted_ca:" in towards_gateway


def final_stage() -> list[tuple[str, str]]:
    found = statements()
    start = max(place for place, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def test_the_image_runs_as_nobody_who_may_write_but_in_the_data_folder() -> None:
    stage = final_stage()
    users = [argument for word, argument in stage if word == "USER"]
    assert users == ["10001:10001"], "the last word on who runs it is a number that is not root's"
    after = [word for word, _ in stage[[word for word, _ in stage].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)
    assert [argument for word, argument in stage if word == "VOLUME"] == ["/var/lib/caveat"]
    assert ("ENV", "PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1") in stage
    assert not any("chown" in argument and "/opt" in argument for _, argument in statements())


def test_everything_from_the_network_is_pinned_by_hash() -> None:
    installs = [argument for word, argument in statements() if word == "RUN" and " install " in argument]
    installs = [argument for argument in installs if "pip" in argument]
    assert len(installs) == 1
    assert {"--require-hashes", "--no-deps"} <= set(installs[0].split())
    assert not any(word == "ADD" or re.search(r"curl|wget|apt|https?://(?!127)", argument)
                   for word, argument in statements())  # fmt: skip
    locked = (ROOT / "requirements.lock").read_text("utf-8")
    names = re.findall(r"^[a-z0-9].*?==", locked, re.MULTILINE)
    assert names
    assert locked.count("--hash=sha256:") >= len(names)


def test_the_base_is_slim_and_what_is_copied_exists_and_is_not_ignored() -> None:
    assert statements()[0] == ("ARG", "PYTHON=docker.io/library/python:3.11-slim")
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignored[0] == "*", "no key and no data folder goes to whoever builds"
    copied = [argument.split()[0] for word, argument in statements() if word == "COPY" and argument[0] != "-"]
    assert copied
    for path in copied:
        assert (ROOT / path).exists(), path
        assert f"!{path.split('/')[0]}" in ignored


def options(command: list[str]) -> set[str]:
    return {word for word in command if word.startswith("--")}


def test_both_start_the_gateway_with_options_that_it_has() -> None:
    known = {name for parameter in serve_command.params for name in parameter.opts}
    words = re.findall(r'"([^"]+)"', next(argument for word, argument in final_stage() if word == "CMD"))
    start = shlex.split(re.search(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)[1])  # type: ignore[index]  # it has one
    assert words[0] == start[3] == "serve"
    assert start[:3] == ["/opt/caveat/bin/python", "-m", "caveat"]
    assert options(words) <= known
    assert options(start) <= known
    assert "--host" not in start, "the unit listens on loopback"
    assert ("EXPOSE", str(DEFAULT_PORT)) in final_stage()
    check = next(argument for word, argument in final_stage() if word == "HEALTHCHECK")
    assert f"http://127.0.0.1:{DEFAULT_PORT}/readyz" in check


@pytest.mark.parametrize(
    "line",
    [
        "DynamicUser=yes",
        "StateDirectory=caveat",
        "StateDirectoryMode=0700",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "RestrictNamespaces=yes",
        "MemoryDenyWriteExecute=yes",
        "SystemCallFilter=@system-service",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ],
)
def test_the_unit_is_hardened(line: str) -> None:
    assert line in UNIT.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
def test_systemd_understands_the_unit_and_finds_it_little_exposed(tmp_path: Path) -> None:
    unit = tmp_path / "caveat.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT, flags=re.MULTILINE))
    for arguments in (["verify"], ["security", "--offline=true", "--threshold=20"]):
        done = subprocess.run(
            ["systemd-analyze", *arguments, unit], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert arguments[0] != "verify" or done.stderr == ""
