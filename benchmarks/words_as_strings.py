"""What one Cedar call costs with words as strings and with words as enum entities. Figures of ADR-0010.

Run it alone: `.venv/bin/python benchmarks/words_as_strings.py`. 50 clauses over 26 facts, the same contexts
on both sides; the median of five rounds, in microseconds of processor time a call.
"""

import json
import random
import statistics
import time

import cedarpy

ENUMS, SETS, COUNTS, FLAGS, CLAUSES = 10, 5, 6, 5, 50
CALLS, ROUNDS = 3000, 5
WORDS = [f"w{i}" for i in range(8)]


def schema(*, entities: bool) -> str:
    """The schema of the 26 facts."""
    word = "Word" if entities else "String"
    fields = [f"word{i}: {word}" for i in range(ENUMS)] + [f"set{i}: Set<{word}>" for i in range(SETS)]
    fields += [f"count{i}: Long" for i in range(COUNTS)] + [f"flag{i}: Bool" for i in range(FLAGS)]
    closed = f"entity Word enum [{', '.join(map(json.dumps, WORDS))}];" if entities else ""
    return (
        f'{closed} entity Deployment; entity Model; action "prompt" appliesTo {{ principal: Deployment, '
        f"resource: Model, context: {{{', '.join(fields)}}} }};"
    )


def clause(i: int, *, entities: bool) -> str:
    """One forbid in the shapes that clauses have."""

    def word(n: int) -> str:
        return f'Word::"w{n % 8}"' if entities else f'"w{n % 8}"'

    tests = [
        f"[{word(i)}, {word(i + 3)}].contains(context.word{i % ENUMS})",
        f"context.set{i % SETS}.containsAny([{word(i * 3)}, {word(i * 5)}])",
        f"(context.count{i % COUNTS} > {1000 * i} || context.count{(i + 1) % COUNTS} > {900_000 - i})",
        f"{'!' if i % 2 else ''}context.flag{i % FLAGS}",
        f"context.word{(i + 4) % ENUMS} != {word(i * 7)}",
    ]
    return "forbid (principal, action, resource) when { " + " && ".join(tests) + " };"


def contexts(*, entities: bool) -> list[dict[str, object]]:
    """Complete contexts; the seed is the same on both sides."""
    generator = random.Random(2)  # noqa: S311 - reproducible contexts, not a secret

    def value(word: str) -> object:
        return {"type": "Word", "id": word} if entities else word

    made: list[dict[str, object]] = []
    for _ in range(CALLS):
        context: dict[str, object] = {f"word{i}": value(generator.choice(WORDS)) for i in range(ENUMS)}
        for i in range(SETS):
            drawn = sorted(generator.sample(WORDS, generator.randrange(3)))
            context[f"set{i}"] = [value(word) for word in drawn]
        context |= {f"count{i}": generator.randrange(1_000_000) for i in range(COUNTS)}
        context |= {f"flag{i}": generator.random() < 0.5 for i in range(FLAGS)}
        made.append(context)
    return made


def measure(*, entities: bool) -> tuple[float, int]:
    """Microseconds of processor time a call, and how many calls were allowed."""
    typed = cedarpy.Schema.from_str(schema(entities=entities))
    clauses = "\n".join(clause(i, entities=entities) for i in range(1, CLAUSES))
    policies = cedarpy.PolicySet.from_str(f"permit (principal, action, resource);\n{clauses}")
    nobody = cedarpy.Entities.from_json_str("[]")
    made = contexts(entities=entities)
    rounds: list[float] = []
    allowed = 0
    for _ in range(ROUNDS):
        allowed = 0
        started = time.process_time()
        for context in made:
            request = {
                "principal": {"type": "Deployment", "id": "requester"},
                "action": {"type": "Action", "id": "prompt"},
                "resource": {"type": "Model", "id": "model"},
                "context": context,
            }
            result = cedarpy.is_authorized(request, policies, nobody, typed)
            assert not result.diagnostics.errors
            allowed += result.decision is cedarpy.Decision.Allow
        rounds.append((time.process_time() - started) / CALLS * 1e6)
    return statistics.median(rounds), allowed


def main() -> None:
    """Prints both figures and their ratio."""
    strings, same = measure(entities=False)
    entities, other = measure(entities=True)
    assert same == other, "both sides decide alike"
    print(f"words as strings        {strings:7.1f} us a call")
    print(f"words as enum entities  {entities:7.1f} us a call")
    print(f"ratio                   {entities / strings:7.2f}")


if __name__ == "__main__":
    main()
