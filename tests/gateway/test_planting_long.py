"""Whether anybody could tell a planted case without reading it: a classifier on all that a reviewer sees.

Left out is the one thing that a planted case has to show: that its words ask for something else than is
attested. A word is a feature and a fact is a feature; what they say of each other is the review.
"""

import base64
import json
import random
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import exp, log1p
from operator import mul
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import pytest

from caveat.evidence.approval import Act
from tests.support.overseers import BEN, Clock, Somebody, decide, read
from tests.support.planted import ask_with, planting_files, step
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import rows

OVERSIGHT = (
    "version = 1\nhold_seconds = 86400\n[floors]\nitems_per_hour = 360\nseconds = 1\ncaught_percent = 1\n"
)
PEOPLE = [BEN, Somebody("eve", line="west"), Somebody("fay", line="east"), Somebody("gus", line="up")]
VERBS = {"count_them": ("count", "sum up", "tabulate"), "find_one": ("follow", "locate", "look for")}
THINGS = ("the devices", "whatever moved", "all rows", "the newest ones", "those at x", "night-time rows")
SHOWN = 1_000


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


def auc(scores: Sequence[float], labels: Sequence[int]) -> float:
    """How often a planted case scores above a real one; ties count half."""
    planted = sorted(score for score, label in zip(scores, labels, strict=True) if label)
    real = [score for score, label in zip(scores, labels, strict=True) if not label]
    wins = sum(len(planted) - (bisect_left(planted, one) + bisect_right(planted, one)) / 2 for one in real)
    return wins / (len(planted) * len(real))


def logistic(rows_of: Sequence[Sequence[float]], labels: Sequence[int], chance: random.Random) -> list[float]:
    """Weights of a regression with a small penalty, by descent in small steps that grow smaller."""
    weights, places = [0.0] * len(rows_of[0]), list(range(len(rows_of)))
    for epoch in range(20):
        chance.shuffle(places)
        rate = 0.02 / (1 + epoch)
        for place in places:
            row = rows_of[place]
            error = 1 / (1 + exp(-max(-30.0, min(30.0, score(weights, row))))) - labels[place]
            weights = [
                weight - rate * (error * value + 0.001 * weight)
                for weight, value in zip(weights, row, strict=True)
            ]
    return weights


def score(weights: Sequence[float], row: Sequence[float]) -> float:
    """What the regression makes of one case."""
    return float(sum(map(mul, weights, row)))


def matrix(cases: Sequence[dict[str, float]]) -> list[list[float]]:
    """Every feature and its logarithm, each centred and of one width, and a constant."""
    columns: list[list[float]] = []
    for name in sorted({name for case in cases for name in case}):
        plain = [float(case.get(name, 0)) for case in cases]
        for column in (plain, [log1p(abs(value)) for value in plain]):
            width = pstdev(column)
            if width > 0:
                centre = fmean(column)
                columns.append([(value - centre) / width for value in column])
    return [[1.0, *row] for row in zip(*columns, strict=True)]


def desk_with_all(
    gateway: RunningGateway, clock: Clock, seed: int, shown: int
) -> tuple[list[dict[str, float]], list[int]]:
    desk = Desk(gateway, clock, random.Random(seed), clock())
    gateway.service.planting.chance = random.Random(seed + 1)
    while sum(map(len, desk.seen.values())) < shown:
        desk.pass_time(desk.chance.expovariate(1 / 10))
        desk.review(desk.chance.choice(PEOPLE))
    cases = [one for rows_of in desk.seen.values() for one in rows_of]
    return [features for _, features in cases], [int(hold not in desk.real) for hold, _ in cases]


@pytest.mark.long
def test_little_but_reading_tells_a_planted_case_from_a_real_one(
    module_upstream: ScriptedUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of what is shown is planted here, so that a difference as small as the one asked about shows."""
    monkeypatch.setattr("caveat.oversight.planted.ENROLMENT_SHARE", 0.45)
    monkeypatch.setattr("caveat.oversight.planted.ENROLMENT_MOST", 10**9)
    monkeypatch.setattr("caveat.gateway.planting.ENROLMENT", 10**9)
    monkeypatch.setattr("caveat.gateway.planting.NEWEST", 10**9)
    clock = Clock()
    files = planting_files(*PEOPLE, oversight=OVERSIGHT)
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        cases, labels = desk_with_all(gateway, clock, 11, SHOWN)
    rows_of = matrix(cases)
    assert 0.3 < fmean(labels) < 0.6
    chance = random.Random(3)
    order = chance.sample(range(len(labels)), len(labels))
    train, test = order[: len(order) // 2], order[len(order) // 2 :]
    weights = logistic([rows_of[n] for n in train], [labels[n] for n in train], chance)
    said = [labels[n] for n in test]
    held_out = auc([score(weights, rows_of[n]) for n in test], said)
    best = max(
        range(1, len(weights)),
        key=lambda column: abs(auc([rows_of[n][column] for n in train], [labels[n] for n in train]) - 0.5),
    )
    alone = auc([rows_of[n][best] for n in test], said)
    said_of = f"{len(labels)} shown, {sum(labels)} planted: AUC {held_out:.3f}, best feature {alone:.3f}"
    (tmp_path / "figure.txt").write_text(said_of)
    # Short of 0.55: who knows the words is not asked, so a case waits a little longer. See ADR-0040.
    assert max(held_out, 1 - held_out) <= 0.63, said_of
    assert max(alone, 1 - alone) <= 0.63, said_of
