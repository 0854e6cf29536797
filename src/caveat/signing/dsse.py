"""DSSE envelopes: a payload, its type, and signatures over both, verified over the exact bytes received.

Source: DSSE protocol 1.0 (PAE), EVIDENCE attacks 11 to 20 in `THREAT_MODEL.md`.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from caveat.signing.canonical import Json, StrictJsonError, parse_strict
from caveat.signing.digest import Digest
from caveat.signing.keys import PrivateKey, PublicKey

IN_TOTO = "application/vnd.in-toto+json"
MAX_SIGNATURES = 8


class EnvelopeParseError(ValueError):
    """The bytes are no DSSE envelope. `code`: a strict-JSON code, `shape`, `base64` or `signatures`."""

    def __init__(self, code: str) -> None:
        """`code` is safe to show: it repeats nothing of the bytes."""
        super().__init__(f"not a DSSE envelope: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature as received. `keyid` is a hint by its sender and proves nothing."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedEnvelope:
    """An envelope whose signatures nobody has checked yet."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding that signatures cover: type and payload, each with its length."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_envelope(payload: bytes, payload_type: str, keys: Sequence[PrivateKey]) -> bytes:
    """The JSON of an envelope over `payload` with one signature by each key."""
    message = pae(payload_type, payload)
    signatures = tuple(Signature(key.public().keyid, key.sign(message)) for key in keys)
    return render_envelope(UnverifiedEnvelope(payload_type, payload, signatures))


def render_envelope(envelope: UnverifiedEnvelope) -> bytes:
    """The JSON of the envelope; `parse_envelope` reads it back."""
    return orjson.dumps(
        {
            "payload": base64.b64encode(envelope.payload).decode(),
            "payloadType": envelope.payload_type,
            "signatures": [
                {"keyid": each.keyid, "sig": base64.b64encode(each.sig).decode()}
                for each in envelope.signatures
            ],
        }
    )


def parse_envelope(
    data: bytes, *, max_bytes: int, least: int = 1, most: int = MAX_SIGNATURES
) -> UnverifiedEnvelope:
    """The envelope in `data`, strictly: exact members, canonical base64; raises `EnvelopeParseError`.

    `least`, `most`: how many signatures it may have; none for a draft that goes round to be signed.
    """
    try:
        value = parse_strict(data, max_bytes=max_bytes, max_depth=8)
    except StrictJsonError as error:
        raise EnvelopeParseError(error.code) from error
    if not isinstance(value, dict) or value.keys() != {"payload", "payloadType", "signatures"}:
        raise EnvelopeParseError("shape")
    payload_type, entries = value["payloadType"], value["signatures"]
    if not isinstance(payload_type, str) or not isinstance(entries, list):
        raise EnvelopeParseError("shape")
    if not least <= len(entries) <= most:
        raise EnvelopeParseError("signatures")
    signatures = tuple(_signature(entry) for entry in entries)
    # One signature by each name, and one without: whoever checks them then does bounded work.
    if len({signature.keyid for signature in signatures}) != len(signatures):
        raise EnvelopeParseError("signatures")
    return UnverifiedEnvelope(payload_type, decode_base64(value["payload"]), signatures)


def _signature(entry: Json) -> Signature:
    if not isinstance(entry, dict) or not {"sig"} <= entry.keys() <= {"keyid", "sig"}:
        raise EnvelopeParseError("shape")
    keyid = entry.get("keyid", "")
    if not isinstance(keyid, str):
        raise EnvelopeParseError("shape")
    return Signature(keyid, decode_base64(entry["sig"]))


def decode_base64(text: Json) -> bytes:
    """The bytes of a text in canonical base64; raises `EnvelopeParseError` for any other value."""
    if not isinstance(text, str):
        raise EnvelopeParseError("shape")
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise EnvelopeParseError("base64") from error
    if base64.b64encode(raw).decode() != text:
        raise EnvelopeParseError("base64")
    return raw


@dataclass(frozen=True, slots=True)
class Signers:
    """`verified`: enrolled keys with a valid signature. `failed`: enrolled keys that a bad signature names.

    A key may be in both: with one good signature and one bad one in its name, somebody forged.
    """

    verified: frozenset[Digest]
    failed: frozenset[Digest]


def verify_signers(envelope: UnverifiedEnvelope, enrolled: Mapping[Digest, PublicKey]) -> Signers:
    """Which enrolled keys signed this envelope, counted by key bytes, never by name.

    A signature whose hint names an enrolled key is checked against that key alone; one with an empty hint
    is tried against every enrolled key; one whose hint names no enrolled key counts for nobody.
    """
    message = pae(envelope.payload_type, envelope.payload)
    verified: set[Digest] = set()
    failed: set[Digest] = set()
    for signature in envelope.signatures:
        hinted = enrolled.get(Digest(signature.keyid))
        if hinted is not None:
            (verified if hinted.verifies(signature.sig, message) else failed).add(hinted.keyid)
        elif signature.keyid == "":
            verified.update(key.keyid for key in enrolled.values() if key.verifies(signature.sig, message))
    return Signers(frozenset(verified), frozenset(failed))
