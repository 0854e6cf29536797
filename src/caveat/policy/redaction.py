"""What a clause may have replaced: kinds of identifiers, a closed set, and lists of phrases by name.

A kind that nobody finds would be a promise that nothing keeps, so an unknown word is refused. Source:
ADR-0031.
"""

from collections.abc import Collection, Iterable, Iterator

from caveat.call.identifiers import KINDS
from caveat.policy.phrases import Phrases

PHRASES = "phrases:"
"""Stands before the name of a list of `phrases.toml`."""


class RedactionError(ValueError):
    """`@redact` names what cannot be found."""


def parse_kinds(text: str) -> frozenset[str]:
    """The kinds in an annotation, as `email, phone, phrases:names`; raises `RedactionError`."""
    named = frozenset(word.strip() for word in text.split(",")) - {""}
    if not named:
        raise RedactionError(f"`@redact` names what is replaced: {_known()}")
    for word in sorted(named):
        if word not in KINDS and not word.startswith(PHRASES):
            raise RedactionError(f"`@redact` knows no `{word}`; it knows {_known()}")
    return named


def unknown_lists(clauses: Iterable[tuple[str, Collection[str]]], phrases: Phrases) -> Iterator[str]:
    """A finding for each clause that names a list which the bundle has not. `clauses`: ids and kinds."""
    lists = {f"{PHRASES}{one.name}" for one in phrases.lists}
    for name, kinds in clauses:
        for kind in sorted(kind for kind in kinds if kind.startswith(PHRASES) and kind not in lists):
            yield f"clause `{name}`: `phrases.toml` has no list `{kind.removeprefix(PHRASES)}`"


def _known() -> str:
    return f"{', '.join(KINDS)}, and `{PHRASES}NAME`"
