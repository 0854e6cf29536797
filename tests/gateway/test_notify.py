"""Who is told of what: signed, without content, once, whatever fails, and never at a use's cost."""

import base64
import http.server
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caveat.oversight.notices import Event, Notice, notice
from caveat.oversight.ocsf import render_finding
from caveat.service.notifier import pause_seconds
from caveat.service.notify_config import NotifyConfig, NotifyError, parse_notify
from caveat.service.sinks import DeliveryError, Mail, Siem, Webhook, signature
from caveat.store.errors import OutboxError
from caveat.store.outbox import SqliteOutbox
from tests.support.overseers import ANNA, BEN, CARA, Clock, ask_about, decide, hold_of, overseen_bundle, read
from tests.support.powers import dissent, halt, release
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream

SECRET = base64.b64encode(b"s" * 32).decode()
ENVIRONMENT = {"HOOK": f"whsec_{SECRET}", "MAIL": "mail-password"}
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Receiver:
    """What arrived, and what is answered."""

    url: str = ""
    status: int = 204
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver of webhooks on a real socket."""
    receiver = Receiver()

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.seen.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join(5)


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """A server that speaks as much SMTP as a client needs, and keeps what it is sent."""
    kept: list[str] = []

    class Speaking(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            lines: list[str] | None = None
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                if lines is not None:
                    if line == ".":
                        kept.append("\n".join(lines))
                        lines = None
                        self.say("250 taken")
                    else:
                        lines.append(line)
                elif line.upper() == "DATA":
                    lines = []
                    self.say("354 go on")
                elif line.upper() == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 yes")

        def say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Speaking) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1], kept
        server.shutdown()
        thread.join(5)


def configured(folder: Path, hook: str = "", port: int = 0, more: str = "") -> NotifyConfig:
    text = f'version = 1\nlink = "https://gateway.example/"\n[siem]\nfile = "{folder / "siem.jsonl"}"\n'
    if hook:
        text += f'[webhook]\nurl = "{hook}"\nsecret_env = "HOOK"\n{more}'
    if port:
        text += (
            f'[email]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nsender = "gateway@site.example"\n'
            'recipients = ["officer@site.example"]\n'
        )
    return parse_notify(text.encode(), ENVIRONMENT)


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        threading.Event().wait(0.02)


def happen(gateway: RunningGateway, clock: Clock) -> str:
    """Everything that people are told of at once; returns the hold."""
    hold = hold_of(ask_about(gateway))
    shown = read(gateway, BEN, clock(), hold).json
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    name = halt(gateway, ANNA, clock(), "deployment", "chat", reason="private words of anna").json["halt"]
    for who in (ANNA, BEN):
        assert release(gateway, who, clock(), name, "deployment", "chat").status == 201
    assert dissent(gateway, CARA, clock(), hold, "private words of cara").status == 201
    return hold


TOLD = ["hold.opened", "hold.decided", "halt.made", "halt.released", "halt.released", "dissent.recorded"]


@pytest.mark.slow
def test_webhook_mail_and_siem_are_told_signed_and_without_content(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    clock = Clock()
    files = overseen_bundle(ANNA, BEN, CARA).files()
    with receiving() as receiver, mail_server() as (port, kept):
        config = configured(tmp_path, receiver.url, port)
        with running_gateway(
            tmp_path / "data", module_upstream.url, files, clock=clock, notify=config
        ) as gateway:
            hold = happen(gateway, clock)
            wait_for(lambda: len(receiver.seen) == len(kept) == len(TOLD))
            wait_for(lambda: (tmp_path / "siem.jsonl").read_bytes().count(b"\n") == len(TOLD))
        bodies = [json.loads(body) for _, body in receiver.seen]
        assert [one["type"] for one in bodies] == TOLD
        assert bodies[0]["data"]["roles"] == {"officer": 1}
        assert bodies[0]["data"]["link"] == f"https://gateway.example/v1/approvals/{hold}"
        for headers, body in receiver.seen:
            stamp = headers["webhook-timestamp"]
            assert abs(int(stamp) - clock().timestamp()) < 60
            expected = signature(b"s" * 32, headers["webhook-id"], stamp, body)
            assert headers["webhook-signature"] == expected
        assert len({headers["webhook-id"] for headers, _ in receiver.seen}) == len(TOLD)
        everything = b"".join(body for _, body in receiver.seen) + "".join(kept).encode()
        everything += (tmp_path / "siem.jsonl").read_bytes()
        for word in (b"private", b"anna", b"ben", b"cara", b"device_id", b"key:"):
            assert word not in everything
        assert "Subject: Caveat: a use waits for people" in kept[0]
        for line in (tmp_path / "siem.jsonl").read_text("utf-8").splitlines():
            check_finding(json.loads(line))


@pytest.mark.slow
def test_what_could_not_be_delivered_is_told_after_a_restart_and_no_use_waits_for_it(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    clock = Clock()
    files = overseen_bundle(ANNA, BEN, CARA).files()
    with receiving() as receiver:
        receiver.status = 500
        config = configured(tmp_path, receiver.url, port=9)
        with running_gateway(
            tmp_path / "data", module_upstream.url, files, clock=clock, notify=config
        ) as gateway:
            happen(gateway, clock)
            wait_for(lambda: len(receiver.seen) >= 1)
            wait_for(lambda: b'sink":"email' in gateway.log.getvalue().replace(b'": "', b'":"'))
            assert b'"sink":"webhook"' in gateway.log.getvalue().replace(b'": "', b'":"')
            metrics = gateway.service.metrics.render().decode()
            assert 'caveat_notifications_total{outcome="failed",sink="email"}' in metrics
            assert hold_of(ask_about(gateway, tag="still"))
        receiver.status, receiver.seen = 204, []
        with (
            mail_server() as (port, kept),
            running_gateway(
                tmp_path / "data",
                module_upstream.url,
                files,
                clock=clock,
                notify=configured(tmp_path, receiver.url, port),
            ),
        ):
            wait_for(lambda: len(receiver.seen) == len(kept) == len(TOLD) + 1)
        types = sorted(json.loads(body)["type"] for _, body in receiver.seen)
        assert types == sorted([*TOLD, "hold.opened"])


@pytest.mark.slow
def test_a_hold_that_is_nearly_over_and_a_queue_beyond_its_span_are_told_once(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    clock = Clock()
    files = overseen_bundle(ANNA, oversight="version = 1\nhold_seconds = 3600\n", persons=2).files()
    with receiving() as receiver:
        with running_gateway(
            tmp_path / "data",
            module_upstream.url,
            files,
            clock=clock,
            notify=configured(tmp_path, receiver.url, more='events = ["hold.expiring", "queue.over_span"]\n'),
        ) as gateway:
            hold = hold_of(ask_about(gateway))
            clock.move(3000)
            for _ in range(3):
                notifier = gateway.service.notifier
                assert notifier is not None
                for one in notifier._watch():
                    notifier.tell(one)
            wait_for(lambda: len(receiver.seen) == 2)
        told = {json.loads(body)["type"]: json.loads(body)["data"] for _, body in receiver.seen}
        assert told["hold.expiring"]["hold"] == hold
        assert told["queue.over_span"]["waiting"] == 1


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The vector of the standard's own libraries."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    said = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def check_finding(event: dict[str, Any]) -> None:
    """What Detection Finding requires in OCSF 1.7.0."""
    assert (event["class_uid"], event["category_uid"]) == (2004, 2)
    assert event["activity_id"] in {1, 2, 3}
    assert event["type_uid"] == 2004 * 100 + event["activity_id"]
    assert event["severity_id"] in {1, 2, 3, 4}
    assert isinstance(event["time"], int)
    assert event["metadata"]["version"] == "1.7.0"
    assert event["metadata"]["product"]["name"]
    assert event["finding_info"]["uid"]
    assert event["finding_info"]["title"]


@pytest.mark.parametrize("event", Event)
def test_every_event_is_a_finding_with_what_its_class_requires(event: Event) -> None:
    found = render_finding(notice(event, "3-0123456789abcdef", AT, {"counts": True}), "1.0")
    check_finding(json.loads(json.dumps(found)))


def test_a_hold_is_one_finding_from_its_opening_to_its_decision() -> None:
    opened = render_finding(Notice("a", Event.HOLD_OPENED, AT, "3-a", {}), "1.0")
    void = render_finding(Notice("b", Event.HOLD_DECIDED, AT, "3-a", {"counts": False}), "1.0")
    decided = render_finding(Notice("c", Event.HOLD_DECIDED, AT, "3-a", {"counts": True}), "1.0")
    assert [one["activity_id"] for one in (opened, void, decided)] == [1, 2, 3]
    assert len({str(one["finding_info"]) for one in (void, decided)}) == 1


def test_another_status_than_success_and_a_redirect_are_no_delivery() -> None:
    with receiving() as receiver:
        config = configured(Path("unused"), receiver.url).webhook
        assert config is not None
        sink = Webhook(config, "", lambda: AT)
        for status in (301, 302, 400, 410, 429, 500):
            receiver.status = status
            with pytest.raises(DeliveryError):
                sink.deliver("one", b"{}")
        assert len(receiver.seen) == 6
        receiver.status = 200
        sink.deliver("one", b"{}")
    with pytest.raises(DeliveryError):
        sink.deliver("one", b"{}")


def test_mail_to_a_server_that_is_down_or_a_file_that_is_none_is_no_delivery(tmp_path: Path) -> None:
    config = configured(tmp_path, port=9)
    assert config.email is not None
    mail = Mail(config.email, "")
    with pytest.raises(DeliveryError):
        mail.deliver("one", mail.render(notice(Event.HALTED, "1", AT, {"target": "a\r\nBcc: x@y.example"})))
    siem = configured(tmp_path / "nowhere").siem
    assert siem is not None
    with pytest.raises(DeliveryError):
        Siem(siem).deliver("one", b"{}")


def test_a_line_break_in_what_others_chose_makes_no_header() -> None:
    with mail_server() as (port, kept):
        config = configured(Path("unused"), port=port).email
        assert config is not None
        mail = Mail(config, "")
        mail.deliver("one", mail.render(notice(Event.HALTED, "1", AT, {"target": "a\r\nBcc: x@y.example"})))
    head, _, text = kept[0].partition("\n\n")
    assert "Bcc" not in head
    assert '"a\\r\\nBcc: x@y.example"' in text


def test_what_fails_does_not_stand_in_the_way_of_what_comes_after(tmp_path: Path) -> None:
    outbox = SqliteOutbox(tmp_path / "outbox.sqlite3")
    outbox.take_in([("a", "webhook", b"1"), ("b", "webhook", b"2"), ("a", "email", b"3")], None)
    outbox.take_in([("a", "webhook", b"1")])
    first = outbox.next("webhook")
    assert first is not None
    assert first.id == "a"
    outbox.failed(first)
    second = outbox.next("webhook")
    assert second is not None
    assert second.id == "b"
    outbox.delivered(second)
    again = outbox.next("webhook")
    assert again is not None
    assert (again.id, again.tries) == ("a", 1)
    assert outbox.count(["webhook", "email"]) == 2
    outbox.take_in([("b", "webhook", b"2")])
    outbox.delivered(again)
    assert outbox.next("webhook") is None
    outbox.close()
    reopened = SqliteOutbox(tmp_path / "outbox.sqlite3")
    assert reopened.count(["webhook", "email"]) == 1
    assert reopened.mark(7) == 7
    assert reopened.mark(9) == 7
    reopened.close()


def test_a_file_of_another_program_is_not_used_as_an_outbox(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(OutboxError):
        SqliteOutbox(tmp_path / "outbox.sqlite3")


def test_the_pause_doubles_up_to_an_hour() -> None:
    assert [pause_seconds(failures) for failures in (1, 2, 3, 12, 13, 500)] == [1, 2, 4, 2048, 3600, 3600]


HOOK = '[webhook]\nurl = "https://x.example"\nsecret_env = "HOOK"\n'
MAIL = '[email]\nhost = "mail.example"\nsender = "a@b.example"\nrecipients = ["c@d.example"]\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "version"),
        ("version = 1\n", "names nobody"),
        ("version = 2\n" + HOOK, "version"),
        ("version = 1\nmore = 1\n" + HOOK, "more"),
        ("version = 1\n" + HOOK.replace("https", "http"), "plain HTTP"),
        ("version = 1\n" + HOOK.replace("https://x.example", "ftp://x"), "url"),
        ("version = 1\n" + HOOK.replace("HOOK", "NONE"), "no `NONE`"),
        ("version = 1\n" + HOOK.replace("HOOK", "MAIL"), "`MAIL`"),
        ("version = 1\n" + HOOK + 'events = ["hold.closed"]\n', "no event `hold.closed`"),
        ("version = 1\n" + MAIL + 'tls = "none"\n', "without TLS"),
        ("version = 1\n" + MAIL + 'user = "me"\n', "stand together"),
        ("version = 1\n" + MAIL.replace("a@b.example", "a@b.example>\\nBcc: x"), "sender"),
        ("version = 1\n" + MAIL.replace('["c@d.example"]', "[]"), "recipients"),
        ("version = 1\n[siem]\nfile = 3\n", "file"),
        ("\x00", "no TOML"),
    ],
)
def test_a_file_that_is_not_right_is_told_in_one_line_without_a_secret(text: str, why: str) -> None:
    with pytest.raises(NotifyError) as error:
        parse_notify(text.encode(), ENVIRONMENT)
    assert why in str(error.value)
    assert "mail-password" not in str(error.value)
    assert SECRET not in str(error.value)
