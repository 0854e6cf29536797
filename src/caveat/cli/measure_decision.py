"""Figures of the decision: our evaluator and Cedar's confirmation, on distinct facts each time.

The workload is a generated policy of 50 clauses over 26 facts, so it runs wherever the package does.
"""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

import tomli_w

from caveat.call.call import Point
from caveat.decision.decide import decide, program_for
from caveat.decision.memo import DecisionMemo
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.cedar import cedar_value

CLAUSES, ENUMS, SETS, COUNTS, FLAGS = 50, 10, 5, 6, 5
_WORDS = [f"w{i}" for i in range(8)]


@dataclass(frozen=True, slots=True)
class DecisionFigures:
    """CPU microseconds a decision, and decisions a CPU second with the memo off and on."""

    evaluator_cpu_us: float
    cedar_confirm_cpu_us: float
    decisions_per_s_memo_off: float
    decisions_per_s_memo_on: float
    n: int


def measure_decision(n: int = 3000, seed: int = 1) -> DecisionFigures:
    """Measures on `n` distinct complete fact sets."""
    bundle = workload_bundle()
    generator = random.Random(seed)  # noqa: S311 - a reproducible workload, not a secret
    values = [random_values(bundle, generator) for _ in range(n)]
    return DecisionFigures(
        evaluator_cpu_us=_evaluator(bundle, values),
        cedar_confirm_cpu_us=_cedar(bundle, values),
        decisions_per_s_memo_off=_decisions(bundle, values, capacity=0),
        decisions_per_s_memo_on=_decisions(bundle, values, capacity=1 << 20),
        n=n,
    )


def workload_bundle(clauses: int = CLAUSES, *, without: int | None = None) -> Bundle:
    """50 clauses over 26 facts, in the shapes that policies have: words, sets, limits, flags, a permit.

    `without`: the number of a clause that is left out, as an edit would.
    """
    annotations = '@text("A clause of the workload.") @authority("technical") @amend("owner")'
    texts = [
        f'@id("C{i}") {annotations} {text}' for i, text in enumerate(clause_texts(clauses)) if i != without
    ]
    files: dict[str, dict[str, object]] = {
        "bundle.toml": {
            "version": 1,
            "name": "workload",
            "release": "1",
            "text": "A generated workload.",
            "actors": {"owner": {"keys": [], "text": "Owner."}},
        },
        "facts.toml": {"version": 1, "facts": fact_tables("owner")},
        "trust.toml": {"version": 1},
        "tools.toml": {"version": 1},
        "deployments.toml": {"version": 1},
    }
    encoded = {path: tomli_w.dumps(table).encode() for path, table in files.items()}
    return parse_bundle({**encoded, "clauses/workload.cedar": "\n".join(texts).encode()})


def fact_tables(amend: str) -> dict[str, dict[str, object]]:
    """The 26 facts of the workload, as `facts.toml` has them."""
    facts: dict[str, dict[str, object]] = {}
    common: dict[str, object] = {
        "attested_by": ["issuer"],
        "amend": amend,
        "text": "A fact of the workload.",
    }
    for i in range(ENUMS):
        facts[f"word{i}"] = {"type": "enum", "values": _WORDS, "severest": "w0"} | common
    for i in range(SETS):
        facts[f"set{i}"] = {"type": "set", "values": _WORDS, "severest": ["w0"]} | common
    for i in range(COUNTS):
        facts[f"count{i}"] = {"type": "long", "hi": 1_000_000, "severest": 1_000_000} | common
    for i in range(FLAGS):
        facts[f"flag{i}"] = {"type": "bool", "severest": True} | common
    return facts


def clause_texts(clauses: int) -> list[str]:
    """A bare permit and forbids, without annotations."""
    return ["permit (principal, action, resource);", *(_forbid(i) for i in range(1, clauses))]


def _forbid(i: int) -> str:
    tests = [
        f'["w{i % 8}", "w{(i + 3) % 8}"].contains(context.word{i % ENUMS})',
        f'context.set{i % SETS}.containsAny(["w{(i * 3) % 8}", "w{(i * 5) % 8}"])',
        f"(context.count{i % COUNTS} > {1000 * i} || context.count{(i + 1) % COUNTS} > {900_000 - i})",
        f"{'!' if i % 2 else ''}context.flag{i % FLAGS}",
        f'context.word{(i + 4) % ENUMS} != "w{(i * 7) % 8}"',
    ]
    return "forbid (principal, action, resource) when { " + " && ".join(tests) + " };"


def random_values(bundle: Bundle, generator: random.Random) -> dict[str, Value]:
    """One value for every fact of the workload."""
    values: dict[str, Value] = {}
    for name in bundle.registry.facts:
        if name.startswith("word"):
            values[name] = generator.choice(_WORDS)
        elif name.startswith("set"):
            values[name] = frozenset(generator.sample(_WORDS, generator.randrange(3)))
        elif name.startswith("count"):
            values[name] = generator.randrange(1_000_000)
        else:
            values[name] = generator.random() < 0.5
    return values


def _evaluator(bundle: Bundle, values: list[dict[str, Value]]) -> float:
    program = program_for(bundle.policy, Point.PROMPT)
    program.can_deny(program.widest)
    started = time.process_time()
    for each in values:
        box = program.widest.copy()
        for name, value in each.items():
            program.layout.write(box, name, value)
        if bool(program.can_deny(box)) == bool(program.can_allow(box)):
            raise AssertionError("a complete world is either denied or allowed")
    return (time.process_time() - started) / len(values) * 1e6


def _cedar(bundle: Bundle, values: list[dict[str, Value]]) -> float:
    contexts = [_context(each) for each in values[: max(1, len(values) // 3)]]
    started = time.process_time()
    for context in contexts:
        bundle.policy.engine.allows("prompt", context)
    return (time.process_time() - started) / len(contexts) * 1e6


def _context(values: Mapping[str, Value]) -> dict[str, object]:
    context: dict[str, object] = {name: cedar_value(value) for name, value in values.items()}
    context["approvals"] = []
    return context


def _decisions(bundle: Bundle, values: list[dict[str, Value]], capacity: int) -> float:
    """Whole decisions a CPU second; the memo is asked twice for each, as a prompt and its output do."""
    cases = [
        Facts(tuple(Fact(name, value, Grade.ATTESTED, "issuer") for name, value in each.items()))
        for each in values
    ]
    started = time.process_time()
    if capacity == 0:
        for case in cases:
            decide(bundle.policy, Point.PROMPT, case)
        return len(cases) / (time.process_time() - started)
    memo = DecisionMemo(bundle.policy, capacity)
    for case in cases:
        memo.decide(Point.PROMPT, case)
        memo.decide(Point.PROMPT, case)
    return 2 * len(cases) / (time.process_time() - started)
