"""Edits of a bundle's files: a clause deleted with all its parts, a limit or an annotation set, one law kept.

Pure: files in, files out, and what was done in sentences. Texts keep their comments; a policy that loses the
policy whose annotations it shared keeps them as its own. Nothing is signed: an edit makes a draft.
Source: POLICY section 5, ADR-0018.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from caveat.facts.fact import Grade
from caveat.policy.amend import AmendError, parse_amend
from caveat.policy.clause import AUTHORITIES
from caveat.policy.clause_text import (
    EditError,
    Files,
    Piece,
    annotated,
    effective_annotations,
    piece_of,
    pieces_of,
    policy_texts,
)
from caveat.policy.table_text import (
    changed_process,
    process_rows,
    set_key,
    settled,
    table_in,
    within,
    without_process,
)

_PERMIT_REST = """// What no law forbids is lawful.
@id("LAWFUL")
@text("What no clause forbids is permitted.")
@authority("{authority}")
@amend("{amend}")
permit (principal, action, resource);
"""


@dataclass(frozen=True, slots=True)
class Edited:
    """The files after an edit, and what was done to them."""

    files: Files
    done: tuple[str, ...]


def delete_clause(files: Files, clause: str) -> Edited:
    """The bundle without every policy that serves this clause, and without its process row.

    A policy that serves two clauses falls with either. Raises `EditError` where there is no such clause.
    """
    pieces = pieces_of(files)
    gone = [piece.id for kept in pieces.values() for piece in kept if clause in piece.served]
    kept, rows = without_process(files, lambda row: row.get("id") != clause)
    if not gone and not rows:
        raise EditError(f"the bundle has no clause `{clause}`")
    edited = _without_policies(kept, lambda piece: clause not in piece.served)
    parts = [f"policy {name}" for name in gone] + ["its process row"] * bool(rows)
    return Edited(edited, (f"deleted {clause}: {', '.join(parts)}", *_also(pieces, gone, clause)))


def _also(pieces: Mapping[str, list[Piece]], gone: Collection[str], clause: str) -> Iterator[str]:
    for kept in pieces.values():
        for piece in kept:
            others = [name for name in piece.served if name != clause]
            if piece.id in gone and others:
                yield f"policy {piece.id} served {', '.join(others)} too, and fell with {clause}"


def set_limit(files: Files, limit: str, value: int) -> Edited:
    """The bundle with this limit at this value."""
    table = table_in(files, "bundle.toml")
    before = within(table, "limits", limit)
    edited = set_key(files, "bundle.toml", f"limits.{limit}", "value", value)
    return Edited(edited, (f"limit {limit} set from {before.get('value')} to {value}",))


def set_grade(files: Files, fact: str, grade: str) -> Edited:
    """The bundle with this fact counting from this grade on; `claimed` makes the caller's word enough."""
    if grade not in {each.value for each in Grade}:
        raise EditError(f"a grade is one of {', '.join(each.value for each in Grade)}")
    before = within(table_in(files, "facts.toml"), "facts", fact).get("grade", "attested")
    edited = set_key(files, "facts.toml", f"facts.{fact}", "grade", grade)
    return Edited(edited, (f"fact {fact} set from {before} to {grade}",))


def set_annotation(files: Files, clause: str, name: str, word: str) -> Edited:
    """The bundle with `@amend` or `@authority` of every part of this clause set to this word."""
    if name == "authority" and word not in AUTHORITIES:
        raise EditError(f"an authority is one of {', '.join(AUTHORITIES)}")
    if name == "amend":
        try:
            parse_amend(word)
        except AmendError as error:
            raise EditError(f"`{word}`: {error}") from error
    edited: dict[str, bytes] = dict(files)
    touched: list[str] = []
    for path, pieces in pieces_of(files).items():
        texts: list[str] = []
        for piece in pieces:
            mine = clause in piece.served
            texts.append(annotated(piece, name, word) if mine else piece.text)
            touched += [f"policy {piece.id}"] * mine
        edited[path] = "".join(texts).encode()
    rows = [row for row in process_rows(files) if row.get("id") == clause]
    if rows:
        edited["bundle.toml"] = changed_process(files, clause, name, word)
        touched.append("its process row")
    if not touched:
        raise EditError(f"the bundle has no clause `{clause}`")
    return Edited(_keep_inherited(files, edited), (f"{clause}: {name} set to {word} ({', '.join(touched)})",))


def keep_authorities(files: Files, authorities: Collection[str]) -> Edited:
    """The bundle with the clauses of these authorities alone: the law as modelled, without the contract."""
    unknown = set(authorities) - set(AUTHORITIES)
    if unknown or not authorities:
        raise EditError(f"an authority is one of {', '.join(AUTHORITIES)}")
    effective = effective_annotations(files)
    gone = [name for name, given in effective.items() if given.get("authority") not in authorities]
    edited = _without_policies(files, lambda piece: piece.id not in gone)
    edited, rows = without_process(edited, lambda row: row.get("authority") in authorities)
    kept = ", ".join(authorities)
    return Edited(
        _without_unused_roles(edited),
        (f"kept the clauses of authority {kept}; deleted {len(gone)} policies and {len(rows)} process rows",),
    )


