"""Every parser of bytes from outside, as one call that may end in its own error and in no other.

A target takes bytes and returns; any exception that is not the parser's own escapes and is a finding.
"""

import base64
import contextlib
from collections.abc import Callable, Mapping

from caveat.evidence.approval import parse_approval, verify_approval
from caveat.evidence.binding import includes_target
from caveat.evidence.counting import count_persons
from caveat.evidence.instants import StatementParseError
from caveat.evidence.revocation import parse_revocations, verify_revocations
from caveat.evidence.statement import parse_statement
from caveat.evidence.trust import TrustError, parse_trust
from caveat.gateway.errors import RequestError
from caveat.gateway.evidence_header import HEADER, read_evidence
from caveat.gateway.wire.wire import WIRES
from caveat.ledger.checkpoint import parse_checkpoint
from caveat.ledger.errors import CheckpointParseError, RecordParseError, TileParseError
from caveat.ledger.tiles import parse_entries, parse_hashes, parse_tile_path
from caveat.ledger.wire import parse_record
from caveat.signing.canonical import CanonicalError, StrictJsonError, canonical, parse_strict
from caveat.signing.dsse import EnvelopeParseError, parse_envelope
from caveat.signing.keys import KeyParseError, parse_public_key
from caveat.signing.note import NoteParseError, parse_note, parse_note_key
from tests.evidence.kinds import ENGAGEMENT
from tests.evidence.world import DATA_DIGEST, TRUST, checker, use
from tests.fuzz.outsiders import OUTSIDERS


def envelope(data: bytes) -> None:
    """The envelope, and all that verifies what is in it: total, so nothing at all may escape."""
    with contextlib.suppress(EnvelopeParseError):
        parse_envelope(data, max_bytes=1 << 17)
    assert checker().check(data, use()).parts <= {DATA_DIGEST}
    verify_approval(data, TRUST)
    verify_revocations(data, TRUST)


def statement(data: bytes) -> None:
    """Statements of every kind, approvals and lists of revocations."""
    for parse in (parse_statement, parse_approval, parse_revocations):
        with contextlib.suppress(StatementParseError):
            parse(data)


def trust(data: bytes) -> None:
    """`trust.toml`."""
    with contextlib.suppress(TrustError):
        parse_trust(data)


def strict_json(data: bytes) -> None:
    """Strict JSON; what has a canonical form (no name beyond ASCII) reads back from it the same."""
    with contextlib.suppress(StrictJsonError, CanonicalError):
        value = parse_strict(data, max_bytes=1 << 20, max_depth=16)
        assert parse_strict(canonical(value), max_bytes=1 << 21, max_depth=16) == value
    with contextlib.suppress(StrictJsonError):
        parse_strict(data, max_bytes=1 << 20, max_depth=48, floats=True)


def note(data: bytes) -> None:
    """Signed notes, the checkpoints in them, and note keys."""
    with contextlib.suppress(NoteParseError, CheckpointParseError):
        parse_checkpoint(parse_note(data).text)
    with contextlib.suppress(NoteParseError):
        parse_note_key(data.decode("latin-1"))


def tiles(data: bytes) -> None:
    """Tiles of hashes and of entries, and their paths."""
    width = data[0] or 1 if data else 1
    for parse in (parse_entries, parse_hashes):
        with contextlib.suppress(TileParseError):
            parse(data[1:], width)
    with contextlib.suppress(TileParseError):
        parse_tile_path(data.decode("latin-1"))


def record(data: bytes) -> None:
    """Leaves of a log."""
    with contextlib.suppress(RecordParseError):
        parse_record(data)


def request(data: bytes) -> None:
    """Requests of every protocol, the extension among them."""
    for wire in WIRES.values():
        with contextlib.suppress(RequestError):
            wire.parse_request(data, max_bytes=1 << 20)


def header(data: bytes) -> None:
    """The header that carries evidence."""
    with contextlib.suppress(RequestError):
        read_evidence({HEADER: data.decode("latin-1")})
    assert read_evidence({HEADER: base64.urlsafe_b64encode(data or b"x").decode()}) == (data or b"x",)


def counting(data: bytes) -> None:
    """Persons in tables, in each form."""
    for media_type in ("text/csv", "text/tab-separated-values", "application/jsonl", "application/json", ""):
        count = count_persons(data, media_type, "id")
        assert count is None or 0 <= count.persons <= count.rows


def key(data: bytes) -> None:
    """Public keys as a bundle enrols them."""
    with contextlib.suppress(KeyParseError):
        parse_public_key(data.decode("latin-1"))


def target(data: bytes) -> None:
    """Targets that a caller declares, compared with a scope."""
    includes_target(ENGAGEMENT, data.decode("latin-1"))


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        envelope,
        statement,
        trust,
        strict_json,
        note,
        tiles,
        record,
        request,
        header,
        counting,
        key,
        target,
        *OUTSIDERS,
    )
}
