"""What a passkey signs: not the message itself, but a browser's account of it and the authenticator's flags.

The challenge is the SHA-256 of the message. Nothing is read before the signature over both parts holds, and
both are read strictly: an authenticator that adds what nobody asked for is refused. Pure, and without the
library that enrolment needs, so that whoever verifies a ledger needs no more than for any other signature.
Source: W3C Web Authentication Level 3, sections 5.8.1, 6.1 and 7.2; ADR-0039.
"""

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum

from caveat.signing.canonical import JsonObject, StrictJsonError, canonical, parse_strict
from caveat.signing.dsse import EnvelopeParseError, decode_base64
from caveat.signing.keys import Algorithm, PublicKey

MAX_CLIENT_DATA_BYTES = 2048
_AUTHENTICATOR_DATA_BYTES = 37
_PRESENT, _VERIFIED, _BACKUP_ELIGIBLE, _BACKED_UP = 0x01, 0x04, 0x08, 0x10
_KNOWN_FLAGS = _PRESENT | _VERIFIED | _BACKUP_ELIGIBLE | _BACKED_UP
_CONTAINER = {"payload", "payloadType", "passkey"}
_MEMBERS = {"credential", "authenticatorData", "clientDataJSON", "signature"}


@dataclass(frozen=True, slots=True)
class Passkey:
    """A credential as two actors enrolled it: where it may sign, and what is known of what holds it.

    `credential`: its id, in base64url without padding. `aaguid`: the model of authenticator, in hexadecimal,
    or empty. `attested`: whether its maker's certificate was verified when it was enrolled.
    """

    credential: str
    rp_id: str
    origin: str
    aaguid: str = ""
    attested: bool = False


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator and a browser made of a challenge, as received; nobody has checked it yet."""

    credential: str
    authenticator_data: bytes
    client_data: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class PasskeyEnvelope:
    """A payload with the assertion that is to cover it."""

    payload_type: str
    payload: bytes
    assertion: Assertion


@dataclass(frozen=True, slots=True)
class Asserted:
    """What a verified assertion says of its authenticator. `synced`: the key may be on several devices."""

    counter: int
    synced: bool


class PasskeyDefect(StrEnum):
    """Why an assertion does not hold, in the order in which it is checked."""

    FORGED = "forged"
    CHALLENGE = "challenge"
    ORIGIN = "origin"
    VERIFICATION = "verification"


def is_passkey_envelope(raw: bytes) -> bool:
    """Whether these bytes are meant to be one, rather than a DSSE envelope; says nothing of their form."""
    return b'"passkey"' in raw


def parse_passkey_envelope(raw: bytes, *, max_bytes: int) -> PasskeyEnvelope:
    """The envelope in `raw`, strictly: exact members, canonical base64; raises `EnvelopeParseError`."""
    try:
        value = parse_strict(raw, max_bytes=max_bytes, max_depth=4)
    except StrictJsonError as error:
        raise EnvelopeParseError(error.code) from error
    if not isinstance(value, dict) or value.keys() != _CONTAINER:
        raise EnvelopeParseError("shape")
    kind, said = value["payloadType"], value["passkey"]
    if not isinstance(kind, str) or not isinstance(said, dict) or said.keys() != _MEMBERS:
        raise EnvelopeParseError("shape")
    credential = said["credential"]
    if not isinstance(credential, str):
        raise EnvelopeParseError("shape")
    assertion = Assertion(
        credential,
        decode_base64(said["authenticatorData"]),
        decode_base64(said["clientDataJSON"]),
        decode_base64(said["signature"]),
    )
    return PasskeyEnvelope(kind, decode_base64(value["payload"]), assertion)


def render_passkey_envelope(envelope: PasskeyEnvelope) -> bytes:
    """The JSON of the envelope; `parse_passkey_envelope` reads it back."""
    said = envelope.assertion
    passkey: JsonObject = {
        "credential": said.credential,
        "authenticatorData": _text(said.authenticator_data),
        "clientDataJSON": _text(said.client_data),
        "signature": _text(said.signature),
    }
    return canonical(
        {"payload": _text(envelope.payload), "payloadType": envelope.payload_type, "passkey": passkey}
    )


def verify_assertion(
    assertion: Assertion, passkey: Passkey, key: PublicKey, message: bytes
) -> Asserted | PasskeyDefect:
    """What the assertion says of its authenticator, if it is this passkey's, over exactly `message`, made at
    the origin that is registered, by a person who was present and whom the authenticator recognised. Total.

    Whether the counter went back is for whoever remembers the last one.
    """
    data = assertion.authenticator_data
    signed = data + hashlib.sha256(assertion.client_data).digest()
    if key.algorithm is not Algorithm.P256 or not key.verifies(assertion.signature, signed):
        return PasskeyDefect.FORGED
    defect = _client_defect(assertion.client_data, passkey, message)
    if defect is not None:
        return defect
    if len(data) != _AUTHENTICATOR_DATA_BYTES or data[:32] != hashlib.sha256(passkey.rp_id.encode()).digest():
        return PasskeyDefect.ORIGIN
    flags = data[32]
    needed = _PRESENT | _VERIFIED
    if flags & needed != needed or flags & ~_KNOWN_FLAGS:
        return PasskeyDefect.VERIFICATION
    if flags & _BACKED_UP and not flags & _BACKUP_ELIGIBLE:  # no authenticator that keeps the rules says so
        return PasskeyDefect.VERIFICATION
    return Asserted(int.from_bytes(data[33:37]), bool(flags & _BACKUP_ELIGIBLE))


def _client_defect(client_data: bytes, passkey: Passkey, message: bytes) -> PasskeyDefect | None:
    """What the browser says it was asked, by whom. Members that it adds are its own business (5.8.1)."""
    try:
        said = parse_strict(client_data, max_bytes=MAX_CLIENT_DATA_BYTES, max_depth=8)
    except StrictJsonError:
        return PasskeyDefect.CHALLENGE
    if not isinstance(said, dict) or said.get("type") != "webauthn.get":
        return PasskeyDefect.CHALLENGE
    if said.get("challenge") != challenge_of(message):
        return PasskeyDefect.CHALLENGE
    framed = said.get("crossOrigin", False) is not False or "topOrigin" in said
    return PasskeyDefect.ORIGIN if framed or said.get("origin") != passkey.origin else None


def challenge_of(message: bytes) -> str:
    """The challenge that stands for `message`, as browsers write it."""
    return base64url(hashlib.sha256(message).digest())


def base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes that have this one base64url form; raises `ValueError` for any other text."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64url(data) != text:
        raise ValueError("not in the one base64url form without padding")
    return data


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
