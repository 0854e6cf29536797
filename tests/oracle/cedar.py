"""Cedar, interpreted naively from its JSON form, as its documentation states the semantics.

`&&`, `||` and `if` evaluate only what they need; integers are 64-bit and overflow is an error; `==` of two
types is false, never an error; any other misuse is an error. An error anywhere denies, which is stricter than
Cedar (it skips a clause that errors): DESIGN, ADR-0003. Nothing of `caveat.decision` is used here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cedarpy
import orjson

Word = str | int | bool | frozenset[str]
World = Mapping[str, Word]


class CedarError(Exception):
    """The evaluation of a clause is an error."""


@dataclass(frozen=True)
class NaivePolicy:
    """One policy: its annotations, effect, the points of control where it applies, and its conditions."""

    id: str
    annotations: Mapping[str, str]
    effect: str
    points: frozenset[str]
    conditions: tuple[tuple[str, Any], ...]

    def holds(self, context: Mapping[str, Any]) -> bool:
        """Whether every `when` is true and every `unless` false, in order; raises `CedarError`."""
        for kind, body in self.conditions:
            value = _boolean(evaluate(body, context))
            if value is not (kind == "when"):
                return False
        return True


def read_policies(texts: Sequence[str]) -> tuple[NaivePolicy, ...]:
    """The policies of Cedar texts, in order."""
    policies: list[NaivePolicy] = []
    for text in texts:
        parsed = orjson.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
        for _, policy in sorted(parsed.items(), key=lambda entry: int(entry[0].removeprefix("policy"))):
            annotations = policy.get("annotations", {})
            policies.append(
                NaivePolicy(
                    annotations["id"],
                    annotations,
                    policy["effect"],
                    _points(policy["action"]),
                    tuple((condition["kind"], condition["body"]) for condition in policy["conditions"]),
                )
            )
    return tuple(policies)


def _points(action: Mapping[str, Any]) -> frozenset[str]:
    if action["op"] == "All":
        return frozenset({"prompt", "tool", "output"})
    if action["op"] == "==":
        return frozenset({action["entity"]["id"]})
    return frozenset(entity["id"] for entity in action["entities"])


def is_allowed(policies: Sequence[NaivePolicy], point: str, context: Mapping[str, Any]) -> bool:
    """Some permit holds, no forbid holds, and no policy is an error."""
    permitted = forbidden = False
    for policy in policies:
        if point not in policy.points:
            continue
        try:
            holds = policy.holds(context)
        except CedarError:
            return False
        permitted |= holds and policy.effect == "permit"
        forbidden |= holds and policy.effect == "forbid"
    return permitted and not forbidden


def evaluate(expression: Any, context: Mapping[str, Any]) -> Any:
    """The value of an expression; raises `CedarError`."""
    ((op, arg),) = expression.items()
    match op:
        case "Value":
            return arg
        case "Var":
            if arg != "context":
                raise NotImplementedError(arg)
            return context
        case "Set":
            return frozenset(evaluate(item, context) for item in arg)
        case ".":
            record = evaluate(arg["left"], context)
            if arg["attr"] not in record:
                raise CedarError("no such attribute")
            return record[arg["attr"]]
        case "!":
            return not _boolean(evaluate(arg["arg"], context))
        case "neg":
            return _long(-_integer(evaluate(arg["arg"], context)))
        case "isEmpty":
            return not _set(evaluate(arg["arg"], context))
        case "&&":
            return _boolean(evaluate(arg["left"], context)) and _boolean(evaluate(arg["right"], context))
        case "||":
            return _boolean(evaluate(arg["left"], context)) or _boolean(evaluate(arg["right"], context))
        case "if-then-else":
            chosen = "then" if _boolean(evaluate(arg["if"], context)) else "else"
            return evaluate(arg[chosen], context)
        case _:
            return _binary(op, evaluate(arg["left"], context), evaluate(arg["right"], context))


def _binary(op: str, left: Any, right: Any) -> Any:
    match op:
        case "==":
            return type(left) is type(right) and left == right
        case "!=":
            return not (type(left) is type(right) and left == right)
        case "<":
            return _integer(left) < _integer(right)
        case "<=":
            return _integer(left) <= _integer(right)
        case ">":
            return _integer(left) > _integer(right)
        case ">=":
            return _integer(left) >= _integer(right)
        case "+":
            return _long(_integer(left) + _integer(right))
        case "-":
            return _long(_integer(left) - _integer(right))
        case "*":
            return _long(_integer(left) * _integer(right))
        case "contains":
            return right in _set(left)
        case "containsAny":
            return bool(_set(left) & _set(right))
        case "containsAll":
            return _set(left) >= _set(right)
        case _:
            raise NotImplementedError(op)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise CedarError("not a Boolean")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise CedarError("not an integer")
    return value


def _long(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise CedarError("overflow")
    return value


def _set(value: Any) -> frozenset[str]:
    if not isinstance(value, frozenset):
        raise CedarError("not a set")
    return value
