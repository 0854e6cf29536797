"""The figures of the model card, from `training/figures.json`; nothing is computed that the file does not hold.

`python -m tests.docs.generated` writes them into `docs/reference/screens-models.md`. Source: ADR-0045.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FIGURES = Path(__file__).parent / "figures.json"
BARS = {"injection": 0.95, "jailbreak": 0.95}
_CATEGORY_BAR = 0.93
_BAR_CELLS = 20
LICENCES = {
    "advbench": "MIT",
    "airbench": "MIT",
    "combined": "ours",
    "cyberseceval_frr": "MIT",
    "everyday": "ours",
    "forbidden_questions": "MIT",
    "harmbench": "MIT",
    "in_the_wild_jailbreaks": "MIT",
    "injecagent": "MIT",
    "injecagent_plain": "MIT",
    "learnt and not judged by": "ours, and as the text that is wrapped",
    "notinject": "MIT",
    "registers": "ours",
    "second": "ours",
    "templates": "ours",
    "tool_results": "ours",
    "written": "ours",
    "xstest": "CC-BY-4.0",
}
_KINDS = {"positives": "its positives", "benign": "its benign texts"}


def render() -> str:
    """Everything between the marks of the card."""
    figures: Mapping[str, Any] = json.loads(FIGURES.read_text("utf-8"))
    parts = (
        _model(figures),
        "### Data\n",
        *_data(figures["data"]),
        "\n### Leave one source out\n",
        *_worst(figures["heads"]),
        "\n### AUC, source by source\n",
        *_sources(figures["heads"]),
        "\n### Harmless texts that look otherwise\n",
        *_lookalikes(figures),
        "\n### Sets that no fit saw\n",
        *_outside(figures["outside"]),
        "\n### Calibration\n",
        *_calibration(figures["heads"]),
    )
    return "\n".join(parts)


def _model(figures: Mapping[str, Any]) -> str:
    return f"Model file: {figures['model']['bytes']:,} bytes, SHA-256 `{figures['model']['sha256']}`.\n"


def _data(data: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    yield "| source | licence | texts | benign | positives, by head |"
    yield "|---|---|---|---|---|"
    for name, row in data.items():
        heads = ", ".join(f"{key} {count}" for key, count in row.items() if key not in ("texts", "benign"))
        yield f"| {name} | {LICENCES[name]} | {row['texts']} | {row.get('benign', '')} | {heads} |"


def _worst(heads: Mapping[str, Any]) -> Iterator[str]:
    yield "| head | worst source | what of it | AUC | bar | |"
    yield "|---|---|---|---|---|---|"
    for head, found in heads.items():
        rows = [
            (each["auc"], name, kind)
            for name, row in found["sources"].items()
            for kind, each in row.items()
            if kind in _KINDS
        ]
        auc, name, kind = min(rows)
        bar = BARS.get(head, _CATEGORY_BAR)
        yield f"| `{head}` | {name} | {_KINDS[kind]} | {auc:.3f} | {bar} | {'met' if auc >= bar else '**missed**'} |"


def _sources(heads: Mapping[str, Any]) -> Iterator[str]:
    yield "| head | source | its positives | its benign texts | both its own | its positives, against other misuse |"
    yield "|---|---|---|---|---|---|"
    for head, found in heads.items():
        for name, row in found["sources"].items():
            cells = (
                f"{row[kind]['auc']:.3f} ({row[kind]['rows']})" if kind in row else ""
                for kind in ("positives", "benign", "within", "others")
            )
            yield f"| `{head}` | {name} | {' | '.join(cells)} |"


def _lookalikes(figures: Mapping[str, Any]) -> Iterator[str]:
    yield f"Recall of `injection` where at most {figures['notinject']['share']:.0%} of NotInject are flagged, by fits that saw neither NotInject nor the source:\n"
    yield "| source | recall |"
    yield "|---|---|"
    for name, recall in figures["notinject"]["recall"].items():
        yield f"| {name} | {recall:.1%} |"
    yield "\nSafe prompts of XSTest, by fits that saw nothing of it. Threshold: 1 % of other benign texts are flagged; and, for the last column, 2 % of XSTest's safe prompts.\n"
    yield "| head | safe prompts flagged | recall elsewhere | recall elsewhere at 2 % |"
    yield "|---|---|---|---|"
    for head, row in figures["xstest"].items():
        cells = " | ".join(
            f"{row[key]:.1%}"
            for key in (
                "flagged_at_one_percent_elsewhere",
                "recall_at_one_percent_elsewhere",
                "recall_at_two_percent_here",
            )
        )
        yield f"| `{head}` | {cells} |"


def _outside(outside: Mapping[str, Any]) -> Iterator[str]:
    yield "| set | texts, attacks | AUC of `injection` | recall at 500, 800 | harmless flagged at 500, 800 |"
    yield "|---|---|---|---|---|"
    for name, row in outside.items():
        recall = ", ".join(f"{row[f'recall_{at}']:.1%}" for at in (500, 800))
        flagged = ", ".join(f"{row[f'flagged_{at}']:.1%}" for at in (500, 800))
        yield f"| {name} | {row['texts']:,}, {row['attacks']:,} | {row['auc']:.3f} | {recall} | {flagged} |"


def choice() -> str:
    """What a clause at either score finds and flags, in the how-to that has people choose one."""
    outside: Mapping[str, Mapping[str, float]] = json.loads(FIGURES.read_text("utf-8"))["outside"]
    lines = ["| a clause at | set that no fit saw | of attacks it finds | of harmless texts it flags |"]
    lines.append("|---|---|---|---|")
    for at in (500, 800):
        for name, row in outside.items():
            lines.append(f"| {at} | {name} | {row[f'recall_{at}']:.1%} | {row[f'flagged_{at}']:.1%} |")
    return "\n".join(lines)


def _calibration(heads: Mapping[str, Any]) -> Iterator[str]:
    yield "What the screen says, how often it was so, and a bar of the latter; `|` stands where the bar should end.\n"
    for head, found in heads.items():
        yield f"```text\n{head}"
        for row in found["calibration"]:
            cells = list(
                "█" * round(row["was"] * _BAR_CELLS) + " " * (_BAR_CELLS - round(row["was"] * _BAR_CELLS))
            )
            cells.insert(round(row["said"] * _BAR_CELLS), "|")
            yield f"said {row['said']:.3f}  was {row['was']:.3f}  {''.join(cells)}  n={row['texts']}"
        yield "```\n"
