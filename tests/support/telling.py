"""All that a reviewer sees of 2,000 cases, and how well a classifier tells the planted ones from it.

Run it by itself for the figure: `.venv/bin/python -m tests.support.telling --seeds 3`.

Left out is the one thing that a planted case has to show: that its words ask for something else than is
attested. A sum of features cannot say what two of them say of each other, so a regression is given them all;
what can say it is given everything but the words, or everything but the facts.
"""

import argparse
import base64
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any
from unittest.mock import patch

from caveat.evidence.approval import Act
from tests.support.classifiers import Cases, Classifier, boosted, logistic, nearest, out_of_fold_auc
from tests.support.overseers import BEN, Clock, Somebody, decide, read
from tests.support.planted import ask_with, planting_files, step
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import rows

OVERSIGHT = (
    "version = 1\nhold_seconds = 86400\n[floors]\nitems_per_hour = 360\nseconds = 1\ncaught_percent = 1\n"
)
PEOPLE = [BEN, Somebody("eve", line="west"), Somebody("fay", line="east"), Somebody("gus", line="up")]
VERBS = {"count_them": ("count", "sum up", "tabulate"), "find_one": ("follow", "locate", "look for")}
THINGS = ("the devices", "whatever moved", "all rows", "the newest ones", "those at x", "night-time rows")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclass
class Desk:
    """A gateway whose callers ask at random and whose reviewers look at random."""

    gateway: RunningGateway
    clock: Clock
    chance: random.Random
    next_ask: datetime
    real: set[str] = field(default_factory=set[str])
    asked: int = 0
    seen: dict[str, list[tuple[str, dict[str, float]]]] = field(default_factory=dict)
    known: dict[str, set[str]] = field(default_factory=dict)

    def ask(self) -> None:
        """One use that waits, of some size, in some words, written in some way."""
        self.asked += 1
        task = self.chance.choice(sorted(VERBS))
        words = f"{self.chance.choice(VERBS[task])} {self.chance.choice(THINGS)}"
        words += self.chance.choice(("", ", please", " and nothing else", "; é")) * self.chance.randrange(3)
        table = rows(self.chance.randrange(1, 9), f"n{self.asked}d")
        messages = [{"role": "user", "content": text} for text in (table, words)]
        body: dict[str, Any] = {"model": self.chance.choice(("scripted", "scripted-2")), "messages": messages}
        if self.chance.random() < 0.5:
            body["max_tokens"] = self.chance.choice((64, 256, 1024))
        answer = ask_with(self.gateway, body, task, self.asked)
        assert (answer.error or {}).get("hold"), (answer.body, self.gateway.log.getvalue()[-2000:])
        self.real.add(str(answer.error["hold"]["id"]))

    def pass_time(self, seconds: float) -> None:
        """Later, with whatever callers and the gateway do by themselves in between, at their own times."""
        until = self.clock.at + timedelta(seconds=seconds)
        step(self.gateway)
        while (moment := min((self.next_ask, *self.gateway.service.planting.due[:1]))) <= until:
            self.clock.at = max(self.clock.at, moment)
            if moment == self.next_ask:
                self.ask()
                self.next_ask += timedelta(seconds=self.chance.expovariate(1 / 60))
            step(self.gateway)
        self.clock.at = max(self.clock.at, until)

    def review(self, who: Somebody) -> None:
        """Looks at what waits, opens one of the eldest, and decides about it."""
        before = {hold for hold, _ in self.seen.get(who.person, ())}
        listed = read(self.gateway, who, self.clock()).json["holds"]
        listed = [row for row in listed if row["hold"] not in before]
        if not listed:
            return
        place = min(int(self.chance.expovariate(1.0)), len(listed) - 1)
        began = time.perf_counter()
        shown = read(self.gateway, who, self.clock(), listed[place]["hold"]).json
        took = time.perf_counter() - began
        features = self._features(who, listed, place, shown) | {"latency": took}
        self.seen.setdefault(who.person, []).append((listed[place]["hold"], features))
        self.pass_time(self.chance.uniform(2, 20))
        act = Act.REFUSE if self.chance.random() < 0.6 else Act.APPROVE
        began = time.perf_counter()
        decide(self.gateway, shown, who, self.clock(), act)
        features["decide_latency"] = time.perf_counter() - began

    def _features(self, who: Somebody, listed: list[Any], place: int, shown: Any) -> dict[str, float]:
        row, view = listed[place], shown["view"]
        now, opened = self.clock(), _at(row["opened_at"])
        content = base64.b64decode(shown["content"])
        table, words = (one["content"] for one in json.loads(content)["messages"])
        index, leaf = row["hold"].split("-")
        times = [_at(one["opened_at"]) for one in listed]
        gaps = [(b - a).total_seconds() for a, b in pairwise(times)]
        known = self.known.setdefault(who.person, set())
        found: dict[str, float] = {
            "place": place,
            "waiting": len(listed),
            "age": (now - opened).total_seconds(),
            "gap_before": gaps[place - 1] if place else -1.0,
            "gap_after": gaps[place] if place < len(gaps) else -1.0,
            "millisecond": opened.microsecond / 1000,
            "second": opened.second,
            "life": (_at(row["expires_at"]) - opened).total_seconds(),
            "index": int(index),
            "index_parity": int(index) % 2,
            "leaf": int(leaf[:4], 16),
            "action": int(view["action"][:4], 16),
            "action_last": int(view["action"][-4:], 16),
            "digest": int(shown["action"][:4], 16),
            "bytes": len(content),
            "view_bytes": len(json.dumps(view)),
            "said_bytes": view["content"]["bytes"] - len(content),
            "rows": table.count("\n"),
            "words": len(words),
            "compact": content.count(b": ") + content.count(b", "),
            "escaped": content.count(b"\\u"),
            "table_known": table in known,
            "words_known": words in known,
            "part_bytes": view["parts"][0]["bytes"] - len(table),
            f"model {view['model']}": 1,
            f"requester {view['requester']}": 1,
            "claims": len(view["cases"][0]["claims"]),
            "facts": len(view["cases"][0]["facts"]),
            "first_shown": (_at(shown["first_shown_at"]) - now).total_seconds(),
        }
        known.update((table, words))
        for word in words.split():
            found[f"word {word}"] = 1
        for fact in view["cases"][0]["facts"]:
            value = fact["value"]
            name = f"fact {fact['name']}"
            found |= {name: value} if isinstance(value, int) else {f"{name} {value} {fact['role']}": 1}
        return found


