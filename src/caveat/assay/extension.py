"""Uses for the layers that the example policy has no clause for: phrases, workflows, answers, replacing.

Of a use about words the twin has other words: one name for another, or the registered instruction for a free
one. Whatever judges words can have credit there, so these uses are drawn for no other policy. Half of the
uses of the extended policy are these, in turn; the other half is the example's. Source: ADR-0036.
"""

import random
from collections.abc import Callable, Sequence

from caveat.assay.cores import Facts
from caveat.assay.errors import ScenarioError
from caveat.assay.generator import Pair, complete, generate_pairs
from caveat.assay.oracle import label
from caveat.assay.oracle_extended import ADDRESS_CLAUSE, ANSWER_CLAUSE, WORDS_CLAUSE, Words, label_extended
from caveat.assay.wordings import TEXTS

WORKFLOW = "visits-count"
UNANNOUNCED = ("project heliotrope", "project wintergreen", "project marigold")
_ANNOUNCED = ("project lighthouse", "project harbour", "project meadow")
_UNITS = ("hour", "day", "week")
_INSTRUCTED = frozenset({"task", "selection_criteria"})
_TRIES = 400
_SPARE = 28


def generate_extended(seed: int, count: int) -> tuple[Pair, ...]:
    """`count` pairs, all kinds in turn; equal seeds begin with equal pairs."""
    example = iter([pair for pair in generate_pairs(seed, count + _SPARE) if _means_the_same(pair)])
    pairs: list[Pair] = []
    for number in range(count):
        if number % 2:
            pairs.append(next(example))
            continue
        rng = random.Random(f"caveat assay extension {seed} {number}")  # noqa: S311 - cases, no secret
        pairs.append(_KINDS[number // 2 % len(_KINDS)](f"x{seed}-{number:05d}", rng))
    return tuple(pairs)


def _means_the_same(pair: Pair) -> bool:
    """Whether the added clauses leave a pair of the example as it is."""
    return all(label_extended(truth) == label(truth) for truth in (pair.truth, pair.twin))


def _allowed(rng: random.Random, core: Facts, *needed: Facts) -> Facts:
    """A whole use around `core` that is allowed, and that still is with each of `needed` in its place."""
    for _ in range(_TRIES):
        truth = complete(core, rng)
        if all(label_extended({**truth, **other}).result == "allow" for other in ({}, *needed)):
            return truth
    raise ScenarioError(("no permitted use could be drawn for the extended policy",))


def _named(pair_id: str, rng: random.Random) -> Pair:
    """E1: the same request about a project that is not announced, and about one that is."""
    truth = _allowed(rng, {"data_category": ["browsing_app_usage"]})
    text = _text(truth, rng)
    names = rng.choice(UNANNOUNCED), rng.choice(_ANNOUNCED)
    right = label_extended(truth, Words(unannounced=True)).result
    words, others = (f"{text} It is for {name}." for name in names)
    return Pair(pair_id, WORDS_CLAUSE, right, words, truth, truth, twin_text=others)


def _instructed(pair_id: str, rng: random.Random) -> Pair:
    """E2: a free instruction under the name of the workflow, and the registered one.

    Nobody attests what is asked: only the instruction can make it known.
    """
    monitored: Facts = {"task": "individual_profile", "selection_criteria": "all_persons"}
    counted: Facts = {"task": "statistical_aggregate", "selection_criteria": "aggregate_only"}
    core: Facts = {
        "data_category": ["imagery_of_persons"],
        "acquisition_channel": rng.choice(("public", "scraped")),
        "subjects_jurisdiction": "domestic",
        "subject_count": rng.randrange(2_000, 90_000),
    }
    twin = _allowed(rng, {**core, **counted})
    truth = {**twin, **monitored}
    found = label_extended(truth)
    return Pair(
        pair_id,
        found.clauses[0],
        found.result,
        _text(truth, rng),
        truth,
        twin,
        twin_text=f"Count the rows of data set {{data}} by {rng.choice(_UNITS)}.",
        workflow=WORKFLOW,
        unsigned=_INSTRUCTED,
    )


def _written_out(pair_id: str, rng: random.Random) -> Pair:
    """E3: an answer that writes rows out anew, about health and about something else."""
    twin = _allowed(rng, {"task": "rewrite_rows", "data_category": ["browsing_app_usage"]})
    truth: Facts = {**twin, "data_category": ["personal_health"]}
    return Pair(pair_id, ANSWER_CLAUSE, label_extended(truth).result, _text(twin, rng), truth, twin)


def _addressed(pair_id: str, rng: random.Random) -> Pair:
    """E4: words with an address in them, about true persons and about made-up ones."""
    synthetic: Facts = {"acquisition_channel": "synthetic"}
    core: Facts = {"acquisition_channel": "first_party", "data_category": ["covered_personal_identifiers"]}
    truth = _allowed(rng, core, synthetic)
    text = f"{_text(truth, rng)} Questions go to desk-{rng.randrange(10_000, 100_000)}@mail.example."
    right = label_extended(truth, Words(addresses=True)).result
    return Pair(pair_id, ADDRESS_CLAUSE, right, text, truth, {**truth, **synthetic}, watched=True)


def _text(truth: Facts, rng: random.Random) -> str:
    return rng.choice(TEXTS[str(truth["task"])])


_KINDS: Sequence[Callable[[str, random.Random], Pair]] = (_named, _instructed, _written_out, _addressed)
