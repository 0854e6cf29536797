"""Records as bytes: the strict parser at the file edge, and that it undoes rendering.

Laws: `parse_record(canonical(render_record(x))) == x`; the parser accepts exactly the bytes that rendering
gives back; a kind or member that this version does not know is refused, never dropped.
Source: `docs/reference/ledger-format.md`.
"""

import orjson
from pydantic import ValidationError

from caveat.ledger.errors import RecordParseError
from caveat.ledger.record import DecisionRecord, Record, parse_time
from caveat.ledger.rendering import CasesMemo, render_record
from caveat.ledger.shapes import MAX_ACT_BYTES, MAX_STATEMENT_BYTES, RECORD
from caveat.ledger.tiles import MAX_LEAF_BYTES
from caveat.signing.canonical import JsonObject, canonical, canonical_unchecked

__all__ = [
    "MAX_ACT_BYTES",
    "MAX_STATEMENT_BYTES",
    "CasesMemo",
    "binds_later_uses",
    "check_shape",
    "parse_record",
    "render_record",
]

_DIGITS = bytes.maketrans(b"012345678", b"9" * 9)
_LONG_NUMBER = b"9" * 16


def check_shape(record: JsonObject) -> None:
    """Returns only if `record` has the shape of this version; raises `RecordParseError`.

    Cases that are a fragment were rendered from facts, so they have it.
    """
    if isinstance(record.get("cases"), orjson.Fragment):
        record = {**record, "cases": []}
    try:
        RECORD.validator.validate_python(record)
    except ValidationError as error:
        raise RecordParseError(_place(error)) from error


def binds_later_uses(leaf: bytes) -> bool:
    """Whether a record reserves persons or cites a one-time id, read off its canonical bytes.

    Never False for one that does: canonical bytes have one spelling, and text in them escapes its quotes.
    """
    return b'"reserve":[{' in leaf or b'"once":"' in leaf


def parse_record(leaf: bytes) -> Record:
    """The record whose canonical bytes are exactly `leaf`; raises `RecordParseError` and nothing else."""
    if len(leaf) > MAX_LEAF_BYTES:
        raise RecordParseError("a record is at most 65535 bytes")
    try:
        model = RECORD.validate_python(orjson.loads(leaf))
    except ValidationError as error:
        raise RecordParseError(_place(error)) from error
    except ValueError as error:
        raise RecordParseError("the record is not JSON") from error
    try:
        parse_time(model.time)
        record = model.record()
        unchanged = _is_rendering(leaf, record)
    except RecordParseError:
        raise
    except ValueError as error:
        raise RecordParseError("the record's cases or reservations are malformed") from error
    if not unchanged:  # another order, spacing or number form, a duplicate member, a claim out of form
        raise RecordParseError("the record is not in its canonical form")
    return record


def _is_rendering(leaf: bytes, record: Record) -> bool:
    """Whether `leaf` is what `canonical` gives for the record; raises `CanonicalError` as it does.

    Of what was read only claims are of any shape. All else has one rendering unless an integer has 16 digits
    or more, and is looked through only where that may be: a leaf is asked for it as a whole.
    """
    rendered = render_record(record)
    if isinstance(record, DecisionRecord):
        for case in record.cases:
            canonical(case.claims)
    if _LONG_NUMBER in leaf.translate(_DIGITS):
        return canonical(rendered) == leaf
    return canonical_unchecked(rendered) == leaf


def _place(error: ValidationError) -> str:
    steps = error.errors(include_input=False, include_url=False)[0]["loc"]
    return f"the record is malformed at `{'.'.join(str(step) for step in steps)[:80]}`"
