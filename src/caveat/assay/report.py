"""A run as JSON for programs and as tables for people. What was not measured reads null, or `unmeasured`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from caveat.assay.runner import ArmRun
from caveat.assay.scenario import Scenario
from caveat.assay.score import Figures, Outcome, score
from caveat.assay.staging import Arm
from caveat.facts.registry import FactSpec
from caveat.facts.wilson import Share
from caveat.signing.canonical import Json, JsonObject

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Scored:
    """One arm's outcomes and figures."""

    outcomes: tuple[Outcome, ...]
    figures: Figures


def score_run(run: ArmRun, scenarios: Sequence[Scenario], registry: Mapping[str, FactSpec]) -> Scored:
    """The figures of what one arm answered."""
    outcomes = tuple(
        Outcome(scenario.id, answer.verdict, answer.clauses, answer.needs, answer.record)
        for scenario, answer in zip(scenarios, run.answers, strict=True)
    )
    return Scored(outcomes, score(scenarios, outcomes, registry, run.needed))


def render_json(n: int, arms: Mapping[Arm, Scored]) -> JsonObject:
    """Arm `whole` at the top, the others below `arms` in the same shape; version 1."""
    whole = arms.get(Arm.WHOLE)
    document = _unmeasured(n) if whole is None else _arm(whole)
    others: JsonObject = {arm.value: _arm(scored) for arm, scored in arms.items() if arm is not Arm.WHOLE}
    return {**document, "arms": others}


def _arm(scored: Scored) -> JsonObject:
    figures = scored.figures
    shares = {
        "agreement": figures.agreement,
        "unsafe": figures.unsafe,
        "blocked": figures.blocked,
        "over_asking": figures.over_asking,
        "friction": figures.friction,
        "undecidable_share": figures.undecidable,
        "harmful_passed": figures.harmful_passed,
    }
    return {
        "version": 1,
        "n": figures.n,
        "agreement": _value(figures.agreement),
        "unsafe": _count(figures.unsafe),
        "blocked": _count(figures.blocked),
        "over_asking": _count(figures.over_asking),
        "friction": _count(figures.friction),
        "undecidable_share": _value(figures.undecidable),
        "evidence_per_allow": _rounded(figures.evidence_per_allow),
        "liar_equals_honest": figures.liar_equals_honest,
        "items": [
            {
                "id": outcome.id,
                "verdict": outcome.verdict,
                "clauses": list(outcome.clauses),
                "needs": list(outcome.needs),
                "record": outcome.record,
            }
            for outcome in scored.outcomes
        ],
        "harmful_passed": _count(figures.harmful_passed),
        "shares": {name: _share(share) for name, share in shares.items()},
    }


def _unmeasured(n: int) -> JsonObject:
    names = ("agreement", "unsafe", "blocked", "over_asking", "friction", "undecidable_share")
    absent: JsonObject = dict.fromkeys((*names, "evidence_per_allow", "liar_equals_honest"))
    return {"version": 1, "n": n, **absent, "items": [], "harmful_passed": None, "shares": None}


def _share(share: Share | None) -> Json:
    if share is None or share.interval is None:
        return None
    low, high = share.interval
    return {"count": share.count, "of": share.total, "low95": round(low, 6), "high95": round(high, 6)}


def _value(share: Share | None) -> Json:
    return None if share is None else _rounded(share.value)


def _count(share: Share | None) -> Json:
    return None if share is None else share.count


def _rounded(value: float | None) -> Json:
    return None if value is None else round(value, 6)


def print_tables(console: Console, scenarios: Sequence[Scenario], arms: Mapping[Arm, Scored]) -> None:
    """The figures of arm `whole`, every disagreement, and what each arm let through."""
    whole = arms.get(Arm.WHOLE)
    if whole is not None:
        console.print(_figures(whole.figures))
        for line in _disagreements(scenarios, whole.outcomes):
            console.print(line, markup=False, highlight=False)
    console.print(_arms(arms))


def _figures(figures: Figures) -> Table:
    table = Table(title=f"{figures.n} uses through the gateway", title_justify="left")
    for column in ("figure", "count", "of", "95 % interval"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    rows = {
        "agreement": figures.agreement,
        "unsafe": figures.unsafe,
        "blocked": figures.blocked,
        "over-asking": figures.over_asking,
        "friction": figures.friction,
        "undecidable": figures.undecidable,
    }
    for name, share in rows.items():
        table.add_row(name, *_cells(share))
    evidence = figures.evidence_per_allow
    table.add_row(
        "facts to attest per allow", "unmeasured" if evidence is None else f"{evidence:.1f}", "", ""
    )
    equal = {True: "yes", False: "no", None: "no two to compare"}[figures.liar_equals_honest]
    table.add_row("liar equals honest", equal, "", "")
    return table


def _arms(arms: Mapping[Arm, Scored]) -> Table:
    table = Table(title="harmful uses let through, by arm", title_justify="left")
    for column in ("arm", "let through", "of", "95 % interval", "permitted uses held back", "of"):
        table.add_column(column, justify="left" if column == "arm" else "right")
    for arm in Arm:
        scored = arms.get(arm)
        if scored is None:
            table.add_row(arm.value, "unmeasured", "", "", "unmeasured", "")
            continue
        blocked = _cells(scored.figures.blocked)
        table.add_row(arm.value, *_cells(scored.figures.harmful_passed), *blocked[:2])
    return table


def _cells(share: Share | None) -> tuple[str, str, str]:
    if share is None:
        return "unmeasured", "", ""
    if share.interval is None:
        return str(share.count), str(share.total), ""
    return str(share.count), str(share.total), f"{share.interval[0]:.3f} to {share.interval[1]:.3f}"


def _disagreements(scenarios: Sequence[Scenario], outcomes: Sequence[Outcome]) -> list[str]:
    lines = [
        f"{outcome.id}: {scenario.scoring.expected} expected, {outcome.verdict} given"
        f" ({', '.join(outcome.clauses) or 'no clause'}; needs {', '.join(outcome.needs) or 'nothing'})"
        for scenario, outcome in zip(scenarios, outcomes, strict=True)
        if scenario.scoring.expected not in (None, outcome.verdict)
    ]
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
