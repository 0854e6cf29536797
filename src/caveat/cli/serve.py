"""`caveat serve`: one gateway in front of one model's endpoint, in the foreground."""

import contextlib
import os
import re
from pathlib import Path

import click

from caveat.cli.amending import check_root
from caveat.cli.development import HISTORY, example_bundle, open_development
from caveat.cli.exit import CannotRunError
from caveat.cli.first_use import play_when_ready
from caveat.cli.ledger_view import read_policy
from caveat.cli.local_model import running_model
from caveat.cli.serve_files import read_console, read_notify, read_routes, subject_keys
from caveat.cli.serving import listen, open_or_explain, serve
from caveat.cli.tls import open_authorities, open_tls
from caveat.gateway.routes import URL_PATTERN, Routes
from caveat.gateway.tracing import NO_TRACE, Tracing, has_tracing, open_tracing, wants_tracing
from caveat.gateway.upstream import UpstreamConfig
from caveat.service.watch import DEFAULT_HEARTBEAT_SECONDS, WatchConfig

DEFAULT_PORT = 8700
KEY_VARIABLE = "CAVEAT_UPSTREAM_KEY"
_URL = re.compile(URL_PATTERN.removesuffix("$") + r"\Z")
_FOLDER = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)
_LEVELS = click.Choice(["debug", "info", "warning", "error"])
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_DEVELOPMENT_DATA = Path("var/caveat")


