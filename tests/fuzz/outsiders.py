"""Parsers of what other people's machines say: witnesses, auditors, issuers of identities, models.

As in `targets`: whatever escapes that is not the parser's own error is a finding.
"""

import contextlib
import io
import json
import tempfile
from pathlib import Path

import orjson

from caveat.evidence.lineage import LineageParseError, parse_lineage
from caveat.evidence.manifest import ManifestParseError, parse_manifest, rows_manifest, sentences_manifest
from caveat.evidence.recognition import recognise
from caveat.evidence.rows import read_rows
from caveat.evidence.sentences import normalise
from caveat.gateway.identity.forwarded import ForwardedError, parse_forwarded
from caveat.gateway.usage import StreamUsage, usage_in
from caveat.gateway.wire.texts import event_texts, put_texts, whole_texts
from caveat.gateway.wire.tool_calls import event_data
from caveat.gateway.wire.wire import WIRES
from caveat.ledger.audit import parse_releases
from caveat.ledger.errors import (
    ExportParseError,
    PolicyParseError,
    ProofParseError,
    RecordParseError,
    SubmissionParseError,
)
from caveat.ledger.export import open_export
from caveat.ledger.proof import parse_proof, render_proof
from caveat.ledger.quorum import parse_policy
from caveat.ledger.tar import read_members
from caveat.ledger.witness import parse_lines, parse_submission
from caveat.screens.phrases import PhraseScreen
from caveat.signing.cosignature import parse_cosigner_key
from caveat.signing.jwks import JwksError, parse_jwks
from caveat.signing.jwt import TokenParseError, is_signed_by, parse_token
from caveat.signing.note import NoteParseError
from caveat.signing.svid import SvidError, chain_of_pem, claimed_id, parse_authorities, parse_chain
from tests.evidence.test_parts import SALT, Leaves

TABLE = "id,place\n1,hall\n2,yard\n3,hall\n"
PROSE = "The hall was painted in the spring of that year. Nobody had asked for it. " * 3
SCREEN = PhraseScreen([("names", 3, "project heliotrope"), ("names", 2, "two two one")], {"names": 0})
_INDEX = Leaves(
    (rows_manifest(read_rows(TABLE) or [], ("id", "place"), SALT), "issuer", "a"),
    (sentences_manifest(normalise(PROSE)), "issuer", "b"),
)


def policy(data: bytes) -> None:
    """Policies about witnesses, and the keys in them."""
    with contextlib.suppress(PolicyParseError):
        parse_policy(data)
    with contextlib.suppress(NoteParseError):
        parse_cosigner_key(data.decode("latin-1"))


def proof(data: bytes) -> None:
    """Proofs that a record is in a log; what is one has one spelling."""
    with contextlib.suppress(ProofParseError):
        assert render_proof(parse_proof(data)) == data


def submission(data: bytes) -> None:
    """What a log sends to its witness, and what comes back."""
    for parse in (parse_submission, parse_lines):
        with contextlib.suppress(SubmissionParseError):
            parse(data)


def archive(data: bytes) -> None:
    """Exports of a log."""
    with contextlib.suppress(ExportParseError):
        list(read_members(io.BytesIO(data)))
    with tempfile.TemporaryDirectory(prefix="caveat-fuzz-") as folder:
        path = Path(folder) / "export.tar"
        path.write_bytes(data)
        with contextlib.suppress(ExportParseError), open_export(path):
            pass


def releases(data: bytes) -> None:
    """Lists of what an endpoint says that it answered."""
    with contextlib.suppress(RecordParseError):
        parse_releases(data.decode("latin-1"))


def manifest(data: bytes) -> None:
    """Manifests of rows and sentences, and events of lineage."""
    with contextlib.suppress(ManifestParseError):
        parse_manifest(data)
    with contextlib.suppress(LineageParseError):
        parse_lineage(data)


def recognition(data: bytes) -> None:
    """Content of a request, known again or not."""
    found = recognise(data, _INDEX)
    assert found is None or found.touched


def token(data: bytes) -> None:
    """Tokens and the keys of their issuers."""
    with contextlib.suppress(JwksError):
        parse_jwks(data)
    with contextlib.suppress(TokenParseError):
        assert not is_signed_by(parse_token(data.decode("latin-1")), ())


def certificate(data: bytes) -> None:
    """Certificates as connections and proxies present them."""
    with contextlib.suppress(SvidError):
        claimed_id(parse_chain([data])[0])
    with contextlib.suppress(SvidError):
        chain_of_pem(data)
    with contextlib.suppress(SvidError):
        parse_authorities(data)
    with contextlib.suppress(ForwardedError):
        parse_forwarded(data.decode("latin-1"))


def answer(data: bytes) -> None:
    """Answers of a model in every protocol, whole: calls, texts, tokens used up."""
    for wire in WIRES.values():
        wire.tool_calls(data)
    with contextlib.suppress(orjson.JSONDecodeError):
        value = orjson.loads(data)
        usage_in(value)
        texts = list(whole_texts(value))
        assert put_texts(value, {one.path: one.text for one in texts if not one.is_name}) == value
        event_texts(value)
        for wire in WIRES.values():
            wire.is_answer(value)


def events(data: bytes) -> None:
    """Streams of a model in every protocol."""
    StreamUsage().feed(data)
    for one in event_data(data):
        with contextlib.suppress(orjson.JSONDecodeError):
            event_texts(orjson.loads(one))
    for wire in WIRES.values():
        reader = wire.tool_reader()
        for event in data.split(b"\n\n"):
            wire.ends_stream(event)
            if reader.concerns(event):
                reader.read(event + b"\n\n")


def phrases(data: bytes) -> None:
    """Text, whole and in two pieces: what is found is the same."""
    text = data.decode(errors="replace")
    cut = len(text) // 3
    scan = SCREEN.follow()
    found = dict(scan.feed(text[:cut]))
    for fact, score in scan.feed(text[cut:], last=True).items():
        found[fact] = max(score, found.get(fact, score))
    assert found == SCREEN.scan(text)


OUTSIDERS = (
    policy,
    proof,
    submission,
    archive,
    releases,
    manifest,
    recognition,
    token,
    certificate,
    answer,
    events,
    phrases,
)
"""Each under the name of its function."""


def chat_call() -> bytes:
    """An answer that asks for a tool."""
    function = {"name": "find", "arguments": '{"a": "b"}'}
    call = {"id": "c", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return json.dumps({"id": "x", "choices": [choice], "usage": {"prompt_tokens": 1}}).encode()
