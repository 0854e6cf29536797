"""The console over plain HTTP, with an authenticator in software: for what no browser would send."""

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

from caveat.signing.dsse import IN_TOTO, pae
from caveat.signing.passkey import base64url, from_base64url
from tests.support.passkeys import Authenticator
from tests.support.raw_client import Answer, send
from tests.support.running_gateway import RunningGateway

_FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass
class Tab:
    """One browser that keeps a cookie and runs nothing."""

    gateway: RunningGateway
    cookie: str = ""
    seen: list[Answer] = field(default_factory=list[Answer])

    def get(self, path: str, **headers: str) -> Answer:
        return self._send("GET", path, b"", headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        return self._send("POST", path, urlencode(fields).encode(), {**_FORM, **headers})

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("cookie", f"caveat-console={self.cookie}" if self.cookie else "")
        answer = send(self.gateway.url, path, body, {k: v for k, v in sent.items() if v}, method)
        self.seen.append(answer)
        kept = re.match(r"caveat-console=([^;]*)", answer.headers.get("set-cookie", ""))
        if kept is not None:
            self.cookie = kept[1]
        return answer

    def sign_in(self, who: Authenticator) -> Answer:
        """The whole ceremony; returns the last answer."""
        fields = self.signed(self.get(f"/console/sign-in?as={who.person}"), who)
        return self.post("/console/sign-in", fields)

    def signed(self, page: Answer, who: Authenticator, act: str = "") -> dict[str, str]:
        """The fields of the page's form (that of this act), signed."""
        forms = re.findall(r"<form[^>]*data-passkey.*?</form>", page.body.decode(), re.DOTALL)
        form = next(one for one in forms if f'data-act="{act}"' in one or not act)
        fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
        assertion = who.asserted(pae(IN_TOTO, from_base64url(fields["payload"])))
        return {
            **fields,
            "authenticator_data": base64url(assertion.authenticator_data),
            "client_data": base64url(assertion.client_data),
            "signature": base64url(assertion.signature),
        }
