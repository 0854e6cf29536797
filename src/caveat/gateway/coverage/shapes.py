"""The shapes that have to be decided, from a file that the types of the official SDKs give. Pure.

Source: `shapes.json`, which a test compares with the SDKs that are installed; ADR-0030.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NotRequired, TypedDict

import orjson

from caveat.signing.canonical import JsonObject

SLOT = "{planted}"
"""What stands in a shape where the planted text goes."""


class Direction(StrEnum):
    """Where a shape occurs: a request, a whole answer, or one event of a stream."""

    REQUEST = "request"
    ANSWER = "answer"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Shape:
    """One place for a text. `at`: the path of its endpoint. `group`: what the matrix calls such texts.

    `json`: the members that stand in the place of the base's, or the whole event, with a slot. `leaf`: the
    member that holds the text. `unseen`: what stands there may be something that no screen reads. `call`:
    it is, or may be, a call of a tool. `split`: it is a piece of a text that goes on in the next event.
    """

    at: str
    direction: Direction
    group: str
    name: str
    leaf: str
    json: JsonObject
    unseen: bool = False
    call: bool = False
    split: bool = False


@dataclass(frozen=True, slots=True)
class Shapes:
    """All of them, with the versions of the SDKs and, by endpoint, the least request and the least answer."""

    sdks: Mapping[str, str]
    requests: Mapping[str, JsonObject]
    answers: Mapping[str, JsonObject]
    every: tuple[Shape, ...]


@cache
def read_shapes() -> Shapes:
    """The shapes that this package ships."""
    file = resources.files("caveat.gateway.coverage").joinpath("shapes.json").read_bytes()
    said: _File = orjson.loads(file)
    return Shapes(
        said["sdks"],
        {path: base["request"] for path, base in said["bases"].items()},
        {path: base["answer"] for path, base in said["bases"].items()},
        tuple(_shape(row) for row in said["shapes"]),
    )


class _Base(TypedDict):
    request: JsonObject
    answer: JsonObject


_Row = TypedDict(
    "_Row",
    {
        "at": str,
        "in": str,
        "group": str,
        "shape": str,
        "leaf": str,
        "json": JsonObject,
        "unseen": NotRequired[bool],
        "call": NotRequired[bool],
        "split": NotRequired[bool],
    },
)


class _File(TypedDict):
    """The file is this package's own, so its form is a test's to check, not every start's."""

    sdks: dict[str, str]
    bases: dict[str, _Base]
    shapes: list[_Row]


def _shape(row: _Row) -> Shape:
    return Shape(
        row["at"],
        Direction(row["in"]),
        row["group"],
        row["shape"],
        row["leaf"],
        row["json"],
        row.get("unseen", False),
        row.get("call", False),
        row.get("split", False),
    )
