"""Edge cases of Ed25519 signatures, made by others. Source: `conformance/evidence/README.md`."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from caveat.signing.keys import parse_public_key

FILE = Path(__file__).parents[2] / "conformance/evidence/wycheproof_ed25519.json"
GROUPS: list[dict[str, Any]] = json.loads(FILE.read_text())["testGroups"]
CASES = [(group["publicKey"]["pk"], test) for group in GROUPS for test in group["tests"]]


@pytest.mark.parametrize(("key", "test"), CASES, ids=[str(test["tcId"]) for _, test in CASES])
def test_a_signature_is_judged_as_the_vector_says(key: str, test: dict[str, Any]) -> None:
    public = parse_public_key("ed25519:" + base64.b64encode(bytes.fromhex(key)).decode())
    verdict = public.verifies(bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
    assert verdict is (test["result"] == "valid"), test["comment"]


def test_both_outcomes_occur() -> None:
    assert {test["result"] for _, test in CASES} == {"valid", "invalid"}
    assert len(CASES) == 151
