"""The assurance case: public sentences about protection, each with its run, out of `docs/assurance.toml`.

A sentence whose figure is missing, unmeasured or no longer good enough raises; nothing is rendered then.
"""

import operator
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import orjson

from tests.docs.pages import ROOT

SOURCE = ROOT / "docs" / "assurance.toml"
_WIDTH = 125
_MUST = re.compile(r"(\w+)\.(\w+) (==|>=|<=|>|<) ([0-9.]+)")
_PLACE = re.compile(r"\{(\w+)\.(\w+)(%?)\}")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
Figure = Mapping[str, float]


class UnsupportedClaimError(Exception):
    """A sentence that no figure bears out; the message names the sentence and the figure."""


@dataclass(frozen=True, slots=True)
class Run:
    """One committed report. `command`: the lines that made it."""

    id: str
    folder: str
    title: str
    report: Mapping[str, Any]
    command: str

    def figure(self, path: str) -> Figure:
        """The share at this path; raises `UnsupportedClaimError` where there is none or it is unmeasured."""
        value: Any = self.report
        for step in path.split("/"):
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, dict) and "agreed" in value:
            value = {"count": value["agreed"], "of": value["compared"]}
        if not isinstance(value, dict) or not value.get("of"):
            raise UnsupportedClaimError(f"`{self.folder}` has no measured figure at `{path}`")
        share = {name: float(value[name]) for name in ("count", "of", "low95", "high95") if name in value}
        return {**share, "held": share["of"] - share["count"], "value": share["count"] / share["of"]}


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence as it is said, with what it rests on."""

    id: str
    run: Run
    text: str
    figures: Mapping[str, Figure]
    paths: Mapping[str, str]
    must: tuple[str, ...]
    arm: str
    adversary: str
    argument: str
    assumes: tuple[str, ...]
    readme: bool


@dataclass(frozen=True, slots=True)
class Case:
    """All sentences, and what they assume."""

    runs: Mapping[str, Run]
    claims: tuple[Claim, ...]
    assumptions: Mapping[str, str]
    stated: tuple[Mapping[str, str], ...]


def read_case(source: Path = SOURCE, root: Path = ROOT) -> Case:
    """The case; raises `UnsupportedClaimError` at the first sentence that no figure bears out."""
    document = tomllib.loads(source.read_text("utf-8"))
    runs = {name: _run(root, name, table) for name, table in document["runs"].items()}
    assumptions = document["assumptions"]
    claims = tuple(_claim(table, runs) for table in document["claims"])
    used = {name for claim in claims for name in claim.assumes}
    if used != assumptions.keys():
        raise UnsupportedClaimError(f"assumptions not both used and written: {used ^ assumptions.keys()}")
    return Case(runs, claims, assumptions, tuple(document.get("stated", ())))


def _run(root: Path, name: str, table: Mapping[str, str]) -> Run:
    folder = root / table["folder"]
    report = orjson.loads((folder / "report.json").read_bytes())
    if report.get("partial"):
        raise UnsupportedClaimError(f"`{table['folder']}` is of a run that did not come to its end")
    return Run(name, table["folder"], table["title"], report, (folder / "command").read_text("utf-8").strip())


def _claim(table: Mapping[str, Any], runs: Mapping[str, Run]) -> Claim:
    run = runs.get(table.get("run", ""))
    if run is None:
        raise UnsupportedClaimError(f"`{table['id']}` names no run")
    try:
        figures = {name: run.figure(path) for name, path in table["figures"].items()}
    except UnsupportedClaimError as error:
        raise UnsupportedClaimError(f"`{table['id']}`: {error}") from error
    if not figures or not table["must"]:
        raise UnsupportedClaimError(f"`{table['id']}` rests on no figure of which something must hold")
    for said in table["must"]:
        _check(table["id"], said, figures)
    return Claim(
        id=table["id"],
        run=run,
        text=_PLACE.sub(lambda found: _filled(found, figures), table["text"]),
        figures=figures,
        paths=table["figures"],
        must=tuple(table["must"]),
        arm=table["arm"],
        adversary=table["adversary"],
        argument=table["argument"],
        assumes=tuple(table["assumes"]),
        readme=table["readme"],
    )


def _check(claim: str, said: str, figures: Mapping[str, Figure]) -> None:
    found = _MUST.fullmatch(said)
    if found is None:
        raise UnsupportedClaimError(f"`{claim}`: `{said}` is no comparison")
    name, member, compare, number = found.groups()
    value = figures[name][member]
    if not _OPERATORS[compare](value, float(number)):
        raise UnsupportedClaimError(f"`{claim}`: `{said}` does not hold, it is {value:g}")


def _filled(found: re.Match[str], figures: Mapping[str, Figure]) -> str:
    value = figures[found[1]][found[2]]
    return f"{value * 100:.1f} %" if found[3] else f"{value:g}"


def page() -> str:
    """The body of `docs/assurance.md`."""
    case = read_case()
    parts = ["## Sentences", *(_section(claim) for claim in case.claims)]
    assumed = [_wrapped(f"- **{name}**: {text}") for name, text in case.assumptions.items()]
    parts += ["## Assumptions", "\n".join(assumed)]
    gateway = case.runs["gateway"].report
    parts += ["## What is not measured", _unmeasured(case.runs)]
    parts += ["## Layers without a measured effect", _without_effect(gateway)]
    parts += ["## What one issuer who lies can open", _insiders(gateway)]
    parts += ["## Runs", *(_described(run) for run in case.runs.values())]
    return "\n\n".join(parts)


def _section(claim: Claim) -> str:
    figures = "; ".join(f"`{claim.paths[name]}` {_evidence(one)}" for name, one in claim.figures.items())
    seen = f"run [{claim.run.id}](#run-{claim.run.id}), arm {_coded(claim.arm)}, adversary {claim.adversary}"
    lines = [
        f"- argument: {claim.argument}",
        f"- evidence: {seen}: {figures}",
        f"- must hold: {', '.join(f'`{said}`' for said in claim.must)}",
        f"- assumes: {', '.join(claim.assumes)}",
    ]
    return "\n".join([f"### {claim.id}", "", _wrapped(f"**{claim.text}**"), "", *map(_wrapped, lines)])


def _wrapped(line: str) -> str:
    """The line folded as prose is here, a list's continuation indented."""
    return fill(
        line,
        _WIDTH,
        subsequent_indent="  " if line.startswith("- ") else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _coded(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def _evidence(one: Figure) -> str:
    said = f"{one['count']:g} of {one['of']:g}"
    return f"{said} (95 % {one['low95']:.3f} to {one['high95']:.3f})" if "low95" in one else said


def _unmeasured(runs: Mapping[str, Run]) -> str:
    report = runs["gateway"].report
    rows = [
        *(
            (f"layer `{name}`", f"{why}{_elsewhere(name, runs)}")
            for name, why in report["unmeasured_layers"].items()
        ),
        *((f"arm `{name}`", why) for name, why in report["unmeasured_arms"].items()),
        *((f"attacks `{name}`", f"no data set {why}") for name, why in report["families_not_tried"].items()),
    ]
    return "\n".join(["| what | why |", "|---|---|", *(f"| {name} | {why} |" for name, why in rows)])


def _elsewhere(layer: str, runs: Mapping[str, Run]) -> str:
    """Which other run has a figure for the layer."""
    found = [
        f"[{run.id}](#run-{run.id})"
        for run in runs.values()
        if layer not in run.report.get("unmeasured_layers", {layer: ""})
        and any(one["effect"] != "unmeasured" for one in run.report["layers"][layer]["adversaries"].values())
    ]
    return f"; measured in run {', '.join(found)}" if found else ""


def _without_effect(report: Mapping[str, Any]) -> str:
    """Layers that no adversary met in this run: said, not left out."""
    lines = ["| layer | what the run says | smallest effect that it could have seen |", "|---|---|---|"]
    for name, layer in report["layers"].items():
        effects = [one["effect"] for one in layer["adversaries"].values()]
        if "measured" in effects or name in report["unmeasured_layers"]:
            continue
        seen = [
            contrast["smallest_visible"]
            for one in layer["adversaries"].values()
            for contrast in (one["by_absence"], one["alone"])
            if contrast["smallest_visible"] is not None
        ]
        said = "no measured effect" if "no_measured_effect" in effects else "unmeasured"
        lines.append(f"| `{name}` | {said} | {min(seen):.3f} |" if seen else f"| `{name}` | {said} | – |")
    return "\n".join(lines) if len(lines) > 2 else "None: each layer has one against some adversary."


def _insiders(report: Mapping[str, Any]) -> str:
    agreement = report["agreement"]
    said = (
        f"Each issuer alone, on each denied use, and {agreement['solver']} asked of the same uses: they "
        f"agree in {agreement['agreed']} of {agreement['compared']} answers."
    )
    lines = [
        said,
        "",
        "| issuer | uses that it got through | uses that it can open, proved |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{role}` | {row['breached']} | {row['could']} |" for role, row in agreement["roles"].items()
    ]
    cuts = [
        f"`{line}`: {', '.join(names) if names else 'nobody'}"
        for line, names in agreement["cut_sets"].items()
        if names is not None
    ]
    who = _wrapped(f"Who is a cut set of a red line alone, proved: {'; '.join(cuts)}.")
    return "\n".join([*lines, "", who])


def _described(run: Run) -> str:
    report = run.report
    lines = [f"### Run {run.id}", "", f"{run.title}. [Report](../{run.folder}/report.json), made with:", ""]
    lines += ["```sh", *run.command.splitlines(), "```"]
    head = report.get("run")
    if isinstance(head, dict):
        lines += [
            "",
            "| | |",
            "|---|---|",
            f"| policy bundle | `{head['bundle']}` |",
            f"| journal | `{report['journal']}` |",
            f"| verdicts | `{report['digest']}` |",
            f"| seed, attempts of each adversary on each use | {head['seed']}, {head['budget']} |",
            f"| model | {report['model']['name'] if 'model' in report else head['upstream']} |",
        ]
    return "\n".join(lines)


def readme() -> str:
    """The block of README.md: the sentences that it may say, and the table of the development scenarios."""
    case = read_case()
    lines = [
        _wrapped(f"- <!-- claim: {claim.id} -->{claim.text} [Run](docs/assurance.md#{claim.id}).")
        for claim in case.claims
        if claim.readme
    ]
    return "\n".join([*lines, "", *_scenarios(case.runs["scenarios"])])


_ARMS = {
    "whole": "whole",
    "bare": "bare: the model alone",
    "placebo": "placebo: decides and records, enforces nothing",
    "claims-believed": "claims-believed: the caller's word counts",
    "text-only": "text-only: a stand-in classifier on the words",
}


def _scenarios(run: Run) -> list[str]:
    rows = []
    for arm, called in _ARMS.items():
        prefix = "" if arm == "whole" else f"arms/{arm}/"
        passed, blocked = run.figure(f"{prefix}shares/harmful_passed"), run.figure(f"{prefix}shares/blocked")
        cells = [passed["count"], passed["of"], blocked["count"], blocked["of"]]
        rows.append(f"| {called} | {' | '.join(f'{cell:g}' for cell in cells)} |")
    head = "| arm | harmful uses let through | of | permitted uses held back | of |"
    return [
        "The development scenarios, at hand while it was built ([run](docs/assurance.md#run-scenarios)):",
        "",
        head,
        "|---|---|---|---|---|",
        *rows,
    ]
