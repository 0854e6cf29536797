"""`caveat serve` as a person starts it: one clear line for whatever stands in the way, and a clean stop."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from caveat.cli import serve
from caveat.cli.exit import CannotRunError
from caveat.gateway.tracing import NO_TRACE
from tests.support.raw_client import asking, chat, send
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import CHAT_KEY, SmallBundle, following

pytestmark = pytest.mark.slow
NOWHERE = "http://127.0.0.1:9"


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("bundle"), SmallBundle().files())


def caveat(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "caveat", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def refused(*arguments: object) -> str:
    done = caveat("serve", *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("caveat: ")
    assert lines[1].startswith("hint: ")
    return done.stderr


def test_a_port_that_is_taken(bundle: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused("--bundle", bundle, "--data", tmp_path, "--upstream", NOWHERE, "--port", port)
    assert f"port {port} is taken" in said


def test_no_model_two_models_and_no_url(bundle: Path, tmp_path: Path) -> None:
    common = ("--bundle", bundle, "--data", tmp_path, "--port", 0)
    assert "no model" in refused(*common)
    assert "two models" in refused(*common, "--upstream", NOWHERE, "--local-model")
    assert "no URL" in refused(*common, "--upstream", "localhost:8000")
    assert "no URL" in refused(*common, "--upstream", "http://user:secret@127.0.0.1")


def test_a_bundle_that_is_missing_unsigned_or_broken(tmp_path: Path) -> None:
    common = ("--data", tmp_path / "data", "--port", 0, "--upstream", NOWHERE, "--bundle")
    assert "no folder" in refused(*common, tmp_path / "nowhere")
    unsigned = write(tmp_path / "unsigned", SmallBundle(signed=False).files())
    assert "may not be served" in refused(*common, unsigned)
    broken = write(tmp_path / "broken", SmallBundle(clauses="permit (").files())
    assert "may not be served" in refused(*common, broken)


def test_a_data_folder_that_cannot_be_used(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    common = ("--bundle", bundle, "--port", 0, "--upstream", NOWHERE, "--data")
    assert "data folder" in refused(*common, tmp_path / "file")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "audit.key").write_text("zz")
    assert "damaged" in refused(*common, damaged)


@contextmanager
def serving(
    bundle: Path, data: Path, upstream: str, *more: object
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["serve", "--bundle", bundle, "--data", data, "--upstream", upstream, "--port", port, *more]
    process = subprocess.Popen(
        [sys.executable, "-m", "caveat", *map(str, arguments)], stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None, process.stderr and process.stderr.read()
            try:
                if send(f"http://127.0.0.1:{port}", "/readyz", method="GET").status == 200:
                    break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def test_it_serves_reloads_on_hangup_stops_on_terminate_and_goes_on_with_its_ledger(
    bundle: Path, tmp_path: Path
) -> None:
    own = write(tmp_path / "bundle", SmallBundle().files())
    with scripted_upstream() as model:
        with serving(own, tmp_path / "data", model.url) as (url, process):
            first = chat(url, CHAT_KEY, asking("hi"))
            assert first.status == 200
            again = ("--bundle", bundle, "--data", tmp_path / "data", "--upstream", model.url)
            other = refused(*again, "--port", 0)
            assert "another process" in other
            (own / "clauses" / "all.cedar").write_text("permit (")
            process.send_signal(signal.SIGHUP)
            wait_for_metric(url, 'caveat_bundle_reloads_total{outcome="refused"} 1.0')
            assert chat(url, CHAT_KEY, asking("hi")).status == 200
            changed = SmallBundle()
            changed.clauses += (
                '@id("C8") @text("None.") @authority("contract") @amend("operator")\n'
                "forbid (principal, action, resource);"
            )
            write(own, changed.files())
            process.send_signal(signal.SIGHUP)
            wait_for_metric(url, 'caveat_bundle_reloads_total{outcome="refused"} 2.0')
            assert chat(url, CHAT_KEY, asking("hi")).status == 200
            write(own, following(changed.files(), SmallBundle().files()))
            process.send_signal(signal.SIGHUP)
            wait_for_metric(url, 'caveat_bundle_reloads_total{outcome="changed"} 1.0')
            assert chat(url, CHAT_KEY, asking("hi")).status == 403
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert process.stderr is not None
            said = process.stderr.read()
            assert "Traceback" not in said
            assert json.loads(said.splitlines()[-1])["event"] == "stop"
        with serving(own, tmp_path / "data", model.url) as (url, _process):
            later = chat(url, CHAT_KEY, asking("hi"))
            before = int(first.headers["x-caveat-record"].split("-")[0])
            assert int(later.headers["x-caveat-record"].split("-")[0]) > before
    for name in ("audit.key", "log.pem"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0


def wait_for_metric(url: str, line: str) -> None:
    deadline = time.monotonic() + 20
    while line not in send(url, "/metrics", method="GET").body.decode():
        assert time.monotonic() < deadline, line
        time.sleep(0.05)


def test_the_key_of_the_upstream_comes_from_the_environment(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAVEAT_UPSTREAM_KEY", "from-the-environment")
    with scripted_upstream() as model, serving(bundle, tmp_path / "data", model.url) as (url, _process):
        assert chat(url, CHAT_KEY, asking("hi")).status == 200
        assert model.seen[-1].headers["authorization"] == "Bearer from-the-environment"


ROUTES = """version = 1
[[routes.scripted]]
url = "{url}"
protocol = "openai"
key_env = "{key}"
"""


def test_routes_that_may_not_be_used(bundle: Path, tmp_path: Path) -> None:
    start = ("--bundle", bundle, "--data", tmp_path / "data", "--port", 0)
    routes = tmp_path / "routes.toml"
    assert "no file that can be read" in refused(*start, "--routes", routes)
    routes.write_text(ROUTES.format(url=NOWHERE, key="CAVEAT_NO_SUCH_KEY"))
    assert "`CAVEAT_NO_SUCH_KEY`" in refused(*start, "--routes", routes)
    assert "leave --upstream" in refused(*start, "--routes", routes, "--upstream", NOWHERE)
    assert not (tmp_path / "data").exists()


def test_tracing_without_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(serve, "has_tracing", lambda: False)
    assert serve.tracing_config(wanted=False) is NO_TRACE
    with pytest.raises(CannotRunError):
        serve.tracing_config(wanted=True)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    assert serve.tracing_config(wanted=False) is NO_TRACE
    assert "no traces" in capsys.readouterr().err
