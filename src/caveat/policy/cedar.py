"""The Cedar engine, and the only place that imports it.

It serves three ends: text to JSON, validation against the schema, and the second opinion on every allow.
Anything but `Allow` with an empty error list is no allow: Cedar skips a clause that errors, a `forbid`
included. Source: ADR-0003.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cedarpy
import orjson

from caveat.facts.value import Interval, Value
from caveat.signing.canonical import Json, JsonObject


class CedarTextError(ValueError):
    """Cedar could not read the text; the message is Cedar's own, which names the place."""


def parse_policies(text: str) -> list[JsonObject]:
    """The policies of a text in Cedar's JSON form, in order; raises `CedarTextError`."""
    try:
        parsed = orjson.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise CedarTextError(str(error).splitlines()[0]) from error
    if parsed["templates"]:
        raise CedarTextError("templates are not part of the language of clauses")
    policies: dict[str, JsonObject] = parsed["staticPolicies"]
    return [policies[name] for name in sorted(policies, key=lambda name: int(name.removeprefix("policy")))]


def validation_findings(text: str, schema: str) -> tuple[str, ...]:
    """What Cedar's strict validator objects to; empty when it validates."""
    try:
        result = cedarpy.validate_policies(text, schema)  # pyright: ignore[reportUnknownMemberType] - bare dict in its stubs
    except ValueError as error:
        return (str(error).splitlines()[0],)
    return tuple(f"`{finding.policy_id}`: {finding.error}" for finding in result.errors)


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """One parsed policy set with its schema: the second engine beside our evaluator."""

    _policies: cedarpy.PolicySet
    _schema: cedarpy.Schema
    _entities: cedarpy.Entities

    def allows(self, point: str, context: Mapping[str, object]) -> bool:
        """True only if Cedar says Allow without any error on this complete context."""
        request = {
            "principal": {"type": "Deployment", "id": "requester"},
            "action": {"type": "Action", "id": point},
            "resource": {"type": "Model", "id": "model"},
            "context": context,
        }
        result = cedarpy.is_authorized(  # pyright: ignore[reportUnknownMemberType] - bare dict in its stubs
            request, self._policies, self._entities, self._schema
        )
        return result.decision is cedarpy.Decision.Allow and not result.diagnostics.errors


def build_engine(policies: Sequence[JsonObject], schema: str) -> Engine:
    """The engine over policies in JSON form (limits already put in); raises `CedarTextError`."""
    document: dict[str, object] = {
        "staticPolicies": {f"policy{i}": policy for i, policy in enumerate(policies)},
        "templates": {},
        "templateLinks": [],
    }
    try:
        return Engine(
            cedarpy.PolicySet.from_json_str(orjson.dumps(document).decode()),
            cedarpy.Schema.from_str(schema),
            cedarpy.Entities.from_json_str("[]"),  # pyright: ignore[reportUnknownMemberType] - as above
        )
    except ValueError as error:
        raise CedarTextError(str(error).splitlines()[0]) from error


def cedar_value(value: Value) -> object:
    """A complete value as Cedar's context takes it; an interval stands at its upper end, the severest."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Interval):
        return value.hi
    return value


def put_in_limits(expression: Json, limits: Mapping[str, int]) -> Json:
    """The expression with every `context.limits.NAME` replaced by its number."""
    if isinstance(expression, list):
        return [put_in_limits(item, limits) for item in expression]
    if not isinstance(expression, dict):
        return expression
    access = expression.get(".")
    if isinstance(access, dict) and access.get("left") == _LIMITS:
        return {"Value": limits[str(access["attr"])]}
    return {key: put_in_limits(item, limits) for key, item in expression.items()}


_LIMITS: Json = {".": {"left": {"Var": "context"}, "attr": "limits"}}
