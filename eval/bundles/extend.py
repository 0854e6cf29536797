"""Writes `eval/bundles/extended`: the example policy, and clauses that only further layers enforce.

    python eval/bundles/extend.py

Every file of the example is taken as it is, but for its name; what is added stands below. The names are made
up, the addresses that are measured with are of no real domain. Source: ADR-0036.
"""

from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "policies" / "government-analytics"
EXTENDED = HERE / "extended"

_NOTE = "# Written by `eval/bundles/extend.py` from the example policy: change it there.\n"
_INSTRUCTED = ("task", "selection_criteria")
_FACT = """
[facts.unannounced_names]
type = "long"
grade = "estimated"
about = "use"
hi = 100
severest = 100
amend = "provider & customer"
text = "Whether a name that is not announced stands in the words."
"""
_PHRASES = f"""{_NOTE}version = 1

[phrases.unannounced]
fact = "unannounced_names"
score = 100
phrases = ["project heliotrope", "project wintergreen", "project marigold"]
text = "Names of projects that nobody outside has heard."
"""
_CLAUSES = """// What only further layers enforce: lists of phrases, the decision on answers, replacing.

@id("E1")
@text("No request that names an unannounced project reaches the endpoint.")
@authority("contract")
@amend("provider & customer")
forbid (principal, action == Action::"prompt", resource) when {
  context.unannounced_names > 50
};

@id("E3")
@text("Rows about health may be worked on; no answer that writes them out anew is released.")
@authority("contract")
@amend("provider & customer")
forbid (principal, action == Action::"output", resource) when {
  context.task == "rewrite_rows" && context.data_category.contains("personal_health")
};

@id("E4")
@text("No address of mail reaches the endpoint, save where all data are made up.")
@authority("contract")
@amend("provider & customer")
@redact("email")
forbid (principal, action == Action::"prompt", resource) when {
  context.acquisition_channel != "synthetic"
};
"""
_WORKFLOW = """
# E2: the count runs on its registered instruction and on nothing else.
[deployments.analytics-desk.workflows.visits-count]
template = "Count the rows of data set {data:digest} by {unit:enum[hour,day,week]}."
max_output_tokens = 64

[deployments.analytics-desk.workflows.visits-count.facts]
task = "statistical_aggregate"
selection_criteria = "aggregate_only"
"""


def extended_files() -> Mapping[str, bytes]:
    """Every file of the extended bundle, by its path."""
    files = {
        str(path.relative_to(EXAMPLE)): path.read_bytes()
        for path in sorted(EXAMPLE.rglob("*"))
        if path.is_file()
    }
    named = files["bundle.toml"].replace(
        b'name = "government-analytics"', b'name = "government-analytics-extended"', 1
    )
    facts = files["facts.toml"]
    for name in _INSTRUCTED:
        facts = _registrable(facts, name)
    return {
        **files,
        "bundle.toml": _NOTE.encode() + named,
        "facts.toml": facts + _FACT.encode(),
        "phrases.toml": _PHRASES.encode(),
        "deployments.toml": files["deployments.toml"] + _WORKFLOW.encode(),
        "clauses/E.cedar": _CLAUSES.encode(),
    }


def _registrable(facts: bytes, name: str) -> bytes:
    """The registry in which a workflow may fix this fact; raises `ValueError` where the example changed."""
    head, table, rest = facts.partition(f"[facts.{name}]".encode())
    before = b'attested_by = ["registrar"]'
    own, mark, others = rest.partition(b"\n\n[facts.")
    if own.count(before) != 1:
        raise ValueError(f"the example declares `{name}` otherwise than it did")
    return head + table + own.replace(before, b'attested_by = ["registrar", "registration"]') + mark + others


def main() -> None:
    """Writes the folder."""
    for path, data in extended_files().items():
        target = EXTENDED / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


if __name__ == "__main__":
    main()
