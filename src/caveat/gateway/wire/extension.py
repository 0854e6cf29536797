"""The one declared place for claims, data, targets and a workflow's name: the member `caveat`, read strictly.

Source: `docs/reference/http.md`. The member is removed before anything is forwarded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from caveat.call.parts import Declaration
from caveat.gateway.errors import RequestError
from caveat.signing.canonical import MAX_INTEGER, Json, JsonObject

MAX_CLAIMS = 64
MAX_DECLARATIONS = 256
_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}\Z")
_POINTER = re.compile(r"(/[A-Za-z0-9_.~-]{1,64}){1,16}\Z")
_MEDIA_TYPE = re.compile(r"[a-z0-9]{1,32}/[a-z0-9.+-]{1,64}\Z")
_COLUMN_MAX = 128
MAX_TARGETS = 64
_TARGET = re.compile(r"[!-~]{1,253}\Z")


@dataclass(frozen=True, slots=True)
class Extension:
    """What the caller claims, declares and names; empty where the member is absent."""

    claims: Mapping[str, Json] = field(default_factory=dict[str, Json])
    declared: Mapping[str, Declaration] = field(default_factory=dict[str, Declaration])
    workflow: str | None = None
    targets: tuple[str, ...] = ()


def parse_extension(value: Json) -> Extension:
    """The extension in `value`; raises `RequestError` for any member or shape that is not documented."""
    if not isinstance(value, dict) or not value.keys() <= {"claims", "data", "targets", "workflow"}:
        raise _refused("`caveat` has the members `claims`, `data`, `targets` and `workflow` and no others")
    return Extension(
        _claims(value.get("claims", {})),
        _declarations(value.get("data", [])),
        _workflow(value["workflow"]) if "workflow" in value else None,
        _targets(value.get("targets", [])),
    )


def _targets(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_TARGETS:
        raise _refused(f"`caveat.targets` is a list of at most {MAX_TARGETS} hosts, addresses or names")
    targets = tuple(item for item in value if isinstance(item, str) and _TARGET.match(item) is not None)
    if len(targets) != len(value) or len(set(targets)) != len(targets):
        raise _refused("a target is named once, in at most 253 printable ASCII characters without spaces")
    return targets


def _workflow(value: Json) -> str:
    if not isinstance(value, str) or _WORD.match(value) is None:
        raise _refused("`caveat.workflow` names a registered workflow")
    return value


def _claims(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, dict) or len(value) > MAX_CLAIMS:
        raise _refused(f"`caveat.claims` is an object of at most {MAX_CLAIMS} facts")
    for name, claim in value.items():
        if _WORD.match(name) is None:
            raise _refused("`caveat.claims` names facts of the registry")
        if not _is_claim(claim):
            raise _refused("a claimed value is a word, a list of words, an integer or a Boolean")
    return value


def _is_claim(claim: Json) -> bool:
    """No free text: claims stand in the ledger, where no content may stand."""
    if isinstance(claim, list):
        return len(claim) <= MAX_CLAIMS and all(
            isinstance(item, str) and _WORD.match(item) is not None for item in claim
        )
    if isinstance(claim, str):
        return _WORD.match(claim) is not None
    # A record holds no greater integer, and two parsers may read one differently.
    return isinstance(claim, int) and abs(claim) <= MAX_INTEGER


def _declarations(value: Json) -> Mapping[str, Declaration]:
    if not isinstance(value, list) or len(value) > MAX_DECLARATIONS:
        raise _refused(f"`caveat.data` is a list of at most {MAX_DECLARATIONS} parts")
    declared: dict[str, Declaration] = {}
    for item in value:
        if not isinstance(item, dict) or not {"part"} <= item.keys() <= {"part", "media_type", "id_column"}:
            raise _refused("an entry of `caveat.data` has `part`, and may have `media_type` and `id_column`")
        declaration = _declaration(item)
        if declaration.pointer in declared:
            raise _refused("`caveat.data` names a part twice")
        declared[declaration.pointer] = declaration
    return declared


def _declaration(item: JsonObject) -> Declaration:
    part, media_type, column = item["part"], item.get("media_type"), item.get("id_column")
    if not isinstance(part, str) or _POINTER.match(part) is None:
        raise _refused("`part` is a JSON pointer such as `/messages/0/content/1`")
    if media_type is not None and (not isinstance(media_type, str) or _MEDIA_TYPE.match(media_type) is None):
        raise _refused("`media_type` is written like `text/csv`")
    if column is not None and (not isinstance(column, str) or not 0 < len(column) <= _COLUMN_MAX):
        raise _refused("`id_column` is the name of a column")
    return Declaration(part, media_type, column)


def _refused(message: str) -> RequestError:
    return RequestError(400, "invalid_caveat", message, "see docs/reference/http.md, `the member caveat`")
