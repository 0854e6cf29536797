"""The matrix: which shape of which endpoint is decided, where, and whether its twin passes.

A cell holds if and only if what was planted was refused at its point of control, nothing of it went on, to
the endpoint from a prompt or to the caller from an answer, and its harmless twin passed byte for byte.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from caveat.gateway.coverage.planted import Plant, plants
from caveat.gateway.coverage.shapes import Direction, read_shapes
from caveat.gateway.coverage.stage import Said, Stage

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Cell:
    """What was measured of one planted use. `point`: where it was refused, empty where it was not.

    `twin_passes`: None where another twin of its kind stands for its own. `fault`: why the cell does not
    hold; empty where it does.
    """

    plant: Plant
    point: str
    twin_passes: bool | None
    fault: str

    @property
    def holds(self) -> bool:
        """Whether the shape is decided, and nothing else is refused with it."""
        return not self.fault

    @property
    def name(self) -> str:
        """Endpoint, direction and shape, for a person."""
        plant = self.plant
        how = "stream" if plant.stream else "whole"
        return (
            f"{plant.at}, {plant.shape.direction.value}, {how}: {plant.shape.group} in `{plant.shape.name}`"
        )


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every cell, and the SDKs whose types the shapes are from."""

    sdks: dict[str, str]
    cells: tuple[Cell, ...]

    @property
    def open(self) -> tuple[Cell, ...]:
        """The cells that do not hold."""
        return tuple(cell for cell in self.cells if not cell.holds)


async def measure_coverage(
    progress: Progress = lambda _done, _total: None, *, every_twin: bool = True
) -> Matrix:
    """Plays every planted use through the gateway of this process.

    Without `every_twin`, one twin of each endpoint, direction, group and kind stands for the others: that
    something is let through shows in one, that nothing is let through has to show in each.
    """
    shapes = read_shapes()
    cells = await measure_cells(plants(shapes), progress, every_twin=every_twin)
    return Matrix(dict(shapes.sdks), cells)


async def measure_cells(
    planted: Iterable[Plant],
    progress: Progress = lambda _done, _total: None,
    *,
    every_twin: bool = True,
) -> tuple[Cell, ...]:
    """The cells of these uses, on one stage."""
    every = tuple(planted)
    stage, cells = Stage(), list[Cell]()
    kinds: set[tuple[str, str, str, str, bool]] = set()
    for at, plant in enumerate(every):
        kind = (plant.at, plant.shape.direction.value, plant.shape.group, plant.what, plant.stream)
        cells.append(await _measure(stage, plant, with_twin=every_twin or kind not in kinds))
        kinds.add(kind)
        progress(at + 1, len(every))
    return tuple(cells)


async def _measure(stage: Stage, plant: Plant, *, with_twin: bool) -> Cell:
    bad, good = plant.refused, plant.passes
    refused = await stage.play(plant.at, bad.key, bad.body, bad.answer)
    leak, point = find_leak(plant, refused), refused.refused_at or ""
    if not with_twin:
        return Cell(plant, point, None, leak)
    passed = await stage.play(plant.at, good.key, good.body, good.answer)
    hindrance = _hindrance(plant, passed)
    return Cell(plant, point, not hindrance, leak or hindrance)


def find_leak(plant: Plant, said: Said) -> str:
    """What is wrong with a planted use; empty where it was refused as it has to be."""
    wanted = " or ".join(sorted(plant.points))
    if said.refused_at is None:
        return f"it is not decided at {wanted}"
    if said.refused_at not in plant.points:
        return f"it is decided at {said.refused_at}, not at {wanted}"
    if plant.shape.direction is Direction.REQUEST and said.asked is not None:
        return "it went on to the endpoint"
    if plant.mark.encode() in said.answered:
        return "a part of it went on to the caller"
    return ""


def _hindrance(plant: Plant, said: Said) -> str:
    """What is wrong with its twin; empty where it passed unchanged."""
    use = plant.passes
    if said.refused_at is not None or said.status != 200:
        return "its harmless twin is refused"
    if said.asked != use.body:
        return "its harmless twin goes on changed"
    if said.answered != b"".join(use.answer.pieces):
        return "its harmless twin is answered with other bytes"
    return "" if len(said.rulings) > 1 else "its harmless twin leaves no record"
