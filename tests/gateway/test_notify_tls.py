"""Who is told over a network is told over TLS, by a certificate that holds for the name, or not at all."""

import base64
import http.server
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caveat.oversight.notices import Event, notice
from caveat.service.notify_config import MailConfig, parse_notify
from caveat.service.sinks import DeliveryError, Mail, Webhook
from tests.support.credentials import Issued, authority, certificate

SECRET, PASSWORD = base64.b64encode(b"s" * 32).decode(), "mail-password"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issued:
    """The one authority that this process believes."""
    ca = authority()
    file, _ = ca.write(tmp_path, "ca")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return ca


def context_of(folder: Path, ca: Issued, host: str) -> ssl.SSLContext:
    chain, key = certificate(ca, hosts=[host]).write(folder, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


class Quiet(socketserver.ThreadingTCPServer):
    """A server to which a handshake that fails is nothing special."""

    daemon_threads = True

    def handle_error(self, *_who: object) -> None:
        """Silent."""


@contextmanager
def serving(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with Quiet(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(5)


@contextmanager
def receiving(context: ssl.SSLContext) -> Iterator[tuple[int, list[str]]]:
    """A receiver of webhooks behind TLS, and the ids that arrived."""
    arrived: list[str] = []

    class Answering(http.server.BaseHTTPRequestHandler):
        def setup(self) -> None:
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            arrived.append(self.headers["webhook-id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Silent."""

    with serving(Answering) as port:
        yield port, arrived


def hook(port: int) -> Webhook:
    text = f'version = 1\n[webhook]\nurl = "https://localhost:{port}/hook"\nsecret_env = "HOOK"\n'
    config = parse_notify(text.encode(), {"HOOK": f"whsec_{SECRET}"}).webhook
    assert config is not None
    return Webhook(config, "", lambda: AT)


def test_a_webhook_arrives_behind_a_certificate_that_holds(tmp_path: Path, trusted: Issued) -> None:
    with receiving(context_of(tmp_path, trusted, "localhost")) as (port, arrived):
        hook(port).deliver("one", b"{}")
    assert arrived == ["one"]


@pytest.mark.parametrize("wrong", ["authority", "host"])
def test_nothing_is_sent_to_a_receiver_whose_certificate_does_not_hold(
    tmp_path: Path, trusted: Issued, wrong: str
) -> None:
    ca = authority("another") if wrong == "authority" else trusted
    host = "elsewhere.example" if wrong == "host" else "localhost"
    with (
        receiving(context_of(tmp_path, ca, host)) as (port, arrived),
        pytest.raises(DeliveryError, match=r"^SSLCertVerificationError$"),
    ):
        hook(port).deliver("one", b"{}")
    assert arrived == []


@dataclass
class Heard:
    """What a mail server heard. `plain`: before TLS."""

    plain: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)


@contextmanager
def mail_server(context: ssl.SSLContext, *, offers: bool = True) -> Iterator[tuple[int, Heard]]:
    """A server that knows STARTTLS, or takes it away as somebody on the way would."""
    heard = Heard()

    class Speaking(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            if self.talk(heard.plain):
                self.request = context.wrap_socket(self.request, server_side=True)
                self.rfile = self.request.makefile("rb")
                self.wfile = self.request.makefile("wb", buffering=0)
                with self.request:
                    self.talk(heard.behind)
                    self.rfile.close()
                    self.wfile.close()

        def talk(self, kept: list[str]) -> bool:
            """True where the client goes over to TLS."""
            of_message = False
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                kept.append(line)
                if of_message and line != ".":
                    continue
                word = line.split(" ")[0].upper()
                of_message = word == "DATA"
                if word == "STARTTLS" and offers:
                    self.say("220 go on")
                    return True
                answers = {"DATA": "354 go on", "AUTH": "235 yes", "STARTTLS": "502 no", "QUIT": "221 bye"}
                if word == "EHLO":
                    ready = "250-STARTTLS\r\n" if offers and kept is heard.plain else ""
                    self.say(f"250-here\r\n{ready}250 AUTH PLAIN")
                else:
                    self.say(answers.get(word, "250 yes"))
                if word == "QUIT":
                    return False
            return False

        def say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    with serving(Speaking) as port:
        yield port, heard


def mail(port: int) -> Mail:
    recipients = ("officer@site.example",)
    events = frozenset(Event)
    sender = "gateway@site.example"
    return Mail(
        MailConfig("localhost", port, "starttls", "gateway", PASSWORD, sender, recipients, events), ""
    )


def sent(port: int) -> None:
    one = mail(port)
    one.deliver("one", one.render(notice(Event.HALTED, "1", AT, {"target": "everything"})))


def test_mail_and_its_password_go_behind_tls_alone(tmp_path: Path, trusted: Issued) -> None:
    with mail_server(context_of(tmp_path, trusted, "localhost")) as (port, heard):
        sent(port)
    assert [line.split(" ")[0].upper() for line in heard.plain] == ["EHLO", "STARTTLS"]
    assert any(line.startswith("AUTH ") for line in heard.behind)
    assert "." in heard.behind


@pytest.mark.parametrize("wrong", ["authority", "host", "stripped"])
def test_where_tls_does_not_hold_neither_mail_nor_password_leaves(
    tmp_path: Path, trusted: Issued, wrong: str
) -> None:
    ca = authority("another") if wrong == "authority" else trusted
    host = "elsewhere.example" if wrong == "host" else "localhost"
    context = context_of(tmp_path, ca, host)
    with mail_server(context, offers=wrong != "stripped") as (port, heard), pytest.raises(DeliveryError):
        sent(port)
    said = [*heard.plain, *heard.behind]
    assert not any(line.upper().startswith(("AUTH", "MAIL", "DATA")) for line in said)