def permit_rest(files: Files) -> Edited:
    """The bundle with a permit for what no clause forbids, as law alone has it."""
    effective = list(effective_annotations(files).values())
    first = effective[0] if effective else {}
    text = _PERMIT_REST.format(authority=first.get("authority", "statute"), amend=first.get("amend", ""))
    if not first.get("amend"):
        raise EditError("the bundle has no clause whose consent the permit could take")
    return Edited(
        {**files, "clauses/LAWFUL.cedar": text.encode()},
        ("added LAWFUL: what no clause forbids is permitted",),
    )


def _without_policies(files: Files, keep: Callable[[Piece], bool]) -> dict[str, bytes]:
    edited: dict[str, bytes] = dict(files)
    for path, pieces in pieces_of(files).items():
        kept = [piece for piece in pieces if keep(piece)]
        if any(piece.served for piece in kept):
            edited[path] = "".join(piece.text for piece in kept).lstrip("\n").encode()
        else:
            del edited[path]
    return _without_unused_roles(_keep_inherited(files, edited))


def _keep_inherited(before: Files, after: Files) -> dict[str, bytes]:
    """The edited files, in which each policy that took annotations over from a deleted one has its own."""
    meant, edited = effective_annotations(before), dict(after)
    for path in [path for path in after if path.startswith("clauses/")]:
        texts: list[str] = []
        for piece in pieces_of(edited)[path]:
            text = piece.text
            has = effective_annotations(edited).get(piece.id, {})
            for name, word in meant.get(piece.id, {}).items():
                if name not in has and word:
                    text = annotated(piece_of(text), name, word)
            texts.append(text)
        edited[path] = "".join(texts).encode()
    return edited


def _without_unused_roles(files: Files) -> dict[str, bytes]:
    """Roles that no clause asks any more leave the bundle with the clauses that asked."""
    table = table_in(files, "bundle.toml")
    roles = table.get("roles")
    if not isinstance(roles, dict):
        return dict(files)
    decision = table.get("decision")
    kept_for = (
        cast("Mapping[str, object]", decision).get("interval_role") if isinstance(decision, dict) else None
    )
    texts = "\n".join(data.decode() for path, data in files.items() if path.startswith("clauses/"))
    unused = [
        name for name in cast("dict[str, object]", roles) if f'"{name}"' not in texts and name != kept_for
    ]
    if not unused:
        return dict(files)
    edited = {**files, "bundle.toml": _without_tables(files, "bundle.toml", ("roles",), unused)}
    if "oversight.toml" in files:
        edited["oversight.toml"] = _without_tables(files, "oversight.toml", ("roles", "emergency"), unused)
    return edited


def _without_tables(files: Files, path: str, above: Collection[str], names: Collection[str]) -> bytes:
    """The file without the tables `[above.name]`."""
    table, text = table_in(files, path), files[path].decode()
    for outer in above:
        rows = table.get(outer)
        for name in names:
            if isinstance(rows, dict) and cast("dict[str, object]", rows).pop(name, None) is not None:
                header = rf"^\[{outer}\.{re.escape(name)}\][^\n]*\n(?:(?!\[)[^\n]*(?:\n|\Z))*"
                text = re.sub(header, "", text, flags=re.MULTILINE)
        if rows == {}:
            del table[outer]
    return settled(text, table)


def read_as(files: Files, clause: str, text: str) -> Edited:
    """The bundle with another text of this clause in place of every policy that serves it.

    Annotations that the other text leaves out stay as they are. Raises `EditError` where there is no such
    clause, or the text holds no policy of it.
    """
    gone = {piece.id for kept in pieces_of(files).values() for piece in kept if clause in piece.served}
    if not gone:
        raise EditError(f"the bundle has no clause `{clause}` with a condition")
    held = next(given for name, given in effective_annotations(files).items() if name in gone)
    pieces = [piece_of(each) for each in policy_texts(text)]
    if not any(clause in piece.served for piece in pieces):
        raise EditError(f"the other text holds no policy of clause `{clause}`")
    texts: list[str] = []
    for place, piece in enumerate(pieces):
        filled = piece
        for name, word in held.items():
            if place == 0 and name not in filled.own:
                filled = piece_of(annotated(filled, name, word))
        texts.append(filled.text)
    kept = {path: data for path, data in files.items() if not path.startswith("clauses/")}
    for path, found in pieces_of(files).items():
        remaining = "".join(piece.text for piece in found if piece.id not in gone)
        if any(piece.served for piece in found if piece.id not in gone):
            kept[path] = remaining.encode()
    kept[f"clauses/reading-{clause}.cedar"] = "".join(texts).encode()
    done = f"{clause} read as the other text has it, in place of {', '.join(sorted(gone))}"
    return Edited(_without_unused_roles(_keep_inherited(files, kept)), (done,))
