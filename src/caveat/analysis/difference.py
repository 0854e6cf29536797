"""What two bundles answer differently, as a value: uses, red lines, clauses, and what no clause shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from caveat.analysis.changed_use import ChangedUse
from caveat.signing.canonical import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Side:
    """One direction. `complete`: nothing else differs, save in counts and approvals; None: not answered."""

    uses: tuple[ChangedUse, ...]
    complete: bool | None

    @property
    def exists(self) -> bool | None:
        """Whether any use changes in this direction; None where that is not known."""
        if self.uses:
            return True
        return {True: False, None: None, False: True}[self.complete]


@dataclass(frozen=True, slots=True)
class RedLineChange:
    """One red line. `weaker`: None where the solver did not answer. The consents are numbers of actors, by
    whose acts together it opens; None where no act of amending opens it.
    """

    id: str
    weaker: bool | None
    consents_before: int | None
    consents_after: int | None
    openers_before: tuple[tuple[str, ...], ...] = ()
    openers_after: tuple[tuple[str, ...], ...] = ()
    why: str = ""

    def render(self) -> JsonObject:
        """JSON."""
        return {
            "id": self.id,
            "weaker": "unknown" if self.weaker is None else self.weaker,
            "consents_before": self.consents_before,
            "consents_after": self.consents_after,
            "openers_before": [list(each) for each in self.openers_before],
            "openers_after": [list(each) for each in self.openers_after],
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Emptied:
    """Where a clause that still stands stops nothing that it stopped: everywhere for an empty `where`."""

    where: Mapping[str, tuple[Json, ...]]

    def render(self) -> Json:
        """JSON: the values of each fact for which it is as if the clause were deleted."""
        return {name: list(values) for name, values in self.where.items()}


@dataclass(frozen=True, slots=True)
class ClauseChange:
    """One clause of the policy document, or one limit, fact or other part.

    `change`: what happened to it. `alone`: the smallest sets of actors whose signatures make this change.
    `emptied`: where it stops nothing any more. `switched_off`: claims with which any caller gets past it.
    """

    kind: str
    id: str
    change: str
    before: str
    after: str
    alone: tuple[tuple[str, ...], ...]
    emptied: tuple[Emptied, ...] = ()
    switched_off: Mapping[str, Json] = field(default_factory=dict[str, Json])
    note: str = ""

    def render(self) -> JsonObject:
        """JSON."""
        return {
            "kind": self.kind,
            "id": self.id,
            "change": self.change,
            "text_before": self.before,
            "text_after": self.after,
            "made_by": [list(each) for each in self.alone],
            "emptied": [each.render() for each in self.emptied],
            "switched_off_by": dict(self.switched_off),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class OtherChange:
    """A part whose change no clause shows. `verdicts`: whether it could change a verdict all the same."""

    kind: str
    id: str
    action: str
    needs: str
    verdicts: bool

    def render(self) -> JsonObject:
        """JSON."""
        return {
            "kind": self.kind,
            "id": self.id,
            "action": self.action,
            "needs": self.needs,
            "verdicts": self.verdicts,
        }


@dataclass(frozen=True, slots=True)
class ScenarioVerdict:
    """The verdict on one scenario, or recorded use, before and after."""

    id: str
    before: str
    after: str

    def render(self) -> JsonObject:
        """JSON."""
        return {"id": self.id, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Difference:
    """The whole answer. `made_by`: the smallest sets of actors whose signatures make every change in it."""

    bundles: tuple[JsonObject, JsonObject]
    red_lines: tuple[RedLineChange, ...]
    opened: Side
    closed: Side
    clauses: tuple[ClauseChange, ...]
    others: tuple[OtherChange, ...]
    made_by: tuple[tuple[str, ...], ...]
    solver: str
    scenarios: tuple[ScenarioVerdict, ...] = ()
    records: tuple[ScenarioVerdict, ...] = ()

    @property
    def equivalent(self) -> bool | None:
        """Whether every use gets one verdict from both, proved; None where the solver did not answer."""
        sides = (self.opened.exists, self.closed.exists)
        if True in sides or any(other.verdicts for other in self.others):
            return False
        return None if None in sides else True

    @property
    def weaker(self) -> bool | None:
        """Whether some red line gets weaker; None where that is not known."""
        answers = [line.weaker for line in self.red_lines]
        if True in answers:
            return True
        return None if None in answers else False

    @property
    def touched(self) -> tuple[str, ...]:
        """The red lines that get weaker."""
        return tuple(line.id for line in self.red_lines if line.weaker)

    def render(self) -> JsonObject:
        """JSON, as `docs/reference/diff.md` has it."""
        return {
            "version": 1,
            "equivalent": _answer(self.equivalent),
            "red_lines": [line.render() for line in self.red_lines],
            "newly_permitted": [use.render() for use in self.opened.uses],
            "newly_denied": [use.render() for use in self.closed.uses],
            "scenarios": _rows(self.scenarios),
            "records": _rows(self.records),
            "more": {
                "newly_permitted": _more(self.opened),
                "newly_denied": _more(self.closed),
            },
            "changes": [clause.render() for clause in self.clauses],
            "other_changes": [other.render() for other in self.others],
            "made_by": [list(each) for each in self.made_by],
            "old": self.bundles[0],
            "new": self.bundles[1],
            "solver": self.solver,
        }


def _rows(rows: Iterable[ScenarioVerdict]) -> Json:
    return [row.render() for row in rows]


def _answer(value: bool | None) -> Json:
    return "unknown" if value is None else value


def _more(side: Side) -> Json:
    return _answer(None if side.complete is None else not side.complete)
