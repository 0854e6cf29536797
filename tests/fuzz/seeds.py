"""Writes the seed corpus: well-formed input for every target, and input that was once mistaken.

`.venv/bin/python -m tests.fuzz.seeds` renews it; a finding of the fuzzer is added to it by hand.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from caveat.evidence.approval import mint_approval
from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner
from caveat.ledger.tiles import render_entries
from caveat.ledger.wire import render_record
from caveat.signing.canonical import canonical
from caveat.signing.dsse import parse_envelope
from caveat.signing.note import NoteKey
from tests.evidence.kinds import deployment, engagement, process, provenance
from tests.evidence.test_approval import APPROVAL
from tests.evidence.test_revocation import revocations
from tests.evidence.world import APPROVER, NOW, OWNER, mint, trust_bytes, trust_table
from tests.ledger.logs import records

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
    yield "key", "ed25519", OWNER.public().render().encode()
    yield "target", "address", b"10.1.2.3"
    yield "target", "host", b"a.test.example"


def main() -> None:
    """Writes every seed to its file."""
    for target, name, data in seeds():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        (CORPUS / target / name).write_bytes(data)


if __name__ == "__main__":
    main()
