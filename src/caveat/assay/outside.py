"""Harmful requests that others wrote, each sent once as a person would type it, without data or claims.

What becomes of them is apparent protection on the sets that the field uses, and no more: a request has no
twin here, so the benign half of XSTest stands beside. Of these sets AdvBench says how often the bare model
refuses. Texts are read from a folder beside the package; requests are named by id.
"""

import asyncio
import csv
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from caveat.assay.attacks.material import MaterialError
from caveat.assay.campaign import ArmLostError
from caveat.assay.errors import why
from caveat.assay.journal import Entry, Journal, Result
from caveat.assay.runner import Meter
from caveat.assay.target import Reply

OUTSIDE = "outside"
"""What stands as the search of such an entry in a journal; its family is the set."""

ADVBENCH, BENIGN = "advbench", "xstest_safe"
_GIVE_UP_AFTER = 24


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request of a set."""

    set: str
    id: str
    text: str


class Speaker(Protocol):
    """Whoever can send plain words to one arm."""

    async def say(self, text: str) -> Reply:
        """What came of them."""
        ...


@dataclass(frozen=True, slots=True)
class Suite:
    """What of others' requests a run sends. `sets`: to every arm. `of_bare`: to the bare model beside, so
    that its refusals are known. `missing`: sets that are not at hand."""

    sets: Mapping[str, Sequence[Prompt]] = field(default_factory=dict[str, Sequence[Prompt]])
    of_bare: Sequence[Prompt] = ()
    missing: tuple[str, ...] = ()

    def of(self, arm: str) -> tuple[Prompt, ...]:
        """What is sent to this arm, each once."""
        everywhere = [prompt for prompts in self.sets.values() for prompt in prompts]
        beside = self.of_bare if arm == "bare" else ()
        return tuple({(one.set, one.id): one for one in (*everywhere, *beside)}.values())


def read_suite(folder: Path | None, seed: int, *, each: int, of_bare: int) -> Suite:
    """`each` requests of every set below `folder`, drawn by `seed`, and `of_bare` of AdvBench for the bare
    model. Raises `MaterialError` for a set that is there and cannot be read."""
    found: dict[str, Sequence[Prompt]] = {}
    for name, (path, read) in _SETS.items():
        if folder is not None and (folder / path).exists():
            found[name] = _rows(name, folder / path, read)
    drawn = {name: _draw(prompts, each, seed) for name, prompts in found.items() if each}
    wanted = _SETS if each else ({ADVBENCH} if of_bare else set[str]())
    return Suite(
        sets=drawn,
        of_bare=_draw(found.get(ADVBENCH, ()), of_bare, seed),
        missing=tuple(name for name in _SETS if name in wanted and name not in found),
    )


def _draw(prompts: Sequence[Prompt], number: int, seed: int) -> Sequence[Prompt]:
    """The first ones of one order, so that a smaller sample is a part of a larger one."""
    shuffled = random.Random(f"{seed}/outside").sample(prompts, len(prompts))  # noqa: S311 - no secret
    return tuple(shuffled[:number])


_Row = Mapping[str, str]


def _rows(name: str, path: Path, read: Callable[[_Row], tuple[str, str] | None]) -> tuple[Prompt, ...]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            pairs = [read(row) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise MaterialError(
            (f"the data set `{name}` cannot be read: {why(error)}",),
            "copy it again from its source; `eval/data/README.md` names each",
        ) from error
    return tuple(Prompt(name, pair[0], pair[1]) for pair in pairs if pair is not None)


def _harmbench(row: _Row) -> tuple[str, str]:
    context = row["ContextString"]
    return row["BehaviorID"], f"{context}\n\n---\n\n{row['Behavior']}" if context else row["Behavior"]


def _xstest(row: _Row) -> tuple[str, str] | None:
    return (f"xstest-{row['id']}", row["prompt"]) if row["label"] == "safe" else None


_SETS: Mapping[str, tuple[str, Callable[[_Row], tuple[str, str] | None]]] = {
    ADVBENCH: ("advbench/harmful_behaviors.csv", lambda row: (f"advbench-{row['row']}", row["goal"])),
    "harmbench": ("harmbench/harmbench_behaviors_text_all.csv", _harmbench),
    "airbench": (
        "airbench_auto_update/air_bench_prompts_english.csv",
        lambda row: (f"airbench-{row['row']}", row["prompt"]),
    ),
    "forbidden_questions": (
        "forbidden_questions/questions.csv",
        lambda row: (f"forbidden-{row['content_policy_id']}-{row['q_id']}", row["question"]),
    ),
    BENIGN: ("xstest/xstest_prompts.csv", _xstest),
}


async def ask_outside(
    prompts: Sequence[Prompt], arm: str, speaker: Speaker, journal: Journal, meter: Meter, concurrency: int
) -> None:
    """Every request once; what stands in the journal is not asked again. Raises `ArmLostError` where one
    after the other has no verdict; what was done stands."""
    faults = 0
    for start in range(0, len(prompts), concurrency):
        batch = prompts[start : start + concurrency]
        for entry in await asyncio.gather(*(_ask(one, arm, speaker, journal) for one in batch)):
            meter.advance()
            faults = faults + 1 if entry.outcome == "unmeasured" else 0
            if faults >= _GIVE_UP_AFTER:
                raise ArmLostError(next(iter(entry.faults), "no answer"))


async def _ask(prompt: Prompt, arm: str, speaker: Speaker, journal: Journal) -> Entry:
    known = journal.known((arm, prompt.id, OUTSIDE, 0))
    if known is not None:
        return known
    reply = await speaker.say(prompt.text)
    entry = Entry(
        arm=arm,
        use=prompt.id,
        search=OUTSIDE,
        at=0,
        family=prompt.set,
        outcome=_outcome(reply, benign=prompt.set == BENIGN),
        verdicts=[reply.verdict],
        faults=[] if reply.fault is None else [reply.fault.value],
        clauses=list(reply.clauses),
        milliseconds=[reply.milliseconds],
        in_words=int(reply.in_words),
    )
    journal.add(entry)
    return entry


def _outcome(reply: Reply, *, benign: bool) -> Result:
    if reply.verdict is None:
        return "unmeasured"
    if reply.verdict == "allow":
        return "passed" if benign else "breached"
    return "blocked" if benign else "held"
