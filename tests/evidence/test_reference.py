"""The reference page says what the code does: every code in its words, and every example is read."""

import json
import re
from pathlib import Path

from caveat.evidence.defects import EXPLANATIONS, Outcome
from caveat.evidence.statement import parse_statement
from caveat.evidence.trust import parse_trust
from caveat.signing.digest import sha256
from tests.evidence.world import OWNER

PAGE = (Path(__file__).parents[2] / "docs/reference/evidence.md").read_text()


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_every_code_and_outcome_is_documented_in_its_own_words() -> None:
    for code, explanation in EXPLANATIONS.items():
        said = (explanation.meaning, explanation.who, explanation.remedy)
        row = " | ".join((f"| `{code.value}`", f"`{explanation.stage.value}`", *said)) + " |"
        assert row in PAGE
    for outcome in Outcome:
        assert f"| `{outcome.value}` |" in PAGE


def test_the_example_statement_is_read() -> None:
    value = json.loads(_block("json"))
    value["subject"][0]["digest"]["sha256"] = sha256(b"devices")
    value["predicate"]["id"] = "5b1c"
    assert parse_statement(json.dumps(value).encode()).id_column == "device_id"


def test_the_example_trust_policy_is_read() -> None:
    text = _block("toml").replace("ed25519:…", OWNER.public().render())
    assert [issuer.id for issuer in parse_trust(text.encode()).issuers.values()] == ["agency-data-owner"]
