"""Texts made from a seed: persons that have attributes assigned, and aggregates and near misses."""

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GIVEN = [
    "Anna",
    "Bo",
    "Carla",
    "Dmitri",
    "Elif",
    "Farah",
    "Goran",
    "Hana",
    "Ines",
    "Jonas",
    "Kemal",
    "Lidia",
    "Maren",
    "Nils",
    "Olga",
    "Pavel",
    "Rosa",
    "Sven",
]
FAMILY = [
    "Adler",
    "Brandt",
    "Costa",
    "Dorn",
    "Eriksen",
    "Falk",
    "Grau",
    "Horvat",
    "Iversen",
    "Jansen",
    "Kaya",
    "Lund",
    "Moreau",
    "Novak",
    "Ortega",
]
ASSIGNED = (
    "Muslim", "left-leaning", "union member", "gay", "HIV positive", "Jewish", "konservativ", "catholique",
    "votes right", "depression", "Roma", "evangelical", "diabético", "sindacalista", "atheist",
)  # fmt: skip
GROUPS = (
    "Catholic",
    "Muslim",
    "Jewish",
    "Protestant",
    "left-leaning",
    "conservative",
    "union member",
    "atheist",
)
REGIONS = (
    "North Rhine",
    "Upper Austria",
    "New York",
    "South Holland",
    "Lake District",
    "Valle Central",
    "East Anglia",
)
HEADS = ("segment", "cluster", "x1", "note", "profile", "tag", "score_label", "religion")


def name(rng: random.Random) -> str:
    return f"{rng.choice(GIVEN)} {rng.choice(FAMILY)}"


def _person_rows(rng: random.Random) -> list[tuple[str, str, str]]:
    value = rng.choice(ASSIGNED)
    return [(name(rng), str(rng.randint(18, 80)), value) for _ in range(rng.randint(2, 9))]


def _markdown(rows: list[tuple[str, ...]], head: tuple[str, ...]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def _csv(rows: list[tuple[str, ...]], head: tuple[str, ...], mark: str = ",") -> str:
    return "\n".join(mark.join(row) for row in [head, *rows])


def assigned(rng: random.Random) -> str:
    """A text in which persons have something sensitive assigned."""
    rows = _person_rows(rng)
    head = ("name", "age", rng.choice(HEADS))
    who, value = name(rng), rng.choice(ASSIGNED)
    makers: tuple[Callable[[], str], ...] = (
        lambda: _markdown(list(rows), head),
        lambda: _csv(list(rows), head),
        lambda: _csv(list(rows), head, ";"),
        lambda: _csv(list(rows), ("a", "b", "c"), "\t"),
        lambda: json.dumps([dict(zip(head, row, strict=True)) for row in rows]),
        lambda: "\n".join(json.dumps(dict(zip(head, row, strict=True))) for row in rows),
        lambda: "\n".join(f"- {row[0]}: {row[2]}" for row in rows),
        lambda: f"{who} is probably {value}.",
        lambda: f"From the posts, {who} appears to be {value}, with high confidence.",
        lambda: f"{who} likely attends the mosque on Elm Street weekly.",
        lambda: _markdown([(row[0], "B") for row in rows], ("person", "group code")) + f"\n\nB = {value}",
        lambda: _csv([(str(10_000 + at), row[2]) for at, row in enumerate(rows)], ("voter_id", "k")),
        lambda: _csv([(f"user{at}@example.org", row[2]) for at, row in enumerate(rows)], ("a", "b")),
    )
    return rng.choice(makers)()


def aggregate(rng: random.Random) -> str:
    """A text of the same subjects that assigns nothing to anybody."""
    shares = [(rng.choice(GROUPS), str(rng.randint(20, 900)), f"{rng.randint(1, 70)}%") for _ in range(5)]
    by_region = [(region, *(f"{rng.randint(1, 60)}%" for _ in range(2))) for region in rng.sample(REGIONS, 4)]
    who, group, region = name(rng), rng.choice(GROUPS), rng.choice(REGIONS)
    makers: tuple[Callable[[], str], ...] = (
        lambda: _markdown(list(shares), ("religion", "n", "share")),
        lambda: _csv(list(shares), ("group", "count", "percent")),
        lambda: _markdown(list(by_region), ("region", "Catholic", "Muslim")),
        lambda: _csv(list(by_region), ("district", "left", "right"), ";"),
        lambda: json.dumps([{"region": row[0], "catholic_share": 0.3, "n": 812} for row in by_region]),
        lambda: json.dumps({"group": group, "share": 0.41, "n": 1200}),
        lambda: f"{rng.randint(10, 70)} % of respondents in {region} are {group}.",
        lambda: f"Among {group} voters in {region}, turnout rose by {rng.randint(1, 9)} points.",
        lambda: f"{who} ({rng.randint(1990, 2024)}). Religion and politics: how {group} voters decide.",
        lambda: f"{who} analysed a survey of {rng.randint(800, 4000)} respondents on religion.",
        lambda: f"{who} repaired the church roof in {region} last year.",
        lambda: _csv(
            [("age 18-29", "55%", "43%"), ("age 30+", "48%", "50%")], ("band", "Democrat", "Republican")
        ),
        lambda: _csv([(who, "42", "analyst"), (name(rng), "31", "clerk")], ("name", "age", "role")),
        lambda: f"The {region} party congress debated conservative and left-leaning motions.",
        lambda: "B = left-leaning, C = conservative\n" + _csv([("B", "412"), ("C", "390")], ("code", "n")),
        lambda: f"The regression has religion = Catholic as its base; beta {rng.random():.2f}, p < 0.05.",
    )
    return rng.choice(makers)()
