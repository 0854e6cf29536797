"""What an amendment says that it opens and closes, in short words: for a record, and for people.

The diff in an amendment is what its signers had before them. It is shown and recorded; nothing rests on it.
"""

from dataclasses import dataclass

from caveat.signing.canonical import JsonObject, canonical
from caveat.signing.digest import Digest, sha256

_LENGTH = 256
_FIRST = 5


@dataclass(frozen=True, slots=True)
class Uses:
    """The uses of one kind: the first ones in words, each at most 256 characters, and how many are listed."""

    first: tuple[str, ...]
    count: int


def opened(diff: JsonObject | None) -> Uses:
    """The uses that are newly permitted."""
    return _uses(diff, "newly_permitted")


def closed(diff: JsonObject | None) -> Uses:
    """The uses that are newly denied."""
    return _uses(diff, "newly_denied")


def diff_digest(diff: JsonObject | None) -> Digest | None:
    """SHA-256 over the canonical JSON of a diff; None where there is none."""
    return None if diff is None else sha256(canonical(diff))


def shortened(text: str) -> str:
    """The text, or its beginning where it is longer than a record's text may be."""
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"


def _uses(diff: JsonObject | None, member: str) -> Uses:
    found = (diff or {}).get(member)
    rows = found if isinstance(found, list) else []
    return Uses(tuple(_words(row) for row in rows[:_FIRST] if isinstance(row, dict)), len(rows))


def _words(row: JsonObject) -> str:
    facts = row.get("facts")
    named = facts if isinstance(facts, dict) else {}
    said = ", ".join(f"{name} = {canonical(value).decode()}" for name, value in named.items())
    line = row.get("red_line")
    inside = f" (red line {line})" if isinstance(line, str) else ""
    return shortened(f"{said or 'any use'}: {row.get('before')}, now {row.get('after')}{inside}")
