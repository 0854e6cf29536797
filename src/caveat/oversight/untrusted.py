"""Content as somebody may look at it safely: what it says is shown, what it would do is spelt out. Pure.

Source: Unicode UAX #9 (bidirectional controls), UTR #36 (security considerations), EVIDENCE attack 77 in
`THREAT_MODEL.md`.
"""

import unicodedata

_PLAIN = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""


def visible(text: str) -> str:
    """The text with every character that shows nothing, or turns others around, as `⟦U+202E⟧`.

    Line feeds and tabs stay. Reading `⟦U+202E⟧` where it was typed is no confusion: that it is marked as
    untrusted stands around it.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def decoded(content: bytes) -> str:
    """Content as text to be looked at: what is no UTF-8 is spelt out byte by byte."""
    return visible(content.decode("utf-8", errors="backslashreplace"))


def _shown(char: str) -> str:
    if char in _PLAIN:
        return char
    if char in _BLANK or unicodedata.category(char) in _HIDDEN or _is_selector(char):
        return f"\u27e6U+{ord(char):04X}\u27e7"
    return char


def _is_selector(char: str) -> bool:
    """Variation selectors and tags can carry a message that nobody sees."""
    return 0xFE00 <= ord(char) <= 0xFE0E or 0xE0000 <= ord(char) <= 0xE01EF
