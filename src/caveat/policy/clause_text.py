"""The texts of clauses, policy by policy, with the comments before each: to edit them and lose nothing.

Source: POLICY section 5, ADR-0018.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from caveat.policy.cedar import CedarTextError, parse_policies

Files = Mapping[str, bytes]
SHARED = ("text", "authority", "source", "amend")


class EditError(ValueError):
    """The edit cannot be made; the message says what the bundle does not have."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One policy of a file with the comments before it. `own`: its annotations; `served`: its clauses."""

    text: str
    own: Mapping[str, str]
    served: tuple[str, ...]

    @property
    def id(self) -> str:
        """Its `@id`; empty for a comment at the end of a file."""
        return self.own.get("id", "")


def policy_texts(text: str) -> list[str]:
    """The text of each policy with the comments before it; joined, they are the text again."""
    found: list[str] = []
    start = 0
    for end in _ends(text):
        found.append(text[start:end])
        start = end
    if start < len(text):
        found.append(text[start:])
    return found


_TOKEN = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|;[ \t]*\n?', re.DOTALL)


def _ends(text: str) -> Iterator[int]:
    """Where each policy ends: at a semicolon that stands neither in a comment nor in a string."""
    for token in _TOKEN.finditer(text):
        if token.group().startswith(";"):
            yield token.end()


def _policies(text: str) -> list[Mapping[str, object]]:
    try:
        return list(parse_policies(text))
    except CedarTextError as error:
        raise EditError(f"a clause is not readable: {error}") from error


def pieces_of(files: Files) -> dict[str, list[Piece]]:
    """The policies of each file under `clauses/`, in the order of the files."""
    found: dict[str, list[Piece]] = {}
    for path in sorted(path for path in files if path.startswith("clauses/")):
        found[path] = [piece_of(text) for text in policy_texts(files[path].decode())]
    return found


def piece_of(text: str) -> Piece:
    """One policy text with its annotations."""
    policies = _policies(text)
    if not policies:
        return Piece(text, {}, ())
    given = cast("Mapping[str, str | None]", policies[0].get("annotations", {}))
    own = {name: value or "" for name, value in given.items()}
    served = tuple(word.strip() for word in own.get("clause", own.get("id", "")).split(","))
    return Piece(text, own, served)


def effective_annotations(files: Files) -> dict[str, dict[str, str]]:
    """The annotations that hold for each policy, those that it takes over from another among them."""
    shared: dict[str, dict[str, str]] = {}
    found: dict[str, dict[str, str]] = {}
    for pieces in pieces_of(files).values():
        for piece in pieces:
            if not piece.served:
                continue
            given = {
                **shared.get(piece.served[0], {}),
                **{n: v for n, v in piece.own.items() if n in SHARED},
            }
            shared[piece.served[0]] = found[piece.id] = given
    return found


def annotated(piece: Piece, name: str, word: str) -> str:
    """The policy with this annotation set, in its place where it has one, else after its `@id`."""
    quoted = word.replace("\\", "\\\\").replace('"', '\\"')
    line = f'@{name}("{quoted}")'
    if name in piece.own:
        pattern = re.compile(rf'@{name}\s*\(\s*"(?:\\.|[^"\\])*"\s*\)', re.DOTALL)
    else:
        pattern = re.compile(r'@id\s*\(\s*"(?:\\.|[^"\\])*"\s*\)', re.DOTALL)
    head = next(match for match in pattern.finditer(piece.text) if not _in_comment(piece.text, match.start()))
    text = line if name in piece.own else f"{head.group()}\n{line}"
    return piece.text[: head.start()] + text + piece.text[head.end() :]


def _in_comment(text: str, place: int) -> bool:
    return any(
        token.group().startswith("//") and token.start() <= place < token.end()
        for token in _TOKEN.finditer(text)
    )
