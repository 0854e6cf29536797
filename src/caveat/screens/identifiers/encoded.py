"""What a text says in encodings of mail, addresses, pages and programs, spelt out. Pure, linear, two deep.

Only what reads as text once it is decoded is put in the place of what encoded it; all else stays as it is.
What is encoded otherwise, compressed or encrypted is not seen. Source: RFC 2045, RFC 3986, ADR-0046.
"""

import base64
import binascii
import html
import re

_DEEP = 2
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ESCAPED = re.compile(r"\\(?:u00|x)([0-9A-Fa-f]{2})")
_QUOTED = re.compile(r"(?:=[0-9A-F]{2})+")
_SOFT = re.compile(r"=\r?\n")
_SIGNS_OF_QUOTED = ("=3D", "=\n", "=\r\n", "quoted-printable")
"""Without one of these, `=40` is more likely a number than an at sign."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24}[A-Za-z0-9+/_-]*+(?:[\r\n]{1,2}[A-Za-z0-9+/_-]++)*+={0,2}")
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
_SHORTEST = 24
_WRAPPED = str.maketrans("-_", "+/", "\r\n=")


def may_be_encoded(cell: str) -> bool:
    """Whether there is anything to spell out in a short text: most cells have no mark of an encoding."""
    return len(cell) >= _SHORTEST or "%" in cell or "&" in cell or "\\" in cell or "=" in cell


def spelt_out(text: str) -> str:
    """The text with its percent signs, escapes, entities, quoted-printable and base64 decoded."""
    for _ in range(_DEEP):
        plain = _once(text)
        if plain == text:
            break
        text = plain
    return text


def _once(text: str) -> str:
    if "%" in text:
        text = _PERCENT.sub(lambda match: _text_of(bytes.fromhex(match[0].replace("%", "")), match[0]), text)
    if "\\" in text:
        text = _ESCAPED.sub(lambda match: _text_of(bytes.fromhex(match[1]), match[0]), text)
    if "&" in text:
        text = html.unescape(text)
    if "=" in text and any(sign in text for sign in _SIGNS_OF_QUOTED):
        text = _SOFT.sub("", text)
        text = _QUOTED.sub(lambda match: _text_of(bytes.fromhex(match[0].replace("=", "")), match[0]), text)
    return _BASE64.sub(_of_base64, text) if len(text) >= _SHORTEST else text


def _of_base64(match: re.Match[str]) -> str:
    """The whole run decoded; else without its last line, which may be a word of its own; else each line."""
    whole = match[0]
    before, mark, last = whole.rpartition("\n")
    for run, rest in ((whole, ""), (before, mark + last)):
        plain = _decoded(run)
        if plain != run:
            return plain + rest
    return "\n".join(map(_decoded, whole.split("\n"))) if mark else whole


def _decoded(run: str) -> str:
    bare = run.translate(_WRAPPED)
    if len(bare) < _SHORTEST:
        return run
    try:
        return _text_of(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True), run)
    except binascii.Error:
        return run


def _text_of(content: bytes, otherwise: str) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return otherwise
    return otherwise if _UNREADABLE.search(text) else text
