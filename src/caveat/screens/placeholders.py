"""The placeholders that stand for values within one use. Pure.

Laws: equal values of a deployment get equal placeholders, and different values of one use different ones.
Source: ADR-0031.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from caveat.call.identifiers import canonical_form
from caveat.policy.redaction import PHRASES
from caveat.screens.phrases import words_of
from caveat.signing.canonical import canonical

ID_LETTERS = 20
"""Of 16 letters each: 80 bits."""

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


class CollisionError(Exception):
    """Two values of one use have one placeholder. Which one is meant could not be told."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value that stands at `text[start:end]`, as `call.identifiers` has it, phrases among them."""

    start: int
    end: int
    label: str
    kinds: frozenset[str]
    mixed: bool = False


def label_of(kind: str) -> str:
    """`NAMES` for `phrases:names`: letters, digits and `_`, so that it stands in any text."""
    return re.sub(r"[^A-Z0-9]", "_", kind.removeprefix(PHRASES).upper())[:24]


Keyed = Callable[[bytes], str]
"""A keyed digest in hexadecimal digits: nobody without the key can test a guess."""


class Placeholders:
    """Names values within one deployment. Nothing is stored: the same value has the same name always."""

    def __init__(self, deployment: str, keyed: Keyed) -> None:
        """`keyed`: under a key that neither callers nor endpoints have."""
        self._deployment = deployment
        self._keyed = keyed

    def name(self, one: Found, text: str) -> tuple[str, str]:
        """The placeholder of a value that reads `text`, and the one text of all its spellings."""
        label = one.label
        if one.mixed:
            form = f"= {text}"  # no sort of spelling is known for it
        elif label.startswith(PHRASES):
            form = " ".join(words_of(text))
        else:
            form = canonical_form(label, text)
        digest = self._keyed(canonical(["placeholder", self._deployment, label, form]))
        return f"[{label_of(label)}_{digest[:ID_LETTERS].translate(_LETTERS)}]", form


@dataclass(frozen=True, slots=True)
class Kept:
    """What a placeholder of this use stands for. `text`: as the use first spelt it."""

    text: str
    form: str
    label: str
    kinds: frozenset[str]


@dataclass(slots=True)
class Table:
    """The placeholders of one use. Lives as long as the use and is never written down."""

    kept: dict[str, Kept] = field(default_factory=dict[str, Kept])

    def keep(self, placeholder: str, value: Kept) -> None:
        """Remembers the first spelling; raises `CollisionError` for another value."""
        known = self.kept.setdefault(placeholder, value)
        if (known.label, known.form) != (value.label, value.form):
            raise CollisionError
