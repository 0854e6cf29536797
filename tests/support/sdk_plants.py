"""Where texts stand in the requests, answers and events of the official SDKs' types: nothing here lists them.

A type is walked to every text in it where it is met first; where it is met again, one text stands for all.
Of every object there is a variant with one more member, and of every choice by `type` one with a new type.
"""

import collections.abc
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
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

SLOT = "{planted}"
TOMORROW = "of_tomorrow"
_WRAPPERS = (Annotated, Required, NotRequired)
_FILES = (IO, PathLike)
_NAMED = re.compile(r"(^|_)(id|ids|fingerprint|obfuscation|etag|key|signature)$")
_UNIONS = (Union, types.UnionType)
_MAX_DEPTH = 16
_NEAR = 3
_OTHERS: dict[Any, Any] = {bool: True, int: 0, float: 0.5, datetime: "2030-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Plant:
    """A value with one slot for a text. `path`: the members that lead there, an object with what tells it
    apart from others in brackets; `value` is the least that its type allows around the slot."""

    path: tuple[str, ...]
    value: Any


def plants(hint: Any, *, every_way: bool = False) -> tuple[Plant, ...]:
    """Every place for a text in values of this type, each once. `every_way`: a choice that was met before is
    walked in all of its ways again, though not in all that they hold."""
    return tuple(_Walk(every_way).places(hint, 0))


def least(hint: Any, depth: int = 0) -> Any:
    """The least value of this type, its texts short."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in _WRAPPERS:
        return least(args[0], depth)
    if hint is type(None):
        return None
    if hint is str or hint is bytes or hint in _FILES or origin in _FILES:
        return "text"
    if hint in _OTHERS:
        return _OTHERS[hint]
    if hint is object or hint is Any:
        return {}
    if origin is Literal:
        return args[0]
    if origin in _UNIONS:
        return None if type(None) in args else least(args[0], depth)
    if _is_object(hint):
        return {name: least(inner, depth + 1) for name, inner, needed in _members(hint) if needed}
    if origin in (dict, collections.abc.Mapping):
        return {}
    if origin is not None and len(args) == 1:
        return []
    raise TypeError(f"no instance of {hint!r}")


def _is_object(hint: Any) -> bool:
    return is_typeddict(hint) or (isinstance(hint, type) and issubclass(hint, BaseModel))


def _members(hint: Any) -> Iterator[tuple[str, Any, bool]]:
    """Name on the wire, type, and whether it has to be there."""
    if is_typeddict(hint):
        for name, inner in get_type_hints(hint, include_extras=True).items():
            required = get_origin(inner) is Required
            yield name, inner, required or (hint.__total__ and get_origin(inner) is not NotRequired)
    else:
        for name, member in hint.model_fields.items():
            yield member.alias or name, member.annotation, member.is_required()


def _told_apart(value: dict[str, Any]) -> str:
    words = [value[name] for name in ("role", "type") if isinstance(value.get(name), str)]
    return f"[{' '.join(words)}]" if words else ""


@dataclass
class _Walk:
    """One pass over a type and all that it holds."""

    every_way: bool
    seen: set[tuple[Any, Any]] = field(default_factory=set)
    offered: set[tuple[Any, Any]] = field(default_factory=set)
    role: str | None = None  # of the message that is being walked, where its type allows several

    def places(self, hint: Any, depth: int) -> Iterator[Plant]:
        origin, args = get_origin(hint), get_args(hint)
        if depth > _MAX_DEPTH:
            return
        if origin in _WRAPPERS:
            yield from self.places(args[0], depth)
        elif hint is str or hint is bytes or hint in _FILES or origin in _FILES:
            yield Plant((), SLOT)
        elif hint is object or hint is Any:
            yield Plant((), SLOT)
            yield Plant((TOMORROW,), {TOMORROW: SLOT})
        elif origin is Literal or hint is type(None) or hint in _OTHERS:
            return
        elif origin in _UNIONS:
            yield from self._union(args, depth)
        elif _is_object(hint):
            yield from self._object(hint, depth)
        elif origin in (dict, collections.abc.Mapping):
            yield Plant(("{name}",), {SLOT: least(args[1])})
            for one in self.places(args[1], depth + 1):
                yield Plant(("{value}", *one.path), {"name": one.value})
        elif origin is not None and len(args) == 1:
            for one in self.places(args[0], depth + 1):
                yield Plant(one.path, [one.value])
        else:
            raise TypeError(f"no place in {hint!r}")

    def _union(self, args: tuple[Any, ...], depth: int) -> Iterator[Plant]:
        typed = [arg for arg in args if _is_object(_bare(arg)) and isinstance(_type_of(arg), str)]
        met = [arg for arg in typed if (_bare(arg), self.role) in self.offered]
        self.offered |= {(_bare(arg), self.role) for arg in typed}
        # A choice of which every way was walked before is stood for by its first.
        passed = met[1:] if len(met) == len(typed) and not (self.every_way and depth < _NEAR) else []
        for arg in args:
            if arg not in passed:
                yield from self.places(arg, depth)
        if len(typed) > 1:
            changed = {**least(typed[0]), "type": TOMORROW, TOMORROW: SLOT}
            yield Plant((_told_apart(changed),), changed)

    def _object(self, hint: Any, depth: int) -> Iterator[Plant]:
        whole, before = least(hint), self.role
        roles = next((get_args(_bare(inner)) for name, inner, _ in _members(hint) if name == "role"), ())
        named = bool(roles) and all(isinstance(one, str) for one in roles)
        for role in roles if named else (None,):
            self.role = role if named else before
            value = whole if role is None else {**whole, "role": role}
            first = (hint, role) not in self.seen
            self.seen.add((hint, role))
            inside = self._inside(hint, value, depth)
            for place in inside if first else _telling(inside):
                yield Plant((_told_apart(place.value), *place.path), place.value)
        self.role = before

    def _inside(self, hint: Any, value: dict[str, Any], depth: int) -> Iterator[Plant]:
        ordered = sorted(_members(hint), key=lambda one: not one[2])
        for name, inner, _ in ordered:
            if name not in ("role", "type"):
                for one in self.places(inner, depth + 1):
                    yield Plant((name, *one.path), {**value, name: one.value})
        yield Plant((TOMORROW,), {**value, TOMORROW: SLOT})


def is_name(step: str) -> bool:
    """Whether a member names something by its name, or is none of today's: such a text says little."""
    return step == TOMORROW or _NAMED.search(step) is not None


def _telling(inside: Iterator[Plant]) -> Iterator[Plant]:
    """The first place of some that says something."""
    first: Plant | None = None
    for place in inside:
        first = first or place
        if not is_name(next((one for one in reversed(place.path) if one[:1] not in ("", "[")), "")):
            yield place
            return
    if first is not None:
        yield first


def _bare(hint: Any) -> Any:
    return _bare(get_args(hint)[0]) if get_origin(hint) in _WRAPPERS else hint


def _type_of(hint: Any) -> Any:
    return least(hint).get("type")
