"""Every code, key, annotation and name that a user can meet is documented, and nothing that does not exist.

Each list is taken from the code that uses it: an addition fails here until the reference has it.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import click
import pytest
from pydantic import BaseModel

from caveat.cli.main import caveat
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.evidence import trust_file
from caveat.facts import registry
from caveat.gateway.refusal import refusal_message
from caveat.ledger.finding import Code
from caveat.policy import clause, deployments, identity, manifest, oversight
from tests.docs.pages import DOCS, ROOT, first_codes, headings, rows, section

REFERENCE = DOCS / "reference"
POLICY = REFERENCE / "policy.md"


def test_every_reason_has_its_row_and_its_part_in_order() -> None:
    page = REFERENCE / "reasons.md"
    reasons = [reason.value for reason in Reason]
    assert list(first_codes(page.read_text("utf-8"))) == reasons
    assert [heading for heading in headings(page) if heading in reasons] == reasons
    assert len(headings(page)) == len(reasons) + 1
    for reason in reasons:
        part = section(page, reason)
        assert "**Cause.**" in part, reason
        assert "**Next.**" in part, reason


@pytest.mark.parametrize(
    ("heading", "model", "prefix"),
    [
        ("bundle.toml", manifest._ManifestModel, ""),
        ("trust.toml", trust_file.TrustModel, ""),
        ("oversight.toml", oversight._OversightModel, ""),
        ("deployments.toml", deployments._DeploymentModel, "deployments.ID."),
        ("Who may sign in", identity._IdentityModel, "identity."),
    ],
)
def test_every_key_of_a_bundles_files_is_documented(
    heading: str, model: type[BaseModel], prefix: str
) -> None:
    known = set(_keys(model, prefix))
    documented = {code for code in first_codes(section(POLICY, heading)) if "=" not in code}
    assert documented - {"version"} == known - {"version"}


def test_every_key_of_the_registry_is_documented() -> None:
    table = (REFERENCE / "facts.md").read_text("utf-8").partition("\n## ")[0]
    assert set(first_codes(table)) == set(registry._FactModel.model_fields)


def _keys(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """The dotted keys of a file: `ID` and `FACT` stand for names, `[]` for the rows of a list."""
    for name, field in model.model_fields.items():
        yield from _keys_of(field.annotation, prefix + name)


def _keys_of(annotation: Any, path: str) -> Iterator[str]:
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _keys(annotation, path + ".")
    elif origin is dict or origin is Mapping:
        is_table = isinstance(args[1], type) and issubclass(args[1], BaseModel)
        yield from _keys_of(args[1], f"{path}.{'ID' if is_table else 'FACT'}")
    elif origin is list and isinstance(args[0], type) and issubclass(args[0], BaseModel):
        yield from _keys_of(args[0], path + "[]")
    elif origin in (Union, UnionType) and any(_is_table(arg) for arg in args):
        yield path
        for arg in args:
            if _is_table(arg):
                yield from _keys_of(arg, path)
    else:
        yield path


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def test_every_annotation_of_a_clause_is_documented() -> None:
    documented = {
        code.removeprefix("@") for code in first_codes(section(POLICY, "Clauses")) if code[0] == "@"
    }
    assert documented == clause._ANNOTATIONS


def test_every_authority_and_mechanism_is_documented() -> None:
    text = POLICY.read_text("utf-8")
    for word in (*clause.AUTHORITIES, *manifest.MECHANISMS):
        assert f"`{word}`" in text, word


def test_every_error_code_is_documented_with_its_status_and_no_other() -> None:
    page = REFERENCE / "errors.md"
    documented = {
        (row[0].strip("`"), int(row[1]))
        for heading in ("Request errors: 4xx", "Faults: 5xx")
        for row in rows(section(page, heading))
    }
    refusals = {row[0].strip("`") for row in rows(section(page, "Refusals: 403"))}
    raised = set(_error_codes())
    assert documented == {(code, status) for code, status in raised if status != 403}
    verdicts = {verdict.value for verdict in Verdict if verdict is not Verdict.ALLOW}
    assert refusals == verdicts | {code for code, status in raised if status == 403}


def test_every_error_code_has_a_cause_and_a_next_step() -> None:
    page = REFERENCE / "errors.md"
    for heading in ("Refusals: 403", "Request errors: 4xx", "Faults: 5xx", "The command line"):
        found = rows(section(page, heading))
        assert found, heading
        for row in found:
            assert len(row) in (3, 4), row
            assert all(row), row


def test_every_verb_has_an_example_in_its_help() -> None:
    lacking: list[str] = []
    waiting: list[tuple[str, click.Command]] = [("caveat", caveat)]
    while waiting:
        name, command = waiting.pop()
        context = click.Context(command, info_name=name)
        if isinstance(command, click.Group):
            below = ((verb, command.get_command(context, verb)) for verb in command.list_commands(context))
            waiting += [(f"{name} {verb}", found) for verb, found in below if found is not None]
        elif not re.search(rf"Examples?:\n\s+(\S.*\n\s+)*?.*{name}", command.help or ""):
            lacking.append(name)
    assert lacking == []


def test_help_has_no_line_without_an_end_and_examples_have_no_gaps() -> None:
    generated = (REFERENCE / "cli.md").read_text("utf-8").partition("<!-- generated")[2]
    lines = generated.splitlines()
    assert [line for line in lines if len(line) > 122] == []
    assert [line for line in lines if re.match(r"    caveat .*\S {4,}--", line)] == []


def test_every_option_says_what_it_is_for() -> None:
    lacking: list[str] = []
    waiting: list[tuple[str, click.Command]] = [("caveat", caveat)]
    while waiting:
        name, command = waiting.pop()
        context = click.Context(command, info_name=name)
        if isinstance(command, click.Group):
            below = ((verb, command.get_command(context, verb)) for verb in command.list_commands(context))
            waiting += [(f"{name} {verb}", found) for verb, found in below if found is not None]
        options = (one for one in command.params if isinstance(one, click.Option))
        lacking += [f"{name} {one.opts[0]}" for one in options if not one.help]
    assert lacking == []


def _error_codes() -> Iterator[tuple[str, int]]:
    """Every `(code, status)` that some call in the gateway or at its wiring makes an answer of."""
    files = [
        *(ROOT / "src/caveat/gateway").rglob("*.py"),
        *(ROOT / "src/caveat/service").glob("*.py"),
        ROOT / "src/caveat/cli/serve.py",
        ROOT / "src/caveat/cli/serving.py",
    ]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) >= 3:
                status, code = node.args[:2]
                number = status.value if isinstance(status, ast.Constant) else None
                if isinstance(number, int) and 400 <= number < 600:
                    yield _code(code), number


def _code(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(code)):
            return code
        case ast.JoinedStr(values=[ast.Constant(value=str(prefix)), *_]):
            return f"{prefix}CODE"
        case _:
            raise AssertionError(f"an error code is not written out: line {node.lineno}")


def test_every_header_of_the_gateway_is_documented() -> None:
    files = [*(ROOT / "src/caveat/gateway").rglob("*.py")]
    known = {
        name for file in files for name in re.findall(r'b?"(x-caveat-[a-z-]+[a-z])"', file.read_text("utf-8"))
    }
    text = (REFERENCE / "http.md").read_text("utf-8")
    assert known
    assert [name for name in sorted(known) if f"`{name}`" not in text and f"`{name}:" not in text] == []


def test_every_finding_of_verification_is_documented() -> None:
    text = (REFERENCE / "ledger-format.md").read_text("utf-8")
    assert [code.value for code in Code if f"`{code.value}`" not in text] == []


def test_every_reason_is_said_in_words_to_the_caller() -> None:
    for reason in Reason:
        for verdict in Verdict:
            if verdict is not Verdict.ALLOW:
                message = refusal_message(Decision(verdict, reason))
                assert re.fullmatch(r"(refused|not yet): \S.*", message), message


def test_metrics_that_pages_speak_of_exist() -> None:
    generated = section(REFERENCE / "metrics.md", "Metrics")
    known = set(first_codes(generated))
    spoken = {
        name
        for page in DOCS.rglob("*.md")
        for name in re.findall(r"\bcaveat_[a-z_]+", _without_code_paths(page))
    }
    assert {name for name in spoken if name not in known and f"{name}_total" not in known} == set()


def _without_code_paths(page: Path) -> str:
    return re.sub(r"\bcaveat_refusal\b", "", page.read_text("utf-8"))
