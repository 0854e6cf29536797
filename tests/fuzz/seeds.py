"""Writes the seed corpus: well-formed input for every target, and input that was once mistaken.

`.venv/bin/python -m tests.fuzz.seeds` renews it; a finding of the fuzzer is added to it by hand.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from caveat.evidence.approval import mint_approval
from caveat.evidence.manifest import rows_manifest, sentences_manifest
from caveat.evidence.rows import read_rows
from caveat.evidence.sentences import normalise
from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner
from caveat.ledger.proof import LogProof, render_proof
from caveat.ledger.tar import padding, render_header
from caveat.ledger.tiles import render_entries
from caveat.ledger.wire import render_record
from caveat.ledger.witness import Submission, render_submission
from caveat.signing.canonical import canonical
from caveat.signing.dsse import parse_envelope
from caveat.signing.note import NoteKey
from tests.evidence.kinds import deployment, engagement, process, provenance
from tests.evidence.test_approval import APPROVAL
from tests.evidence.test_parts import SALT
from tests.evidence.test_revocation import revocations
from tests.evidence.world import APPROVER, NOW, OWNER, mint, trust_bytes, trust_table
from tests.fuzz.outsiders import PROSE, TABLE, chat_call
from tests.ledger.logs import VERIFIER, records
from tests.ledger.test_quorum import LINES, cosigned
from tests.support.scripted_upstream import message_events, response_body, response_events
from tests.support.tool_world import chat_call_events, message_calls

CORPUS = Path(__file__).parent / "corpus"


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Target, name and content of each seed."""
    envelopes = {
        "facts": mint(single_use=True, id_column="id", source="root:1"),
        "provenance": provenance(),
        "process": process(),
        "engagement": engagement(),
        "deployment": deployment(),
        "approval": mint_approval(APPROVAL, [APPROVER]),
        "revocations": revocations(at=NOW),
    }
    for name, raw in envelopes.items():
        yield "envelope", name, raw
        yield "statement", name, parse_envelope(raw, max_bytes=1 << 20).payload
    yield "trust", "small", trust_bytes(trust_table())
    for name, text in {
        "plain": '{"a":[1,-2,true,null,"x"]}',
        "duplicate": '{"a":1,"a":2}',
        "numbers": "[1e400,NaN,9007199254740993,-0.0]",
        "surrogate": '"\\ud800"',
        "deep": "[" * 60 + "]" * 60,
    }.items():
        yield "strict_json", name, text.encode()
    signer = CheckpointSigner("example.invalid/log", OWNER, Checkpoint("example.invalid/log", 0, b""))
    yield "note", "checkpoint", signer.sign(3, b"r" * 32)
    yield "note", "key", NoteKey("example.invalid/log", OWNER.public()).render().encode()
    yield "tiles", "entries", b"\x02" + render_entries([b"one", b"two"])
    yield "tiles", "hashes", b"\x02" + b"h" * 64
    yield "tiles", "path", b"tile/entries/x001/067.p/8"
    for number, one in enumerate(records(4)):
        yield "record", str(number), canonical(render_record(one))
    chat = {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "caveat": {
            "claims": {"task": "x", "n": 1},
            "data": [{"part": "/messages/0/content", "media_type": "text/csv", "id_column": "id"}],
            "targets": ["10.1.2.3", "app.lab.example"],
            "workflow": "w",
        },
    }
    yield "request", "chat", json.dumps(chat).encode()
    yield "request", "message", json.dumps({**chat, "max_tokens": 5, "system": "s"}).encode()
    yield "request", "embeddings", json.dumps({"model": "m", "input": ["a", "b"]}).encode()
    yield "header", "one", b"eyJhIjoxfQ"
    yield "header", "two", b"eyJhIjoxfQ, eyJhIjoyfQ=="
    yield "counting", "csv", b'id,place\n1,a\n2,"b,c"\n,d\n'
    yield "counting", "jsonl", b'{"id":1}\n{"id":"x"}\n'
    yield "counting", "array", b'[{"id":1},{"id":null}]'
    yield from _outsiders()
    yield "key", "ed25519", OWNER.public().render().encode()
    yield "target", "address", b"10.1.2.3"
    yield "target", "host", b"a.test.example"


def _outsiders() -> Iterator[tuple[str, str, bytes]]:
    """What other people's machines say. Certificates are kept as files: no two are made alike."""
    witnesses = f"log {VERIFIER.render()} https://log.example\n{LINES}"
    yield "policy", "nested", f"{witnesses}group X 2 W10 W11 W12\ngroup Z all X W13\nquorum Z\n".encode()
    yield "policy", "key", LINES.split(" ", 2)[2].split("\n")[0].encode()
    checkpoint = cosigned("W10", "W11")
    yield "proof", "one", render_proof(LogProof(1, (b"h" * 32, b"i" * 32), checkpoint, b'{"v":1}'))
    yield "submission", "one", render_submission(Submission(2, (b"h" * 32,), checkpoint))
    yield "submission", "lines", b"\n".join(checkpoint.splitlines()[-2:]) + b"\n"
    body = b"hello"
    padded = render_header("checkpoint", len(body)) + body + padding(len(body)) + b"\0" * 1024
    yield "archive", "one", padded
    yield (
        "releases",
        "list",
        b"12-0123456789abcdef\ncalls 3 2030-01-01T00:00:00Z 2030-01-02T00:00:00Z\n",
    )
    yield "manifest", "rows", rows_manifest(read_rows(TABLE) or [], ("id", "place"), SALT).render()
    yield "manifest", "sentences", sentences_manifest(normalise(PROSE)).render()
    yield "manifest", "lineage", b'{"inputs":[{"namespace":"n","name":"a","facets":{}}],"outputs":[]}'
    yield "recognition", "table", TABLE.encode()
    yield "recognition", "jsonl", b'{"id":1,"place":"hall"}\n{"place":"yard","id":"2"}\n'
    yield "recognition", "prose", PROSE.encode()
    yield "token", "one", b"eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIn0.AAAA"
    yield "token", "keys", b'{"keys":[{"kty":"OKP","crv":"Ed25519","x":"' + b"A" * 43 + b'","kid":"k"}]}'
    yield "certificate", "forwarded", b'Hash=00;Cert="-----BEGIN%20CERTIFICATE-----";URI=spiffe://a/b'
    yield "answer", "chat", chat_call()
    yield "answer", "message", message_calls(("find", '{"a": 1}'), text="So.")
    yield "answer", "response", response_body("hello")
    yield "events", "chat", b"".join(chat_call_events(("find", '{"a": 1}'), text=["So. "]))
    yield "events", "message", b"".join(message_events("hello there"))
    yield "events", "response", b"".join(response_events("hello there"))
    yield "phrases", "text", "two two one; Project \u200bHelio\u00adtrope, 秘密 two-two one".encode()


def main() -> None:
    """Writes every seed to its file."""
    for target, name, data in seeds():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        (CORPUS / target / name).write_bytes(data)


if __name__ == "__main__":
    main()
