"""The vectors of `conformance/decisions`: each use gets exactly the decision that stands beside it."""

import json
from typing import Any

import pytest

from caveat.call.call import Point
from caveat.decision.decide import decide
from caveat.facts.wire import parse_facts
from caveat.policy.bundle import parse_bundle
from tests.oracle.example import ROOT, files_of

FILES = {
    path.name: json.loads(path.read_text())
    for path in sorted((ROOT / "conformance" / "decisions").glob("*.json"))
}
POLICIES = {
    bundle: parse_bundle(files_of(ROOT / bundle)).policy
    for bundle in {file["bundle"] for file in FILES.values()}
}
VECTORS = [(name, vector) for name, file in FILES.items() for vector in file["vectors"]]


@pytest.mark.parametrize(("file", "vector"), VECTORS, ids=[vector["name"] for _, vector in VECTORS])
def test_the_vector_gets_its_decision(file: str, vector: dict[str, Any]) -> None:
    policy = POLICIES[FILES[file]["bundle"]]
    decision = decide(policy, Point(vector["point"]), parse_facts(vector["use"]))
    assert {
        "verdict": decision.verdict.value,
        "reason": decision.reason.value,
        "clauses": list(decision.clauses),
        "needs": list(decision.needs),
        "approvals": list(decision.approvals),
        "incident": decision.incident,
    } == vector["expected"]


def test_every_file_of_vectors_says_where_it_comes_from() -> None:
    assert FILES
    assert all(file["provenance"] and file["version"] == 1 and file["vectors"] for file in FILES.values())