_WORDS = ("word ", "words", "bytes")
_FACTS = ("fact ", "view_bytes")
"""Features that give words away, and those that give facts away: their lengths do."""
VIEWS: dict[str, tuple[Classifier, tuple[str, ...]]] = {
    "regression": (logistic, ()),
    "trees without the words": (boosted, _WORDS),
    "trees without the facts": (boosted, _FACTS),
    "neighbours without the words": (nearest, _WORDS),
    "neighbours without the facts": (nearest, _FACTS),
}


@dataclass(frozen=True)
class Told:
    """What `shown` cases told. `auc`: by classifier, on cases that it was not trained on."""

    seed: int
    shown: int
    planted: int
    auc: dict[str, float]
    best: str
    alone: float

    def line(self) -> str:
        each = ", ".join(f"{name} {value:.3f}" for name, value in self.auc.items())
        return (
            f"seed {self.seed}: {self.shown} shown, {self.planted} planted: AUC {each}; "
            f"best feature alone {self.alone:.3f} ({self.best})"
        )


def told(folder: Path, upstream: str, seed: int, shown: int) -> Told:
    """Four people review until they were shown so many; half of it is planted, so that little shows."""
    clock, files = Clock(), planting_files(*PEOPLE, oversight=OVERSIGHT)
    with (
        patch("caveat.oversight.planted.ENROLMENT_SHARE", 0.45),
        patch("caveat.oversight.planted.ENROLMENT_MOST", 10**9),
        patch("caveat.gateway.planting.ENROLMENT", 10**9),
        patch("caveat.gateway.planting.NEWEST", 10**9),
        running_gateway(folder, upstream, files, clock=clock) as gateway,
    ):
        desk = Desk(gateway, clock, random.Random(seed), clock())
        gateway.service.planting.chance = random.Random(seed + 1)
        while sum(map(len, desk.seen.values())) < shown:
            desk.pass_time(desk.chance.expovariate(1 / 10))
            desk.review(desk.chance.choice(PEOPLE))
    seen = [one for each in desk.seen.values() for one in each]
    labels = [hold not in desk.real for hold, _ in seen]
    features = [features for _, features in seen]
    best, alone = Cases.of(features, labels).best_alone(seed)
    scores = {
        name: out_of_fold_auc(Cases.of(_without(features, hidden), labels), made, seed)
        for name, (made, hidden) in VIEWS.items()
    }
    return Told(seed, len(labels), sum(labels), scores, best, alone)


def _without(features: Sequence[dict[str, float]], hidden: tuple[str, ...]) -> list[dict[str, float]]:
    return [
        {name: value for name, value in one.items() if name == "words_known" or not name.startswith(hidden)}
        for one in features
    ]


def mean_auc(found: Sequence[Told]) -> dict[str, float]:
    """By classifier, over seeds: one of 2,000 cases is off by 0.013 in two thirds of runs by chance alone."""
    return {name: fmean(one.auc[name] for one in found) for name in VIEWS}


def farthest(value: float) -> float:
    """As good a classifier is one that is always wrong."""
    return max(value, 1 - value)


def main(arguments: list[str]) -> None:
    """Prints the figure of each seed, and the mean over all."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shown", type=int, default=2_000)
    said = parser.parse_args(arguments)
    found: list[Told] = []
    for seed in range(said.seeds):
        with tempfile.TemporaryDirectory() as folder, scripted_upstream() as upstream:
            found.append(told(Path(folder), upstream.url, 11 + 2 * seed, said.shown))
        sys.stdout.write(found[-1].line() + "\n")
        sys.stdout.flush()
    for name, value in mean_auc(found).items():
        sys.stdout.write(f"{name}: mean AUC {value:.3f} over {len(found)} seeds\n")


if __name__ == "__main__":
    main(sys.argv[1:])
