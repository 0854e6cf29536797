"""Keys, tokens and passwords that stand in a text. Pure, and linear in the text; needs no model.

What has a structure is found by it: prefixes of issuers, armour of private keys, parts of a signed token.
Other secrets are found by the name that they are given and by how random they look. Placeholders are none.
A finding says what kind of secret stands where, and never the secret. Source: ADR-0045.
"""

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

MAX_FINDINGS = 1_000
"""A text with more has so many; the score is the same."""
_MIN_BITS = 3.0
_MIN_BITS_OF_A_WORD = 2.5


@dataclass(frozen=True, slots=True, order=True)
class Credential:
    """A secret from `start` to `end`, in characters. `score`: in thousandths, how sure it is."""

    start: int
    end: int
    kind: str
    score: int


def find_credentials(text: str) -> Sequence[Credential]:
    """The secrets of `text` in their order, none within another; `MAX_FINDINGS` at most."""
    found: list[Credential] = []
    for each in sorted(_candidates(text), key=lambda one: (one.start, -one.end, -one.score)):
        if not found or each.start >= found[-1].end:
            found.append(each)
            if len(found) == MAX_FINDINGS:
                break
    return tuple(found)


def score_credentials(text: str) -> int:
    """The greatest score of a secret in `text`, 0 to 1000; 0 where none is found."""
    return max((each.score for each in find_credentials(text)), default=0)


def _always(_found: "re.Match[str]") -> bool:
    return True


def _is_random(found: "re.Match[str]") -> bool:
    return _bits(found[1] if found.re.groups else found[0]) >= _MIN_BITS and not _is_placeholder(found[0])


def _is_signed_token(found: "re.Match[str]") -> bool:
    """The first part of a JSON Web Token names its algorithm."""
    head = found[0].partition(".")[0]
    try:
        said: object = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and "alg" in said


def _is_named_secret(found: "re.Match[str]") -> bool:
    value = found[2]
    return not _is_placeholder(value) and _bits(value) >= _MIN_BITS_OF_A_WORD and not _is_reference(value)


def _is_password_in_address(found: "re.Match[str]") -> bool:
    return not _is_placeholder(found[1]) and not _is_reference(found[1])


# Every repetition is bounded, so that each search is linear: it looks no further than a constant.
_RULES: tuple[tuple[str, int, "re.Pattern[str]", Callable[["re.Match[str]"], bool]], ...] = (
    (
        "private_key",
        1000,
        re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
        _always,
    ),
    (
        "cloud_access_key",
        980,
        re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|AROA|AIDA)([A-Z2-7]{16})(?![A-Z0-9])"),
        _is_random,
    ),
    ("cloud_access_key", 960, re.compile(r"(?<![\w-])AIza([\w-]{35})(?![\w-])"), _is_random),
    ("source_host_token", 990, re.compile(r"(?<!\w)gh[pousr]_([A-Za-z0-9]{36,251})(?!\w)"), _is_random),
    ("source_host_token", 990, re.compile(r"(?<!\w)github_pat_([A-Za-z0-9_]{40,251})(?!\w)"), _is_random),
    ("source_host_token", 980, re.compile(r"(?<!\w)glpat-([\w-]{20,64})(?![\w-])"), _is_random),
    ("chat_token", 980, re.compile(r"(?<!\w)xox[abeoprs]-([A-Za-z0-9-]{10,250})"), _is_random),
    ("payment_key", 980, re.compile(r"(?<!\w)[sr]k_(?:live|test)_([A-Za-z0-9]{16,247})(?!\w)"), _is_random),
    (
        "model_api_key",
        970,
        re.compile(r"(?<![\w-])sk-(?:[a-z]{2,12}\d{0,2}-)?([A-Za-z0-9_-]{32,250})(?![\w-])"),
        _is_random,
    ),
    ("package_token", 980, re.compile(r"(?<!\w)(?:pypi-|npm_)([A-Za-z0-9_-]{36,250})(?![\w-])"), _is_random),
    ("webhook_secret", 940, re.compile(r"(?<!\w)whsec_([A-Za-z0-9+/=]{24,120})"), _is_random),
    (
        "signed_token",
        900,
        re.compile(r"(?<![\w-])eyJ[\w-]{8,4000}\.eyJ[\w-]{4,8000}\.[\w-]{16,2000}(?![\w-])"),
        _is_signed_token,
    ),
    (
        "password_in_address",
        900,
        re.compile(r"[a-z][a-z0-9+.-]{1,15}://[^\s:/?#@]{0,64}:([^\s:/?#@]{3,128})@"),
        _is_password_in_address,
    ),
    (
        "bearer_token",
        850,
        re.compile(
            r"(?i)\bauthorization\b[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
            r"(?:bearer|basic|token)\s{1,4}([\w.+/=~-]{16,4000})"
        ),
        _is_random,
    ),
    (
        "named_secret",
        800,
        re.compile(
            r"(?i)(?<![a-z])(pass(?:word|wd|phrase)?|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key"
            r"|(?:client|signing|webhook)[_-]?secret"
            r"|(?:access|auth|refresh|session|bearer)[_-]?token|token|credential)s?"
            r"[\"']?\s{0,4}(?:[:=]{1,2}|=>|:=|\bis\b)\s{0,4}[\"'`]?"
            r"([^\s\"'`,;<>(){}\[\]]{8,256})"
        ),
        _is_named_secret,
    ),
)
_PLACEHOLDER = re.compile(
    r"(?i)example|changeme|change_me|placeholder|your[_-]|xxxx|\*\*\*|<|\.\.\.|dummy"
    r"|redacted|sample|todo|insert|abcdefgh|12345678|0000000"
)
_REFERENCE = re.compile(
    r"(?i)^(?:\$|%|\{\{|os\.|env\.|process\.|self\.|config\.|settings\."
    r"|getenv|args\.|none$|null$|true$|false$|[a-z_]+[.(\[])"
)


def _candidates(text: str) -> Iterator[Credential]:
    for kind, score, pattern, holds in _RULES:
        for found in pattern.finditer(text):
            if holds(found):
                yield Credential(found.start(), found.end(), kind, score)


def _is_placeholder(value: str) -> bool:
    return _PLACEHOLDER.search(value) is not None or len(set(value)) <= max(2, len(value) // 8)


def _is_reference(value: str) -> bool:
    """A name of a secret rather than the secret; or an ordinary word or sentence part."""
    return (
        _REFERENCE.match(value) is not None
        or value.isalpha()
        or value.replace("-", "").replace("_", "").isalpha()
    )


def _bits(value: str) -> float:
    """Bits for each character, as if the value itself were the source. Source: Shannon's entropy."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
