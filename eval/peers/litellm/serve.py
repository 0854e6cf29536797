"""The LiteLLM proxy before a model, with its built-in content filter: its own server and configuration."""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import front  # noqa: E402 - found by the line above; the peer's environment does not have it

CONFIGURATION = HERE / "config.yaml"
START_SECONDS = 120.0
STOP_SECONDS = 10.0


def main() -> None:
    """Runs the proxy until standard input ends."""
    asked = front.arguments()
    configured = yaml.safe_load(CONFIGURATION.read_text())
    params = configured["guardrails"][0]["litellm_params"]
    params["patterns"] += [
        {"pattern_type": "regex", "pattern": pattern, "name": name, "action": "BLOCK"}
        for name, pattern in front.policy_patterns().items()
    ]
    when = " and ".join(params["mode"])
    port, key = asked.port or _free_port(), f"sk-{secrets.token_urlsafe(24)}"
    with tempfile.TemporaryDirectory(prefix="caveat-peer-") as folder:
        rendered = Path(folder) / "config.yaml"
        rendered.write_text(yaml.safe_dump(configured))
        proxy = _start(rendered, asked.upstream, port, key)
        try:
            _wait_until_ready(proxy, port)
            description = front.Description(
                name="LiteLLM proxy",
                packages=("litellm",),
                detectors=[
                    *(f"{when}: category {one['category']}" for one in params["categories"]),
                    f"{when}: {len(params['patterns'])} patterns of the policy",
                ],
                left_out=json.loads((HERE / "left_out.json").read_text()),
                configuration=front.digest([CONFIGURATION.read_bytes(), front.PATTERNS.read_bytes()]),
            )
            front.say(description.ready_line(f"http://127.0.0.1:{port}", key))
            sys.stdin.buffer.read()
        finally:
            _stop(proxy)


def _start(configuration: Path, upstream: str, port: int, key: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PEER_UPSTREAM": f"{upstream}/v1",
        "LITELLM_MASTER_KEY": key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it looks for a newer one over the network
        "LITELLM_LOG": "CRITICAL",
    }
    command = [str(Path(sys.executable).parent / "litellm"), "--config", str(configuration)]
    return subprocess.Popen(  # noqa: S603 - the peer's own program
        [*command, "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
    )


def _wait_until_ready(proxy: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if proxy.poll() is not None:
            sys.exit(f"the proxy ended with {proxy.returncode} while it was starting")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/readiness", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass  # it does not listen yet
        time.sleep(0.2)
    sys.exit(f"the proxy was not ready within {START_SECONDS:.0f} seconds")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(proxy: subprocess.Popen[bytes]) -> None:
    proxy.terminate()
    try:
        proxy.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        proxy.kill()
        proxy.wait()


if __name__ == "__main__":
    main()
