"""Requests made from the type hints of the official SDKs: nothing here lists what a protocol has.

For every alternative, member and literal that a hint allows there is an instance in which it occurs, with
the required members beside it. Every text that the hint leaves open is a `Text`, to be marked by the test.
"""

import collections.abc
import types
from collections.abc import Iterator
from os import PathLike
from typing import (
    IO,
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel
from typing_extensions import is_typeddict


class Text(str):
    """A text that stands for any other."""

    __slots__ = ()


TEXT = Text("text")
MAX_DEPTH = 12
_WRAPPERS = (Annotated, Required, NotRequired)
_FILES = (IO, PathLike)


def instances(hint: Any, depth: int = 0) -> Iterator[Any]:
    """Values of this type; raises `TypeError` for a hint that it cannot read, so that none is passed over."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is type(None):
        yield None
    elif hint is str or hint is bytes or hint in _FILES or origin in _FILES:
        yield TEXT  # the SDKs send bytes and files as base64
    elif hint in (bool, int, float):
        yield {bool: True, int: 7, float: 0.5}[hint]
    elif hint is object or hint is Any:
        yield {"any": TEXT}
    elif origin in _WRAPPERS:
        yield from instances(args[0], depth)
    elif origin is Literal:
        yield from args
    elif origin in (Union, types.UnionType):
        for arg in args:
            yield from instances(arg, depth)
    elif is_typeddict(hint) or (isinstance(hint, type) and issubclass(hint, BaseModel)):
        yield from _objects(hint, depth)
    elif origin in (dict, collections.abc.Mapping):
        yield from ({TEXT: value} for value in instances(args[1], depth + 1))
    elif origin is not None and len(args) == 1:
        # Every other generic with one argument is some sequence of JSON.
        yield from ([value] for value in instances(args[0], depth + 1))
    else:
        raise TypeError(f"no instance of {hint!r}")


def _objects(hint: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH:
        return  # a type that contains itself
    # Hints that are strings hide what is required from the type itself.
    if is_typeddict(hint):
        hints = get_type_hints(hint, include_extras=True)
        needed = [name for name, inner in hints.items() if _is_required(inner, total=hint.__total__)]
    else:  # an answer of the SDK, which may be sent again
        hints = {name: field.annotation for name, field in hint.model_fields.items()}
        needed = [name for name, field in hint.model_fields.items() if field.is_required()]
    least = {name: next(instances(hints[name], depth + 1)) for name in needed}
    yield least
    for name, inner in hints.items():
        for value in instances(inner, depth + 1):
            yield {**least, name: value}


def _is_required(hint: Any, *, total: bool) -> bool:
    return get_origin(hint) is Required or (total and get_origin(hint) is not NotRequired)


def marked(value: Any, marks: list[str], beside: str | None = None) -> Any:
    """The value with every `Text` made unique; with `beside`, one more member of that name in each object."""
    if isinstance(value, Text):
        marks.append(f"mark{len(marks)}.")
        return marks[-1]
    if isinstance(value, list):
        return [marked(item, marks, beside) for item in value]
    if isinstance(value, dict):
        found = {marked(key, marks): marked(item, marks, beside) for key, item in value.items()}
        return found if beside is None else {**found, beside: marked(TEXT, marks)}
    return value
