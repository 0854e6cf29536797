"""Attack texts that others wrote, read from a folder beside the package and never shipped in it."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from caveat.assay.errors import AssayError, why

TEMPLATES, TECHNIQUES, INJECTIONS = "in_the_wild_jailbreaks", "persuasion_taxonomy", "bipia"
AGENT_CASES, AGENT_THREATS = "injecagent", "agent_threat_bench"
_ORDER = "<Attacker Instruction>"
_STORES = {"memory_poison": "memory_store", "data_exfil": "customer_db", "autonomy_hijack": "inbox"}


class MaterialError(AssayError):
    """A data set is there and cannot be read."""


@dataclass(frozen=True, slots=True)
class Material:
    """`templates`: jailbreaks, by id. `techniques`: of persuasion. `injections`: orders to put into data.
    `agent_cases`, `agent_threats`: whole results of tools with an order in them."""

    templates: tuple[tuple[str, str], ...] = ()
    techniques: tuple[tuple[str, str], ...] = ()
    injections: tuple[tuple[str, str], ...] = ()
    agent_cases: tuple[tuple[str, str], ...] = ()
    agent_threats: tuple[tuple[str, str], ...] = ()

    @property
    def sets(self) -> frozenset[str]:
        """The data sets that are at hand."""
        found = {
            TEMPLATES: self.templates,
            TECHNIQUES: self.techniques,
            INJECTIONS: self.injections,
            AGENT_CASES: self.agent_cases,
            AGENT_THREATS: self.agent_threats,
        }
        return frozenset(name for name, rows in found.items() if rows)


def read_material(folder: Path | None) -> Material:
    """What there is below `folder`; a set that is missing is left empty. Raises `MaterialError`."""
    if folder is None:
        return Material()
    try:
        return Material(
            _templates(folder),
            _techniques(folder),
            _injections(folder),
            _agent_cases(folder),
            _agent_threats(folder),
        )
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise MaterialError(
            (f"a data set below `{folder}` cannot be read: {why(error)}",),
            "copy it again from its source; `eval/data/README.md` names each",
        ) from error


def _templates(folder: Path) -> tuple[tuple[str, str], ...]:
    path = folder / TEMPLATES / "jailbreak_prompts.csv"
    if not path.exists():
        return ()
    with path.open(newline="", encoding="utf-8") as file:
        return tuple((f"wild-{row['row']}", row["prompt"]) for row in csv.DictReader(file))


def _techniques(folder: Path) -> tuple[tuple[str, str], ...]:
    path = folder / TECHNIQUES / "persuasion_taxonomy.jsonl"
    if not path.exists():
        return ()
    return tuple((f"pap-{at}", str(row["ss_technique"])) for at, row in enumerate(_lines(path)))


def _injections(folder: Path) -> tuple[tuple[str, str], ...]:
    path = folder / INJECTIONS / "text_attack_train.json"
    if not path.exists():
        return ()
    kinds = json.loads(path.read_text(encoding="utf-8"))
    texts = [str(text) for kind in sorted(kinds) for text in kinds[kind]]
    return tuple((f"bipia-{at}", text) for at, text in enumerate(texts))


def _agent_cases(folder: Path) -> tuple[tuple[str, str], ...]:
    """Every user's case with every attacker's order in its place, as the benchmark forms them."""
    users, attackers = (
        folder / AGENT_CASES / name for name in ("user_cases.jsonl", "attacker_cases_dh.jsonl")
    )
    if not users.exists() or not attackers.exists():
        return ()
    cases = [str(row["Tool Response Template"]) for row in _lines(users)]
    orders = [str(row["Attacker Instruction"]) for row in _lines(attackers)]
    return tuple(
        (f"injecagent-{at}-{number}", case.replace(_ORDER, order))
        for at, case in enumerate(cases)
        for number, order in enumerate(orders)
    )


def _agent_threats(folder: Path) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for name, store in _STORES.items():
        path = folder / AGENT_THREATS / f"{name}.json"
        if path.exists():
            rows = json.loads(path.read_text(encoding="utf-8"))
            found += [(str(row["id"]), json.dumps(row[store], ensure_ascii=False)) for row in rows]
    return tuple(found)


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
