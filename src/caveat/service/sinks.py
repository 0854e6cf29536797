"""Where notifications go: a signed webhook, mail, a file for a SIEM. Each blocks, and runs in a thread.

Laws: what is not surely delivered raises `DeliveryError` and is tried again; no redirect is followed, so
that a signed event goes to the named address alone. Source: Standard Webhooks 1.0.0 (headers, signature),
RFC 5321, OCSF 1.7.0, ADR-0041.
"""

import base64
import hashlib
import hmac
import http.client
import os
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import urlsplit

import orjson

from caveat import __version__
from caveat.ledger.record import render_time
from caveat.oversight.notices import Event, Notice
from caveat.oversight.ocsf import render_finding, title_of
from caveat.service.notify_config import MailConfig, SiemConfig, WebhookConfig
from caveat.signing.canonical import JsonObject

_SECONDS = 15


class DeliveryError(Exception):
    """It did not surely arrive. The message names a cause, and no address or secret."""


class Sink(Protocol):
    """One place that is told."""

    @property
    def name(self) -> str:
        """Of a closed set: `webhook`, `email` or `siem`."""
        ...

    @property
    def events(self) -> frozenset[Event]:
        """What it is told of."""
        ...

    def render(self, notice: Notice) -> bytes:
        """What is kept in the outbox for it."""
        ...

    def deliver(self, name: str, body: bytes) -> None:
        """Tells it, under this id; raises `DeliveryError`."""
        ...


class Webhook:
    """Posts with the signature of Standard Webhooks. The id stays the same whenever it is tried again."""

    name = "webhook"

    def __init__(self, config: WebhookConfig, link: str, clock: Callable[[], datetime]) -> None:
        """`clock`: of the timestamp that is signed, at each try."""
        self._config = config
        self._link = link
        self._clock = clock
        self.events = config.events

    def render(self, notice: Notice) -> bytes:
        """The event in the chosen format."""
        if self._config.format == "ocsf":
            return orjson.dumps(render_finding(notice, __version__))
        return orjson.dumps(
            {
                "type": notice.event.value,
                "timestamp": render_time(notice.time),
                "data": {**notice.said, **_linked(self._link, notice)},
            }
        )

    def deliver(self, name: str, body: bytes) -> None:
        """Raises `DeliveryError` unless the receiver answers 2xx."""
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            "content-type": "application/json",
            "user-agent": f"caveat/{__version__}",
            "webhook-id": name,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(self._config.secret, name, timestamp, body),
        }
        parts = urlsplit(self._config.url)
        plain = parts.scheme == "http"
        make = http.client.HTTPConnection if plain else http.client.HTTPSConnection
        connection = make(parts.netloc, timeout=_SECONDS)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryError(type(error).__name__) from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise DeliveryError(f"status {status}")


def signature(secret: bytes, name: str, timestamp: str, body: bytes) -> str:
    """The header `webhook-signature`. Source: Standard Webhooks 1.0.0, symmetric signatures."""
    signed = f"{name}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


class Mail:
    """Sends one message for each event."""

    name = "email"

    def __init__(self, config: MailConfig, link: str) -> None:
        """`link`: for the end of each message."""
        self._config = config
        self._link = link
        self.events = config.events

    def render(self, notice: Notice) -> bytes:
        """Subject and text. What others chose, as a model's name, stands in the text alone, as JSON."""
        said: JsonObject = {**notice.said, **_linked(self._link, notice)}
        lines = [
            title_of(notice.event),
            "",
            f"event: {notice.event.value}",
            f"time: {render_time(notice.time)}",
        ]
        lines += [f"{name}: {orjson.dumps(value).decode()}" for name, value in said.items()]
        return orjson.dumps({"subject": f"Caveat: {title_of(notice.event)}", "text": "\n".join(lines) + "\n"})

    def deliver(self, name: str, body: bytes) -> None:
        """Raises `DeliveryError` unless the server takes it for every recipient."""
        config, said = self._config, orjson.loads(body)
        message = EmailMessage()
        message["Subject"] = said["subject"]
        message["From"], message["To"] = config.sender, ", ".join(config.recipients)
        message["Message-ID"] = f"<{name}@caveat.invalid>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(said["text"])
        try:
            with self._connected() as server:
                refused = server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(type(error).__name__) from error
        if refused:
            raise DeliveryError(f"{len(refused)} recipients were refused")

    def _connected(self) -> smtplib.SMTP:
        config = self._config
        context = ssl.create_default_context()
        if config.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                config.host, config.port, timeout=_SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(config.host, config.port, timeout=_SECONDS)
        try:
            if config.tls == "starttls":
                server.starttls(context=context)
            if config.user:
                server.login(config.user, config.password)
        except BaseException:
            server.close()
            raise
        return server


class Siem:
    """Appends a line of OCSF JSON for each event, durably."""

    name = "siem"

    def __init__(self, config: SiemConfig) -> None:
        """The file is made when there is something to write."""
        self._config = config
        self.events = config.events

    def render(self, notice: Notice) -> bytes:
        """One line."""
        return orjson.dumps(render_finding(notice, __version__))

    def deliver(self, name: str, body: bytes) -> None:  # noqa: ARG002 - the id stands in the line
        """Raises `DeliveryError` unless the line is on the disk."""
        try:
            handle = os.open(self._config.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
            try:
                line = body + b"\n"
                if os.write(handle, line) != len(line):
                    raise DeliveryError("the line was cut off")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise DeliveryError(type(error).__name__) from error


def _linked(link: str, notice: Notice) -> JsonObject:
    if not link:
        return {}
    waits = notice.event in {Event.HOLD_OPENED, Event.HOLD_EXPIRING}
    return {"link": f"{link}/v1/approvals/{notice.about}" if waits else f"{link}/v1/oversight"}
