"""The file that `caveat decide` reads: one use, with facts in full or in short."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from caveat.call.call import Point
from caveat.cli.exit import CannotRunError
from caveat.cli.unread import SCREEN, unread_facts
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.registry import Registry
from caveat.facts.value import Interval, Value
from caveat.facts.wire import FactsParseError, parse_facts
from caveat.policy.bundle import Bundle
from caveat.policy.deployments import REGISTRATION
from caveat.signing.canonical import Json, JsonObject, StrictJsonError, parse_strict

_MEMBERS = {"version", "point", "deployment", "facts", "claims", "approvals", "findings"}
_HINT = "docs/reference/decide.md describes the file"


@dataclass(frozen=True, slots=True)
class UseFile:
    """One use as a file states it."""

    point: Point
    facts: Facts


def read_use(path: Path, bundle: Bundle) -> UseFile:
    """The use in the file; raises `CannotRunError` that names the place."""
    try:
        value = parse_strict(path.read_bytes(), max_bytes=1_000_000)
    except StrictJsonError as error:
        raise CannotRunError(f"`{path}` is not strict JSON: {error.code}", _HINT) from error
    if not isinstance(value, dict):
        raise CannotRunError(f"`{path}` holds no JSON object", _HINT)
    unknown = value.keys() - _MEMBERS
    if unknown:
        raise CannotRunError(f"`{path}`: unknown member `{min(unknown)}`", _HINT)
    if value.get("version") != 1:
        raise CannotRunError(f"`{path}`: `version` is 1", _HINT)
    try:
        point = Point(str(value.get("point", "prompt")))
    except ValueError as error:
        raise CannotRunError(f"`{path}`: `point` is prompt, tool or output", _HINT) from error
    return UseFile(point, _facts(value, bundle, path))


def _facts(value: JsonObject, bundle: Bundle, path: Path) -> Facts:
    stated = value.get("facts", [])
    short = isinstance(stated, dict)
    body: JsonObject = {
        "facts": [] if short else stated,
        "claims": value.get("claims", {}),
        "approvals": value.get("approvals", []),
        "findings": value.get("findings", []),
    }
    try:
        facts = parse_facts(body)
    except FactsParseError as error:
        raise CannotRunError(f"`{path}`: {error}", _HINT) from error
    named = _short_facts(stated, bundle.registry, path) if isinstance(stated, dict) else facts.facts
    registered = _registered(value.get("deployment"), bundle, named, path)
    unread = unread_facts(bundle, {fact.name for fact in named})
    return Facts((*named, *registered, *unread), facts.claims, facts.approvals, facts.findings)


def _short_facts(stated: Mapping[str, Json], registry: Registry, path: Path) -> tuple[Fact, ...]:
    """Facts given as `name: value` stand as attested by the first entitled role, or as observed."""
    facts: list[Fact] = []
    for name, raw in stated.items():
        spec = registry.facts.get(name)
        if spec is None:
            raise CannotRunError(f"`{path}`: fact `{name}` is not declared in `facts.toml`", _HINT)
        value = _value(raw)
        if value is None:
            raise CannotRunError(f"`{path}`: `{name}` holds no value of a fact", _HINT)
        if spec.grade is Grade.ESTIMATED:
            facts.append(Fact(name, value, Grade.ESTIMATED, SCREEN, "stated in the file"))
        elif spec.attested_by and not isinstance(value, Interval):
            facts.append(Fact(name, value, Grade.ATTESTED, min(spec.attested_by), "stated in the file"))
        else:
            role = min(spec.observed_by, default="")
            facts.append(Fact(name, value, Grade.OBSERVED, role, "stated in the file"))
    return tuple(facts)


def _value(raw: Json) -> Value | None:
    if isinstance(raw, list):
        return frozenset(word for word in raw if isinstance(word, str))
    if isinstance(raw, dict):
        lo, hi = raw.get("lo"), raw.get("hi")
        return Interval(lo, hi) if isinstance(lo, int) and isinstance(hi, int) and lo <= hi else None
    return raw if isinstance(raw, (str, bool, int)) else None


def _registered(name: Json, bundle: Bundle, stated: tuple[Fact, ...], path: Path) -> tuple[Fact, ...]:
    """What the deployment's registration and its observers add where the file says nothing else."""
    if name is None:
        return ()
    deployment = bundle.deployments.get(name) if isinstance(name, str) else None
    if deployment is None:
        raise CannotRunError(f"`{path}`: the bundle registers no deployment `{name}`", _HINT)
    said = {fact.name for fact in stated}
    source = f"deployment:{deployment.id}"
    facts = [
        Fact(fact, value, Grade.ATTESTED, REGISTRATION, source)
        for fact, value in deployment.facts.items()
        if fact not in said
    ]
    for spec in bundle.registry.facts.values():
        observers = spec.observed_by & deployment.observers
        if spec.neutral is not None and observers and spec.name not in said:
            facts.append(Fact(spec.name, spec.neutral, Grade.OBSERVED, min(observers), source))
    return tuple(facts)