@click.command("serve")
@click.option("--bundle", type=_FOLDER, help="The policy bundle's folder.")
@click.option("--data", type=_FOLDER, help="Where ledger, keys and evidence are kept.")
@click.option("--upstream", metavar="URL", help="The model's endpoint, OpenAI- or Anthropic-compatible.")
@click.option("--routes", type=_FILE, help="A file that names upstreams by model alias, instead of one.")
@click.option("--local-model", is_flag=True, help="Start a small stand-in model and use it as the endpoint.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option("--tls-cert", type=_FILE, help="Serve TLS with this certificate chain, in PEM.")
@click.option("--tls-key", type=_FILE, help="The certificate's private key, in PEM.")
@click.option("--client-ca", type=_FILE, help="Authorities of client certificates that the bundle names.")
@click.option("--development", is_flag=True, help="Serve a copy of the bundle with fresh keys, on loopback.")
@click.option("--root", metavar="DIGEST", help="The bundle that a new ledger begins from.")
@click.option("--history", type=_FOLDER, help="A folder of earlier bundles, for amendments not served yet.")
@click.option("--tour", is_flag=True, help="With --development: play the tour first, then keep serving.")
@click.option("--otel", is_flag=True, help="Trace each use, as the OTEL_ variables say where to.")
@click.option("--witnesses", type=_FILE, help="Witnesses of the ledger and their quorum (C2SP tlog-policy).")
@click.option(
    "--heartbeat",
    type=click.IntRange(0, 86_400),
    default=DEFAULT_HEARTBEAT_SECONDS,
    show_default=True,
    help="Record every so many seconds that the gateway is alive; 0 for never.",
)
@click.option(
    "--known-checkpoint",
    type=_FILE,
    help="A file on another volume: the ledger must continue the checkpoint in it, and renews it.",
)
@click.option("--notify", "notify_file", type=_FILE, help="Who is told of holds, halts, incidents; TOML.")
@click.option("--console", "console_file", type=_FILE, help="Where people sign in at the console; TOML.")
@click.option(
    "--subject-key",
    metavar="FILE|unix:SOCKET",
    help="The second party's chain of keys to tell persons apart, or its agent.",
)
@click.option("--log-level", type=_LEVELS, help="What is logged.  [default: info; with --tour: warning]")
def serve_command(
    bundle: Path | None,
    data: Path | None,
    upstream: str | None,
    routes: Path | None,
    local_model: bool,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    development: bool,
    root: str | None,
    history: Path | None,
    tour: bool,
    otel: bool,
    witnesses: Path | None,
    heartbeat: int,
    known_checkpoint: Path | None,
    notify_file: Path | None,
    console_file: Path | None,
    subject_key: str | None,
    log_level: str | None,
) -> int:
    """Decide each use of the model, record it, and only then let it through.

    The gateway's own key for the endpoint is read from CAVEAT_UPSTREAM_KEY. SIGHUP reads the bundle again;
    a bundle that does not check, or that no whole chain of amendments leads to, leaves the old one in force.
    A new ledger begins from the bundle --root, or else from the first that its actors adopted. A file of
    --routes names a variable for the key of each endpoint.

    With --development the bundle, by default the example, is copied into the data folder, by default
    var/caveat, with a fresh key for every party and issuer: good for trying out, proof of nothing.

    With --tls-cert the gateway ends TLS itself, and asks for client certificates of the trust domains that
    the bundle registers. SIGHUP reads the certificate again.

    With --subject-key, or a descriptor that CAVEAT_SUBJECT_KEY_FD names, persons are counted once however
    many uses reach them; without, by the data that uses send. The gateway writes the key nowhere. With
    unix:SOCKET it never has it: `caveat monitors agent` of the second party answers there.

    \b
    Examples:
      caveat serve --bundle policies/mine --data var/caveat --upstream https://models.example
      caveat serve --bundle policies/mine --data var/caveat --tls-cert server.pem --tls-key server.key
      caveat serve --bundle policies/mine --data var/caveat --routes routes.toml
      caveat serve --bundle policies/mine --data var/caveat --subject-key unix:/run/keyholder/agent.sock ...
      caveat serve --development --local-model
    """
    if routes is not None and (upstream is not None or local_model):
        raise CannotRunError("--routes names every endpoint", "leave --upstream and --local-model away")
    tls = open_tls(tls_cert, tls_key)
    if tls is not None and tour:
        raise CannotRunError("--tour is played over plain HTTP", "leave --tls-cert away")
    authorities = open_authorities(client_ca, tls)
    tracing = tracing_config(wanted=otel)
    pinned = check_root(root)
    policy = None if witnesses is None else read_policy(witnesses)
    watch = WatchConfig(policy, heartbeat_seconds=heartbeat, known=known_checkpoint)
    notify = None if notify_file is None else read_notify(notify_file)
    sign_in = None if console_file is None else read_console(console_file)
    bundle, data = _folders(bundle, data, host, development=development, tour=tour)
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(listen(host, port))
        endpoint: UpstreamConfig | Routes
        if local_model and upstream is None:
            model = stack.enter_context(running_model())
            endpoint = UpstreamConfig(model.url, model.key)
        elif routes is not None:
            endpoint = read_routes(routes)
        else:
            endpoint = upstream_config(upstream, local_model=local_model)
        level = log_level or ("warning" if tour else "info")
        service = open_or_explain(
            bundle,
            data,
            endpoint,
            level,
            tracing,
            beyond_loopback=host not in _LOOPBACK,
            tls=tls,
            authorities=authorities,
            root=pinned,
            history=bundle.parent / HISTORY if development and history is None else history,
            watch=watch,
            notify=notify,
            sign_in=sign_in,
            subject_keys=subject_keys(subject_key, data, development=development),
        )
        url = f"{'http' if tls is None else 'https'}://{host}:{listening.getsockname()[1]}"
        before = endpoint.url if isinstance(endpoint, UpstreamConfig) else f"the upstreams of {routes}"
        click.echo(f"caveat serves {url} before {before}", err=True)
        if tour:
            play_when_ready(url, data)
        serve(service, listening)
    return 0


def _folders(
    bundle: Path | None, data: Path | None, host: str, *, development: bool, tour: bool
) -> tuple[Path, Path]:
    """The bundle to serve and the data folder; makes the development world where one is asked for."""
    if not development:
        if tour:
            raise CannotRunError("--tour goes with --development", "`caveat tour` plays it on its own")
        if bundle is None or data is None:
            raise CannotRunError(
                "--bundle and --data are needed", "or --development, which brings both for trying out"
            )
        return bundle, data
    if host not in _LOOPBACK:
        raise CannotRunError("development keys serve on loopback only", "leave --host away")
    data = data or _DEVELOPMENT_DATA
    return open_development(data / "development", bundle or example_bundle()).bundle, data


def upstream_config(url: str | None, *, local_model: bool) -> UpstreamConfig:
    """The endpoint to stand before; raises `CannotRunError`."""
    if url is None:
        raise CannotRunError(
            "there is no model to stand before", "name one with --upstream URL, or --local-model"
        )
    if local_model:
        raise CannotRunError("--upstream and --local-model name two models", "give one of them")
    if _URL.match(url) is None:
        raise CannotRunError("--upstream is no URL of an endpoint", "write it like http://127.0.0.1:8000")
    return UpstreamConfig(url, os.environ.get(KEY_VARIABLE) or None)


def tracing_config(*, wanted: bool) -> Tracing:
    """Traces where --otel or OpenTelemetry's own variables ask for them; raises `CannotRunError`."""
    if not wanted and not wants_tracing(os.environ):
        return NO_TRACE
    if has_tracing():
        return open_tracing(os.environ)
    if wanted:
        raise CannotRunError("--otel needs the extra `otel`", "pip install 'caveat[otel]'")
    # The variables may be meant for others on this machine, so they alone keep nothing from starting.
    click.echo("caveat: no traces, since the extra `otel` is not installed", err=True)
    return NO_TRACE
