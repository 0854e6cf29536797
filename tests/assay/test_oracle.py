"""The oracle stands alone, and agrees with the uses that people labelled."""

import ast
import json
from pathlib import Path

from caveat.assay import oracle
from caveat.assay.oracle import label

DEV = Path(__file__).parents[2] / "conformance" / "scenarios" / "dev.jsonl"


def test_the_oracle_imports_nothing_of_the_project() -> None:
    tree = ast.parse(Path(oracle.__file__).read_text())
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported == {"collections.abc", "dataclasses", "typing"}
    assert not {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {"__import__", "open"}


def test_the_oracle_agrees_with_every_use_whose_facts_are_all_proved() -> None:
    rows = [json.loads(line) for line in DEV.read_text().splitlines()]
    complete = [
        row
        for row in rows
        if set(row["evidence_available"]) == set(row["true_facts"])
        and row["claimed_facts"] == row["true_facts"]
        and not row["evidence_defects"]
    ]
    assert len(complete) >= 15
    wrong = {
        row["id"]: (row["expected"], found)
        for row in complete
        if (found := label(row["true_facts"])).result != row["expected"]
        or (found.result == "deny" and not set(row["deciding_clauses"]) & set(found.clauses))
    }
    assert wrong == {}


def test_the_oracle_agrees_on_what_is_denied_or_allowed_in_truth() -> None:
    """A lie is harmful only where the truth is denied or needs a person; a benign use is one in truth."""
    rows = [json.loads(line) for line in DEV.read_text().splitlines()]
    for row in rows:
        found = label(row["true_facts"]).result
        if row["variant"].startswith("benign"):
            assert found in {"allow", "needs_approval"}, row["id"]
        elif row["expected"] == "deny":
            assert found != "allow", row["id"]
