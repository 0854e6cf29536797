"""Small random policy bundles, and random knowledge about a use of each: everything the language has.

Seeded, so a number names a bundle. Small enough that every world can be listed: `Shape.worlds` bounds them.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import tomli_w

from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.facts.registry import FactSpec, FactType, Registry
from caveat.facts.value import Interval, Value

POOL = ("red", "green", "blue", "amber", "unknown")
POINTS = ("prompt", "tool", "output")
LARGE = 2**62


@dataclass(frozen=True)
class Shape:
    """How large a bundle may be."""

    facts: int = 4
    clauses: int = 5
    depth: int = 3
    worlds: int = 260


@dataclass
class _Bundle:
    rng: random.Random
    shape: Shape
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    limits: dict[str, int] = field(default_factory=dict)

    def of(self, kind: str) -> list[str]:
        return [n for n, f in self.facts.items() if f["type"] == kind and f.get("grade") != "estimated"]


def size_of(fact: Mapping[str, Any]) -> int:
    """How many values a fact of `facts.toml` has."""
    match fact["type"]:
        case "bool":
            return 2
        case "enum":
            return len(fact["values"])
        case "set":
            return int(2 ** len(fact["values"]))
        case _:
            return int(fact["hi"]) - int(fact["lo"]) + 1


def generate_bundle(rng: random.Random, shape: Shape | None = None) -> dict[str, bytes]:
    """The files of one random bundle, valid by construction."""
    shape = shape or Shape()
    bundle = _Bundle(rng, shape)
    bundle.roles = tuple(rng.sample(["counsel", "officer", "owner"], rng.randint(0, 2)))
    bundle.limits = {"low": rng.randint(-1, 3), "high": rng.choice([2, 3, 4, LARGE])}
    _draw_facts(bundle)
    clauses = [_clause(bundle, i) for i in range(rng.randint(2, shape.clauses))]
    clauses.append(_permit(bundle, "base", [] if rng.random() < 0.5 else [_boolean(bundle, 1)]))
    clauses += [
        _forbid(bundle, f"ask_{role}", [_boolean(bundle, 1)], [f'context.approvals.contains("{role}")'])
        for role in bundle.roles
    ]
    interval_role = rng.choice(bundle.roles) if bundle.roles and rng.random() < 0.6 else None
    return {
        "bundle.toml": tomli_w.dumps(_manifest(bundle, interval_role)).encode(),
        "facts.toml": tomli_w.dumps({"version": 1, "facts": bundle.facts}).encode(),
        "trust.toml": b"version = 1\n",
        "tools.toml": b"version = 1\n",
        "deployments.toml": b"version = 1\n",
        "clauses/all.cedar": "\n\n".join(clauses).encode(),
    }


def _manifest(bundle: _Bundle, interval_role: str | None) -> dict[str, Any]:
    decision: dict[str, Any] = {"step_budget": 1_000_000}
    if interval_role is not None:
        decision["interval_role"] = interval_role
    return {
        "version": 1,
        "name": "generated",
        "release": "1",
        "text": "generated",
        "decision": decision,
        "actors": {"owner": {"keys": [], "text": "whoever generates"}},
        "roles": {role: {"text": role} for role in bundle.roles},
        "limits": {n: {"value": v, "amend": "owner", "text": n} for n, v in bundle.limits.items()},
    }


def _draw_facts(bundle: _Bundle) -> None:
    rng = bundle.rng
    worlds = 1
    for index in range(rng.randint(2, bundle.shape.facts)):
        kind = rng.choice(["enum", "enum", "bool", "long", "long", "set"])
        fact = _fact(rng, kind)
        if worlds * size_of(fact) > bundle.shape.worlds:
            fact = _fact(rng, "bool")
        worlds *= size_of(fact)
        bundle.facts[f"{fact['type']}_{index}"] = fact
    if rng.random() < 0.25:
        bundle.facts["score"] = {
            "type": "long",
            "grade": "estimated",
            "lo": 0,
            "hi": 3,
            "severest": 3,
            "amend": "owner",
            "text": "a screen's score",
        }


def _fact(rng: random.Random, kind: str) -> dict[str, Any]:
    fact: dict[str, Any] = {"type": kind, "amend": "owner", "text": kind}
    draw = rng.random()
    if draw < 0.07:
        fact["grade"] = "claimed"
    elif draw < 0.25:
        fact |= {"grade": "observed", "observed_by": ["watcher"]}
    else:
        fact["attested_by"] = rng.choice([["issuer"], ["issuer", "registrar"]])
        if rng.random() < 0.3:
            fact["observed_by"] = ["watcher"]
    match kind:
        case "bool":
            fact["severest"] = rng.random() < 0.5
        case "enum":
            fact["values"] = rng.sample(POOL, rng.randint(2, 4))
            fact["severest"] = rng.choice(fact["values"])
            if "unknown" in fact["values"] and rng.random() < 0.7:
                fact["unknown"] = ["unknown"]
        case "set":
            fact["values"] = rng.sample(POOL, rng.randint(1, 3))
            fact["severest"] = [fact["values"][0]]
            fact["empty_is_unknown"] = rng.random() < 0.5
            fact["join"] = rng.choice(["none", "union"])
        case _:
            lo = rng.choice([-2, 0, 0, 1, LARGE - 2, -LARGE])
            fact |= {
                "lo": lo,
                "hi": lo + rng.randint(1, 4),
                "join": rng.choice(["none", "total", "greatest"]),
            }
            fact["severest"] = rng.randint(fact["lo"], fact["hi"])
    return fact


def _clause(bundle: _Bundle, index: int) -> str:
    rng = bundle.rng
    whens = [_boolean(bundle, bundle.shape.depth) for _ in range(rng.choice([1, 1, 1, 2]))]
    unlesses = [_boolean(bundle, bundle.shape.depth - 1) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
    if rng.random() < 0.7:
        if "score" in bundle.facts and rng.random() < 0.4:
            whens.append(rng.choice(["context.score > 1", "2 <= context.score", "!(context.score < 2)"]))
        if bundle.roles and rng.random() < 0.5:
            unlesses.insert(rng.randint(0, len(unlesses)), _approval(bundle))
        return _forbid(bundle, f"c{index}", whens, unlesses)
    last = [_approval(bundle)] if bundle.roles and rng.random() < 0.3 else []
    return _permit(bundle, f"c{index}", whens, unlesses, last)


def _approval(bundle: _Bundle) -> str:
    rng = bundle.rng
    several = ", ".join(f'"{role}"' for role in rng.sample(bundle.roles, rng.randint(1, len(bundle.roles))))
    one = f'context.approvals.contains("{rng.choice(bundle.roles)}")'
    return rng.choice(
        [
            one,
            f"context.approvals.containsAny([{several}])",
            f"[{several}].containsAny(context.approvals)",
            f"context.approvals.containsAll([{several}])",
            f"({one} || context.approvals.containsAll([{several}]))",
        ]
    )


def _forbid(bundle: _Bundle, name: str, whens: Sequence[str], unlesses: Sequence[str]) -> str:
    return _policy(bundle, "forbid", name, whens, unlesses)


def _permit(
    bundle: _Bundle, name: str, whens: Sequence[str], unlesses: Sequence[str] = (), last: Sequence[str] = ()
) -> str:
    return _policy(bundle, "permit", name, whens, unlesses, last)


def _policy(
    bundle: _Bundle,
    effect: str,
    name: str,
    whens: Sequence[str],
    unlesses: Sequence[str],
    last: Sequence[str] = (),
) -> str:
    scope = bundle.rng.choice(
        ["action"] * 6
        + [
            'action == Action::"prompt"',
            'action in [Action::"prompt", Action::"tool"]',
            'action == Action::"output"',
        ]
    )
    head = f'@id("{name}") @text("generated") @authority("technical") @amend("owner")\n'
    parts = [f"when {{ {when} }}" for when in whens] + [f"unless {{ {unless} }}" for unless in unlesses]
    if bundle.rng.random() < 0.2:
        parts.reverse()
    parts += [f"when {{ {when} }}" for when in last]
    return f"{head}{effect} (principal, {scope}, resource) {' '.join(parts)};"


def _boolean(bundle: _Bundle, depth: int) -> str:
    rng = bundle.rng
    if depth <= 0 or rng.random() < 0.15:
        return _test(bundle)

    def inner() -> str:
        return _boolean(bundle, depth - 1)

    match rng.choice(["and", "and", "or", "or", "not", "if", "same", "either", "test", "test"]):
        case "and":
            return f"({' && '.join(inner() for _ in range(rng.choice([2, 2, 3])))})"
        case "or":
            return f"({' || '.join(inner() for _ in range(rng.choice([2, 2, 3])))})"
        case "not":
            return f"!({inner()})"
        case "if":
            return f"(if {inner()} then {inner()} else {inner()})"
        case "same":
            return f"(({inner()}) {rng.choice(['==', '!='])} ({inner()}))"
        case "either":
            one = inner()
            return rng.choice(
                [f"({one} || !({one}))", f"({one} && !({one}))", f"(if {one} then true else {one})"]
            )
        case _:
            return _test(bundle)


def _test(bundle: _Bundle) -> str:
    rng = bundle.rng
    kinds = [kind for kind in ("bool", "enum", "set", "long") if bundle.of(kind)]
    if not kinds or rng.random() < 0.03:
        return rng.choice(["true", "false"])
    match rng.choice(kinds):
        case "bool":
            return f"context.{rng.choice(bundle.of('bool'))}"
        case "enum":
            return _word_test(bundle)
        case "set":
            return _set_test(bundle)
        case _:
            op = rng.choice(["<", "<=", ">", ">=", "==", "!="])
            return f"({_long(bundle, 2)} {op} {_long(bundle, rng.choice([0, 0, 1, 2]))})"


def _word_test(bundle: _Bundle) -> str:
    rng = bundle.rng
    fact = rng.choice(bundle.of("enum"))
    words = bundle.facts[fact]["values"]
    some = ", ".join(f'"{word}"' for word in rng.sample(words, rng.randint(1, len(words))))
    other = rng.choice(bundle.of("enum"))
    choice = f'(if {_test_of_bool(bundle)} then "{rng.choice(words)}" else context.{fact})'
    return rng.choice(
        [
            f'context.{fact} {rng.choice(["==", "!="])} "{rng.choice(words)}"',
            f"[{some}].contains(context.{fact})",
            f"![{some}].contains(context.{fact})",
            f"context.{fact} {rng.choice(['==', '!='])} context.{other}",
            f'{choice} == "{rng.choice(words)}"',
        ]
    )


def _test_of_bool(bundle: _Bundle) -> str:
    facts = bundle.of("bool")
    return f"context.{bundle.rng.choice(facts)}" if facts else _long_compare(bundle)


def _long_compare(bundle: _Bundle) -> str:
    facts = bundle.of("long")
    return f"context.{bundle.rng.choice(facts)} <= 1" if facts else "true"


def _set_test(bundle: _Bundle) -> str:
    rng = bundle.rng
    fact = rng.choice(bundle.of("set"))
    other = rng.choice(bundle.of("set"))
    words = bundle.facts[fact]["values"]
    some = ", ".join(f'"{word}"' for word in rng.sample(words, rng.randint(1, len(words))))
    tests = [
        f'context.{fact}.contains("{rng.choice(words)}")',
        f"context.{fact}.containsAny([{some}])",
        f"context.{fact}.containsAll([{some}])",
        f"[{some}].containsAll(context.{fact})",
        f"context.{fact} {rng.choice(['==', '!='])} [{some}]",
        f"context.{fact}.isEmpty()",
        rng.choice(
            [
                f'["red", "never"].contains("{rng.choice(["never", "blue"])}")',
                f'["never"].containsAny(["{rng.choice(["never", "blue"])}"])',
                f'["never"] == ["{rng.choice(["never", "blue"])}"]',
                f'["red"].containsAll([{some}])',
            ]
        ),
        f"context.{fact} == context.{other}",
        f"context.{fact}.containsAny(context.{other})",
        f"context.{fact}.containsAll(context.{other})",
        f"(if {_test_of_bool(bundle)} then context.{fact} else context.{other}).containsAny([{some}])"
        if set(words) == set(bundle.facts[other]["values"])
        else f"context.{other}.containsAny(context.{fact})",
    ]
    if bundle.of("enum"):
        tests += [f"context.{fact}.contains(context.{rng.choice(bundle.of('enum'))})"] * 2
    return rng.choice(tests)


def _long(bundle: _Bundle, depth: int) -> str:
    rng = bundle.rng
    facts = bundle.of("long")
    if depth <= 0 or rng.random() < 0.55:
        near = [bundle.facts[fact]["lo"] + step for fact in facts for step in (0, 1, 2)]
        constant = str(rng.choice([-1, 0, 1, 2, 3, *near]))
        return rng.choice(
            [f"context.{rng.choice(facts)}"] * 3 + [constant, f"context.limits.{rng.choice(['low', 'high'])}"]
        )
    one, other = _long(bundle, depth - 1), _long(bundle, depth - 1)
    match rng.choice(["+", "-", "*", "neg", "if"]):
        case "neg":
            return f"(-({one}))"
        case "if":
            return f"(if {_test_of_bool(bundle)} then {one} else {other})"
        case "*":
            return f"({one} * {rng.choice([other, str(LARGE), '3'])})"
        case op:
            return f"({one} {op} {other})"


def values_of(spec: FactSpec) -> tuple[Value, ...]:
    """Every value that the registry declares for a fact of a small bundle."""
    match spec.type:
        case FactType.BOOL:
            return (False, True)
        case FactType.ENUM:
            return spec.values
        case FactType.LONG:
            return tuple(range(spec.lo, spec.hi + 1))
        case FactType.SET:
            start = 1 if spec.empty_is_unknown else 0
            return tuple(
                frozenset(words)
                for size in range(start, len(spec.values) + 1)
                for words in combinations(spec.values, size)
            )


def generate_facts(rng: random.Random, registry: Registry, roles: Sequence[str]) -> Facts:
    """Random knowledge about one use: attested, observed or unknown, with claims true and false."""
    known: list[Fact] = []
    claims: dict[str, Any] = {}
    knows, lies = rng.choice([0.2, 0.5, 0.8, 1.0]), rng.choice([0.0, 0.2, 0.6])
    for name, spec in registry.facts.items():
        truth = rng.choice(values_of(spec))
        known.extend(_evidence(rng, spec, truth, knows))
        if rng.random() < 0.6:
            said = rng.choice(values_of(spec)) if rng.random() < lies else truth
            if spec.empty_is_unknown and rng.random() < 0.05:
                said = frozenset()
            claims[name] = sorted(said) if isinstance(said, frozenset) else said
    if rng.random() < 0.02:
        claims["undeclared"] = True
    findings = frozenset({rng.choice(list(Finding))} if rng.random() < 0.03 else ())
    given = frozenset(role for role in (*roles, "stranger") if rng.random() < 0.3)
    return Facts(tuple(known), claims, given, findings)


def _evidence(rng: random.Random, spec: FactSpec, truth: Value, knows: float) -> list[Fact]:
    said: list[Fact] = []
    if rng.random() < knows:
        if spec.grade is Grade.ESTIMATED:
            return [Fact(spec.name, truth, Grade.ESTIMATED, "screen")]
        if spec.attested_by and (not spec.observed_by or rng.random() < 0.7):
            said.append(Fact(spec.name, truth, Grade.ATTESTED, rng.choice(sorted(spec.attested_by))))
        if spec.observed_by and (not said or rng.random() < 0.3):
            said.append(Fact(spec.name, _observed(rng, spec, truth), Grade.OBSERVED, "watcher"))
    draw = rng.random()
    other = rng.choice(values_of(spec))
    if draw < 0.03:
        said.append(Fact(spec.name, other, Grade.ATTESTED, rng.choice(["issuer", "registrar"])))
    elif draw < 0.06:
        said.append(Fact(spec.name, other, Grade.ATTESTED, "impostor"))
    elif draw < 0.08:
        said.append(Fact(spec.name, other, rng.choice([Grade.CLAIMED, Grade.ESTIMATED]), ""))
    elif draw < 0.09:
        said.append(Fact(spec.name, "no such value", Grade.ATTESTED, "issuer"))
    return said


def _observed(rng: random.Random, spec: FactSpec, truth: Value) -> Value:
    if isinstance(truth, bool) or not isinstance(truth, int) or rng.random() < 0.4:
        return truth
    return Interval(rng.randint(spec.lo, truth), rng.randint(truth, spec.hi))
